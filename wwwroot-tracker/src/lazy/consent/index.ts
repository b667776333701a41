import { clarity } from "../../core";

/**
 * What a consent banner tells others: IAB TCF, Google Consent Mode, and the opt-outs of the US signals. The latest statement wins, the page's own
 * `ClarityTracking.consent()` included; a banner that only repeats itself, on this page or a later one, states nothing new.
 */
const page = clarity();
const { data, guard, read, write } = page._;
const global = window as any;

type Choice = { ads?: boolean; analytics?: boolean };

const json = (name: string): Choice => guard(() => JSON.parse(read(name) || "{}"))() || {};

// an opt-out by law is not undone by "GDPR does not apply" or a default of the page
let optedOut = false;

const say = (choice: Choice): void => {
  if (optedOut) choice.ads = false;
  const [said, kept] = [json("signals"), json("consent")];
  const news: Choice = {};
  for (const name of ["ads", "analytics"] as const)
    if (choice[name] !== undefined && (choice[name] !== said[name] || kept[name] === undefined)) news[name] = choice[name];
  if (!Object.keys(news).length) return;
  write("signals", JSON.stringify({ ...said, ...news }), 0);
  page.consent(news);
};

/**
 * IAB TCF 2.2 and later, __tcfapi("addEventListener") (getTCData is deprecated): github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework,
 * CMP API v2, November 2026. Before `tcloaded` (an earlier choice) or `useractioncomplete` there is none.
 * Ads: 1 store on the device, 3 and 4 profiles for ads, 7 measure ads, as Google maps ad_storage, ad_personalization and ad_user_data. Not 2, nor
 * "basic ads": no ad is selected here. Analytics: 1, and 8 measure content. 7 and 8 may rest on legitimate interest, which the visitor may object to.
 */
const onTcf = guard((tc: any, success: boolean): void => {
  if (!success || !tc) return;
  if (tc.gdprApplies === false) return say({ ads: true, analytics: true });
  if (!/^(tcloaded|useractioncomplete)$/.test(tc.eventStatus)) return;
  const { consents = {}, legitimateInterests = {} } = tc.purpose || {};
  const device = consents[1] || tc.purposeOneTreatment;
  const allows = (purpose: number): boolean => !!(device && (consents[purpose] || legitimateInterests[purpose]));
  say({ ads: !!(consents[3] && consents[4] && allows(7)), analytics: allows(8) });
});

// developers.google.com/tag-platform/security/guides/consent, November 2026
const modes: Record<string, string | undefined> = {};

let hasRegions = false;

const sayModes = (): void => {
  const all = [modes.ad_storage, modes.ad_user_data, modes.ad_personalization].filter((mode) => mode);
  const of = (list: (string | undefined)[]): boolean | undefined => (list.length ? list.every((mode) => mode === "granted") : undefined);
  say({ ads: of(all), analytics: of([modes.analytics_storage].filter((mode) => mode)) });
};

/** One entry of the dataLayer: gtag pushes its arguments. */
const onEntry = guard((entry: any): void => {
  if (entry?.[0] !== "consent" || !entry[2]) return;
  const [, command, values] = entry as [string, string, any];
  // A default is no choice where the page asks first. Which region the visitor is in only Google knows: with defaults for one, none counts.
  if (command === "default" && ("consent" in data || values.region)) hasRegions = true;
  if (command !== "update" && (command !== "default" || hasRegions)) return;
  for (const name in values)
    // "denied, but wait": the visitor has not been asked yet
    if (/^(granted|denied)$/.test(values[name]) && !(command === "default" && values[name] === "denied" && values.wait_for_update))
      modes[name] = values[name];
  sayModes();
});

let layer: unknown;

const watchLayer = (): void => {
  const current = global.dataLayer;
  if (!current?.push || current === layer) return;
  layer = current;
  const push = current.push;
  current.push = function (...entries: unknown[]) {
    const result = push.apply(current, entries);
    entries.forEach(onEntry);
    return result;
  };
  [...current].forEach(onEntry);
};

let hearsGoogle: unknown;

/** Google's own record, for a dataLayer of another name. Not documented: entries[name].update and .default are true, false or missing. */
const watchGoogle = (): void => {
  const record = global.google_tag_data?.ics;
  if (!record?.entries || hearsGoogle) return;
  const look = guard(() => {
    for (const name in record.entries) {
      const { update, default: first } = record.entries[name];
      if (update !== undefined) modes[name] = update ? "granted" : "denied";
      else if (first) modes[name] = modes[name] || "granted";
    }
    sayModes();
  });
  hearsGoogle = record;
  record.addListener?.(["ad_storage", "ad_user_data", "ad_personalization", "analytics_storage"], look);
  look();
};

const refuse = (isRefused: unknown): void => {
  if (!isRefused) return;
  optedOut = true;
  say({});
};

/** An interface of a banner that may come late, or be a stub first: asked once. */
const interfaces: Record<string, (ask: (...args: unknown[]) => void) => void> = {
  __tcfapi: (ask) => ask("addEventListener", 2, onTcf),
  // IAB CCPA user signal API 1: "1YYN", the third letter says whether the sale is opted out of
  __uspapi: (ask) => ask("getUSPData", 1, guard((answer: any) => refuse(/^1.Y/i.test(answer?.uspString)))),
  // IAB GPP CMP API 1.1: sections of the US states, 1 = opted out
  __gpp: (ask) =>
    ask(
      "addEventListener",
      guard(({ pingData }: any) => refuse(/"(Sale|Sharing|TargetedAdvertising)OptOut":1\b/.test(JSON.stringify(pingData?.parsedSections)))),
    ),
};

const asked: Record<string, unknown> = {};
let looks = 0;

const look = guard((): void => {
  for (const name in interfaces)
    if (!asked[name] && typeof global[name] === "function") {
      asked[name] = 1;
      guard(() => interfaces[name]((...args) => global[name](...args)))();
    }
  guard(watchLayer)();
  guard(watchGoogle)();
  // half a minute: a banner that comes later than that is not waited for
  if (looks++ < 60) setTimeout(look, 500);
});

look();
