// Builds the browser assets into the Web project's wwwroot. Run by MSBuild (build/ClientAssets.targets) and by `npm run build`.
import { build } from "esbuild";

const out = new URL("../ClarityTracking.Web/wwwroot/", import.meta.url).pathname;

await build({
  entryPoints: { t: "src/index.ts" },
  outdir: out + "tracker",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2018",
  legalComments: "none",
});
