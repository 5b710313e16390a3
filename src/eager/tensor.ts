import type { TypedArray } from "../core/dtype.ts";
import { GraphError, ShapeError } from "../core/errors.ts";
import { specText, tupleText } from "../core/shape.ts";
import type { AnyShape, Shape } from "../core/shape-types.ts";
import type { ValueLike } from "../core/values.ts";
import { currentBuilder } from "../graph/builder.ts";
import { type Operation, Tensor, Variable } from "../graph/operation.ts";
import { NDArray, type Nested } from "../runtime/ndarray.ts";
import { here } from "../runtime/reading.ts";

/**
 * What a tensor and a variable with a value have in common. The value is an ordinary typed array: it goes when nobody
 * refers to it, and there is nothing to dispose of.
 */
export interface Valued {
  readonly data: TypedArray;
  readonly value: NDArray;
  item(): number;
  toArray(): Nested;
}

const arrayOf = (tensor: Tensor, data: TypedArray): NDArray =>
  new NDArray(data, tensor.spec.shape as readonly number[], tensor.dtype);

/** As TensorFlow 2 prints it: `tf.Tensor(8, shape=(), dtype=int32)`. */
const tensorText = (value: NDArray): string =>
  `tf.Tensor(${value}, shape=${tupleText(value.shape)}, dtype=${value.dtype})`;

/**
 * A tensor made by running an operation at once: define-by-run. It is one of `forerun`, so that every op takes it; its
 * operation has no inputs, since it keeps nothing of how it was computed.
 */
export class EagerTensor<out S extends Shape = AnyShape> extends Tensor<S> implements Valued {
  readonly #data: TypedArray;

  constructor(op: Operation, index: number, spec: Tensor["spec"], data: TypedArray) {
    super(op, index, spec);
    this.#data = data;
  }
  /** The elements, row-major. Do not write there: others may refer to the same array. */
  override get data(): TypedArray {
    return this.#data;
  }
  override get shape(): readonly number[] {
    return this.spec.shape as readonly number[];
  }
  override get value(): NDArray<S> {
    return arrayOf(this, this.data) as NDArray<S>;
  }
  /** The one number in it. @throws ShapeError if there is not exactly one */
  override item(): number {
    return this.value.item();
  }
  /** Nested lists; a number for a scalar. */
  override toArray(): Nested {
    return this.value.toArray();
  }
  override toString(): string {
    return tensorText(this.value);
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
  /** `+x`, `x > 0` and the like read the number of a scalar. Conditions can not be caught: `if (x)` is always true. */
  override [Symbol.toPrimitive](hint: "number" | "string" | "default"): number | string {
    return hint === "string" ? this.toString() : numberOf(this);
  }
}

/** A variable that holds its value itself, not in a session. */
export class EagerVariable<out S extends Shape = AnyShape> extends Variable<S> implements Valued {
  readonly #trainable: boolean;
  #data: TypedArray;
  /** Where the value is, if that is not here. */
  #elsewhere: (() => TypedArray) | null = null;
  /** Counts assignments, for those who keep what they have read. */
  #version = 0;

  constructor(op: Operation, index: number, spec: Tensor["spec"], data: TypedArray) {
    super(op, index, spec);
    this.#data = data;
    this.#trainable = op.attrs.trainable === true;
  }
  /** @throws GraphError in a traced function, which runs later, with values that are not known yet */
  override get data(): TypedArray {
    if (currentBuilder()?.isTrace) throw unknownYet(this);
    return this.settle();
  }
  /** Fetches the value if it is elsewhere. */
  settle(): TypedArray {
    if (this.#elsewhere) {
      this.#data = this.#elsewhere();
      this.#elsewhere = null;
    }
    return this.#data;
  }
  get version(): number {
    return this.#version;
  }
  override get trainable(): boolean {
    return this.#trainable;
  }
  override get shape(): readonly number[] {
    return this.spec.shape as readonly number[];
  }
  override get value(): NDArray<S> {
    return arrayOf(this, this.data) as NDArray<S>;
  }
  override item(): number {
    return this.value.item();
  }
  override toArray(): Nested {
    return this.value.toArray();
  }
  /** Takes over an array with the new elements, which nobody may write to any more. */
  replace(data: TypedArray): void {
    this.#data = data;
    this.#elsewhere = null;
    this.#version++;
  }
  /** Has a new value, which is fetched when somebody wants to know it. */
  replaceLater(read: () => TypedArray): void {
    this.#elsewhere = read;
    this.#version++;
  }
  override get initializer(): Operation {
    throw new GraphError({
      what: `variable "${this.op.name}" has its value already: there is no initializer to run`,
      at: here(),
      fix: "leave it out: a variable of forerun/eager is initialised when it is made",
    });
  }
  override toString(): string {
    const value = currentBuilder()?.isTrace ? "" : `, numpy=${this.value}`;
    return `<tf.Variable '${this.op.name}:0' shape=${tupleText(this.spec.shape)} dtype=${this.dtype}${value}>`;
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
  override [Symbol.toPrimitive](hint: "number" | "string" | "default"): number | string {
    return hint === "string" ? this.toString() : numberOf(this);
  }
}

const unknownYet = (variable: EagerVariable): GraphError =>
  new GraphError({
    what: `variable "${variable.op.name}" has no value while a function is traced: it is read when the function runs`,
    at: here(),
    fix: "use ops, where(condition, a, b) instead of if; or hand over what decides, as an argument that is no tensor",
  });

/** What JavaScript's operators compute with. */
function numberOf(tensor: Tensor & Valued): number {
  if (tensor.data.length === 1) return tensor.item();
  throw new ShapeError({
    what: `"${tensor.op.name}" is ${specText(tensor.spec)}: JavaScript's operators and conditions take one number`,
    details: [`it was made at ${tensor.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "use an op, add(x, 1) or greater(x, 0), and all(condition) or any(condition) where one answer is wanted",
  });
}

/** True for tensors that have a value. */
export const isValued = (tensor: Tensor): tensor is EagerTensor | EagerVariable =>
  tensor instanceof EagerTensor || tensor instanceof EagerVariable;

/** What may be given where a value is wanted. */
export type EagerValue = ValueLike | (Tensor & Valued);
