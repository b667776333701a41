import { apiKey, endpoint } from "./config";
import { hooks } from "./events";
import { guard, log } from "./guard";

// Browsers refuse keepalive requests and beacons above 64 kB in flight per page.
const keepaliveLimit = 60000;
// milliseconds when the server names none; page.js (retry.ts) makes it grow
const unasked = 2000;
let inFlight = 0;

// A string body goes as text/plain, so the browser asks no preflight question.
const bodyOf = (events: string[]): string => `{"apiKey":"${apiKey}","sent_at":${Date.now()},"events":[${events}]}`;

/** Hands events to the browser to send while the page goes away; not true when it does not take them. */
export const beacon = guard((events: string[]) => navigator.sendBeacon(endpoint, bodyOf(events)));

/** 0 when the server took the events or will never take them, else the milliseconds to wait before they may be sent again. */
export const send = async (events: string[]): Promise<number> => {
  const body = bodyOf(events);
  // a character of JavaScript is at most three bytes of UTF-8
  const size = body.length * 3;
  inFlight += size;
  const keepalive = inFlight < keepaliveLimit;
  // would end with the page
  if (!keepalive) hooks.keep?.(events);
  try {
    const { status, headers } = await fetch(endpoint, { method: "POST", body, keepalive });
    log(status);
    return status !== 429 && status < 500 ? 0 : +headers.get("Retry-After")! * 1000 || unasked;
  } catch {
    // offline, blocked or cut off: the same events, with the same ids, go again later
    return unasked;
  } finally {
    inFlight -= size;
  }
};
