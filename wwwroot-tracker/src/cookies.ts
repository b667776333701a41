import { guard } from "./guard";

/** Every cookie the page can read, values as they are written: click ids must not be decoded twice. */
export const readCookies = (): Record<string, string> => {
  const found: Record<string, string> = {};
  guard(() =>
    document.cookie.split("; ").forEach((pair) => {
      const at = pair.indexOf("=");
      const name = pair.slice(0, at);
      // of two cookies with one name the browser lists the more specific first
      if (!(name in found)) found[name] = pair.slice(at + 1);
    }),
  )();
  return found;
};

const put = (name: string, value: string, seconds: number, domain: string): void => {
  document.cookie = `${name}=${value};path=/;SameSite=Lax;max-age=${seconds}${domain && ";domain=" + domain}`;
};

/**
 * The widest domain the browser lets this page set cookies on: it knows the public suffix list, so it is asked, from the shortest
 * candidate up. "" means host-only (IP addresses and single labels take no domain), undefined that cookies are not to be had.
 */
const probeDomain = (): string | undefined => {
  const host = location.hostname;
  const labels = host.split(".");
  const candidates = /^[\d.]+$|:|^[^.]+$/.test(host) ? [""] : labels.slice(1).map((_, i) => labels.slice(-2 - i).join("."));
  return candidates.find((domain) => {
    put("ct_probe", "1", 9, domain);
    const taken = readCookies().ct_probe;
    put("ct_probe", "", 0, domain);
    return taken;
  });
};

let probed: { domain?: string } | undefined;

export const cookieDomain = (): string | undefined => (probed = probed || { domain: guard(probeDomain)() }).domain;

/** Writes on the widest domain; does nothing where cookies are not to be had. */
export const setCookie = (name: string, value: string, days: number): void => {
  const domain = cookieDomain();
  if (domain !== undefined) put(name, value, days * 86400, domain);
};
