import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, open } from "./support/page";

const hold = { consent: "" };

test("Consent_NotYetKnown_NothingIsSentOrStored", async () => {
  const page = await open({ attributes: hold, url: "https://www.example.com/?fbclid=F1" });
  page.run("ClarityTracking.trackPurchase(1); ClarityTracking.identify('a@example.com')");
  await page.hide();
  assert.equal(page.sent.length, 0);
  assert.deepEqual(page.jar.cookies, []);
  assert.equal(page.storage.size, 0);
});

test("Consent_Granted_WhatWaitedGoesInOrderWithItsOwnTimesAndPages", async () => {
  const page = await open({ attributes: hold, url: "https://www.example.com/?fbclid=F1" });
  page.run("ClarityTracking.identify('a@example.com'); history.pushState(null, '', '/b'); ClarityTracking.trackPurchase(1)");
  await page.wait(60000);
  page.run("ClarityTracking.consent({ ads: true, analytics: true })");
  await page.wait(20);
  assert.deepEqual(page.types, ["page_view", "identify", "page_view", "purchase"]);
  const [view, , , purchase] = page.events;
  assert.equal(view.timestamp, new Date(clock).toISOString());
  assert.equal(view.properties.url, "https://www.example.com/?fbclid=F1");
  assert.equal(purchase.properties.url, "https://www.example.com/b");
  assert.equal(purchase.user.email, "a@example.com");
  assert.equal(purchase.click_ids.fbclid.value, "F1");
  assert.equal(purchase.consent.ad_storage, "granted");
  assert.match(purchase.cookies.fbc, /F1$/);
});

test("Consent_OnlyAnalytics_GoesWithoutAdIds", async () => {
  const page = await open({ attributes: hold, url: "https://www.example.com/?fbclid=F1" });
  page.run("ClarityTracking.consent({ ads: false, analytics: true })");
  await page.wait(20);
  assert.deepEqual(page.types, ["page_view"]);
  assert.deepEqual(page.events[0].cookies, {});
  assert.equal(page.events[0].consent.ad_user_data, "denied");
});

test("Consent_Refused_WhatWaitedIsForgottenAndNothingFollows", async () => {
  const page = await open({ attributes: hold });
  page.run("ClarityTracking.consent({ ads: false, analytics: false }); ClarityTracking.trackPurchase(1)");
  await page.hide();
  await page.wait(1000);
  assert.equal(page.sent.length, 0);
  assert.deepEqual(page.jar.cookies.map((c) => c.name), ["ct_consent"]);
});

test("Consent_RefusedThenGranted_CountsFromThenOn", async () => {
  const page = await open({ attributes: hold });
  page.run("ClarityTracking.consent({ analytics: false }); ClarityTracking.consent({ analytics: true, ads: true }); ClarityTracking.trackPurchase(1)");
  await page.wait(20);
  assert.deepEqual(page.types, ["purchase"]);
});

test("Consent_KnownFromAnEarlierPage_NothingWaits", async () => {
  const first = await open({ attributes: hold });
  first.run("ClarityTracking.consent({ ads: true, analytics: true })");
  const next = await open({ attributes: hold, jar: first.jar, storage: first.storage });
  assert.deepEqual(next.types, ["page_view"]);
});

test("Consent_ToldBeforeTheScriptLoaded_IsKnown", async () => {
  const page = await open({ attributes: hold, before: "ClarityTracking = { q: [['consent', [{ ads: true, analytics: true }]]] }" });
  assert.deepEqual(page.types, ["page_view"]);
});

test("Consent_OptOutWhileWaiting_NothingIsSentOrStored", async () => {
  const page = await open({ attributes: hold });
  page.run("ClarityTracking.optOut(); ClarityTracking.consent({ analytics: true })");
  await page.hide();
  assert.equal(page.sent.length, 0);
});

for (const [situation, options] of [
  ["GlobalPrivacyControl", { gpc: true }],
  ["DoNotTrack", { dnt: "1" }],
] as const)
  test(`Consent_${situation}_NoAdIdIsMade`, async () => {
    const page = await open({ ...options, url: "https://www.example.com/?fbclid=F1" });
    assert.deepEqual(page.jar.cookies.map((c) => c.name).filter((name) => name.startsWith("_")), []);
  });

