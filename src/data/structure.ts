/**
 * What a sample may look like: a tensor, or tensors in objects and tuples, nested to any depth. A list of numbers, or of
 * such lists, is a tensor, as in tfjs-data; any other array is a tuple.
 */
import { type DType, dtypeOfArray, type TypedArray } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { type NestedList, readValue } from "../core/values.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import { reading } from "../runtime/reading.ts";
import { DataError } from "./errors.ts";

/** Data with its shape, row-major. Without `dtype` it is what the array stores; bytes are int32. */
export interface ShapedData {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype?: DType | undefined;
}
/** A tensor as a user may write it. */
export type TensorLike = number | boolean | NestedList | TypedArray | ShapedData;

/** A sample of type `T` with an `NDArray` for every tensor: what slices and batches are. */
export type Tensors<T> = T extends TensorLike
  ? NDArray
  : T extends object
    ? { readonly [K in keyof T]: Tensors<T[K]> }
    : unknown;

/** How a tensor is to be understood when it is written into an array of another dtype. */
export interface Cell {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /**
   * `exact`: only `dtype` will do. `bytes`: a bare Uint8Array, which may stand for int32 or for bool. `numbers`: plain
   * numbers, which any dtype takes that holds them.
   */
  readonly kind: "exact" | "bytes" | "numbers";
}

const isShapedData = (value: object): value is ShapedData =>
  "data" in value && "shape" in value && ArrayBuffer.isView(value.data) && Array.isArray(value.shape);

const isNumber = (value: unknown) => typeof value === "number" || typeof value === "boolean";
/** A list of numbers, or of such lists: a ragged one is a mistake, but one that mixes both is a tuple. */
const isNumbers = (value: unknown): value is NestedList =>
  Array.isArray(value) && (value.every(isNumber) || value.every(isNumbers));

const isTensor = (value: unknown): value is TensorLike => {
  if (isNumber(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  return ArrayBuffer.isView(value) || isNumbers(value) || isShapedData(value);
};

const isPlainObject = (value: unknown): value is { readonly [name: string]: unknown } => {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** `"image"`, `"pair[1].x"`; the sample itself is `""`. */
const pathTo = (path: string, key: string | number): string =>
  typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;

/** The part of a sample that a message is about. */
export const partText = (path: string): string => (path === "" ? "" : ` at ${JSON.stringify(path)}`);

/**
 * The same structure with every tensor replaced.
 * @throws DataError for a part that is no tensor, object or tuple
 */
export function mapTensors<R>(
  what: string,
  sample: unknown,
  replace: (tensor: TensorLike, path: string) => R,
): unknown {
  const visit = (value: unknown, path: string): unknown => {
    if (isTensor(value)) return replace(value, path);
    if (Array.isArray(value)) return value.map((item: unknown, i) => visit(item, pathTo(path, i)));
    if (isPlainObject(value))
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item, pathTo(path, key))]));
    const found = typeof value === "object" && value !== null ? `a ${value.constructor.name}` : describe(value);
    throw new DataError({
      what: `${what} holds ${found}${partText(path)}`,
      fix: "samples are made of numbers, lists of numbers, typed arrays and NDArrays, in objects and tuples: map it to these",
    });
  };
  return visit(sample, "");
}

const describe = (value: unknown): string =>
  typeof value === "string" ? `the string ${JSON.stringify(value.slice(0, 40))}` : String(value);

/** The tensors of a sample in their order, with their paths. */
export function tensorsIn(what: string, sample: unknown): { readonly path: string; readonly tensor: TensorLike }[] {
  const found: { path: string; tensor: TensorLike }[] = [];
  mapTensors(what, sample, (tensor, path) => found.push({ path, tensor }));
  return found;
}

/**
 * Reads a tensor without copying a typed array.
 * @throws ShapeError (ragged list, wrong element count), DTypeError (an array of another kind)
 */
export function readCell(what: string, tensor: TensorLike): Cell {
  if (typeof tensor === "number") return numbers([tensor], []);
  if (typeof tensor === "boolean")
    return { data: Uint8Array.of(Number(tensor)), shape: [], dtype: "bool", kind: "exact" };
  if (ArrayBuffer.isView(tensor)) return { data: tensor, shape: [tensor.length], ...storedIn(what, tensor) };
  if (isShapedData(tensor)) {
    const { data, shape, dtype } = tensor;
    if (data.length !== elementCount(shape)) {
      throw new ShapeError({
        what: `${what}: ${data.length} elements do not fill shape [${shape.join(", ")}], which has ${elementCount(shape)}`,
      });
    }
    return dtype === undefined ? { data, shape, ...storedIn(what, data) } : { data, shape, dtype, kind: "exact" };
  }
  const natural = reading(what, () => readValue(tensor));
  if (natural.dtype === "bool") return { ...natural, kind: "exact" };
  // All digits are kept until the dtype of the target is known.
  return { data: readValue(tensor, "float64").data, shape: natural.shape, dtype: "float32", kind: "numbers" };
}

const numbers = (values: readonly number[], shape: readonly number[]): Cell => ({
  data: Float64Array.from(values),
  shape,
  dtype: "float32",
  kind: "numbers",
});

function storedIn(what: string, data: TypedArray): Pick<Cell, "dtype" | "kind"> {
  const dtype = dtypeOfArray(data);
  if (dtype === null)
    throw new DTypeError({
      what: `${what}: ${(data as ArrayBufferView).constructor.name} is not a kind of array used here`,
      fix: "use a Float32Array, Float64Array, Int32Array, Uint32Array or Uint8Array",
    });
  return dtype === "bool" ? { dtype: "int32", kind: "bytes" } : { dtype, kind: "exact" };
}
