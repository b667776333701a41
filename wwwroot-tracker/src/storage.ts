import { data } from "./config";
import { readCookie, setCookie } from "./cookies";
import { guard } from "./guard";

export const cookieless = "cookieless" in data;

// Merely touching localStorage throws in sandboxed frames and with cookies blocked; then the page's memory has to do.
const local: Record<string, string> = (!cookieless && (guard(() => window.localStorage)() as Record<string, string> | null | undefined)) || {};

// the page may replace them later
export const { stringify } = JSON;

/** The cookie first: subdomains share it and the server may set it. */
export const read = (name: string): string =>
  guard(() => decodeURIComponent(readCookie((name = "ct_" + name))))() || local[name] || "";

/** Kept in localStorage and, unless told otherwise, in a cookie, because either may be missing. An empty value reads as nothing. */
export const write = (name: string, value: string, cookieDays = 390): void => {
  name = "ct_" + name;
  guard(() => (local[name] = value))();
  if (cookieDays) setCookie(name, encodeURIComponent(value), value && cookieDays);
};

export const readJson = <T>(name: string, fallback: T): T => guard(() => JSON.parse(read(name) || "0") as T)() || fallback;

export const writeJson = (name: string, value: unknown, cookieDays?: number): void => write(name, stringify(value), cookieDays);
