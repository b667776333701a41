import { guard, soon } from "./guard";
import { cookieless } from "./storage";

/** The first group of a pattern's match in any case, or "". */
export const find = (pattern: string, text: string): string => new RegExp(pattern, "i").exec(text)?.[1] || "";

// Each look at document.cookie may cost a round trip to another process: once per task is enough.
let jar = "";

/** A cookie's value as it is written, or "": click ids must not be decoded twice. The name is a pattern, and the value may have to be one. */
export const readCookie = (name: string, value = "[^;]*"): string => {
  if (!jar) {
    jar = "; " + guard(() => document.cookie)();
    soon(() => (jar = ""));
  }
  return find(`; ${name}=(${value})`, jar);
};

/** Writes on the widest domain; does nothing where cookies are not to be had. */
export const setCookie = (name: string, value: string, days: number | "", domain = cookieDomain()): void => {
  if (cookieless) return;
  document.cookie = `${name}=${value};path=/;max-age=${+days * 86400}${domain ? ";domain=" + domain : ""}`;
  jar = `; ${name}=${value}${jar}`;
};

/**
 * The widest domain the browser lets this page set cookies on: it knows the public suffix list, so it is asked, from the shortest
 * candidate up. "" means host-only (single labels), undefined that cookies are not to be had.
 */
const probeDomain = (): string | undefined => {
  let domain = "";
  for (const label of ("." + location.hostname).split(".").reverse()) {
    domain = label && label + (domain && "." + domain);
    setCookie("ct_probe", "1", 1, domain);
    jar = "";
    const taken = readCookie("ct_probe");
    setCookie("ct_probe", "", 0, domain);
    if (taken) return domain;
  }
  return undefined;
};

let probed: string | undefined;

export const cookieDomain = (): string => (probed = probed ?? (guard(probeDomain)() || ""));
