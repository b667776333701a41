import { snakeCase, track, type Fields } from "./events";
import { readJson, write } from "./storage";

/** Who the visitor said to be; later events and later pages carry it. Never put in a cookie. */
export let user: Fields | undefined = readJson<Fields | undefined>("ct_user", undefined);

/** Traits of the same email add up; another email is another person. */
export const identify = (email?: string, traits?: Fields): void => {
  user = { ...(user && (!email || user.email === email) ? user : {}), ...snakeCase(traits || {}), ...(email ? { email } : {}) };
  write("ct_user", JSON.stringify(user), 0);
  track("identify");
};

export const forgetUser = (): void => {
  user = undefined;
  write("ct_user", "", 0);
};
