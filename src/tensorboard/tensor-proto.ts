import type { DType, TypedArray } from "../core/dtype.ts";
import { elementCount, type Sizes } from "../core/shape.ts";
import { isKnown, sizeText } from "../core/size.ts";
import { boolean, bytes, float, integer, type Message, message, text } from "./protobuf.ts";

/** The numbers TensorFlow gives element types, those of this library and of texts. */
export const DATA_TYPES: Readonly<Record<DType | "string", number>> = {
  float32: 1,
  float64: 2,
  int32: 3,
  string: 7,
  bool: 10,
  uint32: 22,
};

/** The fields of a TensorShapeProto. A size that is not known yet is -1, and named as its polynomial reads. */
export function shapeFields(shape: Sizes | null): readonly Uint8Array[] {
  if (shape === null) return [UNKNOWN_RANK];
  return shape.map((size) =>
    isKnown(size) ? message(2, integer(1, size)) : message(2, integer(1, -1), text(2, sizeText(size))),
  );
}

const UNKNOWN_RANK = boolean(3, true);

const head = (dtype: DType | "string", shape: Sizes): readonly Uint8Array[] => [
  integer(1, DATA_TYPES[dtype]),
  message(2, ...shapeFields(shape)),
];

/** The fields of a TensorProto with numbers: their bytes, row-major, little-endian. */
export const tensorFields = (dtype: DType, shape: readonly number[], data: TypedArray): readonly Uint8Array[] => [
  ...head(dtype, shape),
  bytes(4, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
];

/** The fields of a TensorProto with one float32. */
export const scalarFields = (value: number): readonly Uint8Array[] => [...head("float32", []), float(5, value)];

/** The fields of a TensorProto with texts, or with bytes, which TensorFlow calls texts too. */
export const stringFields = (shape: readonly number[], items: readonly Uint8Array[]): readonly Uint8Array[] => [
  ...head("string", shape),
  ...items.map((item) => bytes(8, item)),
];

/** A TensorProto that was read: the elements of the types that summaries are made of. */
export interface TensorValue {
  readonly shape: readonly number[];
  /** Elements of DT_FLOAT and DT_DOUBLE; empty for other types. */
  readonly numbers: readonly number[];
  /** Elements of DT_STRING; empty for other types. */
  readonly strings: readonly Uint8Array[];
}

/** Reads a TensorProto, as this library and as TensorFlow writes it. @throws FileError if it is damaged */
export function readTensor(tensor: Message): TensorValue {
  let dataType = 0;
  const shape: number[] = [];
  const numbers: number[] = [];
  const strings: Uint8Array[] = [];
  let content: Uint8Array = new Uint8Array();
  for (const field of tensor) {
    if (field.number === 1) dataType = field.integer();
    else if (field.number === 2) shape.push(...readShape(field.message()));
    else if (field.number === 4) content = field.bytes();
    else if (field.number === 5) numbers.push(...field.floats());
    else if (field.number === 6) numbers.push(...field.doubles());
    else if (field.number === 8) strings.push(field.bytes());
  }
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (dataType === DATA_TYPES.float32) {
    for (let at = 0; at + 4 <= content.length; at += 4) numbers.push(view.getFloat32(at, true));
  } else if (dataType === DATA_TYPES.float64) {
    for (let at = 0; at + 8 <= content.length; at += 8) numbers.push(view.getFloat64(at, true));
  }
  const last = numbers.at(-1);
  if (last !== undefined) {
    const count = elementCount(shape);
    if (!(count <= MOST_ELEMENTS)) throw tensor.fault(`a summary with ${count} numbers`);
    // Equal elements at the end are written once.
    while (numbers.length < count) numbers.push(last);
  }
  return { shape, numbers, strings };
}

/** A few bytes can ask for a lot. Summaries hold a number, or the buckets of a histogram. */
const MOST_ELEMENTS = 2 ** 20;

function readShape(shape: Message): number[] {
  const sizes: number[] = [];
  for (const field of shape) {
    if (field.number !== 2) continue;
    let size = 0;
    for (const part of field.message()) if (part.number === 1) size = part.integer();
    sizes.push(size);
  }
  return sizes;
}
