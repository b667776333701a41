import { data } from "./config";
import { hooks } from "./events";
import { cookieless, read, readJson, writeJson } from "./storage";

type Choice = { ads?: boolean; analytics?: boolean };

const choice = (): Choice => readJson<Choice>("consent", {});

/** The choice in the words of Google Consent Mode; what is not known is undefined. */
export const consentSignals = (): Record<string, string | undefined> => {
  const { ads, analytics } = choice();
  // +undefined is no index
  const words = ["denied", "granted"];
  const ad = words[+ads!];
  return { ad_user_data: ad, ad_personalization: ad, ad_storage: ad, analytics_storage: words[+analytics!] };
};

const asksFirst = "consent" in data;
// page.js decides when: it knows the choice, has privacy mode in place and has read the link from another domain
let waiting: (() => unknown)[] | undefined =
  (asksFirst && !read("consent")) || "privacyMode" in data || /ct_link=/.test(location + "") ? [] : undefined;

/** Now, or in turn when nothing stands against it any more; never for those who said no. */
export const whenAllowed = (action: () => void): void => {
  const run = (): unknown => isSilent() || action();
  waiting ? waiting.push(run) : run();
};

export const release = (): void => {
  const actions = waiting;
  waiting = undefined;
  actions?.forEach((action) => action());
};

/** Remembers the visitor's choice; what is not named stays as it was. */
export const consent = (change?: Choice): void => {
  writeJson("consent", { ...choice(), ...change });
  hooks.consent?.();
};

/** Global Privacy Control, Do Not Track and a refusal forbid new advertising ids; the server decides about everything else. */
export const adIdsAllowed = (): boolean =>
  !(cookieless || (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl || +navigator.doNotTrack! > 0 || choice().ads === false);

/** True when nothing may be recorded: after an opt-out, or a refusal where the page asks first. */
export const isSilent = (): unknown => read("optout") || (asksFirst && choice().analytics === false);
