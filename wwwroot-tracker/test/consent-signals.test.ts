import assert from "node:assert/strict";
import { test } from "node:test";
import { openWith } from "./support/lazy";
import type { PageOptions } from "./support/page";

const opened = (before: string, options: PageOptions = {}) =>
  openWith("consent", { ...options, before });
const consent = (page: { run(line: string): any }): Record<string, boolean> => JSON.parse(page.run("ClarityTracking._.read('consent')") || "{}");
const layer = "var dataLayer = []; function gtag() { dataLayer.push(arguments); };";
const tcf = "var cmp; function __tcfapi(command, version, callback) { if (command === 'addEventListener' && version === 2) cmp = callback; };";

const tcData = (fields: object): string => JSON.stringify({ gdprApplies: true, eventStatus: "useractioncomplete", ...fields });
const purposes = (...ids: number[]) => Object.fromEntries(ids.map((id) => [id, true]));

for (const [name, data, expected] of [
  ["BeforeAChoice_SaysNothing", { eventStatus: "cmpuishown", purpose: { consents: purposes(1, 3, 4, 7, 8) } }, {}],
  ["GdprDoesNotApply_IsGranted", { gdprApplies: false, eventStatus: "tcloaded" }, { ads: true, analytics: true }],
  ["AllPurposes_AreGranted", { purpose: { consents: purposes(1, 2, 3, 4, 7, 8) } }, { ads: true, analytics: true }],
  ["EarlierChoice_IsKnownAtOnce", { eventStatus: "tcloaded", purpose: { consents: purposes(1, 8) } }, { ads: false, analytics: true }],
  ["WithoutBasicAds_AdsAreGranted", { purpose: { consents: purposes(1, 3, 4, 7) } }, { ads: true, analytics: false }],
  ["WithoutMeasuringAds_AdsAreDenied", { purpose: { consents: purposes(1, 3, 4, 8) } }, { ads: false, analytics: true }],
  ["WithoutTheDevice_AllIsDenied", { purpose: { consents: purposes(3, 4, 7, 8) } }, { ads: false, analytics: false }],
  [
    "MeasuringByLegitimateInterest_Counts",
    { purpose: { consents: purposes(1, 3, 4), legitimateInterests: purposes(7, 8) } },
    { ads: true, analytics: true },
  ],
  ["PurposeOneTreatment_StandsForTheDevice", { purposeOneTreatment: true, purpose: { consents: purposes(8) } }, { ads: false, analytics: true }],
] as const)
  test("Tcf_" + name, async () => {
    const page = await opened(tcf);
    page.run(`cmp(${tcData(data)}, true)`);
    assert.deepEqual(consent(page), expected);
  });

test("Tcf_CommandFailed_SaysNothing", async () => {
  const page = await opened(tcf);
  page.run(`cmp(${tcData({ gdprApplies: false })}, false); cmp(null, true)`);
  assert.deepEqual(consent(page), {});
});

test("Tcf_BannerComesLate_IsHeard_ButNotAfterHalfAMinute", async () => {
  const late = await opened("");
  await late.wait(9000);
  late.run(tcf);
  await late.wait(600);
  late.run(`cmp(${tcData({ gdprApplies: false })}, true)`);
  assert.deepEqual(consent(late), { ads: true, analytics: true });

  const tooLate = await opened("");
  await tooLate.wait(40000);
  tooLate.run(tcf);
  await tooLate.wait(5000);
  assert.equal(tooLate.run("cmp"), undefined);
});

