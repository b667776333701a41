import { clickIdIn, clicks } from "./click-ids";
import { cookieDomain, readCookies, setCookie } from "./cookies";

/**
 * Meta's two first-party cookies, read, or made by its rule where its pixel has not: `fb.{index}.{milliseconds}.{id}`, index = labels of
 * the cookie's domain before the last (example.com 1, example.co.uk 2, localhost and addresses 0), 90 days.
 * developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc, November 2026.
 */
const valid = /^fb\.\d+\.\d+\.(.+)/;

/** A valid cookie is never rebuilt; only a different fbclid in the page's address replaces `_fbc`. */
export const ensureMetaCookies = (): void => {
  const domain = cookieDomain();
  if (domain === undefined) return;
  const { _fbp = "", _fbc = "" } = readCookies();
  const put = (name: string, time: number, id: string | number): void =>
    setCookie(name, `fb.${domain.split(".").length - 1}.${time}.${id}`, 90);

  if (!valid.test(_fbp)) put("_fbp", Date.now(), Math.floor(Math.random() * 2147483647));

  const click = clicks.fbclid;
  const kept = valid.exec(_fbc);
  // Meta's own library may have appended ".XXXXXXXX" to the id; a semicolon would end the cookie's value
  const fbclid = clickIdIn(location.href, "fbclid");
  const changed = !kept || (fbclid && (kept[1] + ".").indexOf(fbclid + "."));
  if (click && changed && !/[;,"\\]/.test(click.value)) put("_fbc", Date.parse(click.first_seen), click.value);
};

const names = "_fbp _fbc _ga _ttp _epik _scid _rdt_uuid li_fat_id".split(" ");

/** The ad platforms' own cookies, values untouched, under the names of the collect contract. */
export const platformCookies = (): Record<string, string> => {
  const found: Record<string, string> = {};
  const jar = readCookies();
  for (const name in jar)
    if (/^_ga_/.test(name)) found.ga_session = jar[name];
    else if (names.includes(name) && (!/^_fb/.test(name) || valid.test(jar[name])))
      found[name === "_scid" ? "sc_cookie1" : name.replace(/^_/, "")] = jar[name];
  return found;
};
