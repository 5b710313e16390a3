import { describe, expect, test } from "vitest";
import { loadMnist, parseIdx, pixelsPerImage, seededRandom, shuffle } from "../../samples/mnist/data.ts";

function histogram(labels: Int32Array): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

describe("the MNIST files", () => {
  const { train, test: held } = loadMnist();

  test("hold 60,000 and 10,000 labelled images", () => {
    expect(train.count).toBe(60_000);
    expect(held.count).toBe(10_000);
    expect(train.images.length).toBe(60_000 * pixelsPerImage);
    expect(held.images.length).toBe(10_000 * pixelsPerImage);
    expect(train.labels.length).toBe(60_000);
    expect(held.labels.length).toBe(10_000);
  });

  test("start with the known labels", () => {
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...held.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  });

  test("hold the known number of each digit", () => {
    expect(histogram(train.labels)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(histogram(held.labels)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });

  test("have pixels of float32(byte / 255), with the known mean 0.1307", () => {
    let [lowest, highest, sum] = [Infinity, -Infinity, 0];
    for (const pixel of train.images) {
      if (pixel < lowest) lowest = pixel;
      if (pixel > highest) highest = pixel;
      sum += pixel;
    }
    expect([lowest, highest]).toEqual([0, 1]);
    expect(sum / train.images.length).toBeCloseTo(0.1307, 4);
    // The first inked pixel of the first "5": row 5, column 12, the byte 3.
    expect(train.images[5 * 28 + 12]).toBe(Math.fround(3 / 255));
  });
});

describe("parseIdx", () => {
  const valid = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9);

  test("returns the elements", () => {
    expect([...parseIdx(valid, [3], "labels")]).toEqual([7, 8, 9]);
  });

  test("names the file and the trouble", () => {
    expect(() => parseIdx(valid.subarray(0, 5), [3], "labels")).toThrow(
      "labels: 5 bytes are too few for an IDX header of 8 bytes.",
    );
    expect(() => parseIdx(valid, [3, 1], "images")).toThrow(
      "images: 11 bytes are too few for an IDX header of 12 bytes.",
    );
    expect(() => parseIdx(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0), [3], "labels")).toThrow(
      "labels: the magic number is 0x1f8b0800, but an IDX file of bytes of rank 1 starts with 0x00000801 (the file is still gzipped).",
    );
    expect(() => parseIdx(valid, [4], "labels")).toThrow("labels: the shape is [3], expected [4].");
    expect(() => parseIdx(valid.subarray(0, 10), [3], "labels")).toThrow(
      "labels: 2 bytes follow the header, expected 3.",
    );
  });
});

describe("shuffle", () => {
  const shuffled = (seed: number) => [
    ...shuffle(
      Int32Array.from({ length: 1000 }, (_, i) => i),
      seededRandom(seed),
    ),
  ];

  test("permutes", () => {
    expect(shuffled(1)).not.toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(shuffled(1).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test("repeats for the same seed and differs for another", () => {
    expect(shuffled(1)).toEqual(shuffled(1));
    expect(shuffled(1)).not.toEqual(shuffled(2));
  });

  test("puts every item in every place about equally often", () => {
    const random = seededRandom(7);
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
    for (let round = 0; round < 4000; round++) {
      shuffle([0, 1, 2, 3], random).forEach((item, place) => {
        counts[place]![item]!++;
      });
    }
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
