/**
 * The core of the snippet: puts the `ClarityTracking` methods in place, replays what the page called before, and records the page view.
 * Read next: events.ts (what an event is), queue.ts (how it gets away), page-views.ts (when a view is one).
 */
import { apiKey, base, data, debug, endpoint, settings } from "./config";
import { clicks } from "./click-ids";
import { consent, isSilent, setOptedOut } from "./consent";
import type { Core, Fields } from "./core";
import { later, load, release } from "./later";
import { hooks, seen, shared, track } from "./events";
import { guard, on } from "./guard";
import { identify, user } from "./identify";
import { viewPage, watchPages } from "./page-views";
import { discard, flush, resume } from "./queue";
import { read, write } from "./storage";
import { visitorId } from "./visitor";

type Call = [name: string, args: Iterable<unknown>];
type Public = { q?: Call[] | { push(call: Call): void }; [method: string]: unknown };

/** An email given with a sign-up names the visitor; it is no property of the event. */
const signUp = (type: string, options?: Fields): void => {
  const { email, ...fields } = options || {};
  if (email) identify(email as string);
  track(type, fields);
};

const methods = {
  identify,
  trackEvent: track,
  track,
  goal: (name: string, props?: Fields, date?: Date | string | number) =>
    track("goal", { ...props, event_name: name }, +new Date(date || Date.now())),
  trackPurchase: (value: number | string, options?: Fields) => track("purchase", { ...options, value: +value }),
  trackNewsletterSignup: (options?: Fields) => signUp("newsletter_signup", options),
  trackCourseEnrollment: (options?: Fields) => signUp("course_enrollment", options),
  addSharedProperty: ({ key, value, properties }: { key?: string; value?: unknown; properties?: Fields }) =>
    void Object.assign(shared, properties, key && { [key]: value }),
  getVisitorId: () => (isSilent() ? "" : visitorId()),
  getUserIdentity: user,
  isIdentified: () => !!user(),
  getConfig: () => ({ apiKey, endpoint, debug, ...settings }),
  sendData: (way?: "beacon" | "xhr") => flush(way === "beacon"),
  endSession: (force?: boolean) => {
    track("session_end");
    write("session", "");
    if (force) flush(true);
  },
  // replaced by auto.js
  getClickInfo: () => {},
  consent,
  optOut: () => {
    discard();
    for (const name of ["visitor", "session", "clicks", "user", "retry"]) write(name, "");
    setOptedOut(true);
  },
  optIn: () => setOptedOut(false),
};

const start = guard(() => {
  const page = window as unknown as { ClarityTracking?: Public };
  const global = page.ClarityTracking || {};
  const early = global.q;
  // the tag stands twice in the page: the first one counts
  if (early && !(early as Call[]).map) return;

  for (const name in methods) global[name] = guard((methods as Record<string, (...args: any[]) => unknown>)[name]);
  const run = guard(([name, args]: Call) => (global[name] as (...args: unknown[]) => void)(...args));
  global.q = { push: run };
  global._ = Object.assign(hooks, { data, base, load, guard, on, track, identify, seen, clicks: () => clicks, read, write, release }) as Core;
  page.ClarityTracking = global;

  const leave = (): void => {
    viewPage();
    flush(true);
  };
  on(document, "visibilitychange", leave);
  on(window, "pagehide", leave);
  on(window, "online", resume);
  watchPages();
  (early as Call[] | undefined)?.forEach(run);
  viewPage();
  later("auto");
});

// a page nobody has seen yet is not counted; what it calls meanwhile waits in the stub
if ((document as { prerendering?: boolean }).prerendering) on(document, "prerenderingchange", start);
else start();
