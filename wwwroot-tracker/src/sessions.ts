import { settings } from "./config";
import { read, write } from "./storage";
import { uuid } from "./visitor";

/** The running session, or a new one after the timeout without an event. Kept as `id.lastEventMilliseconds`. */
export const sessionId = (): string => {
  const now = Date.now();
  const [id, last] = read("session").split(".");
  const current = id && now - +last < settings.sessionTimeout * 60000 ? id : uuid();
  write("session", current + "." + now, 1);
  return current;
};
