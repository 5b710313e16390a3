/** What the workers of the tests call. */
import type { NDArray } from "../../src/index.ts";

export const square = (x: number): number => x * x;

export function brighten({ image, label }: { image: NDArray; label: NDArray }): {
  image: Float32Array;
  label: number;
} {
  return { image: Float32Array.from(image.float32(), (x) => x + 100), label: label.item() };
}

/** Waits the longer the smaller the number, so that later samples are done first. */
export async function slowestFirst(x: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, x < 2 ? 300 : 0));
  return x;
}

export function failAtThree(x: number): number {
  if (x === 3) throw new RangeError("three is too much");
  return x;
}

export function exitAtThree(x: number): number {
  if (x === 3) process.exit(7);
  return x;
}

export function throwLater(x: number): Promise<number> {
  return new Promise(() => {
    setTimeout(() => {
      throw new Error(`nobody catches ${x}`);
    });
  });
}

const table = Float32Array.of(1, 2, 3);
/** Returns memory that it keeps, which is gone after the first sample. */
export const keepsItsArray = (): Float32Array => table;

export const returnsFunction = (): (() => void) => () => {};

export const notAFunction = 3;

/** Leaves a mark in what it was given. */
export function mark({ image }: { image: NDArray }): number {
  image.float32()[0] = 9;
  return image.size;
}
