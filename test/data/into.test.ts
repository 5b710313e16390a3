/** `into`: batches written into the feeds of a prepared run, without a copy in between and without allocation. */
import { describe, expect, test } from "vitest";
import { dataset, type FeedTarget, fromTensorSlices } from "../../src/data/index.ts";
import {
  add,
  FeedError,
  Graph,
  NDArray,
  type Session as RunSession,
  Session,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { collectGarbage, typedArraysMade } from "../support/allocations.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Rows of `[count, width]` that tell their own number, and the numbers beside them. */
const slices = (count: number, width: number) => ({
  x: {
    data: Float32Array.from(upTo(count * width), (i) => Math.floor(i / width) + (i % width) / 1024),
    shape: [count, width],
  },
  y: Int32Array.from(upTo(count)),
});

/** The sum of each row, and the labels, as a plan gives them back. */
function plan(width: number): { session: RunSession; x: Tensor; y: Tensor; fetches: readonly [Tensor, Tensor] } {
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch", width]);
  const y = graph.placeholder("y", ["batch"], { dtype: "int32" });
  return { session: new Session(graph), x, y, fetches: [sum(x, { axis: 1 }), add(y, 0)] };
}

function caught(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/** Feeds as plain arrays: what `into` needs of a prepared run. */
const target = (...feeds: FeedTarget["feeds"]): FeedTarget => ({ feeds });

describe("into", () => {
  // Short rows are copied by a loop, long ones through views.
  test.each([3, 300])("gives a plan what it would get by value, rows of %i", (width) => {
    const { session, x, y, fetches } = plan(width);
    const batches = () => dataset(slices(20, width)).shuffle({ seed: 3 }).batch(6);
    const byValue = session.prepare(fetches, [x, y]);
    const expected = [...batches()].map((batch) => byValue(batch.x, batch.y).map((value) => value.toArray()));

    const step = session.prepare(fetches, [x, y], { shapes: [[6, width], [6]] });
    const last = session.prepare(fetches, [x, y], { shapes: [[2, width], [2]] });
    const found: unknown[] = [];
    const rowCounts: number[] = [];
    for (const rows of batches().into(step, { partial: last })) {
      rowCounts.push(rows);
      found.push((rows === 6 ? step() : last()).map((value) => value.toArray()));
    }
    expect(rowCounts).toEqual([6, 6, 6, 2]);
    expect(found).toEqual(expected);
  });

  test("waits where the samples have to be waited for", async () => {
    const { session, x, y, fetches } = plan(3);
    const step = session.prepare(fetches, [x, y], { shapes: [[2, 3], [2]] });
    const samples = dataset(async function* () {
      for (const i of upTo(4)) yield [[i, i, i], i + 10];
    });
    const found: unknown[] = [];
    for await (const rows of samples.batch(2).into(step))
      found.push(
        rows,
        step().map((value) => value.toArray()),
      );
    expect(found).toEqual([
      2,
      [
        [0, 3],
        [10, 11],
      ],
      2,
      [
        [6, 9],
        [12, 13],
      ],
    ]);
  });

  test("takes batches that were mapped, prefetched or made elsewhere as they are", async () => {
    const feeds = target(new Float32Array(4), new Int32Array(2));
    const batches = dataset(slices(4, 2)).batch(2);
    const seen: unknown[] = [];
    for await (const rows of batches.prefetch().into(feeds)) seen.push(rows, [...feeds.feeds[1]!]);
    for (const rows of batches.map(({ x, y }) => [x, y]).into(feeds)) seen.push(rows, [...feeds.feeds[1]!]);
    for (const rows of dataset([
      [
        NDArray.of([
          [1, 2],
          [3, 4],
        ]),
        [8, 9],
      ],
    ])
      .map(([x, y]) => ({ x: (x as NDArray).toArray() as number[][], y: y as number[] }))
      .into(feeds))
      seen.push(rows, [...feeds.feeds[0]!, ...feeds.feeds[1]!]);
    expect(seen).toEqual([2, [0, 1], 2, [2, 3], 2, [0, 1], 2, [2, 3], 2, [1, 2, 3, 4, 8, 9]]);
  });

  test("takes, skips and repeats batches", () => {
    const feeds = target(new Float32Array(4), new Int32Array(2));
    const batches = dataset(slices(6, 2)).batch(2);
    const first = (loop: Iterable<number>) => [...loop].map(() => 0).length;
    const seen: number[] = [];
    for (const _ of batches.skip(1).repeat(2).take(3).into(feeds)) seen.push(feeds.feeds[1]![0]!);
    expect(seen).toEqual([2, 4, 2]);
    expect(first(dataset(slices(5, 2)).batch(2).take(2).into(feeds))).toBe(2);
  });

  test("batches that are kept, as by a shuffle of batches, are not overwritten", () => {
    const batches = dataset(slices(20, 2)).batch(2).shuffle({ seed: 1 });
    const feeds = target(new Float32Array(4), new Int32Array(2));
    const seen: number[] = [];
    for (const _ of batches.into(feeds)) seen.push(feeds.feeds[1]![0]!);
    expect(seen).not.toEqual([...seen].sort((a, b) => a - b));
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  });

  test("plain numbers take the dtype of the feed, bytes stand for int32 or bool", () => {
    const feeds = target(
      new Float64Array(2),
      new Int32Array(2),
      new Int32Array(2),
      new Uint8Array(2),
      new Uint8Array(2),
    );
    const tensors = [[0.1, 2], [3, 4], Uint8Array.of(200, 3), Uint8Array.of(200, 0), [true, false]] as const;
    for (const source of [
      fromTensorSlices(tensors),
      dataset(
        upTo(2).map((i) =>
          tensors.map((tensor) =>
            ArrayBuffer.isView(tensor) ? { data: tensor.subarray(i, i + 1), shape: [] } : tensor[i]!,
          ),
        ),
      ),
    ])
      for (const _ of source.batch(2).into(feeds)) {
        expect(feeds.feeds.map((feed) => [...feed])).toEqual([
          [0.1, 2],
          [3, 4],
          [200, 3],
          [1, 0],
          [1, 0],
        ]);
        for (const feed of feeds.feeds) feed.fill(77);
      }
  });

  test("named feeds, and some that are left to the loop", () => {
    const [x, y, rate] = [new Float32Array(4), new Int32Array(2), Float32Array.of(0.5)];
    for (const _ of dataset(slices(2, 2))
      .batch(2)
      .into(target(y, rate, x), { feeds: ["y", null, "x"] }));
    expect([...y]).toEqual([0, 1]);
    expect([...rate]).toEqual([0.5]);
    expect(x[2]).toBe(1);
  });

  test("feeds are taken anew when memory has grown", () => {
    const { session, x, y, fetches } = plan(300);
    const step = session.prepare(fetches, [x, y], { shapes: [[2, 300], [2]] });
    const found: unknown[] = [];
    const old = step.feeds[0]!;
    for (const _ of dataset(slices(8, 300)).batch(2).into(step)) {
      found.push(step()[1].toArray());
      const rows = 4000 * found.length; // another plan, which needs more memory each time
      session.run(fetches, [
        [x, NDArray.of(new Float32Array(rows * 300), { shape: [rows, 300] })],
        [y, new Int32Array(rows)],
      ]);
    }
    expect(old.length).toBe(0);
    expect(found).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
    ]);
  });
});

