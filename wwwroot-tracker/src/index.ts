/**
 * The core of the snippet: puts the `ClarityTracking` methods in place, replays what the page called before, and records the page view.
 * Read next: events.ts (what an event is), queue.ts (how it gets away), page-views.ts (when a view is one).
 */
import { clicks } from "./click-ids";
import { apiKey, data, debug, endpoint, settings } from "./config";
import { consent, release } from "./consent";
import type { Fields } from "./core";
import { hooks, seen, shared, track } from "./events";
import { guard, on, soon } from "./guard";
import { identify, user } from "./identify";
import { loadRest } from "./later";
import { page, viewPage } from "./page-views";
import { discard, flush } from "./queue";
import { read, write } from "./storage";
import { send } from "./transport";

type Call = [name: string, args: Iterable<unknown>];
type Public = { q?: Call[] | { push(call: Call): void }; [method: string]: unknown };

/** An email given with a sign-up names the visitor; it is no property of the event. */
const signUp =
  (type: string) =>
  ({ email, ...fields }: Fields = {}): void => {
    if (email) identify(email as string);
    track(type, fields);
  };

const leave = (): void => {
  viewPage();
  hooks.leave?.(page);
  flush(true);
};

// in the order that compresses best
const methods = {
  identify,
  trackEvent: track,
  optIn: () => write("optout", ""),
  track,
  // page.js forgets what it and the files after it keep
  optOut: () => {
    discard();
    for (const name of ["visitor", "session", "clicks", "user"]) write(name, "");
    write("optout", "1");
  },
  getUserIdentity: user,
  trackNewsletterSignup: signUp("newsletter_signup"),
  sendData: (way?: "beacon" | "xhr") => flush(way === "beacon"),
  addSharedProperty: ({ key, value, properties }: { key?: string; value?: unknown; properties?: Fields }) =>
    void Object.assign(shared, properties, key && { [key]: value }),
  goal: (name: string, props?: Fields, date?: Date | string | number) =>
    track("goal", { ...props, event_name: name }, +new Date(date || Date.now())),
  consent,
  getVisitorId: () => read("visitor"),
  getConfig: () => ({ ...settings, apiKey, endpoint, debug }),
  isIdentified: () => !!user(),
  trackCourseEnrollment: signUp("course_enrollment"),
  endSession: (force?: boolean) => {
    track("session_end");
    write("session", "");
    if (force) flush(true);
  },
  // replaced by auto.js
  getClickInfo: () => {},
  trackPurchase: (value: number | string, options?: Fields) => track("purchase", { ...options, value: +value }),
};

/** What page.js builds on, by place: a browser may hold an older core than page.js, so nothing is moved or taken away, only added. */
const parts = [hooks, data, guard, on, track, identify, seen, () => clicks, read, write, send, release, viewPage] as const;
export type Parts = typeof parts;

const start = guard(() => {
  const scope = window as unknown as { ClarityTracking?: Public };
  const global = scope.ClarityTracking || {};
  const early = global.q;
  // the tag stands twice in the page: the first one counts
  if (global._) return;

  for (const name in methods) global[name] = guard((methods as Record<string, (...args: any[]) => unknown>)[name]);
  const run = guard(([name, args]: Call) => (global[name] as (...args: unknown[]) => void)(...args));
  global.q = { push: run };
  global._ = parts;
  scope.ClarityTracking = global;

  on(document, "visibilitychange", leave);
  on(window, "pagehide", leave);
  (early as Call[] | undefined)?.forEach(run);
  // not now: the page goes on first
  soon(() => {
    viewPage();
    loadRest();
  });
});

// a page nobody has seen yet is not counted; what it calls meanwhile waits in the stub
if ((document as { prerendering?: boolean }).prerendering) on(document, "prerenderingchange", start);
else start();
