import { batchSize, intervalIncrement, intervalStart } from "./config";
import { guard } from "./guard";
import { readJson, write } from "./storage";
import { beacon, send } from "./transport";

/**
 * Events wait here as finished JSON, so that a retry sends the same bytes. What could not be delivered is kept in localStorage as
 * event -> time it failed, at most 200 events for 7 days: as long as the server remembers an event id.
 */
type Kept = Record<string, number>;

const keptEvents = 200;
const keptFor = 7 * 864e5;
// several small beacons: one too large would be refused as a whole
const beaconSize = 20;
const longestInterval = 30000;
const longestWait = 36e5;

let buffer: string[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
let due = Infinity;
let rounds = 0;
let failures = 0;
let notBefore = 0;
let draining = false;

const change = (action: (kept: Kept) => void): string[] => {
  const kept = readJson<Kept>("ct_retry", {});
  action(kept);
  const events = Object.keys(kept).filter((event) => Date.now() - kept[event] < keptFor || void delete kept[event]);
  events.splice(0, events.length - keptEvents).forEach((event) => delete kept[event]);
  write("ct_retry", events.length ? JSON.stringify(kept) : "", 0);
  return events;
};

const keep = (events: string[]): void => void change((kept) => events.forEach((event) => (kept[event] = kept[event] || Date.now())));

const deliver = async (events: string[]): Promise<void> => {
  let wait = await send(events);
  if (wait === undefined) {
    change((kept) => events.forEach((event) => delete kept[event]));
    failures = notBefore = 0;
    return drain();
  }
  keep(events);
  // exponential, 2 s to 5 min, and jitter so that a thousand pages do not come back together
  wait = wait > 0 ? Math.min(wait, longestWait) : Math.min(1000 * 2 ** ++failures, 3e5) * (0.5 + Math.random() / 2);
  notBefore = Date.now() + wait;
  setTimeout(drain, wait);
};

/** Sends what an earlier try, or an earlier page, could not deliver. */
const drain = async (): Promise<void> => {
  if (draining) return;
  draining = true;
  for (let events; Date.now() >= notBefore && (events = change(() => {})).length; ) await deliver(events.slice(0, batchSize));
  draining = false;
};

/** Sends everything that waits; `leaving` hands it to the browser as beacons because the page may be gone in a moment. */
export const flush = (leaving?: boolean): void => {
  clearTimeout(timer);
  due = Infinity;
  while (buffer.length) {
    const events = buffer.splice(0, leaving ? beaconSize : batchSize);
    if (Date.now() < notBefore) keep(events);
    else if (!leaving) void deliver(events);
    else if (!beacon(events)) {
      keep(events);
      void deliver(events);
    }
  }
};

export const enqueue = (event: string, urgent: boolean): void => {
  buffer.push(event);
  if (document.visibilityState === "hidden") return flush(true);
  // a moment of patience lets identify and purchase share a request
  const wait = urgent || buffer.length >= batchSize ? 10 : Math.min(intervalStart + intervalIncrement * rounds, longestInterval);
  if (Date.now() + wait >= due) return;
  if (!urgent) rounds++;
  due = Date.now() + wait;
  clearTimeout(timer);
  timer = setTimeout(guard(flush), wait);
};

/** Forgets everything not yet sent. */
export const discard = (): void => {
  buffer = [];
  write("ct_retry", "", 0);
};

/** The network is back: no reason to wait any longer. */
export const resume = (): void => {
  notBefore = 0;
  void drain();
};