for (const [name, lines, expected] of [
  ["DeniedUntilUpdate_IsNoChoice", "gtag('consent', 'default', { ad_storage: 'denied', analytics_storage: 'denied', wait_for_update: 500 })", {}],
  ["DefaultDenied_IsDenied", "gtag('consent', 'default', { ad_storage: 'denied', analytics_storage: 'granted' })", { ads: false, analytics: true }],
  ["DefaultGranted_IsAChoice", "gtag('consent', 'default', { ad_storage: 'granted', wait_for_update: 500 })", { ads: true }],
  ["DefaultsForARegion_AreNoChoiceForAnyone", "gtag('consent', 'default', { ad_storage: 'denied', region: ['DE'] }); gtag('consent', 'default', { ad_storage: 'granted' })", {}],
  ["DefaultOfARegion_IsNotOurs", "gtag('consent', 'default', { ad_storage: 'granted', region: ['US'] })", {}],
  [
    "Update_Wins",
    "gtag('consent', 'default', { ad_storage: 'denied', wait_for_update: 500 }); gtag('consent', 'update', { ad_storage: 'granted' })",
    { ads: true },
  ],
  [
    "OneAdSignalDenied_DeniesAds",
    "gtag('consent', 'update', { ad_storage: 'granted', ad_user_data: 'granted', ad_personalization: 'denied', analytics_storage: 'granted' })",
    { ads: false, analytics: true },
  ],
  ["OtherEntries_AreIgnored", "gtag('set', 'x', { ad_storage: 'granted' }); dataLayer.push({ event: 'consent' }, null, 7, ['consent'])", {}],
] as const) {
  test("ConsentMode_Before_" + name, async () => assert.deepEqual(consent(await opened(layer + lines)), expected));
  test("ConsentMode_After_" + name, async () => {
    const page = await opened(layer);
    page.run(lines);
    assert.deepEqual(consent(page), expected);
    assert.equal(page.run("dataLayer.length > 0"), true);
  });
}

test("ConsentMode_DataLayerComesLater_IsHeard", async () => {
  const page = await opened("");
  page.run(layer + "gtag('consent', 'update', { ad_storage: 'denied' })");
  await page.wait(600);
  assert.deepEqual(consent(page), { ads: false });
});

test("ConsentMode_GooglesOwnRecord_IsHeard", async () => {
  const page = await opened(`var heard; google_tag_data = { ics: {
    entries: { ad_storage: { default: false }, analytics_storage: { default: true } },
    addListener: function (names, listener) { heard = listener; } } };`);
  assert.deepEqual(consent(page), { analytics: true });
  page.run("google_tag_data.ics.entries.ad_storage.update = true; heard()");
  assert.deepEqual(consent(page), { ads: true, analytics: true });
});

test("Signals_RepeatedChoice_DoesNotUndoThePagesOwn_ANewOneDoes", async () => {
  const page = await opened(tcf);
  page.run(`cmp(${tcData({ gdprApplies: false })}, true); ClarityTracking.consent({ ads: false }); cmp(${tcData({ gdprApplies: false })}, true)`);
  assert.deepEqual(consent(page), { ads: false, analytics: true });

  const next = await opened(tcf, { jar: page.jar, storage: page.storage });
  next.run(`cmp(${tcData({ gdprApplies: false })}, true)`);
  assert.deepEqual(consent(next), { ads: false, analytics: true });
  next.run(`cmp(${tcData({ purpose: { consents: purposes(1) } })}, true)`);
  assert.deepEqual(consent(next), { ads: false, analytics: false });
});

test("UsOptOut_OutweighsAGrant", async () => {
  const page = await opened(`${tcf} function __uspapi(command, version, callback) { callback({ uspString: '1YYN' }, true); };`);
  page.run(`cmp(${tcData({ gdprApplies: false })}, true)`);
  assert.deepEqual(consent(page), { ads: false, analytics: true });
});

test("UsOptOut_None_SaysNothing", async () => {
  const page = await opened("function __uspapi(command, version, callback) { callback({ uspString: '1YNN' }, true); callback(null, false); };");
  assert.deepEqual(consent(page), {});
});

test("Gpp_SharingOptOut_DeniesAds", async () => {
  const gpp = (value: number) => `function __gpp(command, callback) {
    callback({ eventName: 'signalStatus', pingData: { parsedSections: { usnat: [{ Version: 1, SharingOptOut: ${value}, SharingOptOutNotice: 1 }] } } }, true); };`;
  assert.deepEqual(consent(await opened(gpp(1))), { ads: false });
  assert.deepEqual(consent(await opened(gpp(2))), {});
});

test("Signals_BannerThrows_TheOthersAreHeard", async () => {
  const page = await opened(layer + "function __tcfapi() { throw new Error('banner'); }; gtag('consent', 'update', { ad_storage: 'granted' });");
  assert.deepEqual(consent(page), { ads: true });
});
