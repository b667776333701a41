// Builds the browser assets into the Web project's wwwroot. Run by MSBuild (build/ClientAssets.targets) and by `npm run build`.
import { mkdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const out = new URL("../ClarityTracking.Web/wwwroot/tracker/", import.meta.url);

/** Every script a page loads, with the most bytes it may take as brotli-11. */
const scripts = [{ file: "t.js", entry: "src/index.ts", budget: 3000 }];

/** One script as it is shipped: bundled by esbuild, its single-use functions folded by terser, never an error into the page. */
export async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: new URL(".", import.meta.url).pathname,
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2020",
    legalComments: "none",
    logLevel: "warning",
    banner: { js: "try{" },
    footer: { js: "}catch(e){}" },
  });
  const { code } = await minify(outputFiles[0].text, { ecma: 2020, compress: { passes: 3, unsafe_arrows: true }, mangle: true });
  return code;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  mkdirSync(out, { recursive: true });
  for (const { file, entry, budget } of scripts) {
    const code = await bundle(entry);
    const gzip = gzipSync(code, { level: 9 }).length;
    const brotli = brotliCompressSync(code, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    console.log(`${file}: ${Buffer.byteLength(code)} B, gzip ${gzip} B, brotli ${brotli} B of ${budget} B`);
    if (brotli > budget) throw new Error(`${file} is ${brotli - budget} bytes over its budget.`);
    writeFileSync(new URL(file, out), code);
  }
}
