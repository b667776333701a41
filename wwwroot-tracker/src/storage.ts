import { readCookies, setCookie } from "./cookies";
import { guard } from "./guard";

// Merely touching localStorage throws in sandboxed frames and with cookies blocked; then the page's memory has to do.
const local = guard(() => window.localStorage)() as Storage | null | undefined;
const memory: Record<string, string> = {};

/** The cookie first: subdomains share it and the server may set it. */
export const read = (name: string): string | undefined =>
  guard(() => decodeURIComponent(readCookies()[name] || ""))() || guard(() => local!.getItem(name))() || memory[name];

/** Kept in localStorage and, unless told otherwise, in a cookie, because either may be missing. An empty value removes. */
export const write = (name: string, value: string, cookieDays = 390): void => {
  const kept = guard(() => (value ? local!.setItem(name, value) : local!.removeItem(name), true))();
  memory[name] = kept ? "" : value;
  if (cookieDays) guard(() => setCookie(name, encodeURIComponent(value), value ? cookieDays : 0))();
};

export const readJson = <T>(name: string, fallback: T): T => guard(() => JSON.parse(read(name) || "") as T)() || fallback;
