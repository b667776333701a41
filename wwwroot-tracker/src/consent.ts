import { apiKey } from "./config";
import { read, readJson, write } from "./storage";

type Signals = Record<string, "granted" | "denied">;

/** The visitor's choice in the words of Google Consent Mode, or undefined while unknown. */
export const consentSignals = (): Signals | undefined => readJson<Signals | undefined>("ct_consent", undefined);

/** Remembers a choice; what is not named stays as it was. */
export const consent = (choice: { ads?: boolean; analytics?: boolean } = {}): void => {
  const signals = consentSignals() || {};
  const set = (granted: boolean | undefined, ...names: string[]): void => {
    if (granted !== undefined) for (const name of names) signals[name] = granted ? "granted" : "denied";
  };
  set(choice.ads, "ad_user_data", "ad_personalization", "ad_storage");
  set(choice.analytics, "analytics_storage");
  write("ct_consent", JSON.stringify(signals));
};

/** Global Privacy Control and a refusal both forbid new advertising ids; the server decides about everything else. */
export const adIdsAllowed = (): boolean =>
  !(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl && (consentSignals() || {}).ad_storage !== "denied";

/** True when nothing may be recorded: the visitor opted out, or the tag names no key. */
export const isSilent = (): boolean => !apiKey || !!read("ct_optout");

export const setOptedOut = (out: boolean): void => write("ct_optout", out ? "1" : "");
