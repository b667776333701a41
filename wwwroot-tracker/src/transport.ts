import { apiKey, debug, endpoint } from "./config";
import { guard, log } from "./guard";
import { iso } from "./time";

// Browsers refuse keepalive requests and beacons above 64 kB in flight per page.
const keepaliveLimit = 60000;
let inFlight = 0;

// A string body goes as text/plain, so the browser asks no preflight question.
const bodyOf = (events: string[]): string => `{"apiKey":"${apiKey}","sent_at":"${iso(Date.now())}","events":[${events}]}`;

/** Hands events to the browser to send while the page goes away; not true when it does not take them. */
export const beacon = guard((events: string[]) => navigator.sendBeacon(endpoint, bodyOf(events)));

/** Undefined when the server took the events or will never take them, else the milliseconds it asks us to wait, 0 or NaN when it names none. */
export const send = async (events: string[]): Promise<number | undefined> => {
  const body = bodyOf(events);
  // a character of JavaScript is at most three bytes of UTF-8
  const size = body.length * 3;
  const keepalive = inFlight + size < keepaliveLimit;
  if (keepalive) inFlight += size;
  try {
    const response = await fetch(endpoint, { method: "POST", body, keepalive });
    if (debug) log(response.status, await response.text());
    if (response.status !== 429 && response.status < 500) return undefined;
    return +response.headers.get("Retry-After")! * 1000;
  } catch {
    // offline, blocked or cut off: the same events, with the same ids, go again later
    return 0;
  } finally {
    if (keepalive) inFlight -= size;
  }
};
