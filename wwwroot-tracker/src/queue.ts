import { settings } from "./config";
import { guard } from "./guard";
import { readJson, write } from "./storage";
import { beacon, send } from "./transport";

/**
 * Events wait here as finished JSON, so that a retry sends the same bytes. What could not be delivered is kept in localStorage: at most
 * 200 events, none older than 7 days, which is how long the server remembers an event id.
 */
const enum Limit {
  keptEvents = 200,
  keptFor = 7 * 864e5,
  // several small beacons: one too large would be refused as a whole
  beaconEvents = 20,
}

let buffer: string[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
let rounds = 0;
let failures = 0;
let notBefore = 0;
let draining = false;

/** Changes what is kept; returns what is kept now. */
const change = (action: (kept: Set<string>) => void): string[] => {
  // another script may have written there
  const kept = guard(() => new Set(readJson<string[]>("retry", [])))() || new Set<string>();
  action(kept);
  const isYoung = guard((event: string) => Date.now() - Date.parse(JSON.parse(event).timestamp) < Limit.keptFor);
  const young = [...kept].filter(isYoung).slice(-Limit.keptEvents);
  write("retry", JSON.stringify(young), 0);
  return young;
};

const keep = (events: string[]): void => void change((kept) => events.forEach((event) => kept.add(event)));

const deliver = async (events: string[]): Promise<void> => {
  let wait = await send(events);
  if (wait === undefined) {
    change((kept) => events.forEach((event) => kept.delete(event)));
    failures = notBefore = 0;
    return drain();
  }
  keep(events);
  // exponential, 2 s to 5 min, and jitter so that a thousand pages do not come back together
  wait = wait || Math.min(1000 * 2 ** ++failures, 3e5) * (0.5 + Math.random() / 2);
  notBefore = Date.now() + wait;
  setTimeout(drain, wait);
};

/** Sends what an earlier try, or an earlier page, could not deliver. */
const drain = async (): Promise<void> => {
  if (draining) return;
  draining = true;
  for (let events; Date.now() >= notBefore && (events = change(() => {})).length; ) await deliver(events.slice(0, settings.batchSize));
  draining = false;
};

/** Sends everything that waits; `leaving` hands it to the browser as beacons because the page may be gone in a moment. */
export const flush = (leaving?: boolean): void => {
  clearTimeout(timer);
  timer = undefined;
  while (buffer.length) {
    const events = buffer.splice(0, leaving ? Limit.beaconEvents : settings.batchSize);
    if (Date.now() < notBefore) keep(events);
    else if (!leaving || !beacon(events)) {
      // in a page that dies now no answer will be heard
      if (leaving) keep(events);
      void deliver(events);
    }
  }
};

export const enqueue = (event: string, urgent: boolean): void => {
  buffer.push(event);
  if (document.hidden) return flush(true);
  const later = guard(() => flush());
  if (urgent || buffer.length >= settings.batchSize) {
    clearTimeout(timer);
    // a moment of patience lets identify and purchase share a request
    timer = setTimeout(later, 10);
  } else timer = timer || setTimeout(later, settings.intervalStart + settings.intervalIncrement * rounds++);
};

/** Forgets what waits in memory. */
export const discard = (): void => {
  buffer = [];
};

/** The network is back: no reason to wait any longer. */
export const resume = (): void => {
  notBefore = 0;
  void drain();
};
