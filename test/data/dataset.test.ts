/** Datasets step by step: what comes out, in which order, how often, and what is said of mistakes. */
import { describe, expect, test } from "vitest";
import { DataError, type Dataset, dataset, fromTensorSlices } from "../../src/data/index.ts";
import { DTypeError, NDArray, ShapeError } from "../../src/index.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
/** The same numbers as an array, and from sources that do not know how many there are. */
const sources = {
  array: (count: number) => dataset(upTo(count)),
  slices: (count: number) => dataset(Int32Array.from(upTo(count))).map((x) => x.item()),
  generator: (count: number) => dataset(() => upTo(count).values()),
  "async generator": (count: number) =>
    dataset(async function* () {
      for (const x of upTo(count)) yield x;
    }),
};
async function collect<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of elements) found.push(element);
  return found;
}
function caught(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe.each(Object.entries(sources))("steps over a source: %s", (name, numbers) => {
  const known = name === "array" || name === "slices";

  test("map, filter, take, skip and repeat", async () => {
    expect(await collect(numbers(5).map((x) => x * 10))).toEqual([0, 10, 20, 30, 40]);
    expect(await collect(numbers(6).filter((x) => x % 2 === 1))).toEqual([1, 3, 5]);
    expect(await collect(numbers(6).take(2))).toEqual([0, 1]);
    expect(await collect(numbers(6).take(0))).toEqual([]);
    expect(await collect(numbers(6).take(9))).toEqual(upTo(6));
    expect(await collect(numbers(6).skip(4))).toEqual([4, 5]);
    expect(await collect(numbers(6).skip(9))).toEqual([]);
    expect(await collect(numbers(3).repeat(2))).toEqual([0, 1, 2, 0, 1, 2]);
    expect(await collect(numbers(3).repeat(0))).toEqual([]);
    expect(await collect(numbers(3).repeat().take(7))).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(await collect(numbers(4).skip(1).repeat(2).take(4))).toEqual([1, 2, 3, 1]);
  });

  test("an endless repetition of nothing ends", async () => {
    expect(await collect(numbers(0).repeat())).toEqual([]);
    expect(await collect(numbers(3).skip(3).repeat().take(2))).toEqual([]);
  });

  test("batches have the rest at the end, or not", async () => {
    const rows = async (batches: AsyncIterable<NDArray>) => (await collect(batches)).map((batch) => [...batch.data]);
    expect(await rows(numbers(5).batch(2))).toEqual([[0, 1], [2, 3], [4]]);
    expect(await rows(numbers(5).batch(2, { dropRemainder: true }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(await rows(numbers(4).batch(2))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(await rows(numbers(2).batch(5))).toEqual([[0, 1]]);
    expect(await rows(numbers(3).batch(2).repeat(2))).toEqual([[0, 1], [2], [0, 1], [2]]);
    expect(await rows(numbers(3).repeat(2).batch(4))).toEqual([
      [0, 1, 2, 0],
      [1, 2],
    ]);
  });

  test("each loop has a permutation of its own, the same for the same seed", async () => {
    const shuffled = numbers(50).shuffle({ seed: 1 });
    const [first, second] = [await collect(shuffled), await collect(shuffled)];
    const ascending = (list: number[]) => [...list].sort((a, b) => a - b);
    expect(ascending(first)).toEqual(upTo(50));
    expect(ascending(second)).toEqual(upTo(50));
    expect(first).not.toEqual(upTo(50));
    expect(second).not.toEqual(first);

    const again = numbers(50).shuffle({ seed: 1 });
    expect([await collect(again), await collect(again)]).toEqual([first, second]);
    expect(await collect(numbers(50).shuffle({ seed: 2 }))).not.toEqual(first);
    expect(await collect(numbers(50).shuffle({ seed: 1 }).repeat(2))).toEqual([...first, ...second]);
    const fixed = numbers(50).shuffle({ seed: 1, reshuffle: false });
    expect([await collect(fixed), await collect(fixed)]).toEqual([first, first]);
    expect(await collect(numbers(50).shuffle())).toEqual(await collect(numbers(50).shuffle({ seed: 0 })));
  });

  test("a buffer lets no element come too early", async () => {
    const found = await collect(numbers(100).shuffle({ bufferSize: 5, seed: 3 }));
    expect([...found].sort((a, b) => a - b)).toEqual(upTo(100));
    expect(found).not.toEqual(upTo(100));
    // Before place p only p + 5 elements have been seen.
    for (const [place, x] of found.entries()) expect(x).toBeLessThan(place + 5);
    expect(await collect(numbers(9).shuffle({ bufferSize: 1 }))).toEqual(upTo(9));
  });

  test("size", () => {
    const sizes = (elements: Dataset<unknown>) => elements.size;
    const if_ = (size: number) => (known ? size : null);
    expect(sizes(numbers(7))).toBe(if_(7));
    expect(sizes(numbers(7).shuffle().map(String))).toBe(if_(7));
    expect(sizes(numbers(7).filter(Boolean))).toBe(null);
    expect(sizes(numbers(7).batch(2))).toBe(if_(4));
    expect(sizes(numbers(7).batch(2, { dropRemainder: true }))).toBe(if_(3));
    expect(sizes(numbers(7).take(3).prefetch())).toBe(if_(3));
    expect(sizes(numbers(7).skip(3))).toBe(if_(4));
    expect(sizes(numbers(7).repeat(2))).toBe(if_(14));
    expect(sizes(numbers(7).repeat())).toBe(if_(Number.POSITIVE_INFINITY));
    expect(sizes(numbers(7).repeat().take(9))).toBe(if_(9));
  });
});

test("these orders are what seed 0 gives, on every machine", () => {
  const shuffled = dataset(upTo(10)).shuffle();
  expect([...shuffled].join(" ")).toBe("3 1 0 6 9 7 8 2 5 4");
  expect([...shuffled].join(" ")).toBe("0 5 4 8 6 7 9 2 3 1");
  expect([...dataset(upTo(10)).shuffle({ bufferSize: 3, seed: -1 })].join(" ")).toBe("0 2 3 1 5 4 8 7 9 6");
});

test("every permutation of three is as likely as the others", () => {
  const counts = new Map<string, number>();
  const shuffled = dataset(["a", "b", "c"]).shuffle({ seed: 5 });
  for (let loop = 0; loop < 6000; loop++) {
    const order = [...shuffled].join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // A binomial of 6,000 with 1/6 has a deviation of 29: five of them.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(145);
});

describe("tensors along axis 0", () => {
  const images = { data: Float32Array.from(upTo(12)), shape: [3, 2, 2] };
  const labels = Int32Array.of(7, 8, 9);

  test("samples are views with shape and dtype", () => {
    const samples = [...dataset({ images, labels })];
    expect(samples).toHaveLength(3);
    expect(samples[1]!.images).toBeInstanceOf(NDArray);
    expect(samples[1]!.images.shape).toEqual([2, 2]);
    expect([...samples[1]!.images.float32()]).toEqual([4, 5, 6, 7]);
    expect(samples[1]!.images.data.buffer).toBe(images.data.buffer);
    expect(samples[1]!.labels.shape).toEqual([]);
    expect([...samples[1]!.labels.int32()]).toEqual([8]);
  });

  test("batches keep structure and dtype", () => {
    const [, last] = [...dataset({ images, labels }).batch(2)];
    expect(last!.images.shape).toEqual([1, 2, 2]);
    expect([...last!.images.float32()]).toEqual([8, 9, 10, 11]);
    expect([...last!.labels.int32()]).toEqual([9]);
    const [pair] = [...fromTensorSlices([images, { digit: labels }]).batch(3)];
    expect(pair![0].shape).toEqual([3, 2, 2]);
    expect([...pair![1].digit.int32()]).toEqual([7, 8, 9]);
  });

  test("batches of shuffled slices are the samples, shuffled", () => {
    const rows = 40;
    const long = { data: Float32Array.from(upTo(rows * 300)), shape: [rows, 300] };
    const shuffled = () => dataset({ long, index: Int32Array.from(upTo(rows)) }).shuffle({ seed: 4 });
    const samples = [...shuffled()];
    const batches = [...shuffled().batch(16)];
    expect(batches.flatMap(({ index }) => [...index.data])).toEqual(samples.map(({ index }) => index.item()));
    expect(batches.flatMap(({ long }) => [...long.data])).toEqual(samples.flatMap(({ long }) => [...long.data]));
  });

  test("NDArrays, nested lists and bytes", () => {
    const source = {
      array: NDArray.of(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: "float64" },
      ),
      list: [[0.1], [2]],
      flags: [true, false],
      bytes: Uint8Array.of(200, 3),
    };
    const [batch] = [...dataset(source).batch(2)];
    expect(Object.values(batch!).map(({ dtype, shape }) => `${dtype}${shape.join("×")}`)).toEqual([
      "float642×2",
      "float322×1",
      "bool2",
      "int322",
    ]);
    expect([...batch!.bytes.int32()]).toEqual([200, 3]);
    expect([...batch!.list.float32()]).toEqual([Math.fround(0.1), 2]);
    const [sample] = [...dataset(source)];
    expect([...sample!.bytes.int32()]).toEqual([200]);
  });

  test("lengths that differ, scalars and foreign arrays are refused", () => {
    const { message } = caught(() => dataset({ images, labels: labels.subarray(1) }));
    expect(message).toMatch(/^dataset: sizes along axis 0 differ, 3 at "images" against 2 at "labels"\n/);
    expect(message).toContain("at test/data/dataset.test.ts:");
    expect(caught(() => dataset({ images, rate: 3 })).message).toMatch(
      /^dataset: the tensor at "rate" is a scalar, and has no axis 0 to take samples from\n/,
    );
    expect(caught(() => dataset({ x: { data: new Float32Array(5), shape: [2, 3] } }))).toBeInstanceOf(ShapeError);
    expect(caught(() => dataset({ x: [[1, 2], [3]] })).message).toMatch(
      /^dataset: the tensor at "x": a list is ragged/,
    );
    const big = { x: new BigInt64Array(2) as unknown };
    expect(caught(() => dataset(big as { x: Float32Array }))).toBeInstanceOf(DTypeError);
    expect(caught(() => dataset({ name: "x" } as unknown as { x: number[] })).message).toMatch(
      /^dataset: the source holds the string "x" at "name"\n/,
    );
    expect(caught(() => dataset({})).message).toMatch(/^dataset: the source holds no tensor\n/);
    expect(caught(() => dataset(3 as unknown as number[])).message).toMatch(/^dataset: 3 is no source of samples\n/);
  });
});

describe("batches of samples", () => {
  test("stack numbers, lists, arrays and tuples", () => {
    const samples: { x: Float32Array; y: number; z: [Int32Array, number[]] }[] = [
      { x: Float32Array.of(1, 2), y: 5, z: [Int32Array.of(3), [1, 2]] },
      { x: Float32Array.of(3, 4), y: 6.5, z: [Int32Array.of(4), [3, 4]] },
    ];
    const [batch] = [...dataset(samples).batch(2)];
    expect(batch!.x.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect([...batch!.y.float32()]).toEqual([5, 6.5]);
    expect([...batch!.z[0].int32()]).toEqual([3, 4]);
    expect(batch!.z[1].toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test("slices of a tuple are tuples", () => {
    const x = new NDArray(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2], "float32");
    const [first, last] = [...fromTensorSlices([x, Int32Array.of(7, 8, 9)] as const).batch(2)];
    expect(first!.map((part) => part.toArray())).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [7, 8],
    ]);
    expect(last!.map((part) => part.toArray())).toEqual([[[5, 6]], [9]]);
  });

  test("samples that do not go together are named", () => {
    const text = (samples: unknown[]) => caught(() => [...dataset(samples).batch(3)]).message;
    expect(text([[1], [2], [3], [1], [1, 2]])).toMatch(
      /^batch: samples 3 and 4 differ in shape, \[1\] against \[2\]\n[\s\S]*\.map\(…\) before/,
    );
    expect(text([{ a: { b: Float32Array.of(1) } }, { a: { b: [1] } }])).toMatch(
      /^batch: samples 0 and 1 differ in dtype at "a.b", float32 against numbers\n/,
    );
    expect(text([{ a: 1 }, { a: 1, b: 2 }])).toMatch(
      /^batch: sample 1 has other parts than sample 0\n {2}sample 0 {2}a\n/,
    );
    expect(text([{ a: 1 }, { a: "one" }])).toMatch(/^batch: sample 1 holds the string "one" at "a"\n/);
    expect(text([new Map()])).toMatch(/^batch: sample 0 holds a Map\n/);
  });
});

describe("what users write", () => {
  test("a function that throws is named with the sample, and its error kept", async () => {
    const cause = new RangeError("no such crop");
    const fail = (x: number) => {
      if (x === 13) throw cause;
      return true;
    };
    for (const [method, build] of [
      ["map", (numbers: Dataset<number>) => numbers.map(fail)],
      ["filter", (numbers: Dataset<number>) => numbers.filter(fail)],
    ] as const) {
      const error = caught(() => [...build(dataset(upTo(20)).skip(10))]);
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(
        new RegExp(`^${method}: the function failed for sample 3: no such crop\nat test/data/`),
      );
      expect(error.cause).toBe(cause);
    }
    const late = collect(
      dataset(upTo(20))
        .mapAsync(async (x) => fail(x))
        .prefetch(),
    );
    await expect(late).rejects.toThrow("mapAsync: the function failed for sample 13: no such crop");
  });

  test("a promise where none is waited for", () => {
    expect(caught(() => [...dataset([1]).map(async (x) => x)]).message).toMatch(
      /^map: the function returned a promise for sample 0\n[\s\S]*\.mapAsync\(…\)/,
    );
    expect(() => [...dataset([1]).filter((() => Promise.resolve(false)) as () => never)]).toThrow("returned a promise");
  });

  test("a plain loop over what has to be waited for", () => {
    for (const waiting of [dataset([1]).prefetch(), dataset([1]).mapAsync(async (x) => x)])
      expect(caught(() => [...waiting]).message).toMatch(/have to be waited for[\s\S]*for await/);
    expect(() => [...sources["async generator"](2)]).toThrow("dataset: its elements have to be waited for");
  });

  test("sizes, counts and seeds that are none", () => {
    const numbers = dataset([1, 2]);
    expect(() => numbers.batch(0)).toThrow("batch: size is 0");
    expect(() => numbers.batch(-3)).toThrow("fix: give a whole number, at least 1");
    expect(() => numbers.batch(1.5)).toThrow("batch: size is 1.5");
    expect(() => numbers.take(-1)).toThrow("take: count is -1");
    expect(() => numbers.skip(Number.NaN)).toThrow("skip: count is NaN");
    expect(() => numbers.repeat(-1)).toThrow("repeat: count is -1");
    expect(() => numbers.prefetch(0)).toThrow("prefetch: count is 0");
    expect(() => numbers.shuffle({ bufferSize: 0 })).toThrow("shuffle: bufferSize is 0");
    expect(() => numbers.shuffle({ seed: 0.5 })).toThrow("shuffle: the seed is 0.5");
  });
});

describe("sources", () => {
  test("an iterator can be read once", async () => {
    const once = dataset(upTo(3).values());
    expect([...once]).toEqual([0, 1, 2]);
    const { message } = caught(() => [...once]);
    expect(message).toMatch(
      /^dataset: the source was read before, and can be read only once\n[\s\S]*dataset\(\(\) => …\)/,
    );
    const late = dataset(
      (async function* () {
        yield 1;
      })(),
    );
    expect(await collect(late)).toEqual([1]);
    await expect(collect(late)).rejects.toThrow("can be read only once");
  });

  test("collections and functions begin again", async () => {
    for (const numbers of [dataset(new Set([1, 2])), dataset(() => [1, 2]), dataset(async () => [1, 2])]) {
      expect(await collect(numbers)).toEqual([1, 2]);
      expect(await collect(numbers)).toEqual([1, 2]);
    }
  });

  test("an error in the source is told with its place", async () => {
    const cause = new Error("the disk is gone");
    const broken = dataset(function* () {
      yield 1;
      throw cause;
    });
    const error = caught(() => [...broken]);
    expect(error.message).toMatch(/^dataset: the source failed for sample 1: the disk is gone\n/);
    expect(error.cause).toBe(cause);
    await expect(collect(broken.prefetch())).rejects.toThrow("sample 1: the disk is gone");
    await expect(collect(dataset(() => undefined as unknown as number[]))).rejects.toThrow("returned nothing");
  });

  test("leaving a loop closes the source, whatever stands between", async () => {
    let closed = 0;
    const source = dataset(function* () {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed++;
      }
    });
    for (const x of source.map((x) => x + 1).repeat()) if (x > 3) break;
    expect(closed).toBe(1);
    for await (const x of source.batch(2).prefetch(4).repeat(2)) if (x.data[0]! > 3) break;
    expect(closed).toBe(2);
    expect([...source.take(2)]).toEqual([0, 1]);
    expect(closed).toBe(3);
  });
});

describe("prefetch", () => {
  test("asks ahead, but not further than it is told", async () => {
    let asked = 0;
    const source = dataset(async function* () {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield asked++;
      }
    });
    const loop = source.prefetch(3)[Symbol.asyncIterator]();
    expect((await loop.next()).value).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(asked).toBe(4);
    expect((await loop.next()).value).toBe(1);
    await loop.return?.();
    const then = asked;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(asked).toBe(then);
  });

  test("changes neither elements nor order", async () => {
    expect(
      await collect(
        dataset(upTo(20))
          .prefetch(1)
          .map((x) => 2 * x)
          .prefetch(7),
      ),
    ).toEqual(upTo(20).map((x) => 2 * x));
  });

  test("gives the elements before an error first", async () => {
    const found: number[] = [];
    const broken = dataset(upTo(5)).map((x) => {
      if (x === 3) throw new Error("three");
      return x;
    });
    await expect(async () => {
      for await (const x of broken.prefetch(9)) found.push(x);
    }).rejects.toThrow("map: the function failed for sample 3: three");
    expect(found).toEqual([0, 1, 2]);
  });
});
