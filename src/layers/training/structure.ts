import { type DType, dtypeOfArray, type TypedArray } from "../../core/dtype.ts";
import { GraphError } from "../../core/errors.ts";
import { readValue, type ValueLike } from "../../core/values.ts";
import type { ShapedData } from "../../data/structure.ts";
import { isValued } from "../../eager/tensor.ts";
import { Tensor } from "../../graph/operation.ts";
import { NDArray, viewArray } from "../../runtime/ndarray.ts";
import { here, reading } from "../../runtime/reading.ts";

/** What data may be: an array, a tensor with a value, nested lists of numbers; several in a list, or by name. */
export type Data =
  | ValueLike
  | Tensor
  | NDArray
  | ShapedData
  | readonly (NDArray | TypedArray | Tensor)[]
  | { readonly [name: string]: Data };

/** Data as arrays, and the structure they stood in. */
export interface ArrayNest {
  readonly leaves: readonly NDArray[];
  /** Where each leaf stands: "" for one alone, `[1]`, `.image`. */
  readonly places: readonly string[];
  /** The structure with other things in the places of the arrays. */
  rebuild<T>(leaves: readonly T[]): unknown;
}

/**
 * Takes data apart. Arrays are not copied.
 * @param what how errors call it: `fit: x`
 * @param dtype of numbers in plain lists; typed arrays have their own
 */
export function takeApart(what: string, data: Data, dtype: DType | undefined = "float32"): ArrayNest {
  const leaves: NDArray[] = [];
  const places: string[] = [];
  const visit = (part: unknown, place: string): ((leaves: readonly unknown[]) => unknown) => {
    const array = arrayFrom(`${what}${place}`, part, dtype);
    if (array) {
      const at = leaves.push(array) - 1;
      places.push(place);
      return (others) => others[at];
    }
    if (Array.isArray(part)) {
      const parts = part.map((item: unknown, i) => visit(item, `${place}[${i}]`));
      return (others) => parts.map((rebuild) => rebuild(others));
    }
    if (typeof part === "object" && part !== null && Object.getPrototypeOf(part) === Object.prototype) {
      const parts = Object.entries(part).map(([name, item]) => [name, visit(item, `${place}.${name}`)] as const);
      return (others) => Object.fromEntries(parts.map(([name, rebuild]) => [name, rebuild(others)]));
    }
    throw new GraphError({
      what: `${what}${place}: ${part === null ? "null" : typeof part} is no data`,
      at: here(),
      fix:
        typeof part === "function"
          ? "call the function, if it is a generator: fit(batches(), …)"
          : "give an NDArray, a typed array with a shape, a tensor with a value, or nested lists of numbers",
    });
  };
  const rebuild = visit(data, "");
  if (leaves.length === 0) {
    throw new GraphError({ what: `${what} is empty`, at: here(), fix: "give at least one sample" });
  }
  return { leaves, places, rebuild };
}

/** An array; null for a structure of several. */
function arrayFrom(what: string, data: unknown, dtype: DType | undefined): NDArray | null {
  if (data instanceof NDArray) return data;
  if (data instanceof Tensor) {
    if (isValued(data)) return data.value;
    throw new GraphError({
      what: `${what}: "${data.name}" is symbolic, it has no elements`,
      at: here(),
      fix: "give values: an array, or tensor(…) of forerun/eager",
    });
  }
  if (isShaped(data)) {
    const own = data.dtype ?? dtypeOfArray(data.data) ?? "float32";
    if (own !== "bool" || data.dtype) return viewArray(data.data, data.shape, own);
    // Bytes are numbers unless bool was asked for: pixels come as Uint8Array.
    return viewArray(Int32Array.from(data.data as Uint8Array), data.shape, "int32");
  }
  if (ArrayBuffer.isView(data)) {
    const { data: elements, shape, dtype: own } = reading(what, () => readValue(data as TypedArray));
    return viewArray(elements, shape, own);
  }
  if (typeof data === "number" || typeof data === "boolean" || (Array.isArray(data) && isNumbers(data))) {
    const { data: elements, shape, dtype: own } = reading(what, () => readValue(data as ValueLike, dtype));
    return viewArray(elements, shape, own);
  }
  return null;
}

const isShaped = (data: unknown): data is ShapedData =>
  typeof data === "object" && data !== null && "data" in data && "shape" in data && ArrayBuffer.isView(data.data);

/** True for nested lists of numbers; false for a list of arrays. */
const isNumbers = (list: readonly unknown[]): boolean => {
  const [first] = list;
  return typeof first === "number" || typeof first === "boolean" || (Array.isArray(first) && isNumbers(first));
};
