import assert from "node:assert/strict";
import { test } from "node:test";
import { openWith } from "./support/lazy";
import type { Page, PageOptions } from "./support/page";

// What the platforms' base codes leave in the page before their scripts have come, written from their documentation.
const meta = `var fbq, _fbq; (function () {
  var self = fbq = _fbq = function () { self.callMethod ? self.callMethod.apply(self, arguments) : self.queue.push(arguments); };
  self.push = self; self.loaded = true; self.queue = [];
})();`;
const tiktok = "var ttq = []; ttq.track = function () { ttq.push(['track'].concat([].slice.call(arguments))); };";
const pinterest = "var pintrk = function () { pintrk.queue.push([].slice.call(arguments)); }; pintrk.queue = [];";

const opened = (before: string, options: PageOptions = {}) => openWith("pixels", { ...options, before });
const calls = (page: Page, pixel = "fbq.queue"): any[][] =>
  JSON.parse(page.run(`JSON.stringify([].map.call(${pixel}, function (entry) { return [].slice.call(entry); }))`));
const buy = "ClarityTracking.trackPurchase(20, { currency: 'EUR', orderId: '1', items: [{ id: 'A', price: '10', quantity: 2 }, { name: 'no id' }] })";

test("Pixel_Purchase_IsToldOnceWithOurId", async () => {
  const page = await opened(meta + tiktok + pinterest);
  page.run(buy);
  assert.deepEqual(calls(page), []);
  await page.wait(60000);
  assert.deepEqual(calls(page), [
    [
      "track",
      "Purchase",
      { value: 20, currency: "EUR", content_type: "product", content_ids: ["A"], contents: [{ id: "A", quantity: 2, item_price: 10 }], order_id: "1" },
      { eventID: "purchase_1" },
    ],
  ]);
  assert.deepEqual(calls(page, "ttq"), [
    ["track", "Purchase", { value: 20, currency: "EUR", content_type: "product", contents: [{ content_id: "A", price: 10, quantity: 2 }], order_id: "1" }, { event_id: "purchase_1" }],
  ]);
  assert.deepEqual(calls(page, "pintrk.queue"), [
    [
      "track",
      "checkout",
      { event_id: "purchase_1", value: 20, currency: "EUR", order_id: "1", order_quantity: 2, line_items: [{ product_id: "A", product_price: 10, product_quantity: 2 }] },
    ],
  ]);
});

test("Pixel_ViewsAndBehaviour_AreNotTold", async () => {
  const page = await opened(meta);
  page.run("ClarityTracking.track('click'); ClarityTracking.track('quiz'); ClarityTracking.identify('a@example.com')");
  await page.wait(5000);
  assert.deepEqual(calls(page), []);
});

test("Pixel_OwnNames_AreCustomAtMeta", async () => {
  const page = await opened(meta);
  page.run("ClarityTracking.trackNewsletterSignup({ eventId: 'n' })");
  await page.wait(5000);
  assert.deepEqual(calls(page), [["trackCustom", "NewsletterSignup", {}, { eventID: "n" }]]);
});

for (const [name, lines] of [
  ["RightAfter", `${buy}; fbq('track', 'Purchase', { value: 20 })`],
  ["ForOnePixel", `${buy}; fbq('trackSingle', '123', 'Purchase', { value: 20 })`],
] as const)
  test("Pixel_PageFires" + name + "_ItsCallGetsOurId", async () => {
    const page = await opened(meta);
    page.run(lines);
    await page.wait(60000);
    assert.equal(calls(page).length, 1);
    assert.deepEqual(calls(page)[0].slice(-2), [{ value: 20 }, { eventID: "purchase_1" }]);
  });

test("Pixel_PageFiresOneEventForTwoPixels_BothGetOurId", async () => {
  const page = await opened(meta);
  page.run(`${buy}; fbq('trackSingle', '1', 'Purchase'); fbq('trackSingle', '2', 'Purchase')`);
  await page.wait(60000);
  assert.deepEqual(calls(page), [
    ["trackSingle", "1", "Purchase", {}, { eventID: "purchase_1" }],
    ["trackSingle", "2", "Purchase", {}, { eventID: "purchase_1" }],
  ]);
});

