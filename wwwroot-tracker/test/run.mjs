// Bundles the tests and runs them with node's own runner against the script exactly as it is shipped.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { bundles } from "../build.mjs";

const here = new URL(".", import.meta.url).pathname;
const out = mkdtempSync(join(tmpdir(), "tracker-tests-"));
try {
  const { version, ...scripts } = await bundles();
  for (const [file, code] of Object.entries(scripts)) writeFileSync(join(out, file), code);
  const tests = readdirSync(here).filter((file) => file.endsWith(".test.ts"));
  await build({
    entryPoints: tests.map((file) => join(here, file)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "warning",
  });
  const files = tests.map((file) => join(out, file.replace(/\.ts$/, ".mjs")));
  const { status } = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit", env: { ...process.env, TRACKER: out } });
  process.exitCode = status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
