import { settings } from "./config";
import { hooks } from "./events";
import { soon } from "./guard";
import { beacon, send } from "./transport";

/**
 * Events wait here as finished JSON, so that a retry sends the same bytes. What could not be delivered is kept in localStorage for
 * page.js (retry.ts) to send.
 */
let buffer: string[] = [];
let timer = 0;
let rounds = 0;

const deliver = async (events: string[], leaving?: boolean): Promise<void> => {
  // in a page that dies now no answer will be heard
  if (leaving) hooks.keep?.(events);
  const wait = await send(events);
  if (hooks.sent) hooks.sent(events, wait);
  else if (wait) buffer.push(...events);
};

/** Sends everything that waits; `leaving` hands it to the browser as a beacon because the page may be gone in a moment. */
export const flush = (leaving?: boolean): void => {
  // one that still runs only sends a little early
  timer = 0;
  while (buffer.length) {
    const events = buffer.splice(0, settings.batchSize);
    if (!hooks.defer?.(events) && !(leaving && beacon(events))) void deliver(events, leaving);
  }
};

export const enqueue = (event: string, isUrgent?: unknown): void => {
  buffer.push(event);
  if (document.hidden) return flush(true);
  // a moment of patience lets identify and purchase share a request
  if (isUrgent || buffer.length >= settings.batchSize) soon(flush, 10);
  else timer = timer || soon(flush, settings.intervalStart + settings.intervalIncrement * rounds++);
};

/** Forgets what waits in memory. */
export const discard = (): void => {
  buffer = [];
};
