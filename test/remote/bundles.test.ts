/** Sessions in workers in programs of their own: bundled, one after another, and at the end of a process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../package/support.ts";
import { buildLibrary } from "./library.ts";

let folder: string;

const training = (options: string) => `
  import { createSession, Session } from "./library/index.js";
  import { batches, classifier, hash } from "./network.js";
  const { graph, loss, step, weights } = classifier();
  const local = new Session(graph);
  local.run(graph.initializer);
  for (const feeds of batches(20)) local.run([loss, step], feeds);
  const remote = createSession(graph, { worker: true${options} });
  await remote.run(graph.initializer);
  for await (const _ of remote.runEach([loss, step], batches(20)));
  console.log(JSON.stringify([hash(await remote.run(weights)), hash(local.run(weights))]));`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forerun-remote-"));
  await buildLibrary(folder);
  writeFileSync(join(folder, "train.js"), training(""));
  writeFileSync(join(folder, "threads.js"), training(", threads: 2"));
  writeFileSync(
    join(folder, "told.js"),
    training(
      ', workerUrl: new URL("./elsewhere/worker.js", import.meta.url), threads: 2, threadUrl: new URL("./elsewhere/thread.js", import.meta.url)',
    ),
  );
});
afterAll(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

function node(file: string, seconds = 30): unknown {
  const { ok, output, stdout } = run(process.execPath, [file], folder, seconds);
  if (!ok) throw new Error(output);
  return JSON.parse(stdout);
}

test("Node runs the modules as they are, and ends with the session open", () => {
  const [remote, local] = node("train.js") as string[];
  expect(remote).toBe(local);
  expect(node("threads.js")).toEqual([local, local]);
});

test("esbuild gets the workers as entries of their own, beside the bundle or where options say", async () => {
  await esbuild({
    absWorkingDir: folder,
    entryPoints: {
      train: "train.js",
      told: "told.js",
      "session-worker": "library/session-worker.js",
      "elsewhere/worker": "library/session-worker.js",
      "elsewhere/thread": "library/worker.js",
    },
    outdir: "built",
    bundle: true,
    minify: true,
    format: "esm",
  });
  const [remote, local] = node("built/train.js") as string[];
  expect(remote).toBe(local);
  rmSync(join(folder, "built/session-worker.js"));
  expect(node("built/told.js")).toEqual([local, local]);
  expect(() => node("built/train.js")).toThrow(
    /session: its worker could not be started: Cannot find module .*session-worker\.js/,
  );
});

test("200 sessions one after another leave no thread and no handle", () => {
  const program = `
    import { readdirSync } from "node:fs";
    import { createSession, Graph } from "./library/index.js";
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const y = x.add(1);
    const threads = () => (process.platform === "linux" ? readdirSync("/proc/self/task").length : 0);
    const handles = () => process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap" && name !== "TTYWrap");
    const once = async (i) => {
      const session = createSession(graph, { worker: true });
      const found = i % 10 === 0 ? (await session.run(y, { x: i })).item() : i + 1;
      await session.close();
      return found === i + 1;
    };
    const first = await once(0);
    const before = threads();
    let right = first;
    for (let i = 1; i < 200; i++) right = (await once(i)) && right;
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(JSON.stringify({ right, threads: threads() - before, handles: handles() }));`;
  writeFileSync(join(folder, "many.js"), program);
  expect(node("many.js", 55)).toEqual({ right: true, threads: 0, handles: [] });
});

test("a process waits for what was asked, and for nothing else", () => {
  const program = `
    import { createSession, Graph } from "./library/index.js";
    const graph = new Graph();
    const y = graph.placeholder("x", []).add(1);
    const session = createSession(graph, { worker: true });
    setTimeout(() => session.run(y, { x: 1 }).then((value) => console.log(value.item())), 300);`;
  writeFileSync(join(folder, "waits.js"), program);
  expect(node("waits.js")).toBe(2);
  writeFileSync(
    join(folder, "ends.js"),
    program.replace(/setTimeout.*/, "void session.run(y, { x: 1 }).catch(() => {}); console.log(3); process.exit(0);"),
  );
  expect(node("ends.js")).toBe(3);
});
