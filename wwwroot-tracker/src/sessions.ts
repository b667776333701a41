import { sessionTimeout } from "./config";
import { read, write } from "./storage";
import { uuid } from "./visitor";

/** The running session, or a new one after the timeout without an event. Kept as `id.lastEventMilliseconds`. */
export const sessionId = (): string => {
  const now = Date.now();
  const [id, last] = (read("ct_session") || "").split(".");
  const current = id && now - Number(last) < sessionTimeout ? id : uuid();
  write("ct_session", current + "." + now, 1);
  return current;
};

export const forgetSession = (): void => write("ct_session", "");
