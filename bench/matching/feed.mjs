// Sends a set of touchpoints and bookings through the product's own intake, waits until all is matched, and writes what it answers.
//   node bench/matching/feed.mjs URL TOKEN SET_DIR PREDICTIONS.jsonl
// One website for every business. A third of the touchpoints is sent after the bookings: the order of arrival must not matter.
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";

const [url, token, dir, output] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
const read = (name) => readFileSync(`${dir}/${name}.jsonl`, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const [touchpoints, bookings] = [read("touchpoints"), read("bookings")];

const call = (method, path, headers, body) => new Promise((done, fail) => {
  const sent = request({ hostname, port, path, method, agent, headers: { ...headers, ...(body && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }) } }, (answer) => {
    const parts = [];
    answer.on("data", (part) => parts.push(part)).on("end", () => {
      const text = Buffer.concat(parts).toString();
      answer.statusCode < 300 ? done(text) : fail(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 500)}`));
    });
  });
  sent.on("error", fail);
  sent.end(body);
});
const api = async (method, path, body) => JSON.parse(await call(method, path, { authorization: `Bearer ${token}` }, body && JSON.stringify(body)));

const EVENTS = { visit: { event_type: "page_view" }, platform_lead: { event_type: "lead" }, lead: { event_type: "lead" }, identify: { event_type: "identify" } };
const known = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const event = (t) => {
  const [kind, click] = t.click_id ? [t.click_id.slice(0, t.click_id.indexOf(".")), t.click_id.slice(t.click_id.indexOf(".") + 1)] : [];
  const type = EVENTS[t.type] ?? { event_type: "custom" };
  return known({
    ...type, event_id: t.tp_id, timestamp: t.ts, visitor_id: t.visitor_id,
    properties: known({
      event_name: EVENTS[t.type] ? undefined : t.type, source: t.type === "platform_lead" ? "platform" : undefined, channel: t.channel, utm_source: t.utm_source, utm_medium: t.utm_medium,
      utm_campaign: t.utm_campaign, service: t.service, location: t.location_id, device: t.device, os: t.os, browser: t.browser,
    }),
    click_ids: kind && { [kind]: click },
    user: known({ name: t.name, email: t.email, phone: t.phone, email_sha256: t.email_sha256, ip: t.ip }),
  });
};

const webhook = (b) => {
  const [kind, click] = b.click_id ? [b.click_id.slice(0, b.click_id.indexOf(".")), b.click_id.slice(b.click_id.indexOf(".") + 1)] : [];
  return JSON.stringify({
    type: "booking.created", timestamp: new Date(b.created_at).toISOString(),
    data: known({
      booking_id: b.booking_id, location: b.location_id, channel: b.source, value: b.value.toFixed(2), currency: "USD", items: [{ id: b.service, name: b.service, quantity: 1 }],
      customer: known({ name: b.name, email: b.email, phone: b.phone }), attribution: known({ visitor_id: b.visitor_id, ...(kind && { [kind]: click }) }),
      ip: b.ip, device: b.device, os: b.os, browser: b.browser,
    }),
  });
};

const sites = {};
for (const business of new Set([...touchpoints, ...bookings].map((x) => x.business_id))) {
  const site = await api("POST", "/api/websites", { name: business, domain: `${business.toLowerCase()}.example.com`, defaultCountry: "US", currency: "USD" });
  const secret = randomBytes(32);
  const source = await api("POST", `/api/websites/${site.id}/connections`, { platform: "generic", name: "Bookings", settings: {}, credentials: { webhook_secret: "whsec_" + secret.toString("base64") } });
  sites[business] = { ...site, secret, hook: source.webhookUrl.slice(source.webhookUrl.indexOf("/webhooks/")) };
}

/** Runs so many at once. */
const all = async (items, atOnce, work) => {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => { while (next < items.length) await work(items[next++]); }));
};

const track = async (some) => {
  const batches = Object.keys(sites).flatMap((business) => {
    const own = some.filter((t) => t.business_id === business);
    return Array.from({ length: Math.ceil(own.length / 100) }, (_, i) => ({ business, events: own.slice(i * 100, i * 100 + 100).map(event) }));
  });
  await all(batches, 4, async ({ business, events }) => {
    const answer = JSON.parse(await call("POST", "/event/track", { "x-api-key": sites[business].secretKey }, JSON.stringify({ events })));
    if (answer.rejected?.length) throw new Error(`refused: ${JSON.stringify(answer.rejected.slice(0, 3))}`);
  });
};

const book = (b) => {
  const [body, site, at] = [webhook(b), sites[b.business_id], Math.floor(Date.now() / 1000)];
  return call("POST", site.hook, { "webhook-id": b.booking_id, "webhook-timestamp": at, "webhook-signature": "v1," + createHmac("sha256", site.secret).update(`${b.booking_id}.${at}.${body}`).digest("base64") }, body);
};

const lines = async () => (await Promise.all(Object.values(sites).map((site) => call("GET", `/api/websites/${site.id}/matches?format=jsonl`, { authorization: `Bearer ${token}` })))).join("");

const began = performance.now();
const late = touchpoints.filter((_, i) => i % 3 === 2);
await track(touchpoints.filter((_, i) => i % 3 !== 2));
await all(bookings, 16, book);
await track(late);
const sent = performance.now();

// everything is matched when nothing changes any more
let [before, text] = ["", await lines()];
while (text !== before || text.split("\n").length - 1 < bookings.length || text.includes("not matched yet")) {
  await new Promise((done) => setTimeout(done, 5000));
  [before, text] = [text, await lines()];
  if (performance.now() - sent > 15 * 60_000) throw new Error(`only ${text.split("\n").length - 1} of ${bookings.length} bookings are there after 15 minutes`);
}
writeFileSync(output, text);
console.log(`${touchpoints.length} touchpoints and ${bookings.length} bookings sent in ${((sent - began) / 1000).toFixed(0)} s, settled ${((performance.now() - sent) / 1000).toFixed(0)} s later`);
process.exit(0);
