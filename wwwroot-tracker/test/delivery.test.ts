import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, open, type Answer } from "./support/page";

const kept = (storage: Map<string, string>): string[] =>
  JSON.parse(storage.get("ct_retry") || "[]").filter((event: string) => !/"event_type":"(session_|page_exit)/.test(event));

test("Delivery_IdentifyAndPurchase_ShareARequestAtOnce", async () => {
  const page = await open();
  page.run("ClarityTracking.identify('a@example.com'); ClarityTracking.trackPurchase(1)");
  await page.wait(20);
  assert.equal(page.sent.length, 2);
  assert.deepEqual(page.sent[1].events.map((e) => e.event_type), ["identify", "purchase"]);
});

test("Delivery_OrdinaryEvents_WaitForTheIntervalWhichGrows", async () => {
  const page = await open({ attributes: { intervalStart: "1000", intervalIncrement: "500" } });
  page.run("ClarityTracking.trackEvent('a')");
  await page.wait(990);
  assert.equal(page.sent.length, 1);
  await page.wait(20);
  assert.equal(page.sent.length, 2);
  page.run("ClarityTracking.trackEvent('b')");
  await page.wait(1490);
  assert.equal(page.sent.length, 2);
  await page.wait(20);
  assert.equal(page.sent.length, 3);
});

test("Delivery_FullBatch_GoesAtOnceInBatches", async () => {
  const page = await open({ attributes: { batchSize: "2" } });
  page.run("for (const n of ['a', 'b', 'c']) ClarityTracking.trackEvent(n)");
  await page.wait(20);
  assert.deepEqual(page.sent.map((s) => s.events.length), [1, 2, 1]);
});

test("Delivery_PageHidden_HandsBeaconsToTheBrowserOnce", async () => {
  const page = await open();
  page.run("ClarityTracking.trackEvent('a')");
  await page.hide();
  assert.deepEqual(page.sent.map((s) => [s.beacon, s.events.length]), [[false, 1], [true, 1]]);
  page.run("ClarityTracking.trackEvent('after')");
  assert.equal(page.sent.length, 3);
  // nothing of what the browser took may wait for an answer that a dead page never hears
  assert.deepEqual(kept(page.storage), []);
});

test("Delivery_BeaconRefused_IsKeptAndDelivered", async () => {
  const page = await open({ beacons: () => false });
  page.run("ClarityTracking.trackEvent('a')");
  page.answer = () => "offline";
  await page.hide();
  assert.equal(kept(page.storage).length, 1);
  const next = await open({ jar: page.jar, storage: page.storage });
  assert.deepEqual(next.types, ["custom", "page_view"]);
  assert.equal(kept(page.storage).length, 0);
});

for (const [situation, answer] of [
  ["Offline", "offline"],
  ["ServerError", { status: 500 }],
  ["BufferFull", { status: 503, retryAfter: "30" }],
  ["TooMany", { status: 429, retryAfter: "30" }],
] as [string, Answer | "offline"][])
  test(`Retry_${situation}_SendsTheSameEventsAgainWithTheSameIds`, async () => {
    const page = await open({ answer: () => answer });
    const wait = answer === "offline" || !answer.retryAfter ? 900 : 29900;
    assert.equal(kept(page.storage).length, 1);
    await page.wait(wait);
    assert.equal(page.sent.length, 1);
    page.run("ClarityTracking.trackPurchase(1)");
    await page.wait(20);
    assert.equal(page.sent.length, 1, "nothing goes while the server asks for patience");
    page.answer = () => ({ status: 202 });
    await page.wait(5000);
    assert.equal(page.sent.length, 2);
    assert.deepEqual(page.sent[1].events[0], page.sent[0].events[0]);
    assert.equal(page.sent[1].events[1].event_type, "purchase");
    assert.equal(kept(page.storage).length, 0);
    await page.wait(3600000);
    assert.equal(page.sent.length, 2);
  });

test("Retry_StillFailing_WaitsLongerEachTimeUpToFiveMinutes", async () => {
  const times: number[] = [];
  const page = await open({ answer: () => (times.push(page?.now ?? clock), "offline") });
  await page.wait(3600000);
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  assert.ok(gaps.slice(0, 5).every((gap, i) => i === 0 || gap > gaps[i - 1]), String(gaps));
  assert.ok(Math.max(...gaps) <= 300000);
});

for (const status of [400, 401, 403, 413])
  test(`Retry_Answer${status}_IsDroppedAndSaidUnderDebug`, async () => {
    const page = await open({ answer: () => ({ status }), attributes: { debug: "" } });
    await page.wait(3600000);
    assert.equal(page.sent.length, 1);
    assert.equal(kept(page.storage).length, 0);
    assert.equal(page.warnings[0][1], status);
  });

test("Retry_NextPage_DeliversWhatTheLastOneCouldNot", async () => {
  const first = await open({ answer: () => "offline" });
  first.run("ClarityTracking.trackPurchase(5, { orderId: '1' })");
  await first.hide();
  const next = await open({ jar: first.jar, storage: first.storage, url: "https://www.example.com/2" });
  await next.wait(20);
  assert.deepEqual(next.types, ["page_view", "purchase", "page_view"]);
  assert.equal(kept(next.storage).length, 0);
});

test("Retry_BackOnline_GoesAtOnce", async () => {
  const page = await open({ answer: () => "offline" });
  page.answer = () => ({ status: 202 });
  page.fire("online");
  await page.wait(0);
  assert.equal(page.sent.length, 2);
});

test("Retry_Kept_IsAtMostTwoHundredEventsAndSevenDaysOld", async () => {
  const page = await open({ answer: () => "offline", attributes: { batchSize: "500" } });
  page.run("for (let i = 0; i < 300; i++) ClarityTracking.trackPurchase(i, { orderId: i })");
  await page.wait(60000);
  const stored = kept(page.storage).map((event) => JSON.parse(event).event_id);
  assert.equal(stored.length, 200);
  assert.equal(stored[199], "purchase_299");
  const later = await open({ storage: page.storage, now: clock + 7 * 864e5 + 60000 });
  assert.deepEqual(later.types, ["page_view"]);
});

test("Delivery_ManyBytesInFlight_KeepaliveStopsBelowTheBrowsersLimit", async () => {
  const page = await open({ answer: () => ({ status: 202 }) });
  page.run("for (let i = 0; i < 40; i++) ClarityTracking.trackPurchase(i, { note: 'x'.repeat(2000) })");
  await page.wait(20);
  for (const sent of page.sent) assert.ok(!sent.keepalive || sent.body.length < 60000);
  assert.ok(page.sent.some((sent) => !sent.keepalive));
});

for (const garbage of ["{", '["{"]', "null", "7"])
  test(`Retry_StoreHolds${garbage}_IsForgottenWithoutHarm`, async () => {
    const page = await open({ storage: new Map([["ct_retry", garbage]]) });
    page.run("ClarityTracking.trackPurchase(1)");
    await page.wait(20);
    assert.deepEqual(page.types, ["page_view", "purchase"]);
  });

test("Delivery_TooLargeForKeepalive_IsKeptUntilAnswered", async () => {
  const page = await open({ answer: () => ({ status: 202 }) });
  page.run("ClarityTracking.trackPurchase(1, { note: 'x'.repeat(30000) })");
  let held = 0;
  page.answer = () => ((held = kept(page.storage).length), { status: 202 });
  await page.wait(20);
  assert.equal(held, 1);
  assert.equal(kept(page.storage).length, 0);
});

test("Retry_ServerAsksForPatience_GetsNoImageInstead", async () => {
  const page = await open({ answer: () => ({ status: 503, retryAfter: "30" }), before: "images = 0; Image = function () { images++ }" });
  await page.wait(20000);
  assert.equal(page.run("images"), 0);
});

test("Delivery_HiddenWhileOffline_IsKept", async () => {
  const page = await open();
  page.run("navigator.onLine = false; ClarityTracking.trackEvent('a')");
  await page.hide();
  assert.equal(kept(page.storage).length, 1);
});