test("Cookieless_NothingIsStoredAndNoIdIsSent", async () => {
  const page = await open({ attributes: { cookieless: "" }, url: "https://www.example.com/?fbclid=F1", lifecycle: true });
  page.run("ClarityTracking.trackPurchase(1); ClarityTracking.identify('a@example.com')");
  await page.hide();
  assert.deepEqual(page.jar.cookies, []);
  assert.equal(page.storage.size, 0);
  for (const event of page.events) assert.deepEqual([event.visitor_id, event.session_id], [undefined, undefined]);
  assert.equal(page.events[1].click_ids.fbclid.value, "F1");
  assert.equal(page.run("ClarityTracking.getVisitorId()"), "");
  assert.deepEqual(page.types.filter((type) => /session/.test(type)), []);
});

test("PrivacyMode_UntilItsFileIsThere_NothingIsSentOrStored", async () => {
  const page = await open({ attributes: { privacyMode: "" } });
  page.run("ClarityTracking.identify('a@example.com')");
  await page.hide();
  assert.equal(page.sent.length, 0);
  assert.equal(page.storage.size, 0);
  assert.ok(page.requested.some((url) => /\/t\/privacy\.js\?v=/.test(url)));
});

for (const [situation, link, visitor] of [
  ["Fresh", () => "0f8fad5b-d9cb-469f-a165-70867728950e." + Math.floor(clock / 1000 - 60).toString(36), "0f8fad5b-d9cb-469f-a165-70867728950e"],
  ["Old", () => "0f8fad5b-d9cb-469f-a165-70867728950e." + Math.floor(clock / 1000 - 600).toString(36), undefined],
  ["Malformed", () => "x<script>.zz", undefined],
] as [string, () => string, string | undefined][])
  test(`CrossDomain_${situation}Link_DecidesTheVisitor`, async () => {
    const page = await open({ attributes: { crossDomain: "example.org" }, url: "https://www.example.com/?a=1&ct_link=" + link() });
    assert.deepEqual(page.types, ["page_view"]);
    assert.equal(page.events[0].visitor_id === "0f8fad5b-d9cb-469f-a165-70867728950e", visitor !== undefined);
  });

test("CrossDomain_WithoutTheOption_NoLinkIsFollowed", async () => {
  const link = "0f8fad5b-d9cb-469f-a165-70867728950e." + Math.floor(clock / 1000).toString(36);
  const page = await open({ url: "https://www.example.com/?ct_link=" + link });
  assert.notEqual(page.events[0].visitor_id, "0f8fad5b-d9cb-469f-a165-70867728950e");
});

const link = (): string => "0f8fad5b-d9cb-469f-a165-70867728950e." + Math.floor(clock / 1000).toString(36);

test("CrossDomain_BeforeConsent_TheVisitorIsKeptOnlyAfterIt", async () => {
  const page = await open({ attributes: { consent: "", crossDomain: "example.org" }, url: "https://www.example.com/?ct_link=" + link() });
  page.run("ClarityTracking.getVisitorId()");
  await page.wait(1000);
  assert.deepEqual([page.jar.cookies.length, page.storage.size], [0, 0]);
  page.run("ClarityTracking.consent({ ads: true, analytics: true })");
  await page.wait(20);
  assert.equal(page.events[0].visitor_id, "0f8fad5b-d9cb-469f-a165-70867728950e");
});

test("CrossDomain_PageFileThatNeverArrives_HoldsNoOrdinaryPage", async () => {
  const page = await open({ files: false, attributes: { crossDomain: "example.org" } });
  assert.deepEqual(page.types, ["page_view"]);
});

test("OptOut_WhileARequestIsUnderWay_KeepsNothingOfIt", async () => {
  const page = await open();
  page.answer = () => "offline";
  page.run("ClarityTracking.identify('jane@example.com')");
  await page.wait(9);
  page.run("ClarityTracking.optOut()");
  await page.wait(1000);
  assert.equal((page.storage.get("ct_retry") || "").includes("jane"), false);
  const sent = page.sent.length;
  page.answer = () => ({ status: 202 });
  await page.wait(60000);
  assert.equal(page.sent.length, sent);
});

test("Refusal_KnownFromEarlier_RenewsNoVisitor", async () => {
  const first = await open({ attributes: hold });
  first.run("ClarityTracking.consent({ ads: true, analytics: true })");
  await first.wait(20);
  first.run("ClarityTracking.consent({ analytics: false })");
  await first.wait(1000);
  first.storage.delete("ct_visitor");
  await open({ attributes: hold, jar: first.jar, storage: first.storage, now: clock + 60000 });
  assert.equal(first.storage.has("ct_visitor"), false);
});

test("Cookieless_IdsOfOthersAreLeftAlone", async () => {
  const page = await open({ attributes: { cookieless: "" }, cookies: { _ga: "GA1.1.1.2", _fbp: "fb.1.1.2" } });
  assert.deepEqual(page.events[0].cookies, {});
});
