// Feeds a set of journeys through intake (touches as server events, conversions as signed webhooks), waits until they are touchpoints and matches, reads
// the reports back and compares them with what they must be. Nothing goes around the product. See README.md.
import { spawnSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [url, token, set] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const json = (file) => JSON.parse(readFileSync(file, "utf8"));
const iso = (ms) => new Date(ms).toISOString();

const call = async (method, path, body, key = token) => {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(url + path, { method, headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (answer.ok) return answer.json();
    if (![429, 503].includes(answer.status) || tries > 50) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    await new Promise((done) => setTimeout(done, 1000 * Number(answer.headers.get("retry-after") ?? 1)));
  }
};

const all = async (items, run, atOnce = 16) => {
  const left = items.entries();
  await Promise.all(Array.from({ length: atOnce }, async () => { for (const [, item] of left) await run(item); }));
};

/** A website with a signed source and links of these windows (name to days). */
const website = async (name, links) => {
  const made = await call("POST", "/api/websites", { name, domain: "shop.example.com", currency: "EUR" });
  const secret = randomBytes(32);
  const source = await call("POST", `/api/websites/${made.id}/connections`,
    { platform: "generic", name: "Sender", settings: {}, credentials: { webhook_secret: "whsec_" + secret.toString("base64") } });
  const ids = {};
  for (const [link, windowDays] of Object.entries(links))
    ids[link] = (await call("POST", `/api/websites/${made.id}/links`, { name: link, targetUrl: "https://shop.example.com/", windowDays })).id;
  return { id: made.id, key: made.secretKey, secret, hook: source.webhookUrl.slice(source.webhookUrl.indexOf("/webhooks/")), links: ids };
};

const convert = async (site, journey) => {
  const [id, at] = [`m-${journey.id}`, Math.floor(Date.now() / 1000)];
  const body = JSON.stringify({ type: "order.paid", timestamp: iso(journey.end), data: { order_id: journey.id, value: String(journey.value), currency: "EUR", attribution: { visitor_id: journey.id } } });
  const answer = await fetch(url + site.hook, { method: "POST", body, headers: {
    "content-type": "application/json", "webhook-id": id, "webhook-timestamp": String(at),
    "webhook-signature": "v1," + createHmac("sha256", site.secret).update(`${id}.${at}.${body}`).digest("base64"),
  } });
  if (!answer.ok) throw new Error(`webhook ${journey.id}: ${answer.status} ${await answer.text()}`);
};

/** Sends journeys: {id, end, value?, touches:[{ts, seq, channel, link?}]}. */
const feed = async (site, journeys) => {
  const batches = [];
  let batch = [];
  for (const journey of journeys) {
    const converted = journey.value !== undefined;
    const events = journey.touches.toSorted((a, b) => a.seq - b.seq)
      // one that did not convert ends with the last that was seen of it, so nothing can come after
      .filter((t) => converted || t.ts <= journey.end)
      .map((t) => ({
        event_id: `${journey.id}-${t.seq}`, event_type: "page_view", timestamp: iso(t.ts), visitor_id: journey.id, properties: { channel: t.channel },
        ...(t.link ? { click_ids: { ct_campaign_link_id: site.links[t.link] } } : {}),
      }));
    if (!converted) // a sign-up for news: it earns nothing and says when the visitor was last there
      events.push({ event_id: `${journey.id}-end`, event_type: "identify", timestamp: iso(journey.end), visitor_id: journey.id, user: { email: `${journey.id.toLowerCase()}@example.com` }, properties: {} });
    if (batch.length + events.length > 400) { batches.push(batch); batch = []; }
    batch.push(...events);
  }
  batches.push(batch);
  await all(batches.filter((b) => b.length), async (events) => {
    const answer = await call("POST", "/event/track", { events }, site.key);
    if (answer.rejected?.length) throw new Error(`rejected: ${JSON.stringify(answer.rejected[0])}`);
  });
  await all(journeys.filter((j) => j.value !== undefined), (journey) => convert(site, journey));
};

/** Until nothing waits any more: stored events are touchpoints, webhooks are conversions, conversions are matched. */
const settle = async () => {
  const [names, began] = [["routing", "touchpoints", "webhooks", "matching"], Date.now()];
  for (let calm = 0; calm < 3;) {
    const waiting = (await call("GET", "/api/metrics")).queues.filter((q) => names.includes(q.name) && q.waiting > 0);
    calm = waiting.length === 0 ? calm + 1 : 0;
    if (Date.now() - began > 600_000) throw new Error(`still waiting: ${JSON.stringify(waiting)}`);
    await new Promise((done) => setTimeout(done, 500));
  }
};

const names = { first: "first_touch", last: "last_touch", last_non_direct: "last_non_direct", linear: "linear", position_based: "position_based", time_decay: "time_decay", shapley: "shapley", shapley_rate: "shapley_rate" };
const rules = Object.entries(names).slice(0, 6);
const report = (site, period, query) => call("GET", `/api/websites/${site.id}/attribution?${period}&${query}`);
// a row that earned nothing (it brought visits) may be left out: it counts as 0
const pairs = (answer) => Object.fromEntries(answer.rows.filter((r) => r.conversions !== 0 || r.revenue !== 0).map((r) => [r.name, [r.conversions, r.revenue]]));

/** All reports of a set, in the shape of its expected.json. */
const read = async (site, period) => {
  const result = { models: {}, windows: {}, last_link_click: {} };
  for (const [name, model] of Object.entries(names)) result.models[name] = pairs(await report(site, period, `model=${model}&windowDays=30`));
  for (const order of [1, 2, 3]) {
    const answer = await report(site, period, `model=markov&order=${order}&windowDays=30`);
    result.models[`markov_${order}`] = Object.fromEntries(answer.rows.map((r) => [r.name, { conversions: r.conversions, value: r.revenue, removal_conversions: r.removalConversions, removal_value: r.removalValue }]));
  }
  for (const [window, query] of [["7d", "windowDays=7"], ["14d", "windowDays=14"], ["60d", "windowDays=60"], ["per_link_else_30d", ""]]) {
    const one = (result.windows[window] = {});
    for (const [name, model] of rules) {
      const answer = await report(site, period, `model=${model}&${query}`);
      one[name] = pairs(answer);
      one.unattributed_conversions = answer.unattributed.conversions;
      one.attributed_conversions = answer.totals.conversions - answer.unattributed.conversions;
    }
  }
  const links = await report(site, period, "model=last_touch&by=link");
  result.last_link_click = { by_link: pairs(links), no_link_in_window: [links.unattributed.conversions, links.unattributed.revenue] };
  return result;
};

let failures = 0;
const fail = (what) => { failures++; console.log(`DIFF ${what}`); };

const checkSet = async () => {
  const journeys = readFileSync(join(set, "journeys.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const links = Object.fromEntries(Object.entries(json(join(set, "links.json"))).map(([name, link]) => [name, link.window_days]));
  const site = await website("Journeys", links);
  const began = Date.now();
  await feed(site, journeys);
  await settle();
  const ends = journeys.map((j) => j.end);
  const period = `from=${iso(ends.reduce((a, b) => Math.min(a, b)))}&to=${iso(ends.reduce((a, b) => Math.max(a, b)) + 1)}`;
  console.log(`${journeys.length} journeys through intake, touchpoints and matching in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  const file = join(mkdtempSync(join(tmpdir(), "clarity-attribution-")), "result.json");
  writeFileSync(file, JSON.stringify(await read(site, period)));
  const done = spawnSync("python3", [join(here, "attribution_check.py"), set, file], { encoding: "utf8" });
  process.stdout.write(done.stdout + done.stderr);
  if (done.status !== 0) failures++;
  console.log(`result: ${file}`);
};

/** Each hand-made journey is a website of its own, since each has windows of its own. */
const checkEdges = async (edges) => {
  const sites = [];
  for (const [place, edge] of edges.journeys.entries()) {
    const site = await website(`Edge ${place}`, edge.links ?? {});
    await feed(site, [{ id: `edge-${place}`, ...edge.journey }]);
    sites.push([edge, site]);
  }
  const chains = [];
  for (const [place, chain] of edges.markov.entries()) {
    const site = await website(`Chain ${place}`, {});
    const end = 1_775_000_000_000;
    const journeys = chain.paths.flatMap(([path, converted, value, nulls], row) => Array.from({ length: converted + nulls }, (_, i) => ({
      id: `chain-${place}-${row}-${i}`, end, ...(i < converted ? { value: value / converted } : {}), touches: path.split(" > ").map((channel, seq, keys) => ({ ts: end - (keys.length - seq) * 1000, seq, channel })),
    })));
    await feed(site, journeys);
    chains.push([chain, site]);
  }
  await settle();
  let parts = 0;
  for (const [edge, site] of sites) {
    const period = `from=${iso(edge.journey.end)}&to=${iso(edge.journey.end + 1)}${edge.links || edge.window_days === 30 ? "" : `&windowDays=${edge.window_days}`}`;
    for (const [model, shares] of Object.entries(edge.expected_share)) {
      parts++;
      const answer = await report(site, period, `model=${names[model]}`);
      const got = pairs(answer);
      for (const key of new Set([...Object.keys(shares), ...Object.keys(got)]))
        if (Math.abs((got[key]?.[0] ?? 0) - (shares[key] ?? 0)) > 1e-9) fail(`${edge.name}: ${model}/${key} must be ${shares[key] ?? 0}, is ${got[key]?.[0] ?? 0}`);
      if (answer.unattributed.conversions !== (edge.unattributed ? 1 : 0)) fail(`${edge.name}: ${answer.unattributed.conversions} unattributed`);
    }
  }
  for (const [chain, site] of chains) {
    parts++;
    const answer = await report(site, `from=${iso(1_775_000_000_000)}&to=${iso(1_775_000_000_001)}`, "model=markov&order=1");
    for (const [key, [conversions, value]] of Object.entries(chain.markov_1)) {
      const row = answer.rows.find((r) => r.key === key) ?? { conversions: 0, revenue: 0 };
      if (Math.abs(row.conversions - conversions) > 1e-6 || Math.abs(row.revenue - value) > 1e-6) fail(`${chain.name}: ${key} must be ${conversions}, ${value}, is ${row.conversions}, ${row.revenue}`);
    }
  }
  console.log(`edge cases: parts ${parts}, differences ${failures}`);
};

const edges = [join(set, "edge_cases.json"), join(set, "..", "edge_cases.json")].find(existsSync);
if (edges) await checkEdges(json(edges));
await checkSet();
process.exit(failures ? 1 : 0);
