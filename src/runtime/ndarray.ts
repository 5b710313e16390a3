import { type ArrayOf, type DType, dtypeOfArray, type TypedArray } from "../core/dtype.ts";
import { DTypeError, ShapeError, StateError } from "../core/errors.ts";
import { numberText } from "../core/number-text.ts";
import { elementCount } from "../core/shape.ts";
import type { AnyShape, Shape } from "../core/shape-types.ts";
import { type ArrayValue, type Nested, readValue, type ValueLike } from "../core/values.ts";
import { here } from "./reading.ts";

export type { Nested } from "../core/values.ts";

declare module "../graph/operation.ts" {
  // Graphs stand below values: what `tensor.value` is, is told to the type checker here.
  interface TensorValue<out S extends Shape = AnyShape> extends NDArray<S> {}
}

/** A value in the user's hands: row-major data and its shape. `S` exists for the type checker only. */
export class NDArray<out S extends Shape = AnyShape> implements ArrayValue {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
  declare readonly __shape?: S | undefined;

  constructor(data: TypedArray, shape: readonly number[], dtype: DType = dtypeOfArray(data)!) {
    const count = elementCount(shape);
    if (data.length !== count) {
      throw new ShapeError({
        what: `NDArray: ${data.length} elements do not fill shape [${shape.join(", ")}], which has ${count}`,
      });
    }
    this.data = data;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** An array from numbers, nested lists or typed arrays; see `readValue` for the dtype it takes. */
  static of(value: ValueLike, options: { readonly dtype?: DType; readonly shape?: readonly number[] } = {}): NDArray {
    const { data, shape, dtype } = readValue(value, options.dtype, options.shape);
    return new NDArray(data, shape, dtype);
  }

  get size(): number {
    return this.data.length;
  }

  /**
   * The one number in it.
   * @throws ShapeError if there is not exactly one element
   */
  item(): number {
    if (this.data.length === 1) return this.data[0]!;
    throw new ShapeError({
      what: `item: the array has ${this.data.length} elements, shape [${this.shape.join(", ")}]`,
      fix: "read .data or .toArray()",
    });
  }

  /** Element at a full index, e.g. `at(2, 3)`. */
  at(...index: number[]): number {
    let flat = 0;
    this.shape.forEach((size, axis) => {
      const i = index[axis] ?? Number.NaN;
      if (!(i >= 0 && i < size))
        throw new ShapeError({ what: `at: index [${index.join(", ")}] is outside of [${this.shape.join(", ")}]` });
      flat = flat * size + i;
    });
    return this.data[flat]!;
  }

  /** Nested lists; a number for a scalar. */
  toArray(): Nested {
    const nest = (axis: number, offset: number, length: number): Nested => {
      const size = this.shape[axis];
      if (size === undefined) return this.data[offset]!;
      const step = size === 0 ? 0 : length / size;
      return Array.from({ length: size }, (_, i) => nest(axis + 1, offset + i * step, step));
    };
    return nest(0, 0, this.data.length);
  }

  #typed<D extends DType>(dtype: D): ArrayOf[D] {
    if (this.dtype === dtype) return this.data as ArrayOf[D];
    throw new DTypeError({
      what: `${dtype}: the array holds ${this.dtype}`,
      fix: `read .${this.dtype}(), or cast in the graph`,
    });
  }
  /** The data as a Float32Array. @throws DTypeError if it holds something else; likewise the others. */
  float32(): Float32Array {
    return this.#typed("float32");
  }
  float64(): Float64Array {
    return this.#typed("float64");
  }
  int32(): Int32Array {
    return this.#typed("int32");
  }
  uint32(): Uint32Array {
    return this.#typed("uint32");
  }
  bool(): Uint8Array {
    return this.#typed("bool");
  }

  /** In the manner of NumPy: numbers in brackets, long axes elided, float32 in the digits it has. */
  toString(): string {
    return arrayText(this);
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    try {
      return arrayText(this);
    } catch (error) {
      // Printing something for a look at it should not end a program.
      if (error instanceof StateError) return `[${error.parts.what}]`;
      throw error;
    }
  }
}

/**
 * True if the memory under a view has gone: a WebAssembly memory that grows leaves its old buffer empty.
 */
export function isDetached(view: ArrayBufferView): boolean {
  if (view.buffer.byteLength > 0) return false;
  try {
    new Uint8Array(view.buffer);
    return false;
  } catch {
    return true;
  }
}

/** What to say of a view whose memory has gone. */
export const staleView = (what: string, fix: string): StateError =>
  new StateError({
    what: `${what} is a view of memory that the session has moved since`,
    details: ["memory grew when another plan was made, or a variable was set for the first time"],
    at: here(),
    fix,
  });

/** An array that shows memory of a session. Reading its data throws StateError once that memory has moved. */
export function viewArray(data: TypedArray, shape: readonly number[], dtype: DType): NDArray {
  return Object.defineProperty(new NDArray(data, shape, dtype), "data", {
    enumerable: true,
    get() {
      if (!isDetached(data)) return data;
      throw staleView("data: the array", "read results before the next run, or prepare without { copy: false }");
    },
  });
}

/** Axes longer than this show their first and last three entries. */
const LONG = 8;
const SHOWN = 3;

function arrayText({ data, shape, dtype }: ArrayValue): string {
  const text = (axis: number, offset: number, length: number): string => {
    const size = shape[axis];
    if (size === undefined) return numberText(data[offset]!, dtype);
    const step = size === 0 ? 0 : length / size;
    const entry = (i: number) => text(axis + 1, offset + i * step, step);
    const all = Array.from({ length: size }, (_, i) => i);
    const shown = size > LONG ? [...all.slice(0, SHOWN), -1, ...all.slice(-SHOWN)] : all;
    const entries = shown.map((i) => (i < 0 ? "…" : entry(i)));
    const separator = axis === shape.length - 1 ? ", " : `,\n${" ".repeat(axis + 1)}`;
    return `[${entries.join(separator)}]`;
  };
  return text(0, 0, data.length);
}
