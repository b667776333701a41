import { clickIdIn, clicks } from "./click-ids";
import { cookieDomain, readCookie, setCookie } from "./cookies";

/**
 * Meta's two first-party cookies, read, or made by its rule where its pixel has not: `fb.{index}.{milliseconds}.{id}`, index = labels of
 * the cookie's domain before the last (example.com 1, example.co.uk 2, localhost and addresses 0), 90 days.
 * developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc, November 2026.
 */

const metaCookie = (name: string): RegExpExecArray | null => /^fb\.\d+\.\d+\.(.+)/.exec(readCookie(name));

/** A valid cookie is never rebuilt; only a different fbclid in the page's address replaces `_fbc`. Throws where no cookie can be set. */
export const ensureMetaCookies = (): void => {
  const domain = cookieDomain()!;
  const index = /\d$/.test(domain) ? 0 : domain.split(".").length - 1;
  const put = (name: string, time: number, id: string | number): void => {
    // one left on this host alone would hide the new one
    if (readCookie(name)) setCookie(name, "", 0, "");
    setCookie(name, `fb.${index}.${time}.${id}`, 90);
  };

  if (!metaCookie("_fbp")) put("_fbp", Date.now(), (Math.random() * 2147483647) | 0);

  const click = clicks.fbclid;
  const kept = metaCookie("_fbc")?.[1];
  const here = clickIdIn(location.href, "fbclid");
  // Meta's own library may have appended ".XXXXXXXX" to the kept id
  if (click && (!kept || (here && (kept + ".").indexOf(here + ".")))) put("_fbc", Date.parse(click.first_seen), click.value);
};

const others: Record<string, string> = {
  ga: "_ga",
  ga_session: "_ga_[^=]+",
  ttp: "_ttp",
  epik: "_epik",
  sc_cookie1: "_scid",
  rdt_uuid: "_rdt_uuid",
  li_fat_id: "li_fat_id",
};

/** The ad platforms' own cookies, values untouched, under the names of the collect contract. */
export const platformCookies = (): Record<string, string | undefined> => {
  const found: Record<string, string | undefined> = { fbp: metaCookie("_fbp")?.[0], fbc: metaCookie("_fbc")?.[0] };
  for (const name in others) found[name] = readCookie(others[name]) || undefined;
  return found;
};
