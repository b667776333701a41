import { guard } from "./guard";

/** The first group of a pattern's match in any case, or "". */
export const find = (pattern: string, text: string): string => new RegExp(pattern, "i").exec(text)?.[1] || "";

// Each look at document.cookie may cost a round trip to another process: once per task is enough.
let jar: string | undefined;

/** A cookie's value as it is written, or "": click ids must not be decoded twice. The name is a pattern. */
export const readCookie = (name: string): string => {
  if (jar === undefined) {
    jar = guard(() => document.cookie)() || "";
    setTimeout(() => (jar = undefined));
  }
  return find(`(?:^|; )(?:${name})=([^;]*)`, jar);
};

/** Writes on the widest domain; does nothing where cookies are not to be had. */
export const setCookie = (name: string, value: string, days: number | "", domain = cookieDomain()): void => {
  jar = `${name}=${value}; ${jar}`;
  document.cookie = `${name}=${value};path=/;max-age=${+days * 86400}${domain ? ";domain=" + domain : ""}`;
};

/**
 * The widest domain the browser lets this page set cookies on: it knows the public suffix list, so it is asked, from the shortest
 * candidate up. "" means host-only (single labels), undefined that cookies are not to be had.
 */
const probeDomain = (): string | undefined => {
  const labels = location.hostname.split(".");
  const candidates = labels.map((_, i) => labels.slice(i).join(".")).reverse().slice(1);
  return candidates.concat("").find((domain) => {
    setCookie("ct_probe", "1", 1, domain);
    jar = undefined;
    const taken = readCookie("ct_probe");
    setCookie("ct_probe", "", 0, domain);
    return taken;
  });
};

let probed: [domain?: string] | undefined;

export const cookieDomain = (): string | undefined => (probed = probed || [guard(probeDomain)()])[0];
