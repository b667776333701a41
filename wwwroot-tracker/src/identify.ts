import { whenAllowed } from "./consent";
import type { Fields } from "./core";
import { hooks, snakeCase, track } from "./events";
import { readJson, writeJson } from "./storage";

/** Who the visitor said to be; later events and later pages carry it. */
export const user = (): Fields | undefined => readJson<Fields | undefined>("user", undefined);

/** Traits of the same email add up; another email is another person. Kept in localStorage, never in a cookie. */
export const identify = (email?: string, traits?: Fields, type = "identify"): void => {
  whenAllowed(() => {
    const told: { user: Fields } = { user: { ...snakeCase(traits), ...(email && { email }) } };
    hooks.clean?.(told);
    const known = user();
    writeJson("user", { ...((!email || known?.email === told.user.email) && known), ...told.user }, 0);
  });
  track(type);
};
