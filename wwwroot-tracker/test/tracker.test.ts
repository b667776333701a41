import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, open } from "./support/page";

const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

test("PageView_OnLoad_CarriesEverythingTheContractNames", async () => {
  const page = await open({ url: "https://www.example.com/p?utm_source=x&fbclid=F1#top", referrer: "https://ads.example.net/" });
  assert.equal(page.sent.length, 1);
  const [sent] = page.sent;
  assert.equal(sent.url, "https://track.example.net/api/v1/collect");
  assert.ok(sent.keepalive);
  const body = JSON.parse(sent.body);
  assert.equal(body.apiKey, "pk_test_1");
  assert.equal(body.sent_at, clock + 10);
  const [start, event] = body.events;
  assert.deepEqual([start.event_type, start.session_id, start.properties.url], ["session_start", event.session_id, event.properties.url]);
  assert.match(event.event_id, uuid);
  assert.match(event.session_id, uuid);
  assert.match(event.visitor_id, uuid);
  assert.equal(event.event_type, "page_view");
  assert.equal(event.timestamp, new Date(clock).toISOString());
  assert.deepEqual(event.properties, {
    url: "https://www.example.com/p?utm_source=x&fbclid=F1#top",
    title: "Title",
    referrer: "https://ads.example.net/",
  });
  assert.deepEqual(event.click_ids, { fbclid: { value: "F1", first_seen: new Date(clock).toISOString() } });
  assert.equal(event.user, undefined);
});

test("PageView_SinglePageApp_CountsRealChangesWithThePreviousAddressAsReferrer", async () => {
  const page = await open({ url: "https://www.example.com/a" });
  page.run("history.replaceState(null, '', '/a'); history.pushState(null, '', '/a#x')");
  await page.wait(100);
  page.run("history.pushState(null, '', '/old'); history.replaceState(null, '', '/b?x=1')");
  page.title = "B";
  await page.wait(100);
  page.run("history.replaceState(null, '', '/b?x=2')");
  page.fire("popstate");
  await page.wait(100);
  assert.deepEqual(page.events.map((e) => [e.properties.url, e.properties.referrer, e.properties.title]), [
    ["https://www.example.com/a", "", "Title"],
    ["https://www.example.com/b?x=1", "https://www.example.com/a", "B"],
    ["https://www.example.com/b?x=2", "https://www.example.com/b?x=1", "B"],
  ]);
});

test("PageView_EventRightAfterPushState_ComesAfterItsView", async () => {
  const page = await open();
  page.run("history.pushState(null, '', '/thanks'); ClarityTracking.trackPurchase(10, { currency: 'EUR' })");
  await page.wait(100);
  assert.deepEqual(page.types, ["page_view", "page_view", "purchase"]);
});

test("PageView_BackFromTheCache_IsANewOne", async () => {
  const page = await open({ referrer: "https://ads.example.net/" });
  page.fire("pageshow", { persisted: false });
  page.fire("pageshow", { persisted: true });
  await page.wait(20);
  assert.deepEqual(page.types, ["page_view", "page_view"]);
  assert.equal(page.events[1].properties.referrer, "https://www.example.com/");
});

test("PageView_Prerendered_WaitsForActivation", async () => {
  const page = await open({ prerendering: true, before: "ClarityTracking = { q: [['trackEvent', ['early']]] }" });
  await page.wait(60000);
  assert.equal(page.sent.length, 0);
  await page.activate();
  await page.wait(5000);
  assert.deepEqual(page.types, ["page_view", "custom"]);
});

test("Queue_CallsBeforeLoad_AreReplayedInOrderAfterTheView", async () => {
  const page = await open({
    before: `ClarityTracking = { q: [] };
      ["identify", "trackPurchase", "addSharedProperty"].forEach(function (m) { ClarityTracking[m] = function () { ClarityTracking.q.push([m, arguments]); }; });
      var held = ClarityTracking;
      ClarityTracking.addSharedProperty({ key: "plan", value: "pro" });
      ClarityTracking.identify("a@example.com", { firstName: "Ada" });
      ClarityTracking.trackPurchase(149.9, { currency: "EUR", orderId: "1001" });`,
  });
  assert.deepEqual(page.types, ["page_view", "identify", "purchase"]);
  assert.equal(page.sent.length, 1);
  for (const event of page.events) {
    assert.equal(event.properties.plan, "pro");
    assert.deepEqual(event.user, { email: "a@example.com", first_name: "Ada" });
  }
  page.run("held.trackPurchase(1, {}); ClarityTracking.q.push(['trackPurchase', [2, {}]])");
  await page.wait(20);
  assert.deepEqual(page.events.slice(3).map((e) => e.properties.value), [1, 2]);
});

