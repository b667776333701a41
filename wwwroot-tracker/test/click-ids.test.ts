import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, open } from "./support/page";

const cases: [situation: string, query: string, expected: Record<string, string>][] = [
  ["EveryName", "?fbclid=a&gclid=b&gbraid=c&wbraid=d&dclid=e&ttclid=f&epik=g&ScCid=h&rdt_cid=i&li_fat_id=j&msclkid=k&twclid=l&ct_tracking_id=m&ct_campaign_link_id=n",
    { fbclid: "a", gclid: "b", gbraid: "c", wbraid: "d", dclid: "e", ttclid: "f", epik: "g", ScCid: "h", rdt_cid: "i", li_fat_id: "j", msclkid: "k", twclid: "l", ct_tracking_id: "m", ct_campaign_link_id: "n" }],
  ["MixedCase_IsKept", "?fbclid=IwAR2F4-dbP0l7_Mn1", { fbclid: "IwAR2F4-dbP0l7_Mn1" }],
  ["OtherCaseOfAName_IsTaken_TheServerNamesIt", "?sccid=AbC", { sccid: "AbC" }],
  ["PlainPlus_StaysAPlus", "?epik=dj0y+Z2c/x==", { epik: "dj0y+Z2c/x==" }],
  ["EncodedPlus_IsAPlus", "?epik=a%2Bb%3D", { epik: "a+b=" }],
  ["EncodedTwice_IsDecodedOnce", "?gclid=a%252Fb", { gclid: "a%2Fb" }],
  ["StrayPercent_StaysAsItStands", "?gclid=100%zz", { gclid: "100%zz" }],
  ["EqualsInside_IsPartOfTheId", "?ttclid=E.C.P.a=b=", { ttclid: "E.C.P.a=b=" }],
  ["Repeated_TheFirstCounts", "?gclid=one&gclid=two", { gclid: "one" }],
  ["Empty_IsNone", "?fbclid=&gclid", {}],
  ["NameInsideAnother_IsNone", "?myfbclid=a&fbclid_x=b", {}],
  ["InTheFragment_IsNone", "#?fbclid=a&gclid=b", {}],
  ["BeforeAFragment_EndsThere", "?fbclid=a#gclid=b", { fbclid: "a" }],
  ["ControlCharacter_IsNone", "?fbclid=a%00b", {}],
  ["TooLong_IsNone", "?fbclid=" + "a".repeat(1001), {}],
];

for (const [situation, query, expected] of cases)
  test(`ClickIds_${situation}`, async () => {
    const { events } = await open({ url: "https://www.example.com/p" + query });
    assert.deepEqual(Object.fromEntries(Object.entries<any>(events[0].click_ids).map(([name, { value }]) => [name, value])), expected);
  });

test("ClickIds_SeenAgain_KeepTheTimeFirstSeen", async () => {
  const first = await open({ url: "https://www.example.com/?gclid=G1" });
  const again = await open({ url: "https://www.example.com/?gclid=G1", jar: first.jar, storage: first.storage, now: clock + 1000 });
  const other = await open({ url: "https://www.example.com/?gclid=G2", jar: first.jar, storage: first.storage, now: clock + 2000 });
  const iso = (ms: number) => new Date(ms).toISOString();
  assert.deepEqual(again.events[0].click_ids.gclid, { value: "G1", first_seen: iso(clock) });
  assert.deepEqual(other.events[0].click_ids.gclid, { value: "G2", first_seen: iso(clock + 2000) });
});

test("ClickIds_OnALaterPageOfAnotherSubdomain_AreStillThere", async () => {
  const first = await open({ url: "https://www.example.co.uk/?gclid=G1" });
  const shop = await open({ url: "https://shop.example.co.uk/cart", jar: first.jar, now: clock + 5000 });
  assert.equal(shop.events[0].click_ids.gclid.value, "G1");
  assert.equal(shop.events[0].visitor_id, first.events[0].visitor_id);
});

test("ClickIds_InTheReferrerOfThisSite_FillAGapOnly", async () => {
  const referrer = "https://www.example.com/l?gclid=Old&fbclid=F1";
  const known = await open({ url: "https://www.example.com/?gclid=New" });
  const next = await open({ url: "https://www.example.com/2", referrer, jar: known.jar, storage: known.storage });
  assert.equal(next.events[0].click_ids.gclid.value, "New");
  assert.equal(next.events[0].click_ids.fbclid.value, "F1");
});

test("ClickIds_InAnotherSitesReferrer_AreNotOurs", async () => {
  const { events } = await open({ referrer: "https://news.example.net/?gclid=Theirs" });
  assert.deepEqual(events[0].click_ids, {});
});

for (const [host, domain] of [
  ["example.com", "example.com"],
  ["www.example.com", "example.com"],
  ["a.b.example.co.uk", "example.co.uk"],
  ["shop.myname.github.io", "myname.github.io"],
  ["localhost", "localhost"],
  ["192.0.2.10", "192.0.2.10"],
])
  test(`CookieDomain_${host}_IsTheWidestTheBrowserAllows`, async () => {
    const page = await open({ url: `https://${host}/` });
    // the probe lives for a second
    await page.wait(1000);
    assert.deepEqual([...new Set(page.jar.cookies.map((c) => c.domain))], [domain]);
    assert.ok(!page.jar.cookies.some((c) => c.name === "ct_probe"));
  });
