/** Copying tensors, whatever their dtype, next to one another. */
import { type DType, rangeOf, type TypedArray } from "../core/dtype.ts";
import { FeedError } from "../core/errors.ts";
import type { Cell } from "./structure.ts";

/** From so many elements on, the engine's own copy is faster than a loop. */
const LONG = 32;

/** Whether a tensor may be written into an array of this dtype. As when feeding, arrays are never converted. */
export function fits({ dtype, kind }: Pick<Cell, "dtype" | "kind">, target: DType): boolean {
  if (kind === "numbers") return target !== "bool";
  return dtype === target || (kind === "bytes" && target === "bool");
}

/**
 * Copies `count` elements of `cell`, from its element `first` on, to `at` in an array of `dtype`, which `fits` it.
 * @throws FeedError for a plain number that an integer dtype does not hold
 */
export function copyElements(
  cell: Pick<Cell, "data" | "kind">,
  first: number,
  count: number,
  target: TypedArray,
  at: number,
  dtype: DType,
): void {
  const { data, kind } = cell;
  if (kind === "bytes" && dtype === "bool")
    for (let i = 0; i < count; i++) target[at + i] = data[first + i] === 0 ? 0 : 1;
  else if (kind === "numbers" && (dtype === "int32" || dtype === "uint32"))
    for (let i = 0; i < count; i++) target[at + i] = requireHeld(data[first + i]!, dtype);
  else if (count === data.length && count >= LONG) target.set(data, at);
  else for (let i = 0; i < count; i++) target[at + i] = data[first + i]!;
}

function requireHeld(value: number, dtype: DType): number {
  const { min, max } = rangeOf(dtype);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new FeedError({
    what: `into: ${value} can not be written to a feed of dtype ${dtype}`,
    fix: `give whole numbers from ${min} to ${max}`,
  });
}