test("Queue_OptOutBeforeLoad_NothingIsSentOrStored", async () => {
  const page = await open({ before: "ClarityTracking = { q: [['optOut', []], ['trackEvent', ['x']]] }" });
  page.run("ClarityTracking.trackPurchase(1)");
  await page.hide();
  assert.equal(page.sent.length, 0);
  await page.wait(1000);
  assert.deepEqual(page.jar.cookies.map((c) => c.name), ["ct_optout"]);
});

test("Script_TwiceInThePage_CountsOnce", async () => {
  const page = await open();
  page.load();
  page.run("ClarityTracking.trackPurchase(1); history.pushState(null, '', '/next')");
  await page.wait(100);
  assert.deepEqual(page.types, ["page_view", "purchase", "page_view"]);
  assert.equal(page.sent.flatMap((sent) => sent.events).length, 3);
});

test("Script_AsAModule_WhereItCannotFindItsTag_IsSilent", async () => {
  const page = await open({ module: true });
  assert.equal(page.sent.length, 0);
});

const calls: [situation: string, call: string, type: string, properties: object][] = [
  ["StandardType", "trackEvent('add_to_cart', { contentName: 'Chair', items: [{ id: 'c' }] })", "add_to_cart", { content_name: "Chair", items: [{ id: "c" }] }],
  ["AnyOtherName", "trackEvent('Plan Chosen', { planName: 'pro' })", "custom", { event_name: "Plan Chosen", planName: "pro" }],
  ["Track", "track('lead', { value: 5 })", "lead", { value: 5 }],
  ["NameOfAnObjectMethod", "trackEvent('constructor')", "custom", { event_name: "constructor" }],
  ["Purchase", "trackPurchase('149.90', { currency: 'EUR', orderId: 'A-1', items: [] })", "purchase", { value: 149.9, currency: "EUR", order_id: "A-1", items: [] }],
  ["Goal", "goal('Called us', { page: 1 })", "goal", { event_name: "Called us", page: 1 }],
  ["Enrollment", "trackCourseEnrollment({ courseId: 'c1', value: 99 })", "course_enrollment", { course_id: "c1", value: 99 }],
];
for (const [situation, call, type, properties] of calls)
  test(`Call_${situation}_IsThatEvent`, async () => {
    const page = await open();
    page.run("ClarityTracking." + call);
    await page.wait(6000);
    const { event_type, properties: all } = page.events[1];
    const { url, title, referrer, ...own } = all;
    assert.deepEqual([event_type, own], [type, properties]);
  });

test("Goal_WithADate_HappenedThen", async () => {
  const page = await open();
  page.run("ClarityTracking.goal('Signed', {}, '2025-11-20T10:00:00Z')");
  await page.wait(20);
  assert.equal(page.events[1].timestamp, "2025-11-20T10:00:00.000Z");
});

test("NewsletterSignup_WithEmail_IdentifiesAndKeepsItOutOfTheProperties", async () => {
  const page = await open();
  page.run("ClarityTracking.trackNewsletterSignup({ email: 'a@example.com', list: 'news' })");
  await page.wait(20);
  const [, identify, signup] = page.events;
  assert.equal(identify.event_type, "identify");
  assert.deepEqual(signup.user, { email: "a@example.com" });
  assert.equal(signup.properties.email, undefined);
  assert.equal(signup.properties.list, "news");
});

test("Purchase_SameOrderTwice_HasOneEventId", async () => {
  const page = await open();
  page.run("for (const o of [{ orderId: '7' }, { orderId: '7' }, { orderId: '8' }, { eventId: 'mine' }, { orderId: 7, eventId: 9 }, {}]) ClarityTracking.trackPurchase(1, o)");
  await page.wait(20);
  const ids = page.sent[1].events.map((e: any) => e.event_id);
  assert.deepEqual(ids.slice(0, 5), ["purchase_7", "purchase_7", "purchase_8", "mine", "9"]);
  assert.match(ids[5], uuid);
  assert.equal(page.sent[1].events[3].properties.event_id, undefined);
});

