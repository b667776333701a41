import { guard, soon } from "./guard";
import { cookieless } from "./storage";

// Each look at document.cookie, and each write, is a round trip to another process: looks are shared, writes wait until the page goes on.
let jar = "";

/** A cookie's value as it is written, or "": click ids must not be decoded twice. */
export const readCookie = (name: string, start: string | RegExp = `; ${name}=`): string => {
  // forgotten, but not before the writes of this moment
  if (!jar) soon(() => (jar = ""), 50);
  jar = jar || "; " + guard(() => document.cookie)();
  return jar.split(start)[1]?.split(";")[0] || "";
};

const put = (cookie: string, seconds: number, domain: string): void => {
  document.cookie = `${cookie};path=/;max-age=${seconds}${domain && ";domain=" + domain}`;
};

/** Writes on the widest domain; does nothing where cookies are not to be had. */
export const setCookie = (name: string, value: string, days: number | "", domain?: string): void => {
  if (cookieless) return;
  const cookie = name + "=" + value;
  // with the others beside it
  readCookie(name);
  jar = "; " + cookie + jar;
  soon(() => put(cookie, +days * 86400, domain ?? cookieDomain()));
};

let widest: string | undefined;

/**
 * The widest domain the browser lets this page set cookies on: it knows the public suffix list, so it is asked, from the shortest
 * candidate up. "" means this host alone.
 */
export const cookieDomain = (): string => {
  if (widest === undefined) {
    widest = "";
    const probe = "ct_probe=" + Date.now();
    const labels = location.hostname.split(".");
    for (let i = labels.length - 1; !widest && i--; ) {
      const domain = labels.slice(i).join(".");
      put(probe, 1, domain);
      if (document.cookie.includes(probe)) widest = domain;
    }
  }
  return widest;
};
