import { settings } from "./config";
import { record } from "./events";
import { page } from "./page-views";
import { read, write } from "./storage";
import { uuid } from "./visitor";

/** The running session, or a new one after the timeout without an event. Kept as `id.lastEventMilliseconds`. */
export const sessionId = (): string => {
  const now = Date.now();
  const [last, at] = read("session").split(".");
  const isOver = !last || now - +at >= settings.sessionTimeout * 60000;
  const id = isOver ? uuid() : last;
  write("session", id + "." + now, 1);
  if (isOver) {
    if (last) record("session_end", +at, page, last);
    record("session_start", now, page, id, id);
  }
  return id;
};