test("Identify_OnLaterPages_IsKeptAndAnotherEmailIsAnotherPerson", async () => {
  const first = await open();
  first.run("ClarityTracking.identify('a@example.com', { phone: '1' }); ClarityTracking.identify('a@example.com', { lastName: 'B' })");
  await first.wait(20);
  const later = await open({ jar: first.jar, storage: first.storage });
  assert.deepEqual(later.events[0].user, { email: "a@example.com", phone: "1", last_name: "B" });
  assert.equal(later.run("ClarityTracking.isIdentified()"), true);
  later.run("ClarityTracking.identify('c@example.com')");
  assert.deepEqual({ ...later.run("ClarityTracking.getUserIdentity()") }, { email: "c@example.com" });
  assert.ok(!first.jar.get("www.example.com").includes("example.com"));
});

test("Visitor_LocalStorageOrCookiesAlone_IsRemembered", async () => {
  const first = await open();
  const id = first.run("ClarityTracking.getVisitorId()");
  assert.equal(id, first.events[0].visitor_id);
  assert.equal((await open({ jar: first.jar })).events[0].visitor_id, id);
  assert.equal((await open({ storage: first.storage })).events[0].visitor_id, id);
});

test("OptOut_IsKeptUntilOptIn", async () => {
  const first = await open();
  first.run("ClarityTracking.trackEvent('later'); ClarityTracking.optOut()");
  await first.hide();
  assert.deepEqual(first.types, ["page_view"]);
  const kept = { jar: first.jar, storage: first.storage };
  const next = await open(kept);
  assert.equal(next.sent.length, 0);
  assert.equal(next.run("ClarityTracking.getVisitorId()"), "");
  next.run("ClarityTracking.optIn(); ClarityTracking.trackPurchase(1)");
  await next.wait(20);
  assert.deepEqual(next.types, ["page_view", "purchase"]);
  assert.notEqual(next.events[0].visitor_id, first.events[0].visitor_id);
});

for (const [minutes, same] of [
  [29, true],
  [31, false],
] as const)
  test(`Session_${minutes}MinutesWithoutAnEvent_${same ? "GoesOn" : "IsANewOne"}`, async () => {
    const page = await open();
    await page.wait(minutes * 60000);
    page.run("ClarityTracking.trackPurchase(1)");
    await page.wait(20);
    assert.equal(page.events[0].session_id === page.events[1].session_id, same);
  });

test("Session_Ended_IsANewOneFromThenOn", async () => {
  const page = await open({ lifecycle: true });
  page.run("ClarityTracking.endSession(true); ClarityTracking.trackPurchase(1)");
  await page.wait(20);
  assert.deepEqual(page.types, ["session_start", "page_view", "session_end", "session_start", "purchase"]);
  const [first, view, end, second, purchase] = page.events.map((e) => e.session_id);
  assert.deepEqual([view, end, purchase], [first, first, second]);
  assert.notEqual(first, second);
});

test("Config_Attributes_ReplaceTheDefaults", async () => {
  const page = await open({ attributes: { batchSize: "2", sessionTimeout: "5", intervalStart: "zero" } });
  assert.deepEqual({ ...page.run("ClarityTracking.getConfig()") }, {
    apiKey: "pk_test_1",
    endpoint: "https://track.example.net/api/v1/collect",
    debug: false,
    batchSize: 2,
    intervalStart: 5000,
    intervalIncrement: 2000,
    sessionTimeout: 5,
  });
});

test("Page_WithoutAnyStorage_StillCountsWithOneVisitorAndSession", async () => {
  const page = await open({ noStorage: true, url: "https://www.example.com/?fbclid=F1" });
  page.run("ClarityTracking.identify('a@example.com')");
  await page.wait(20);
  assert.deepEqual(page.types, ["page_view", "identify"]);
  assert.equal(page.events[0].visitor_id, page.events[1].visitor_id);
  assert.equal(page.events[0].session_id, page.events[1].session_id);
  assert.equal(page.events[1].click_ids.fbclid.value, "F1");
});

test("Page_ThatMisusesOrBreaksThings_GetsNoErrorOfOurs", async () => {
  const page = await open({ before: "navigator.sendBeacon = function () { throw 1 }; Object.freeze(navigator);" });
  page.run("ClarityTracking.trackEvent(); ClarityTracking.trackEvent('x', null); ClarityTracking.addSharedProperty(); ClarityTracking.identify()");
  page.run("var o = {}; o.o = o; ClarityTracking.trackEvent('circular', o); ClarityTracking.trackPurchase(1)");
  await page.hide();
  await page.wait(10000);
  assert.ok(page.types.includes("purchase"));
  page.run("fetch = function () { throw 1 }; ClarityTracking.trackPurchase(2)");
  await page.wait(10000);
});