describe("into says what does not fit", () => {
  const feeds = target(new Float32Array(4), new Int32Array(2));
  const samples = dataset(slices(4, 2));

  test("a partial last batch, before the loop begins where it is sure to come", () => {
    const error = caught(() => dataset(slices(5, 2)).batch(2).into(feeds));
    expect(error).toBeInstanceOf(FeedError);
    expect(error.message).toMatch(
      /^into: the last batch has only 1 row, and a plan has one size\nat test\/data\/into[\s\S]*partial: [\s\S]*dropRemainder: true/,
    );
    const late = dataset(() => [...dataset(slices(5, 2))]).batch(2);
    const seen: number[] = [];
    const lateError = caught(() => {
      for (const rows of late.into(feeds)) seen.push(rows);
    });
    expect(seen).toEqual([2, 2]);
    expect(lateError).toBeInstanceOf(FeedError);
    expect(lateError.message).toMatch(
      /^into: a batch of 1 does not fill the feeds\n {2}feed 0 {2}2 elements, \[1, 2\], where there is room for 4\n[\s\S]*shapes: \[\[1, 2\], \[1\]\]/,
    );
    expect(() => [...late.into(feeds, { partial: feeds })]).toThrow("room for 4 or 4");
    expect(() => [...samples.batch(3).into(feeds, { partial: feeds })]).toThrow("a batch of 3 does not fill the feeds");
  });

  test("other numbers of parts and feeds, and parts that are not there", () => {
    const text = (run: () => Iterable<number>) => caught(() => [...run()]).message;
    expect(text(() => samples.batch(2).into(target(feeds.feeds[0]!)))).toMatch(
      /^into: 2 parts for 1 feed\n {2}the samples have "x", "y"\nat test\/data\/into/,
    );
    expect(text(() => samples.batch(2).into(feeds, { feeds: ["x", "z"] }))).toMatch(
      /^into: the samples have no part "z" for feed 1\n {2}they have "x", "y"\n/,
    );
  });

  test("other dtypes, and numbers that are not whole", () => {
    const text = (run: () => Iterable<number>) => caught(() => [...run()]).message;
    const floats = target(new Float32Array(4), new Float32Array(2));
    expect(text(() => samples.batch(2).into(floats))).toMatch(/^into: feed 1 is float32, "y" is int32\n/);
    expect(
      text(() =>
        dataset([true])
          .batch(1)
          .into(target(new Float32Array(1))),
      ),
    ).toMatch(/^into: feed 0 is float32, the samples are bool\n/);
    expect(
      text(() =>
        dataset([0.5])
          .batch(1)
          .into(target(new Int32Array(1))),
      ),
    ).toMatch(/^into: 0.5 can not be written to a feed of dtype int32\nfix: give whole numbers from -2147483648/);
  });
});

describe("a loop over shuffled slices", () => {
  const width = 300;
  const rows = 32;
  function loop() {
    const { session, x, y, fetches } = plan(width);
    const step = session.prepare(fetches, [x, y], { copy: false, shapes: [[rows, width], [rows]] });
    const batches = dataset(slices(2000, width)).shuffle().batch(rows, { dropRemainder: true }).repeat();
    return { step, batches };
  }

  test("makes no typed array, and the heap does not grow in 10,000 batches", () => {
    const { step, batches } = loop();
    const running = batches.into(step)[Symbol.iterator]();
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) {
        running.next();
        step();
      }
    };
    run(200); // the views of long rows are made in the first loop over the data
    expect(typedArraysMade(() => run(10))).toBe(0);
    run(1000);
    collectGarbage();
    const before = process.memoryUsage();
    run(10_000);
    collectGarbage();
    const after = process.memoryUsage();
    expect(after.heapUsed - before.heapUsed).toBeLessThan(1e6);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1e6);
  });

  test("makes arrays where they are asked for: the count can tell", () => {
    const { batches } = loop();
    expect(typedArraysMade(() => void [...batches.take(3)])).toBeGreaterThanOrEqual(6);
  });
});
