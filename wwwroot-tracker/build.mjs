// Builds the browser assets into the Web project's wwwroot. Run by MSBuild (build/ClientAssets.targets) and by `npm run build`.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = new URL(".", import.meta.url).pathname;
const out = new URL("../ClarityTracking.Web/wwwroot/tracker/", import.meta.url);
const dashboard = new URL("../ClarityTracking.Web/wwwroot/js/", import.meta.url);

/** Most bytes a file may take as brotli-11. */
const budget = { core: 3000, lazy: 2500 };

/** One script as it is shipped: bundled by esbuild, its single-use functions folded by terser, never an error into the page. */
async function bundle(entry, define) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2020",
    legalComments: "none",
    logLevel: "warning",
    define,
    banner: { js: "try{" },
    footer: { js: "}catch{}" },
  });
  const { code } = await minify(outputFiles[0].text, { ecma: 2020, compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true }, mangle: true });
  return code;
}

/** Every script: the files that are loaded later, then the core, which names their version. */
export async function bundles() {
  const names = existsSync(here + "src/lazy") ? readdirSync(here + "src/lazy").filter((name) => existsSync(`${here}src/lazy/${name}/index.ts`)) : [];
  const scripts = {};
  for (const name of names.sort()) scripts[name + ".js"] = await bundle(`src/lazy/${name}/index.ts`);
  const version = createHash("sha256").update(Object.values(scripts).join("\n")).digest("base64url").slice(0, 3);
  return { "t.js": await bundle("src/index.ts", { LATER_FILES_VERSION: JSON.stringify(version) }), ...scripts, version };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  mkdirSync(out, { recursive: true });
  const { version, ...scripts } = await bundles();
  const failures = [];
  for (const [file, code] of Object.entries(scripts)) {
    const most = file === "t.js" ? budget.core : budget.lazy;
    const gzip = gzipSync(code, { level: 9 }).length;
    const brotli = brotliCompressSync(code, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    console.log(`${file}: ${Buffer.byteLength(code)} B, gzip ${gzip} B, brotli ${brotli} B of ${most} B`);
    if (brotli > most) failures.push(`${file} is ${brotli - most} bytes over its budget.`);
  }
  // all or nothing: a build that has written one file would look done
  if (failures.length) throw new Error(failures.join(" "));
  for (const [file, code] of Object.entries(scripts)) writeFileSync(new URL(file, out), code);
  // the dashboard's own modules, which no visitor of a customer's website loads
  await build({
    entryPoints: ["src/dashboard/charts.ts"],
    absWorkingDir: here,
    outdir: dashboard.pathname,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "eof",
    logLevel: "warning",
  });
  // the server answers requests for this version with a long life
  writeFileSync(new URL("later-files.version", out), version);
}
