// What the snippet costs a page: the time its script keeps the main thread before the page goes on, and long tasks, at 4x processor
// throttle in Chromium, beside the Plausible tracker from npm and an empty script, in one run. See README.md.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const rounds = Number(process.argv[2] ?? 13);
const tracker = new URL("../ClarityTracking.Web/wwwroot/tracker/", import.meta.url);
const browserPath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
if (!browserPath || !existsSync(new URL("t.js", tracker))) throw new Error("bench/run snippet needs Chromium and a build (dotnet build).");

const work = mkdtempSync(join(tmpdir(), "bench-snippet-"));
try {
  writeFileSync(join(work, "package.json"), "{}");
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "playwright-core@1.61.1", "@plausible-analytics/tracker@0.4.6", "esbuild@0.28.2"], { cwd: work });
  const require = createRequire(join(work, "package.json"));
  const { chromium } = require("playwright-core");
  const plausible = require("esbuild").buildSync({
    stdin: { contents: `import { init } from "@plausible-analytics/tracker"; init({ domain: "example.com", endpoint: "/event" })`, resolveDir: work },
    bundle: true, minify: true, write: false, format: "iife",
  }).outputFiles[0].text;

  const links = Array.from({ length: 300 }, (_, i) => `<p><a href="/page-${i}">Page ${i}</a></p>`).join("");
  const page = (head) => `<!doctype html><html><head><title>Shop</title>${head}</head><body>${links}</body></html>`;
  const pages = {
    "/empty": page(`<script src="/empty.js"></script>`),
    "/plausible": page(`<script src="/plausible.js"></script>`),
    // not async here, so that every script runs at the same place
    "/clarity": page(`<script src="/t.js" data-apikey="pk_test_1"></script>`),
  };
  const scripts = { "/empty.js": ";", "/plausible.js": plausible };
  const server = createServer((request, response) => {
    const path = request.url.split("?")[0];
    const file = new URL(path.replace("/t/", "/").slice(1), tracker);
    if (pages[path]) return response.setHeader("content-type", "text/html").end(pages[path]);
    if (path.endsWith(".js") && (scripts[path] || existsSync(file)))
      return response.setHeader("content-type", "text/javascript").end(scripts[path] ?? readFileSync(file));
    request.resume().on("end", () => response.writeHead(202).end("{}"));
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const origin = `http://localhost:${server.address().port}`;
  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-quic", "--disable-background-networking"] });

  /** Milliseconds the page's own script tag kept the main thread, all later scripts, and the longest task. */
  const measure = async (path) => {
    const context = await browser.newContext();
    const tab = await context.newPage();
    const session = await context.newCDPSession(tab);
    await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    const events = [];
    session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
    await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] } });
    await tab.goto(origin + path + "?fbclid=IwAR0_aBc&utm_source=facebook");
    await tab.waitForTimeout(2500);
    const done = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
    await session.send("Tracing.end");
    await done;
    await context.close();
    const evaluations = events.filter((e) => e.name === "EvaluateScript" && e.ph === "X" && e.args.data?.url?.startsWith(origin));
    const time = (list) => list.reduce((sum, e) => sum + e.dur / 1000, 0);
    const isFirst = (e) => /\/(t|empty|plausible)\.js/.test(e.args.data.url);
    // timers and listeners of the script: the first view, which does not keep the page waiting
    const calls = events.filter((e) => e.name === "FunctionCall" && e.ph === "X" && /\/(t|plausible)\.js/.test(e.args.data?.url ?? ""));
    const main = new Set(evaluations.map((e) => `${e.pid}/${e.tid}`));
    const tasks = events.filter((e) => e.name === "RunTask" && main.has(`${e.pid}/${e.tid}`)).map((e) => e.dur / 1000);
    const longBecauseOfUs = events.filter((e) => e.name === "RunTask" && e.dur >= 50000 && main.has(`${e.pid}/${e.tid}`)
      && evaluations.some((s) => s.ts >= e.ts && s.ts < e.ts + e.dur && s.dur > e.dur / 2));
    return { sync: time(evaluations.filter(isFirst)), later: time(evaluations.filter((e) => !isFirst(e))), call: Math.max(0, ...calls.map((e) => e.dur / 1000)), longest: Math.max(...tasks), long: longBecauseOfUs.length };
  };
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

  for (const path of Object.keys(pages)) await measure(path);
  const results = {};
  for (let i = 0; i < rounds; i++) for (const path of Object.keys(pages)) (results[path] ??= []).push(await measure(path));
  for (const [path, list] of Object.entries(results)) {
    const of = (name) => median(list.map((result) => result[name])).toFixed(1);
    console.log(`${path.slice(1).padEnd(10)} first script ${of("sync")} ms, its longest task after that ${of("call")} ms, later files ${of("later")} ms, longest task of the page ${of("longest")} ms, ` +
      `long tasks caused: ${list.reduce((sum, result) => sum + result.long, 0)} in ${list.length} loads`);
  }
  await browser.close();
  server.close();
} finally {
  rmSync(work, { recursive: true, force: true });
}
