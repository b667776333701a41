import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./support/page";
import file from "./vectors/fbc-fbp-client-ip.json";

// a browser always gives document.referrer a scheme
const serverOnly = ["v-ctx-015"];
const withoutAppendix = (value: string | undefined) => value?.replace(/^((?:[^.]*\.){3}[^.]+)\.(?:AQ|Ag|Aw|BA|BQ|Bg|.{8})$/, "$1") ?? null;

for (const { id, note, input, expected, ours } of file.cases as any[]) {
  if (serverOnly.includes(id)) continue;
  test(`MetaCookies_${id}_${note}`, async () => {
    const query = new URLSearchParams(input.query).toString();
    const page = await open({
      url: `https://${input.host}/${query && "?" + query}`,
      referrer: input.referer ?? "",
      cookies: input.cookies,
      random: file.random,
    });
    const host = new URL(`https://${input.host}`).hostname;
    const inOurs = (value: string | null) => value && ours ? value.replace(/^fb\.\d+/, `fb.${ours.subdomain_index}`) : value;

    const { fbc, fbp } = page.events[0].cookies;
    assert.equal(withoutAppendix(fbc), inOurs(expected.fbc));
    assert.equal(fbp, inOurs(expected.fbp));
    for (const cookie of expected.set_cookies.filter((c: any) => !c.only_adds_appendix)) {
      const kept = page.jar.cookies.filter((c) => c.name === cookie.name && (!c.hostOnly || c.domain === cookie.domain));
      assert.deepEqual(kept.map(({ value, domain }) => [value, domain]), [[inOurs(cookie.value_core), ours?.cookie_domain ?? cookie.domain]]);
    }
    // what was valid stays as it stands, appendix and all
    for (const [name, value] of Object.entries(input.cookies))
      if (expected[name.slice(1)]?.startsWith(String(value).slice(0, 20))) assert.ok(page.jar.get(host).includes(`${name}=${value}`));
  });
}

test("MetaCookies_GlobalPrivacyControl_NoneIsMade", async () => {
  const page = await open({ url: "https://www.example.com/?fbclid=A1", gpc: true });
  assert.deepEqual(page.jar.cookies.filter((c) => c.name.startsWith("_fb")), []);
  assert.equal(page.events[0].click_ids.fbclid.value, "A1");
});

test("MetaCookies_AdsRefused_NoneIsMade", async () => {
  const page = await open({
    url: "https://www.example.com/?fbclid=A1",
    before: "ClarityTracking = { q: [['consent', [{ ads: false, analytics: true }]]] }",
  });
  assert.deepEqual(page.jar.cookies.filter((c) => c.name.startsWith("_fb")), []);
  assert.deepEqual(page.events[0].consent, {
    ad_user_data: "denied",
    ad_personalization: "denied",
    ad_storage: "denied",
    analytics_storage: "granted",
  });
});

test("MetaCookies_CookieLostLater_RebuiltWithTheTimeTheClickWasFirstSeen", async () => {
  const first = await open({ url: "https://www.example.com/?fbclid=A1" });
  const jar = first.jar;
  jar.cookies = jar.cookies.filter((c) => c.name !== "_fbc");
  const later = await open({ url: "https://www.example.com/next", jar, storage: first.storage, now: first.now + 864e5 });
  assert.equal(later.events[0].cookies.fbc, "fb.1.1763700000123.A1");
});

test("MetaCookies_FbclidThatWouldEndTheCookie_IsNotWritten", async () => {
  const page = await open({ url: "https://www.example.com/?fbclid=A1%3Bdomain%3Dexample.net" });
  assert.equal(page.events[0].cookies.fbc, undefined);
});

test("PlatformCookies_OnThePage_GoUnchangedUnderTheContractsNames", async () => {
  const cookies = { _ga: "GA1.1.11.22", _ga_ABC123: "GS2.1.s17$o1", _ttp: "t%2Fp", _epik: "dj0y==", _scid: "s-1", _rdt_uuid: "17.aa", li_fat_id: "l1", other: "x" };
  const page = await open({ cookies, gpc: true });
  assert.deepEqual(page.events[0].cookies, {
    ga: "GA1.1.11.22",
    ga_session: "GS2.1.s17$o1",
    ttp: "t%2Fp",
    epik: "dj0y==",
    sc_cookie1: "s-1",
    rdt_uuid: "17.aa",
    li_fat_id: "l1",
  });
});
