import { read, readJson, write } from "./storage";

type Choice = { ads?: boolean; analytics?: boolean };

const choice = (): Choice => readJson<Choice>("consent", {});

/** Remembers the visitor's choice; what is not named stays as it was. */
export const consent = (change?: Choice): void => write("consent", JSON.stringify({ ...choice(), ...change }));

/** The choice in the words of Google Consent Mode; what is not known is undefined. */
export const consentSignals = (): Record<string, string | undefined> => {
  const { ads, analytics } = choice();
  const words: Record<string, string> = { true: "granted", false: "denied" };
  const ad = words[ads + ""];
  return { ad_user_data: ad, ad_personalization: ad, ad_storage: ad, analytics_storage: words[analytics + ""] };
};

/** Global Privacy Control and a refusal both forbid new advertising ids; the server decides about everything else. */
export const adIdsAllowed = (): boolean =>
  !(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl && choice().ads !== false;

/** True when the visitor opted out: nothing may be recorded. */
export const isSilent = (): boolean => !!read("optout");

export const setOptedOut = (out: boolean): void => write("optout", out ? "1" : "");
