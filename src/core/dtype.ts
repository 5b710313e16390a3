/**
 * Element types. Printed as TensorFlow prints them.
 *
 * `bool` is stored as one byte, 0 or 1. `uint32` exists for random bits.
 *
 * The promotion rule: there is none between tensors. Two tensors of different dtypes are an error that suggests
 * `cast`, as in TensorFlow; a bare number or list used as an operand takes the dtype of the tensor beside it.
 */
export type DType = "float32" | "float64" | "int32" | "uint32" | "bool";

/** The typed array that stores a given dtype. */
export interface ArrayOf {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint32: Uint32Array;
  bool: Uint8Array;
}
export type TypedArray = ArrayOf[DType];

interface DTypeInfo {
  readonly bytes: number;
  readonly make: (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
}

const INFO: { readonly [D in DType]: DTypeInfo } = {
  bool: { bytes: 1, make: (b, o, n) => new Uint8Array(b, o, n) },
  int32: { bytes: 4, make: (b, o, n) => new Int32Array(b, o, n) },
  uint32: { bytes: 4, make: (b, o, n) => new Uint32Array(b, o, n) },
  float32: { bytes: 4, make: (b, o, n) => new Float32Array(b, o, n) },
  float64: { bytes: 8, make: (b, o, n) => new Float64Array(b, o, n) },
};

export const DTYPES = Object.keys(INFO) as readonly DType[];

export const byteSize = (dtype: DType): number => INFO[dtype].bytes;
export const isDType = (name: string): name is DType => Object.hasOwn(INFO, name);
export const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float64";
export const isInteger = (dtype: DType): boolean => dtype === "int32" || dtype === "uint32";
export const isNumeric = (dtype: DType): boolean => dtype !== "bool";

/** A view of `length` elements of `dtype` over `buffer`, starting at byte `offset`. */
export function viewOf<D extends DType>(dtype: D, buffer: ArrayBufferLike, offset: number, length: number): ArrayOf[D] {
  return INFO[dtype].make(buffer, offset, length) as ArrayOf[D];
}

/** A fresh zeroed array. */
export function allocate<D extends DType>(dtype: D, length: number): ArrayOf[D] {
  return viewOf(dtype, new ArrayBuffer(length * byteSize(dtype)), 0, length);
}

/** The dtype a typed array stores, or null for arrays the library does not use. */
export function dtypeOfArray(array: ArrayBufferView): DType | null {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint32Array) return "uint32";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "bool";
  return null;
}

/** Rounds a JavaScript number to the nearest value of `dtype` (integers wrap, as typed arrays do). */
export function roundTo(dtype: DType, value: number): number {
  switch (dtype) {
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
    case "int32":
      return value | 0;
    case "uint32":
      return value >>> 0;
    case "bool":
      return value ? 1 : 0;
  }
}

/** Bounds of a dtype's values: finite for integers and bool. */
export function rangeOf(dtype: DType): { readonly min: number; readonly max: number } {
  return RANGES[dtype];
}
const REAL = { min: -Infinity, max: Infinity };
const RANGES: { readonly [T in DType]: { readonly min: number; readonly max: number } } = {
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  uint32: { min: 0, max: 2 ** 32 - 1 },
  bool: { min: 0, max: 1 },
  float32: REAL,
  float64: REAL,
};
