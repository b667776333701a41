import { apiKey, debug, endpoint } from "./config";
import { log } from "./guard";
import { iso } from "./time";

// Browsers refuse keepalive requests and beacons above 64 kB in flight per page.
const keepaliveLimit = 60000;
let inFlight = 0;

// A string body goes as text/plain, so the browser asks no preflight question.
const bodyOf = (events: string[]): string => `{"apiKey":${JSON.stringify(apiKey)},"sent_at":"${iso(Date.now())}","events":[${events}]}`;

/** Hands events to the browser for sending while the page goes away; false when it does not take them. */
export const beacon = (events: string[]): boolean => {
  try {
    return navigator.sendBeacon(endpoint, bodyOf(events));
  } catch {
    return false;
  }
};

/** Undefined when the server took the events or will never take them, else the milliseconds it asks us to wait, 0 when it names none. */
export const send = async (events: string[]): Promise<number | undefined> => {
  const body = bodyOf(events);
  const size = new Blob([body]).size;
  const keepalive = inFlight + size < keepaliveLimit;
  if (keepalive) inFlight += size;
  try {
    const response = await fetch(endpoint, { method: "POST", body, keepalive });
    if (debug) log(response.status, await response.text());
    if (response.status !== 429 && response.status < 500) return undefined;
    const after = response.headers.get("Retry-After") || "";
    return Number(after) * 1000 || Date.parse(after) - Date.now() || 0;
  } catch {
    // offline, blocked or cut off: the same events, with the same ids, go again later
    return 0;
  } finally {
    if (keepalive) inFlight -= size;
  }
};
