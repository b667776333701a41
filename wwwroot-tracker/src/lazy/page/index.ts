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

type Config = { apiKey: string; endpoint: string; sessionTimeout: number };

const { src, nonce } = document.currentScript as HTMLScriptElement;
const global = (window as unknown as { ClarityTracking: { _: Parts | Core; optIn(): void; optOut(): void; getConfig(): Config } }).ClarityTracking;
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
  script.onerror = () => {
    loading[file] = false;
    setTimeout(() => load(file), 2000);
  };
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
const choice = (): { analytics?: boolean } => guard(() => JSON.parse(read("consent")))() || {};
/** Nothing may be kept before the visitor's choice, after a refusal, or after an opt-out. */
const mayKeep = (): boolean => !read("optout") && !("consent" in data && (!read("consent") || choice().analytics === false));
/** The visitor of the link that led here; both stores, and a life that starts anew. */
const keepVisitor = guard(() => {
  if (!mayKeep()) return;
  if ("crossDomain" in data) followLink(core);
  const visitor = read("visitor");
  if (visitor) write("visitor", visitor);
});

if ("consent" in data) {
  load("consent");
  if (!read("consent")) {
    holds++;
    core.consent = () => {
      core.consent = undefined;
      keepVisitor();
      releaseOne();
    };
  }
}
keepVisitor();
releaseOne();

const { optIn, optOut } = global;
global.optOut = guard(() => {
  optOut();
  for (const name of ["retry", "guess", "renewed", "signals"]) write(name, "", 0);
});
// who was counted out is counted from now on
global.optIn = guard(() => {
  optIn();
  viewPage(true);
});

guard(watchPages)(core, viewPage);
guard(watchEngagement)(core, global.getConfig().sessionTimeout);
guard(watchRetries)(core, global.getConfig);
const later = guard(() => load("auto"));
if ("requestIdleCallback" in window) requestIdleCallback(later, { timeout: 2000 });
else setTimeout(later, 200);