test("Pixel_PageFiresAfterWeDid_ItsCallGetsOurIdToo", async () => {
  const page = await opened(tiktok);
  page.run(buy);
  await page.wait(5000);
  page.run("ttq.track('CompletePayment', { value: 20 })");
  assert.deepEqual(calls(page, "ttq").map((call) => call[3]), [{ event_id: "purchase_1" }, { event_id: "purchase_1" }]);
});

test("Pixel_PageFiredBefore_WeDoNotFire", async () => {
  const page = await opened(meta);
  page.run("fbq('track', 'Purchase')");
  await page.wait(3000);
  page.run(buy);
  await page.wait(60000);
  assert.deepEqual(calls(page), [["track", "Purchase"]]);
});

test("Pixel_PageFiredLongBefore_IsAnotherEvent", async () => {
  const page = await opened(meta);
  page.run("fbq('track', 'Purchase')");
  await page.wait(15000);
  page.run(buy);
  await page.wait(60000);
  assert.equal(calls(page).length, 2);
});

test("Pixel_PageHasItsOwnId_KeepsIt", async () => {
  const page = await opened(meta);
  page.run(`${buy}; fbq('track', 'Purchase', {}, { eventID: 'theirs' })`);
  await page.wait(60000);
  assert.deepEqual(calls(page), [["track", "Purchase", {}, { eventID: "theirs" }]]);
});

test("Pixel_TwoEventsWithoutThePage_AreTwoCalls", async () => {
  const page = await opened(pinterest);
  page.run("ClarityTracking.track('add_to_cart', { eventId: '1' }); ClarityTracking.track('add_to_cart', { eventId: '2' }); ClarityTracking.track('add_to_cart', { eventId: '2' })");
  await page.wait(60000);
  assert.deepEqual(calls(page, "pintrk.queue").map((call) => call[2].event_id), ["1", "2"]);
});

test("Pixel_CallsBeforeWeCame_AreGivenOurId", async () => {
  for (const [before, call, at] of [
    [meta, "fbq('track', 'Purchase')", "fbq.queue"],
    [tiktok, "ttq.track('CompletePayment')", "ttq"],
    [pinterest, "pintrk('track', 'Checkout')", "pintrk.queue"],
  ]) {
    const page = await opened(`${before} ${call}; ClarityTracking = { q: [['trackPurchase', [20, { orderId: '1' }]]] };`);
    await page.wait(60000);
    assert.equal(calls(page, at).length, 1, at);
    assert.match(JSON.stringify(calls(page, at)), /"(eventID|event_id)":"purchase_1"/);
  }
});

test("Pixel_RequestBeforeWeCame_IsSeen", async () => {
  const fired = (address: string) => `${meta} var requests = [{ name: '${address}', startTime: ${1763700000123 + 500} }];`;
  const page = await opened(fired("https://www.facebook.com/tr/?id=1&ev=Purchase&dl=x"));
  page.run(buy);
  await page.wait(60000);
  assert.deepEqual(calls(page), []);
  const other = await opened(fired("https://www.facebook.com/tr/?id=1&ev=PageView"));
  other.run(buy);
  await other.wait(60000);
  assert.equal(calls(other).length, 1);
});

test("Pixel_LoadedLater_IsToldOnce_AfterHalfAMinuteNoMore", async () => {
  const page = await opened("");
  page.run(buy);
  await page.wait(20000);
  page.run(meta);
  await page.wait(60000);
  assert.equal(calls(page).length, 1);

  const tooLate = await opened("");
  tooLate.run(buy);
  await tooLate.wait(60000);
  tooLate.run(meta + "ClarityTracking.track('lead')");
  await tooLate.wait(60000);
  assert.deepEqual(calls(tooLate).map((call) => call[1]), ["Lead"]);
});

