import type { Fields } from "./core";
import { snakeCase, track } from "./events";
import { readJson, write } from "./storage";

/** Who the visitor said to be; later events and later pages carry it. */
export const user = (): Fields | undefined => readJson<Fields | undefined>("user", undefined);

/** Traits of the same email add up; another email is another person. Kept in localStorage, never in a cookie. */
export const identify = (email?: string, traits?: Fields, type = "identify"): void => {
  const known = user();
  const same = !email || known?.email === email;
  write("user", JSON.stringify({ ...(same && known), ...snakeCase(traits), ...(email && { email }) }), 0);
  track(type);
};
