// How fast signed webhooks are answered while what they became is delivered: open loop (the next one is sent when its time has come, whether
// or not the last one was answered), so that a slow answer cannot hide behind a slow sender. See README.md.
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { Agent, createServer, request } from "node:http";

const [url, token, websiteId, seconds = "30", perSecond = "100"] = process.argv.slice(2);
const count = seconds * perSecond;
const secret = randomBytes(32);

const api = async (method, path, body) => {
  const answer = await fetch(url + path, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

// what is delivered to: a customer's own webhook, 20 ms away
const delivered = new Set();
const receiver = createServer((asked, answer) => {
  delivered.add(asked.headers["webhook-id"]);
  asked.resume().on("end", () => setTimeout(() => answer.end("{}"), 20));
}).listen(0, "127.0.0.1");
await new Promise((done) => receiver.once("listening", done));
await api("POST", `/api/websites/${websiteId}/connections`, {
  platform: "webhook", name: "Receiver", settings: { url: `http://127.0.0.1:${receiver.address().port}/` }, credentials: { secret: "whsec_" + randomBytes(32).toString("base64") },
});
const source = await api("POST", `/api/websites/${websiteId}/connections`, {
  platform: "generic", name: "Sender", settings: {}, credentials: { webhook_secret: "whsec_" + secret.toString("base64") },
});
const path = source.webhookUrl.slice(source.webhookUrl.indexOf("/webhooks/"));
const { hostname, port } = new URL(url);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const post = (number) => new Promise((done, fail) => {
  const [id, timestamp] = [randomUUID(), Math.floor(Date.now() / 1000)];
  const body = JSON.stringify({
    type: "order.paid", timestamp: new Date().toISOString(),
    data: { order_id: `${id}-${number}`, value: "38.50", currency: "EUR", customer: { email: `person${number}@example.com` }, attribution: { visitor_id: randomUUID() } },
  });
  const started = performance.now();
  const sent = request({ hostname, port, path, method: "POST", agent, headers: {
    "content-type": "application/json", "content-length": Buffer.byteLength(body), "webhook-id": id, "webhook-timestamp": timestamp,
    "webhook-signature": "v1," + createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64"),
  } }, (answer) => answer.resume().on("end", () =>
    answer.statusCode === 200 ? done(performance.now() - started) : fail(new Error(`answered ${answer.statusCode}`))));
  sent.on("error", fail);
  sent.end(body);
});

/** Sends so many, evenly; their times to the answer in ms, and how late the sender itself was at worst. */
const send = async (number) => {
  const [begin, answers] = [performance.now(), []];
  let late = 0;
  for (let i = 0; i < number; i++) {
    const due = begin + (i * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 1) await new Promise((done) => setTimeout(done, wait));
    late = Math.max(late, performance.now() - due);
    answers.push(post(i));
  }
  return { times: (await Promise.all(answers)).sort((a, b) => a - b), late };
};

await send(perSecond * 5); // just-in-time compilation
delivered.clear();
const { times, late } = await send(count);
const during = delivered.size;
const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
console.log(`webhooks: ${times.length} at ${perSecond}/s, answered in p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, at most ${at(1)} ms (the sender was at most ${late.toFixed(0)} ms late)`);
console.log(`deliveries meanwhile: ${during}`);
receiver.close();
process.exit(0);
