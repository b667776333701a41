/**
 * Loaded by the core at once, without keeping the page waiting: all that need not happen before the page is there. It hands the other
 * files what they build on (core.ts) and loads them: what the visitor's consent and privacy mode need now, the rest when the browser idles.
 */
import type { Core } from "../../core";
import type { Parts } from "../../index";
import { followLink } from "./cross-domain";
import { watchEngagement } from "./engagement";
import { watchPages } from "./pages";
import { watchRetries } from "./retry";

const { src, nonce } = document.currentScript as HTMLScriptElement;
const global = (window as unknown as { ClarityTracking: { _: Parts | Core; getConfig(): { apiKey: string; endpoint: string } } }).ClarityTracking;
const [hooks, data, guard, on, track, identify, seen, clicks, read, write, send, release, viewPage] = global._ as Parts;

// what could not be had is asked for once more
const tries: Record<string, number> = {};
const loading: Record<string, boolean> = {};

const load = (file: string): void => {
  if (loading[file] || tries[file] > 1) return;
  loading[file] = true;
  tries[file] = (tries[file] || 0) + 1;
  const script = document.createElement("script");
  script.src = src.replace("page.js", file + ".js");
  // for a content security policy with nonces
  script.nonce = nonce;
  script.onerror = () => (loading[file] = false);
  document.head.append(script);
};

/** Lets the events go as soon as nothing stands against it. */
const releaseOne = (): void => {
  if (!--holds) release();
};

const core: Core = (global._ = Object.assign(hooks, {
  data,
  base: src.replace(/page\.js.*/, ""),
  load,
  guard,
  on,
  track,
  identify,
  seen,
  clicks,
  read,
  write,
  send,
  release: releaseOne,
}));

// what has to come before anything is stored or sent
let holds = 1;
if ("privacyMode" in data) {
  holds++;
  load("privacy");
}
if ("consent" in data) {
  load("consent");
  if (!read("consent")) {
    holds++;
    core.consent = () => {
      core.consent = undefined;
      releaseOne();
    };
  }
}
if ("crossDomain" in data) guard(followLink)(core);
releaseOne();

// both stores, and a life that starts anew
const visitor = read("visitor");
if (visitor) write("visitor", visitor);

guard(watchPages)(core, viewPage);
guard(watchEngagement)(core);
guard(watchRetries)(core, global.getConfig);
const later = guard(() => load("auto"));
if ("requestIdleCallback" in window) requestIdleCallback(later, { timeout: 2000 });
else setTimeout(later, 200);
