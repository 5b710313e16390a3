/** `mapInWorker` after bundlers: they must find the worker's file, or be told where it is. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { chromium } from "playwright-core";
import { preview, build as viteBuild } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromiumPath } from "../package/browser.ts";
import { run } from "../package/support.ts";
import { projectRoot } from "../support/source-files.ts";

let folder: string;

/** What a user would write; prints the results in Node, keeps them in a page. */
const program = (options: string) => `
  import { dataset } from "./library/data.js";
  const found = [];
  const samples = dataset({ x: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, y: Int32Array.of(5, 6) });
  const functions = new URL("./functions.js", import.meta.url);
  for await (const { x, y } of samples.mapInWorker(functions, "double"${options})) found.push(...x, y);
  try {
    for await (const _ of samples.mapInWorker(functions, "fail"${options}));
  } catch (error) {
    found.push(error.message.split("\\n")[0]);
  }
  if (typeof document === "undefined") console.log(JSON.stringify(found));
  globalThis.found = found;`;
const functions = `
  export const double = ({ x, y }) => ({ x: x.data.map((value) => 2 * value), y: y.item() });
  export const fail = () => { throw new Error("no such crop"); };`;
const expected = [2, 4, 5, 6, 8, 6, "mapInWorker: fail failed for sample 0: no such crop"];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forerun-bundles-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "functions.js"), functions);
  writeFileSync(join(folder, "page.js"), program(""));
  writeFileSync(join(folder, "told.js"), program(', { workerUrl: new URL("./elsewhere/worker.js", import.meta.url) }'));
  writeFileSync(join(folder, "index.html"), '<script type="module" src="./page.js"></script>');
  // The library as it is published: modules in JavaScript, which share chunks.
  await esbuild({
    entryPoints: { data: "src/data/index.ts", "map-worker": "src/data/map-worker.ts" },
    absWorkingDir: projectRoot,
    outdir: join(folder, "library"),
    bundle: true,
    splitting: true,
    format: "esm",
  });
});
afterAll(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const node = (file: string): unknown => {
  const { ok, output, stdout } = run(process.execPath, [file], folder, 30);
  if (!ok) throw new Error(output);
  return JSON.parse(stdout);
};

test("Node runs the modules as they are", () => {
  expect(node("page.js")).toEqual(expected);
});

test("esbuild gets the worker as an entry of its own, beside the bundle or where workerUrl says", async () => {
  await esbuild({
    absWorkingDir: folder,
    entryPoints: {
      page: "page.js",
      told: "told.js",
      functions: "functions.js",
      "map-worker": "library/map-worker.js",
      "elsewhere/worker": "library/map-worker.js",
    },
    outdir: "built",
    bundle: true,
    minify: true,
    format: "esm",
    external: ["./elsewhere/*"],
  });
  expect(node("built/page.js")).toEqual(expected);
  rmSync(join(folder, "built/map-worker.js"));
  expect(node("built/told.js")).toEqual(expected);
  expect(() => node("built/page.js")).toThrow(/Cannot find module .*map-worker\.js/);
});

test.skipIf(chromiumPath === null)(
  `Vite finds the worker by itself${chromiumPath ? "" : " (no browser here: skipped)"}`,
  async () => {
    const outDir = join(folder, "page");
    const build = { outDir, emptyOutDir: true, assetsInlineLimit: 0, target: "es2022" };
    await viteBuild({ root: folder, logLevel: "warn", configFile: false, build });
    const server = await preview({ root: folder, configFile: false, build, preview: { port: 0, host: "127.0.0.1" } });
    const browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const page = await browser.newPage();
      await page.goto(server.resolvedUrls!.local[0]!);
      await page.waitForFunction("globalThis.found", null, { timeout: 20_000 });
      expect(await page.evaluate("globalThis.found")).toEqual(expected);
    } finally {
      await browser.close();
      await server.close();
    }
  },
);
