import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { Session, setWarningHandler } from "../../src/index.ts";
import { ALL_LOOPS, gathered, reluOf } from "./support.ts";

// Inside of the project: what loads TypeScript is found from there.
const folder = mkdtempSync(fileURLToPath(new URL("../../node_modules/.faulty-threads-", import.meta.url)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const real = new URL("../../src/backend/wasm/threads/worker.ts", import.meta.url).href;
let files = 0;

/**
 * A file of a thread that is the real one, but in its fourth run it takes its first share, as the words of the board say,
 * and then does `instead`.
 */
function faulty(instead: string): string {
  const file = join(folder, `faulty-${files++}.mts`);
  writeFileSync(
    file,
    `const { Instance } = WebAssembly;
     let runs = 0;
     WebAssembly.Instance = function (module: WebAssembly.Module, imports: WebAssembly.Imports) {
       const { run } = new Instance(module, imports).exports as { run(...all: number[]): number };
       const { memory, board } = imports.env as never as { memory: WebAssembly.Memory; board: WebAssembly.Global };
       const faulty = (...all: number[]): number => {
         if (++runs < 4) return run(...all);
         const line = 16; // words, from the first thread's line to this one's
         Atomics.add(new Int32Array(memory.buffer, board.value, 64), line, 1);
         ${instead};
         return run(...all);
       };
       return { exports: { run: faulty } };
     } as never;
     await import(${JSON.stringify(real)});`,
  );
  return pathToFileURL(file).href;
}

/** The real one, which ends after a while. */
function leaving(): string {
  const file = join(folder, `leaving-${files++}.mts`);
  writeFileSync(file, `setTimeout(() => process.exit(0), 300); await import(${JSON.stringify(real)});`);
  return pathToFileURL(file).href;
}

/** The real one, in a Node that has its modules by promises alone, as before version 20.16. */
function promising(): string {
  const file = join(folder, `promising-${files++}.mts`);
  writeFileSync(file, `process.getBuiltinModule = undefined as never; await import(${JSON.stringify(real)});`);
  return pathToFileURL(file).href;
}

const N = 40_000;
function session(workerUrl: string) {
  const { graph, x, y } = reluOf(N);
  const opened = new Session(graph, { backend: gathered(2, { workerUrl }), compile: ALL_LOOPS });
  const value = new Float32Array(N).fill(2);
  return {
    session: opened,
    run: () => opened.run(y, [[x, value]]),
    runAsync: () => opened.runAsync(y, [[x, value]]),
  };
}

/** Runs until the thread has had its turn, and gives what was thrown. */
function failure(run: () => unknown): Error {
  for (let i = 0; i < 1000; i++) {
    try {
      run();
    } catch (error) {
      return error as Error;
    }
  }
  throw new Error("nothing was thrown");
}

describe("a thread that fails in the middle of a run", () => {
  test("by a trap: the session says so and is of no use any more, another one works", () => {
    const { session: broken, run } = session(faulty(`throw new WebAssembly.RuntimeError("unreachable")`));
    const error = failure(run);
    expect(error.name).toBe("StateError");
    expect(error.message).toContain("threads: thread 1 of 2 failed: RuntimeError: unreachable");
    expect(error.message).toContain("fix: open a new Session on the graph");
    expect(run).toThrow("failed");
    broken.close();
    const next = session(real);
    expect(next.run().data[N - 1]).toBe(2);
    next.session.close();
  });

  test("by process.exit", () => {
    const { session: broken, run } = session(faulty("process.exit(3)"));
    expect(failure(run).message).toContain("threads: thread 1 of 2 failed: it has ended");
    broken.close();
  });

  test("by never coming back: 10 s without progress, then an error", () => {
    const forever = "for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)";
    const { session: broken, run } = session(faulty(forever));
    const start = performance.now();
    const error = failure(run);
    expect(error.message).toContain("threads: no thread has made progress for 10 s");
    expect(performance.now() - start).toBeLessThan(20_000);
    broken.close();
  }, 60_000);

  test("while runAsync waits for it", async () => {
    const { session: broken, runAsync } = session(faulty(`throw new Error("no more")`));
    const many = async (): Promise<void> => {
      for (let i = 0; i < 1000; i++) await runAsync();
    };
    await expect(many()).rejects.toThrow("no more");
    broken.close();
  });
});

describe("threads that can not be had", () => {
  test.each([
    ["a file that is not there", "file:///nowhere/worker.js", "/nowhere/worker.js"],
    ["no URL of a file", "./worker.js", "Invalid URL"],
  ])("%s: said once, and the session works on one thread", async (_, workerUrl, reason) => {
    const warnings: string[] = [];
    const before = setWarningHandler((warning) => warnings.push(String(warning)));
    const { graph, x, y } = reluOf(N);
    const opened = new Session(graph, { threads: 3, workerUrl });
    const run = () => opened.run(y, [[x, new Float32Array(N).fill(2)]]).data[0];
    expect(run()).toBe(2);
    for (let i = 0; i < 100 && warnings.length === 0; i++) await new Promise((turn) => setTimeout(turn, 20));
    expect(run()).toBe(2);
    setWarningHandler(before);
    opened.close();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("threads: one could not be used, and runs go on without it");
    expect(warnings[0]).toContain(reason);
  });

  test("a thread that ends while it waits: runs go on without it", async () => {
    const warnings: string[] = [];
    const before = setWarningHandler((warning) => warnings.push(String(warning)));
    const { session: opened, run } = session(leaving());
    for (let i = 0; i < 30; i++) {
      expect(run().data[0]).toBe(2);
      await new Promise((turn) => setTimeout(turn, 20));
    }
    setWarningHandler(before);
    opened.close();
  });
});

test("a thread in a Node that has its modules by promises alone reports the end of a run", async () => {
  const { getBuiltinModule } = process;
  process.getBuiltinModule = undefined as never;
  const { graph, x, y } = reluOf(N);
  // Waiting for threads would leave promises no time.
  using opened = new Session(graph, { threads: 2, workerUrl: promising(), compile: ALL_LOOPS });
  for (let i = 0; i < 40; i++) {
    const value = new Float32Array(N).fill(i);
    expect((await opened.runAsync(y, [[x, value]])).data[N - 1]).toBe(i);
    await new Promise((turn) => setTimeout(turn, 20));
  }
  process.getBuiltinModule = getBuiltinModule;
});