test("Pixel_ReplacedByItsScript_IsHeardAgain", async () => {
  const page = await opened(tiktok);
  page.run("ttq = { calls: [], track: function () { this.calls.push([].slice.call(arguments)); } }");
  await page.wait(2000);
  page.run(`${buy}; ttq.track('Purchase', { value: 20 })`);
  await page.wait(60000);
  assert.deepEqual(calls(page, "ttq.calls"), [["Purchase", { value: 20 }, { event_id: "purchase_1" }]]);
});

test("Pixel_WrappedByAnotherScript_IsHeardOnce", async () => {
  const page = await opened(meta);
  page.run("var inner = fbq; fbq = function () { return inner.apply(this, arguments); }; fbq.queue = inner.queue;");
  await page.wait(2000);
  page.run("fbq('track', 'AddToCart'); ClarityTracking.track('add_to_cart', { eventId: '1' }); ClarityTracking.track('add_to_cart', { eventId: '2' })");
  await page.wait(60000);
  assert.deepEqual(calls(page).map((call) => call[3]?.eventID), [undefined, "2"]);
});

test("Pixel_FunctionCannotBeReplaced_TheOthersAreTold", async () => {
  const page = await opened(meta + pinterest);
  page.run("Object.defineProperty(window, 'fbq', { get: function () { throw new Error('locked'); } });" + buy);
  await page.wait(5000);
  assert.equal(calls(page, "pintrk.queue").length, 1);
});

test("Pixel_PageLeaves_TellsAtOnce", async () => {
  const page = await opened(meta);
  page.run(buy);
  await page.hide();
  assert.equal(calls(page).length, 1);
});

test("Pixel_Properties_StayThoseOfTheFunction", async () => {
  const page = await opened(meta);
  page.run("var calledBy; fbq.callMethod = function () { calledBy = [this === fbq, arguments.length, [].slice.call(arguments)]; return 7; }; fbq.added = 1;");
  page.run("fbq('init', '123')");
  assert.deepEqual(JSON.parse(page.run("JSON.stringify([fbq === _fbq, fbq.push === fbq, fbq.loaded, fbq.added, calledBy[1], calledBy[2]])")), [
    true,
    true,
    true,
    1,
    2,
    ["init", "123"],
  ]);
});

for (const [name, options, lines] of [
  ["Denied", {}, "ClarityTracking.consent({ ads: false });"],
  ["GlobalPrivacyControl", { gpc: true }, ""],
  ["SwitchedOff", { attributes: { pixels: "false" } }, ""],
  ["NotYetAsked", { attributes: { consent: "" } }, ""],
] as [string, PageOptions, string][])
  test("Pixel_" + name + "_IsToldNothing", async () => {
    const page = await opened(meta, options);
    page.run(lines + buy);
    await page.wait(20000);
    await page.hide();
    assert.deepEqual(calls(page), []);
  });

test("Pixel_AskedAndGranted_IsTold_EvenMuchLater", async () => {
  const page = await opened(meta, { attributes: { consent: "" } });
  page.run(buy);
  await page.wait(300000);
  page.run("ClarityTracking.consent({ ads: true })");
  await page.wait(2000);
  assert.equal(calls(page).length, 1);
});

test("Pixel_GrantAfterARefusal_DoesNotBringBackWhatWasRefused", async () => {
  const page = await opened(meta);
  page.run(`ClarityTracking.consent({ ads: false }); ${buy}`);
  await page.wait(2000);
  page.run("ClarityTracking.consent({ ads: true })");
  await page.wait(60000);
  assert.deepEqual(calls(page), []);
});

test("Pixel_Throws_ThePageIsNotHurt", async () => {
  const page = await opened("var fbq = function () { throw new Error('pixel'); };" + pinterest);
  page.run(buy);
  await page.wait(5000);
  assert.equal(calls(page, "pintrk.queue").length, 1);
});
