import { clarity, type TrackedEvent } from "../../core";
import { names, platforms, type Call, type Platform } from "./platforms";

/**
 * The same event id for the platform's own pixel, so that it counts our server event and the pixel's as one. Where the page fires the pixel
 * itself, that call is given our id; where it does not, we fire it.
 */
const enum Wait {
  /** The page's own call comes right before or right after ours. */
  own = 1000,
  /** Further apart than this they are two events. */
  same = 1e4,
  /** How long we look for a pixel that has not been loaded yet. */
  pixel = 3e4,
}

/** An event of ours on its way to one platform. */
interface Ours {
  platform: Platform;
  name: string;
  event: TrackedEvent;
  time: number;
  due: number;
  /** Pixels to which a call of the page has carried our id; "" = all of them. */
  given: Record<string, unknown>;
  done?: unknown;
}

const page = clarity();
const { data, guard, on, read, seen } = page._;

let ours: Ours[] = [];
/** Calls of the page that none of our events has matched; no time = before we could hear them. */
let theirs: { platform: Platform; name: string; time: number }[] = [];
const wrapped: unknown[] = [];
/** A call of ours, or one already heard, on its way through: other scripts wrap these functions too. */
const busy: Record<string, unknown> = {};
let until = 0;
let timer: ReturnType<typeof setTimeout>;

// TikTok renamed these in 2025 and takes the old names as the new ones
const renamed: Record<string, string> = { CompletePayment: "Purchase", PlaceAnOrder: "Purchase", SubmitForm: "Lead" };

/** Not further apart than one event can be; a time that is not known is not. */
const isNear = (a: number, b: number): boolean => !(Math.abs(a - b) > Wait.same);

/** What the page tells a pixel. The call gets the id of our event that it is. */
const hear = (platform: Platform, args: any[], time: number): void => {
  const call: Call | undefined = platform.read(args);
  if (!call) return;
  const name = renamed[call.name] || call.name;
  const mine = ours.find(
    (one) => one.platform === platform && one.name === name && isNear(one.time, time) && !(call.pixel in one.given || "" in one.given),
  );
  if (!mine) {
    theirs.push({ platform, name, time });
    return;
  }
  // an id of its own is the page's business with its own server
  if (!call.id) call.give(mine.event.event_id);
  mine.done = mine.given[call.pixel] = 1;
};

/** Hears every later call. A proxy: the platform's script finds, and sets, the properties of the function it knows. */
const wrap = (platform: Platform, index: number): void => {
  const holder = platform.holder();
  const original = holder?.[platform.key];
  if (typeof original !== "function" || original === wrapped[index]) return;
  const isFirst = !wrapped[index];
  const proxy: any = (wrapped[index] = new Proxy(original, {
    apply(target, self, args) {
      if (busy[platform.key]) return Reflect.apply(target, self, args);
      guard(hear)(platform, args, Date.now());
      busy[platform.key] = 1;
      try {
        return Reflect.apply(target, self, args);
      } finally {
        busy[platform.key] = 0;
      }
    },
  }));
  holder[platform.key] = proxy;
  if (original.push === original) original.push = proxy;
  // two different functions there are "conflicting versions" to Meta's script
  if ((window as any)._fbq === original) (window as any)._fbq = proxy;
  if (!isFirst) return;
  platform.queue(original)?.forEach((entry, at, queue) => {
    const args = [].slice.call(entry, 0);
    // TikTok's entries begin with the method
    const method = platform.key === "track" ? args.splice(0, 1) : [];
    if (method[0] && method[0] !== "track") return;
    hear(platform, args, NaN);
    queue[at] = [...method, ...args];
  });
};

/** The page's pixel has sent this event before we could hear it. */
const wasSent = ({ platform, name, time }: Ours): boolean =>
  !!platform.request &&
  performance
    .getEntriesByType("resource")
    .some(
      (entry) =>
        platform.request!.exec(entry.name)?.[1].toLowerCase() === name.toLowerCase() &&
        isNear(performance.timeOrigin + entry.startTime, time) &&
        !seen.some((event) => entry.name.includes(encodeURIComponent(event.event_id))),
    );

const send = guard((one: Ours): void => {
  const pixel = one.platform.holder()?.[one.platform.key];
  if (!pixel || one.done) return;
  one.done = 1;
  if (guard(wasSent)(one)) return;
  busy[one.platform.key] = 1;
  guard(() => pixel.apply(one.platform.holder(), one.platform.write(one.name, one.event.event_id, one.event.properties)))();
  busy[one.platform.key] = 0;
});

const mayTell = (): boolean | undefined => {
  if (read("optout")) return false;
  const { ads } = guard(() => JSON.parse(read("consent") || "{}"))() || {};
  // held until consent is known: not yet
  return ads === undefined && "consent" in data ? undefined : ads !== false;
};

const tick = guard((): void => {
  platforms.forEach(guard(wrap));
  const now = Date.now();
  const may = mayTell();
  if (may) ours.forEach((one) => (one.due <= now || document.hidden) && send(one));
  ours = ours.filter((one) => may !== false && (isNear(one.time, now) || (!one.done && (!may || now < until))));
  theirs = theirs.filter((call) => isNear(call.time, now));
  clearTimeout(timer);
  if (now < until) timer = setTimeout(tick, Wait.own);
});

const wake = (): void => {
  until = Date.now() + Wait.pixel;
  tick();
};

const take = (event: TrackedEvent): void =>
  platforms.forEach((platform, index) => {
    const name = names[event.event_type]?.[index];
    if (!name || event.consent.ad_storage === "denied") return;
    const time = Date.parse(event.timestamp);
    const at = theirs.findIndex((call) => call.platform === platform && call.name === name && isNear(call.time, time));
    if (at < 0) ours.push({ platform, name, event, time, due: Date.now() + Wait.own, given: {} });
    else theirs.splice(at, 1);
  });

const start = (): void => {
  const taken = new Set<string>();
  const takeOnce = (event: TrackedEvent): void => {
    if (!taken.has(event.event_id)) {
      taken.add(event.event_id);
      take(event);
    }
  };
  seen.forEach(takeOnce);
  const push = seen.push;
  seen.push = function (...events) {
    const length = push.apply(seen, events);
    guard(() => {
      events.forEach(takeOnce);
      wake();
    })();
    return length;
  };
  // what waited for the visitor's choice
  const consent = page.consent;
  page.consent = (choice: unknown) => {
    consent(choice);
    wake();
  };
  on(document, "visibilitychange", tick);
  on(window, "pagehide", () => {
    for (const one of mayTell() ? ours : []) send(one);
  });
  wake();
};

if (data.pixels !== "false" && !(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl && navigator.doNotTrack !== "1") start();
