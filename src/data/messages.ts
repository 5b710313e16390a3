/** What goes between a pipeline and its workers, and how arrays travel in it. */
import type { DType, TypedArray } from "../core/dtype.ts";
import { isDetached, NDArray } from "../runtime/ndarray.ts";

/** The first message to a worker: which function it is to call. */
export interface Assignment {
  readonly url: string;
  readonly exportName: string;
}
export interface Request {
  readonly sample: number;
  readonly value: unknown;
}
export type Reply =
  | { readonly sample: number; readonly value: unknown }
  | { readonly sample: number; readonly failed: Failure };
export interface Failure {
  /** Whether there is such a function at all: `load` if not. */
  readonly during: "load" | "call" | "reply";
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** A value ready to be sent, and the buffers that move with it. */
export interface Parcel {
  readonly value: unknown;
  readonly transfer: readonly ArrayBuffer[];
}

/** An `NDArray` on its way: messages carry no classes. */
interface PackedArray {
  readonly [PACKED]: true;
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}
const PACKED = "forerun:NDArray";

type PlainObject = { readonly [key: string]: unknown };

const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** The same lists and objects, with everything else in them replaced. */
function mapLeaves(value: unknown, replace: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapLeaves(item, replace));
  if (!isPlainObject(value) || PACKED in value) return replace(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapLeaves(item, replace)]));
}

/**
 * Prepares a value for a message. A view of a part of a larger buffer becomes a copy of that part: a message would carry
 * the whole buffer, and a transfer would take it away from everybody else.
 *
 * @param owned the arrays are nobody else's, so their buffers may move
 * @throws TypeError for an array whose memory has moved away before: not every engine would tell
 */
export function pack(value: unknown, owned: boolean): Parcel {
  const transfer = new Set<ArrayBuffer>();
  const packView = <A extends TypedArray>(view: A): A => {
    const { buffer } = view;
    if (isDetached(view)) throw new TypeError(`the memory of a ${view.constructor.name} was sent away before`);
    if (!(buffer instanceof ArrayBuffer)) return view; // shared: no copy at all
    const whole = view.byteLength === buffer.byteLength;
    if (whole && !owned) return view; // copied by the message
    const sent = whole ? view : (view.slice() as A);
    transfer.add(sent.buffer as ArrayBuffer);
    return sent;
  };
  const packed = mapLeaves(value, (leaf) => {
    if (leaf instanceof NDArray) {
      const { data, shape, dtype } = leaf;
      return { [PACKED]: true, data: packView(data), shape, dtype } satisfies PackedArray;
    }
    return ArrayBuffer.isView(leaf) && !(leaf instanceof DataView) ? packView(leaf as TypedArray) : leaf;
  });
  return { value: packed, transfer: [...transfer] };
}

/** The value that was packed. */
export const unpack = (value: unknown): unknown =>
  mapLeaves(value, (leaf) => (isPackedArray(leaf) ? new NDArray(leaf.data, leaf.shape, leaf.dtype) : leaf));

const isPackedArray = (value: unknown): value is PackedArray =>
  typeof value === "object" && value !== null && PACKED in value;
