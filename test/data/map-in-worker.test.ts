/** `mapInWorker`: order, copies, and what becomes of threads that fail, die or are no longer wanted. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { DataError, dataset } from "../../src/data/index.ts";

const functions = new URL("./functions.ts", import.meta.url);
const numbers = (count: number) => dataset(Array.from({ length: count }, (_, i) => i));

async function collect<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of elements) found.push(element);
  return found;
}
async function failure(elements: AsyncIterable<unknown>): Promise<DataError> {
  const found: unknown[] = [];
  try {
    for await (const element of elements) found.push(element);
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return error as DataError;
  }
  throw new Error(`no error after ${found.join()}`);
}

describe("mapInWorker", () => {
  test("calls the function for every sample, in order", async () => {
    expect(await collect(numbers(20).mapInWorker<number>(functions, "square"))).toEqual(
      Array.from({ length: 20 }, (_, i) => i * i),
    );
  });

  test("keeps the order with several threads, unless it is told not to", async () => {
    const options = { workers: 2 };
    expect(await collect(numbers(6).mapInWorker<number>(functions, "slowestFirst", options))).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
    const found = await collect(
      numbers(6).mapInWorker<number>(functions, "slowestFirst", { ...options, ordered: false }),
    );
    expect(found).not.toEqual([0, 1, 2, 3, 4, 5]);
    expect(found.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("gives samples of slices as copies and leaves the source alone", async () => {
    const image = Float32Array.of(1, 2, 3, 4);
    const samples = dataset({ image: { data: image, shape: [2, 2] }, label: Int32Array.of(7, 8) });
    const mapped = samples.mapInWorker<{ image: Float32Array; label: number }>(functions, "brighten");
    for (let loop = 0; loop < 2; loop++)
      expect(await collect(mapped)).toEqual([
        { image: Float32Array.of(101, 102), label: 7 },
        { image: Float32Array.of(103, 104), label: 8 },
      ]);
    expect([...image]).toEqual([1, 2, 3, 4]);
  });

  test("shared memory is shared", async () => {
    const image = new Float32Array(new SharedArrayBuffer(16));
    const samples = dataset({ image: { data: image, shape: [2, 2] } });
    expect(await collect(samples.mapInWorker(functions, "mark"))).toEqual([2, 2]);
    expect([...image]).toEqual([9, 0, 9, 0]);
  });

  test("works where Node has no getBuiltinModule yet", async () => {
    const known = process.getBuiltinModule;
    Object.assign(process, { getBuiltinModule: undefined });
    try {
      expect(await collect(numbers(4).mapInWorker(functions, "square", { workers: 2 }))).toEqual([0, 1, 4, 9]);
    } finally {
      Object.assign(process, { getBuiltinModule: known });
    }
  });

  test("an array of samples keeps its arrays, also where one fills its buffer", async () => {
    const samples = [{ image: Float32Array.of(1, 2), label: 0 }];
    const mapped = dataset(samples)
      .map(({ image, label }) => ({ image, label }))
      .mapInWorker(new URL("./identity.mjs", import.meta.url), "identity");
    expect(await collect(mapped)).toEqual(samples);
    expect(samples[0]!.image.length).toBe(2);
  });

  test("an exception comes back with function, sample, message and stack, after the samples before it", async () => {
    const mapped = numbers(8).mapInWorker<number>(functions, "failAtThree", { workers: 2 });
    const found: number[] = [];
    let error: DataError | null = null;
    try {
      for await (const x of mapped) found.push(x);
    } catch (caught) {
      error = caught as DataError;
    }
    expect(found).toEqual([0, 1, 2]);
    expect(error).toBeInstanceOf(DataError);
    expect(error!.message).toMatch(/^mapInWorker: failAtThree failed for sample 3: three is too much\n/);
    expect(error!.message).toContain("at test/data/map-in-worker.test.ts:");
    const cause = error!.cause as Error;
    expect(cause.name).toBe("RangeError");
    expect(cause.stack).toContain("functions.ts");
  });

  test("a thread that ends itself is an error, not a wait without end", async () => {
    const { message } = await failure(numbers(8).mapInWorker(functions, "exitAtThree"));
    expect(message).toMatch(/the worker of exitAtThree ended with exit code 7, with sample 3( and 4)? not done/);
  });

  test("so is an exception nobody catches in it", async () => {
    const { message } = await failure(numbers(2).prefetch(1).mapInWorker(functions, "throwLater"));
    expect(message).toContain("the worker of throwLater failed outside of the function: nobody catches 0");
  });

  test("names what is wrong with module, export, argument and result", async () => {
    const texts = async (samples: AsyncIterable<unknown>) => (await failure(samples)).message;
    expect(await texts(numbers(1).mapInWorker(functions, "squares"))).toMatch(
      /the function can not be loaded: .*functions\.ts exports no function "squares", but .*square/,
    );
    expect(await texts(numbers(1).mapInWorker(functions, "notAFunction"))).toContain('no function "notAFunction"');
    expect(await texts(numbers(1).mapInWorker(new URL("./nowhere.mjs", import.meta.url), "f"))).toMatch(
      /the function can not be loaded: .*nowhere/,
    );
    expect(await texts(dataset([() => 3]).mapInWorker(functions, "square"))).toMatch(
      /mapInWorker: sample 0 can not be sent to a worker: .*could not be cloned/,
    );
    expect(await texts(numbers(1).mapInWorker(functions, "returnsFunction"))).toMatch(
      /what returnsFunction returned for sample 0 can not be sent back: .*could not be cloned/,
    );
    expect(await texts(numbers(3).mapInWorker(functions, "keepsItsArray"))).toMatch(
      /what keepsItsArray returned for sample 1 can not be sent back[\s\S]*arrays made anew for each sample/,
    );
    expect(() => numbers(1).mapInWorker("./functions.ts", "square")).toThrow(
      'mapInWorker: the module "./functions.ts" is not an absolute URL',
    );
    expect(() => numbers(1).mapInWorker(functions, "square", { workers: 0 })).toThrow("mapInWorker: workers is 0");
  });

  test("an error of the source comes after the samples before it", async () => {
    const mapped = dataset(function* () {
      yield 1;
      yield 2;
      throw new Error("the disk is gone");
    }).mapInWorker<number>(functions, "square");
    const found: number[] = [];
    await expect(async () => {
      for await (const x of mapped) found.push(x);
    }).rejects.toThrow("dataset: the source failed for sample 2: the disk is gone");
    expect(found).toEqual([1, 4]);
  });

  test("the end of a loop ends the threads, and the source: whether it is over, left or fails", async () => {
    const started: Worker[] = [];
    const watch = (worker: Worker) => void started.push(worker);
    process.on("worker", watch);
    let closed = 0;
    const endless = dataset(function* () {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed++;
      }
    });
    const options = { workers: 2 };
    await collect(endless.take(9).mapInWorker(functions, "square", options));
    for await (const x of endless.mapInWorker<number>(functions, "square", options).prefetch(3)) if (x === 25) break;
    await failure(endless.mapInWorker(functions, "failAtThree", options));
    process.off("worker", watch);
    expect(closed).toBe(3);
    expect(started).toHaveLength(6);
    expect(started.map(({ threadId }) => threadId)).toEqual([-1, -1, -1, -1, -1, -1]);
  });
});

/** Runs a program of its own to its end: that it comes to one is the test. */
function program(text: string): string {
  const { status, stdout, stderr, signal } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", text],
    { cwd: fileURLToPath(new URL("../..", import.meta.url)), encoding: "utf8", timeout: 30_000 },
  );
  if (status !== 0) throw new Error(`ended with ${status ?? signal}:\n${stdout}${stderr}`);
  return stdout.trim();
}

describe("a process with workers", () => {
  const head = `
    import { dataset } from "./src/data/index.ts";
    const endless = dataset(function* () { for (let i = 0; ; i++) yield i; });
    const mapped = endless.mapInWorker(new URL("./test/data/functions.ts", "file://${process.cwd()}/"), "square");`;

  test("stays alive while it waits for them, and ends once the loop is left", () => {
    expect(program(`${head} for await (const x of mapped) if (x > 9) { console.log(x); break; }`)).toBe("16");
  });

  test("ends also if an iteration is forgotten half-way", () => {
    expect(
      program(`${head} const it = mapped.prefetch(2)[Symbol.asyncIterator](); console.log((await it.next()).value);`),
    ).toBe("0");
  });
});
