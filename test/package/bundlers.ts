/**
 * Builds of a page by those bundlers that people use, each with its defaults. All must find the file of the threads by
 * themselves; `elsewhere/worker.js` is the same file as an entry of its own, for pages that say where it is.
 */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import { checked, npm, run } from "./support.ts";

export type Bundler = (project: string, page: string) => Promise<string>;

const WORKER = "node_modules/forerun/dist/worker.js";

/** @returns the folder it has built */
export async function buildWithVite(project: string, page: string): Promise<string> {
  const outDir = join(project, "built-by-vite");
  await vite({
    root: project,
    logLevel: "warn",
    configFile: false,
    build: {
      outDir,
      emptyOutDir: true,
      rollupOptions: {
        input: { page: join(project, page), "elsewhere/worker": join(project, WORKER) },
        output: { entryFileNames: "[name].js" },
        checks: { pluginTimings: false },
      },
    },
  });
  return outDir;
}

/** esbuild follows imports only, so that each worker is an entry, and has the name that the code says. */
export async function buildWithEsbuild(project: string, page: string): Promise<string> {
  const outdir = join(project, "built-by-esbuild");
  const program = (name: string) => [name, `${name}.js`] as const;
  await esbuild({
    absWorkingDir: project,
    entryPoints: {
      ...Object.fromEntries(["threads-page", "threads-worker", "threads-node"].map(program)),
      worker: WORKER,
      "elsewhere/worker": WORKER,
    },
    outdir,
    bundle: true,
    minify: true,
    format: "esm",
  });
  copyFileSync(join(project, page), join(outdir, page));
  writeFileSync(join(outdir, "package.json"), '{ "type": "module" }');
  return outdir;
}

/** webpack is not among the development tools, since it is larger than all of them: this installs it. */
export async function buildWithWebpack(project: string, page: string): Promise<string> {
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "webpack@5"];
  checked(npm(args, project, 120), "npm install webpack");
  const outDir = join(project, "built-by-webpack");
  const program = `
    import webpack from "webpack";
    const entry = { "threads-page": "./threads-page.js", "elsewhere/worker": "./${WORKER}" };
    const output = { path: ${JSON.stringify(outDir)}, publicPath: "/" };
    // What it says of sizes is not asked.
    const options = { mode: "production", context: process.cwd(), entry, output, performance: false };
    webpack(options, (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
    });`;
  checked(run(process.execPath, ["--input-type=module", "--eval", program], project, 120), "webpack");
  copyFileSync(join(project, page), join(outDir, page));
  return outDir;
}
