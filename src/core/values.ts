import { allocate, type DType, dtypeOfArray, type TypedArray } from "./dtype.ts";
import { DTypeError, ShapeError } from "./errors.ts";
import { elementCount, shapeText } from "./shape.ts";

/** Numbers (or booleans) nested to any depth: `[[1, 2], [3, 4]]`. */
export type NestedList = readonly (number | boolean | NestedList)[];
/** Plain numbers nested as deep as a value has axes; a number for a scalar. */
export type Nested = number | Nested[];
/** What a user may hand over as a value. */
export type ValueLike = number | boolean | NestedList | TypedArray | ArrayValue;
/** Data with its shape, row-major; an `NDArray` is one. */
export interface ArrayValue {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const isArrayValue = (value: ValueLike): value is ArrayValue =>
  typeof value === "object" && !ArrayBuffer.isView(value) && !Array.isArray(value);

/** Sizes of a nested list, which must be rectangular. Reads along first elements; `flatten` checks the rest. */
function shapeOfList(list: NestedList): number[] {
  const shape: number[] = [];
  let level: number | boolean | NestedList | undefined = list;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0] as number | boolean | NestedList | undefined;
  }
  return shape;
}

function flatten(list: NestedList, shape: readonly number[], axis: number, into: (number | boolean)[]): void {
  if (list.length !== shape[axis]) {
    throw new ShapeError({
      what: `value: a list is ragged, ${shape[axis]} against ${list.length} elements at depth ${axis}`,
      fix: "every list of the same depth must have the same length",
    });
  }
  for (const item of list) {
    const nested = typeof item === "object";
    if (nested && !Array.isArray(item)) throw noList(item);
    if (nested !== axis + 1 < shape.length) {
      throw new ShapeError({
        what: `value: numbers and lists are mixed at depth ${axis + 1}`,
        fix: "at one depth there are only numbers, or only lists",
      });
    }
    if (nested) flatten(item, shape, axis + 1, into);
    else if (typeof item === "number" || typeof item === "boolean") into.push(item);
    else
      throw new DTypeError({
        what: `value: ${String(item)} is not a number or boolean`,
        fix: "give numbers, or convert what you have: Number(text)",
      });
  }
}

/** What to do about tensors and arrays in a list. */
function noList(item: unknown): ShapeError {
  const { dtype, shape } = (item ?? {}) as Partial<ArrayValue>;
  const isTensor = typeof dtype === "string" && (shape === null || Array.isArray(shape));
  return new ShapeError({
    what: `value: ${isTensor ? `a tensor or array, ${dtype}${shapeText(shape ?? null)},` : String(item)} stands in a list of numbers`,
    fix: isTensor
      ? "stack([a, b]) makes one tensor of several; of those that have values, .item() and .toArray() give numbers"
      : "give numbers, or lists of them",
  });
}

/** The dtype plain JavaScript values stand for: bool, int32 if all are whole numbers in range, else float32. */
function inferDType(items: readonly (number | boolean)[]): DType {
  if (items.length > 0 && items.every((item) => typeof item === "boolean")) return "bool";
  const whole = items.length > 0 && items.every((item) => typeof item === "number" && (item | 0) === item);
  return whole ? "int32" : "float32";
}

/**
 * Reads a user's value. `dtype` converts; without it typed arrays keep theirs and plain numbers are int32 when all
 * are whole, float32 otherwise, as `tf.constant` infers. The data is always a copy.
 * @throws ShapeError (ragged list, wrong element count), DTypeError
 */
export function readValue(value: ValueLike, dtype?: DType, shape?: readonly number[]): ArrayValue {
  let items: ArrayLike<number | boolean>;
  let found: readonly number[];
  let natural: DType;
  if (typeof value === "number" || typeof value === "boolean") {
    items = [value];
    found = [];
    natural = inferDType([value]);
  } else if (ArrayBuffer.isView(value)) {
    const own = dtypeOfArray(value);
    if (own === null)
      throw new DTypeError({ what: `value: ${value.constructor.name} is not a kind of array used here` });
    items = value;
    found = [value.length];
    // Bytes are numbers unless bool was asked for: pixels come as Uint8Array.
    natural = own === "bool" ? "int32" : own;
  } else if (isArrayValue(value)) {
    items = value.data;
    found = value.shape;
    natural = value.dtype;
  } else {
    const flat: (number | boolean)[] = [];
    found = shapeOfList(value);
    flatten(value, found, 0, flat);
    items = flat;
    natural = inferDType(flat);
  }
  const target = dtype ?? natural;
  const wanted = shape ?? found;
  const count = elementCount(wanted);
  // A single number fills a shape, as in tf.constant(0, shape=[2, 3]).
  const fills = items.length === 1 && found.length === 0;
  if (count !== items.length && !fills) {
    throw new ShapeError({
      what: `value: ${items.length} elements do not fill shape [${wanted.join(", ")}], which has ${count}`,
      fix: `give ${count}, or one number that fills the shape`,
    });
  }
  const data = allocate(target, count);
  if (fills) data.fill(target === "bool" ? Number(Boolean(items[0])) : Number(items[0]));
  else for (let i = 0; i < count; i++) data[i] = target === "bool" ? Number(Boolean(items[i])) : Number(items[i]);
  return { data, shape: wanted, dtype: target };
}
