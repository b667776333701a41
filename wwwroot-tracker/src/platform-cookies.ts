import { clicks } from "./click-ids";
import { cookieDomain, readCookie, setCookie } from "./cookies";

/**
 * Meta's two first-party cookies, read, or made by its rule where its pixel has not: `fb.{index}.{milliseconds}.{id}`, index = labels of
 * the cookie's domain before the last (example.com 1, example.co.uk 2, localhost and addresses 0), 90 days.
 * developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc, November 2026.
 */

/** The cookie, when it has Meta's form. */
const meta = (name: string): string | undefined => (/^fb\.\d+\.\d+\../.test(readCookie(name)) ? readCookie(name) : undefined);

/** A valid cookie is never rebuilt; only a different fbclid in the page's address replaces `_fbc`. Throws where no cookie can be set. */
export const ensureMetaCookies = (url: string): void => {
  const domain = cookieDomain();
  const index = /\d$/.test(domain) ? 0 : domain.split(".").length - 1;
  const put = (name: string, time: number, id: string | number): void => {
    // one left on this host alone would hide the new one
    if (readCookie(name)) setCookie(name, "", 0, "");
    setCookie(name, `fb.${index}.${time}.${id}`, 90);
  };

  if (!meta("_fbp")) put("_fbp", Date.now(), (Math.random() * (2 ** 31 - 1)) | 0);

  const click = clicks.fbclid;
  const kept = meta("_fbc");
  // Meta's own library may have appended ".XXXXXXXX" to the kept id
  if (click && (!kept || (url.includes("fbclid=") && !(kept + ".").includes("." + click.value + ".")))) put("_fbc", Date.parse(click.first_seen), click.value);
};

const cookie = (name: string, start?: RegExp): string | undefined => readCookie(name, start) || undefined;

/** The ad platforms' own cookies, values untouched, under the names of the collect contract. */
export const platformCookies = (): Record<string, string | undefined> => ({
  fbp: meta("_fbp"),
  fbc: meta("_fbc"),
  ga: cookie("_ga"),
  ga_session: cookie("", /; _ga_[^=]+=/),
  ttp: cookie("_ttp"),
  epik: cookie("_epik"),
  sc_cookie1: cookie("_scid"),
  rdt_uuid: cookie("_rdt_uuid"),
  li_fat_id: cookie("li_fat_id"),
});
