import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, open, type Page, type PageOptions } from "./support/page";

const openWatched = (options?: PageOptions): Promise<Page> => open({ ...options, lifecycle: true });
const all = (page: Page, type: string): any[] => page.events.filter((event) => event.event_type === type);

test("Session_TimedOut_EndsAtItsLastEventAndTheNextOneStarts", async () => {
  const page = await openWatched({ attributes: { sessionTimeout: "5" } });
  await page.wait(4 * 60000);
  page.run("ClarityTracking.trackPurchase(1)");
  await page.wait(6 * 60000);
  page.run("ClarityTracking.trackPurchase(2)");
  await page.wait(20);
  assert.deepEqual(page.types, ["session_start", "page_view", "purchase", "session_end", "session_start", "purchase"]);
  const [start, , first, end, next, second] = page.events;
  assert.deepEqual([first.session_id, end.session_id], [start.session_id, start.session_id]);
  assert.equal(end.timestamp, first.timestamp);
  assert.notEqual(next.session_id, start.session_id);
  assert.equal(second.session_id, next.session_id);
});

test("Session_OnTheNextPage_GoesOn", async () => {
  const first = await openWatched();
  const next = await openWatched({ jar: first.jar, storage: first.storage, now: clock + 60000, url: "https://www.example.com/2" });
  assert.deepEqual(next.types, ["page_view"]);
  assert.equal(next.events[0].session_id, first.events[0].session_id);
});

test("PageExit_OnLeaving_TellsDepthAndTimeInFrontOnce", async () => {
  const page = await openWatched();
  page.scrollTo(1000);
  await page.wait(9980);
  await page.hide();
  const exits = all(page, "page_exit");
  assert.equal(exits.length, 1);
  const { percent_scrolled, engagement_time_msec, url } = exits[0].properties;
  assert.deepEqual([percent_scrolled, engagement_time_msec, url], [50, 10000, "https://www.example.com/"]);
  assert.equal(page.sent[page.sent.length - 1].beacon, true);
});

test("PageExit_AfterComingBack_HasTheFiguresOfTheWholeView", async () => {
  const page = await openWatched();
  await page.wait(4980);
  await page.hide();
  await page.wait(60000);
  await page.show();
  await page.wait(3000);
  await page.hide();
  assert.deepEqual(all(page, "page_exit").map((e) => e.properties.engagement_time_msec), [5000, 8000]);
});

test("PageExit_SinglePageApp_BelongsToThePageThatIsLeft", async () => {
  const page = await openWatched({ referrer: "https://news.example.net/" });
  await page.wait(980);
  page.run("history.pushState(null, '', '/b')");
  await page.wait(2000);
  await page.hide();
  assert.deepEqual(
    page.events.filter((e) => /page/.test(e.event_type)).map((e) => [e.event_type, e.properties.url, e.properties.referrer, e.properties.engagement_time_msec]),
    [
      ["page_view", "https://www.example.com/", "https://news.example.net/", undefined],
      ["page_exit", "https://www.example.com/", "https://news.example.net/", 1050],
      ["page_view", "https://www.example.com/b", "https://www.example.com/", undefined],
      ["page_exit", "https://www.example.com/b", "https://www.example.com/", 1950],
    ],
  );
});

test("PageExit_TabNeverLookedAt_IsNone", async () => {
  const page = await openWatched({ hidden: true });
  await page.wait(1000);
  page.fire("pagehide");
  assert.deepEqual(all(page, "page_exit"), []);
});

test("Scroll_Quarters_AreToldOnceEach", async () => {
  const page = await openWatched();
  page.scrollTo(1100);
  await page.wait(300);
  page.scrollTo(500);
  await page.wait(300);
  page.scrollTo(3000);
  await page.wait(6000);
  assert.deepEqual(all(page, "scroll").map((e) => e.properties.percent_scrolled), [25, 50, 75, 100]);
});

test("Scroll_PageThatFitsTheScreen_TellsNone", async () => {
  const page = await openWatched();
  await page.wait(60000);
  assert.deepEqual(all(page, "scroll"), []);
});

test("Hash_WithTheOption_AnotherFragmentIsAnotherView", async () => {
  const page = await open({ attributes: { hash: "" }, url: "https://www.example.com/#/a" });
  page.run("history.pushState(null, '', '#/b')");
  await page.wait(100);
  page.go("#/c");
  await page.wait(100);
  assert.deepEqual(page.events.map((e) => e.properties.url.split("#")[1]), ["/a", "/b", "/c"]);
});

test("PageFile_ThatNeverArrives_LosesNoEvent", async () => {
  const page = await open({ files: false, answer: () => ({ status: 503 }) });
  page.answer = () => ({ status: 202 });
  page.run("ClarityTracking.trackPurchase(1)");
  await page.wait(20);
  assert.deepEqual(page.types, ["page_view", "purchase"]);
  page.run("ClarityTracking.trackEvent('late')");
  await page.hide();
  assert.deepEqual(page.types, ["page_view", "purchase", "custom"]);
});

test("OnlyIdentify_NothingElseIsSent", async () => {
  const page = await openWatched({ attributes: { onlyIdentify: "" } });
  page.run("ClarityTracking.trackPurchase(1); ClarityTracking.identify('a@example.com')");
  await page.hide();
  assert.deepEqual(page.types, ["session_start", "identify"]);
});

test("Cookies_AfterAWriteThatCameBeforeAnyRead_AreStillSeen", async () => {
  const first = await open();
  first.run("ClarityTracking.consent({ ads: false })");
  await first.wait(1000);
  first.storage.clear();
  const page = await open({ jar: first.jar, cookies: { _ga: "GA1.1.1.2" }, url: "https://www.example.com/?fbclid=F2" });
  await page.wait(1000);
  page.run("ClarityTracking.optIn(); ClarityTracking.trackPurchase(1)");
  await page.wait(1000);
  const { cookies, consent } = page.events[page.events.length - 1];
  assert.deepEqual([cookies.ga, consent.ad_storage], ["GA1.1.1.2", "denied"]);
});

test("PageExit_AfterTheSessionTimedOut_StartsNoNewOne", async () => {
  const page = await openWatched();
  await page.wait(31 * 60000);
  await page.hide();
  assert.deepEqual(page.types, ["session_start", "page_view"]);
});

test("PageExit_SinglePageApp_IsMeasuredOnThePageThatIsLeft", async () => {
  const page = await openWatched();
  page.scrollTo(1000);
  await page.wait(300);
  page.run("history.pushState(null, '', '/short'); document.documentElement.scrollHeight = 100");
  await page.wait(100);
  await page.wait(5000);
  assert.equal(all(page, "page_exit")[0].properties.percent_scrolled, 50);
});

test("Hash_AnotherAddressWithTheOption_IsOneView", async () => {
  const page = await open({ attributes: { hash: "" } });
  page.run("history.pushState(null, '', '/b#x'); ClarityTracking.trackPurchase(1)");
  await page.wait(6000);
  assert.deepEqual(page.types, ["page_view", "page_view", "purchase"]);
});

test("Order_SharedWithEveryEvent_MakesOnlyPurchasesOne", async () => {
  const page = await open();
  page.run("ClarityTracking.addSharedProperty({ key: 'order_id', value: '1' }); ClarityTracking.trackEvent('lead'); ClarityTracking.trackEvent('lead'); ClarityTracking.trackPurchase(1); ClarityTracking.trackPurchase(1)");
  await page.wait(20);
  assert.deepEqual(page.types, ["page_view", "lead", "lead", "purchase"]);
});
