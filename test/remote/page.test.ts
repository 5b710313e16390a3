/** A page whose main thread stays free while a session in a worker trains, with and without shared memory. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath } from "../package/browser.ts";
import { run } from "../package/support.ts";
import { buildLibrary } from "./library.ts";
import { LONG, longestTask } from "./trace.ts";

/** Steps of training in the page. */
const STEPS = 300;

interface Found {
  readonly error?: string;
  readonly hash: string;
  readonly isolated: boolean;
  /** Milliseconds in which no other task had a turn, at most, from before the graph was built. */
  readonly longest: number;
}

const BEGIN = "training begins";

const nodeProgram = `
  import { Session } from "./library/index.js";
  import { batches, classifier, hash } from "./network.js";
  const { graph, loss, step, weights } = classifier();
  const session = new Session(graph);
  session.run(graph.initializer);
  for (const feeds of batches(${STEPS})) session.run([loss, step], feeds);
  console.log(hash(session.run(weights)));`;

const pageProgram = `
  import { createSession } from "./library/index.js";
  import { batches, classifier, hash } from "./network.js";

  let longest = 0;
  let last = performance.now();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    setTimeout(() => port2.postMessage(null), 1);
  };
  port2.postMessage(null);
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

  async function train() {
    await turn();
    performance.mark("${BEGIN}");
    longest = 0;
    const { graph, loss, step, weights } = classifier();
    await turn();
    const threads = new URL(location.href).searchParams.has("threads") ? 2 : 1;
    const session = createSession(graph, { worker: true, threads });
    await session.run(graph.initializer);
    for await (const _ of session.runEach([loss, step], batches(${STEPS})));
    const found = hash(await session.run(weights));
    await turn();
    await session.close();
    return { hash: found, isolated: crossOriginIsolated, longest };
  }
  train().then((found) => { globalThis.found = found; }, (error) => { globalThis.found = { error: error.message }; });`;

describe.skipIf(chromiumPath === null)(`a page${chromiumPath ? "" : " (no browser here: skipped)"}`, () => {
  let folder: string;
  let server: Server;
  let browser: Browser;
  let expected: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "forerun-page-"));
    await buildLibrary(folder);
    writeFileSync(join(folder, "node.js"), nodeProgram);
    writeFileSync(join(folder, "page.js"), pageProgram);
    writeFileSync(join(folder, "index.html"), '<script type="module" src="./page.js"></script>');
    const { ok, output, stdout } = run(process.execPath, ["node.js"], folder);
    if (!ok) throw new Error(output);
    expected = stdout.trim();
    const outDir = join(folder, "built");
    await build({
      root: folder,
      logLevel: "warn",
      configFile: false,
      build: { outDir, emptyOutDir: true, assetsInlineLimit: 0, target: "es2022" },
    });
    server = serve(outDir);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  async function open(query: string): Promise<Found & { readonly task: number }> {
    const page = await browser.newPage();
    await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "blink.user_timing"] });
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    page.on("console", (message) => message.type() === "warning" && failures.push(message.text()));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/index.html${query}`);
    await page.waitForFunction("globalThis.found", null, { timeout: 30_000 });
    const found = (await page.evaluate("globalThis.found")) as Found;
    const trace = (await browser.stopTracing()).toString();
    await page.close();
    expect(failures).toEqual([]);
    return { ...found, task: longestTask(trace, BEGIN) };
  }

  test.each([
    ["without shared memory", "", false],
    ["with shared memory", "?isolated", true],
    ["with threads", "?isolated&threads", true],
  ])("%s: the bits of Node, and no long task", async (name, query, isolated) => {
    const { hash, isolated: found, longest, task } = await open(query);
    expect({ hash, isolated: found }).toEqual({ hash: expected, isolated });
    // Only the time on the processor is the page's own fault: other programs run on the same machine.
    console.log(`${name}: no task above ${task.toFixed(1)} ms; ${longest.toFixed(1)} ms without a turn at most`);
    expect(task).toBeLessThan(LONG);
  });

  test("where the policy forbids workers, or the file is not there, runs are rejected and say why", async () => {
    for (const query of ["?forbidden", "?missing"]) {
      const { error } = await open(query);
      expect(error).toMatch(/^session: its worker could not be started: /);
    }
  });
});

const types: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };
const headers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  isolated: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" },
  forbidden: { "content-security-policy": "worker-src 'none'" },
};

/** The files of a folder, with the headers that the query of the page names. */
function serve(root: string): Server {
  return createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const page = new URL(request.headers.referer ?? request.url ?? "/", "http://localhost").searchParams;
    const file = join(root, pathname);
    const type = types[extname(pathname)];
    if (type === undefined || !existsSync(file) || (page.has("missing") && pathname.includes("session-worker"))) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", type);
    for (const [name, set] of Object.entries(headers)) {
      // A worker's file needs them too, and what a worker loads does not tell which page it belongs to.
      if (!page.has(name) && !searchParams.has(name) && !(name === "isolated" && type === types[".js"])) continue;
      for (const [key, value] of Object.entries(set)) response.setHeader(key, value);
    }
    response.end(readFileSync(file));
  });
}
