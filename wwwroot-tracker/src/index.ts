/**
 * The core of the snippet: puts the `ClarityTracking` methods in place, replays what the page called before, and records the page view.
 * Read next: events.ts (what an event is), queue.ts (how it gets away), page-views.ts (when a view is one).
 */
import { apiKey, batchSize, debug, endpoint, intervalIncrement, intervalStart, sessionTimeout } from "./config";
import { consent, isSilent, setOptedOut } from "./consent";
import { shared, track, type Fields } from "./events";
import { guard, log, on } from "./guard";
import { forgetUser, identify, user } from "./identify";
import { viewPage, watchPages } from "./page-views";
import { discard, flush, resume } from "./queue";
import { forgetSession } from "./sessions";
import { write } from "./storage";
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
    track("goal", { ...props, event_name: name }, date ? +new Date(date) : 0),
  trackPurchase: (value: number | string, options?: Fields) => track("purchase", { ...options, value: Number(value) }),
  trackNewsletterSignup: (options?: Fields) => signUp("newsletter_signup", options),
  trackCourseEnrollment: (options?: Fields) => signUp("course_enrollment", options),
  addSharedProperty: ({ key, value, properties }: { key?: string; value?: unknown; properties?: Fields }) =>
    void Object.assign(shared, properties, key ? { [key]: value } : {}),
  getVisitorId: () => (isSilent() ? undefined : visitorId()),
  getUserIdentity: () => user && { ...user },
  isIdentified: () => !!user,
  getConfig: () => ({ apiKey, endpoint, debug, batchSize, intervalStart, intervalIncrement, sessionTimeout }),
  sendData: (way?: "beacon" | "xhr") => flush(way === "beacon"),
  endSession: (force?: boolean) => {
    track("session_end");
    forgetSession();
    if (force) flush(true);
  },
  consent,
  optOut: () => {
    discard();
    forgetUser();
    for (const name of ["ct_visitor", "ct_session", "ct_clicks"]) write(name, "");
    setOptedOut(true);
  },
  optIn: () => setOptedOut(false),
};

const start = (global: Public): void => {
  const early = Array.isArray(global.q) ? global.q : [];
  const held = (document as { prerendering?: boolean }).prerendering;
  let waiting = held;

  const run = ([name, args]: Call): void => {
    (global[name] as (...args: unknown[]) => void)(...args);
  };
  for (const [name, method] of Object.entries(methods))
    global[name] = guard((...args: unknown[]) =>
      // a page nobody has seen yet may be read, not counted
      waiting && !/^(get|is)/.test(name) ? void early.push([name, args]) : (method as (...args: unknown[]) => unknown)(...args),
    );

  const begin = guard(() => {
    waiting = false;
    global.q = { push: guard(run) };
    early.forEach(guard(run));
    watchPages();
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && leave());
    on(window, "pagehide", leave);
    on(window, "online", resume);
    viewPage();
  });
  const leave = (): void => {
    viewPage();
    flush(true);
  };
  if (held) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
};

guard(() => {
  const page = window as unknown as { ClarityTracking?: Public };
  const global = page.ClarityTracking || {};
  // the tag stands twice in the page: the first one counts
  if (global.q && !Array.isArray(global.q)) return;
  if (!apiKey) log("data-apikey is missing: nothing is tracked");
  start(global);
  page.ClarityTracking = global;
})();
