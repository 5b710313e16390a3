import { type DType, dtypeOfArray } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { isFullyKnown } from "../core/shape.ts";
import type { AnyShape, Dim, Shape } from "../core/shape-types.ts";
import type { ValueLike } from "../core/values.ts";
import { readValue } from "../core/values.ts";
import { type Variable as CoreVariable, describeTensor, type Operation, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { assign as assignTo, group as groupAll, groupOp } from "../ops/state.ts";
import type { Operand, OpOptions } from "../ops/support.ts";
import { currentGraph } from "./graph.ts";

export const float32 = "float32";
export const float64 = "float64";
export const int32 = "int32";
export const uint32 = "uint32";
export const bool = "bool";

export interface ConstantOptions<S extends Shape = AnyShape> {
  readonly dtype?: DType;
  readonly shape?: S & readonly number[];
  readonly name?: string;
}

/**
 * `tf.constant(5)` is int32, `tf.constant(5.5)` float32. JavaScript knows no difference between 5 and 5.0, so a whole
 * float needs its dtype: `tf.constant(5, tf.float32)`.
 */
export function constant(
  value: number | boolean,
  dtype?: DType,
  options?: { readonly name?: string },
): Tensor<readonly []>;
export function constant(value: number | boolean, options: Omit<ConstantOptions, "shape">): Tensor<readonly []>;
export function constant<const S extends Shape = AnyShape>(
  value: ValueLike,
  dtype?: DType | ConstantOptions<S>,
  options?: ConstantOptions<S>,
): Tensor<S>;
export function constant(value: ValueLike, dtype?: DType | ConstantOptions, options: ConstantOptions = {}): Tensor {
  const given = typeof dtype === "object" ? dtype : dtype === undefined ? options : { ...options, dtype };
  return currentGraph().constant(value, { name: "Const", ...given });
}

/** Constants of zeros or ones, float32 unless told otherwise. */
export const zeros = (shape: readonly number[], dtype: DType = "float32"): Tensor =>
  currentGraph().constant(0, { dtype, shape, name: "zeros" });
export const ones = (shape: readonly number[], dtype: DType = "float32"): Tensor =>
  currentGraph().constant(1, { dtype, shape, name: "ones" });

export interface PlaceholderOptions<S extends readonly Dim[] | null> {
  readonly dtype: DType;
  readonly shape?: S;
  readonly name?: string;
}
type PlaceholderOf<S extends readonly Dim[] | null> = S extends readonly Dim[] ? Tensor<S> : Tensor;

/**
 * A value fed at each run, in either of Python's spellings:
 *
 *     tf.placeholder(tf.float32, [null, 784], { name: "x" })
 *     tf.placeholder({ dtype: tf.float32, shape: [null, 784], name: "x" })
 *
 * No shape, or null, is TensorFlow's `shape=None` and also the lecture's `shape=(None)`, which Python reads as the
 * same thing: unknown rank, everything fits. `[null]` is a vector of unknown length.
 */
export function placeholder<const S extends readonly Dim[] | null = null>(
  dtype: DType,
  shape?: S,
  options?: { readonly name?: string },
): PlaceholderOf<S>;
export function placeholder<const S extends readonly Dim[] | null = null>(
  options: PlaceholderOptions<S>,
): PlaceholderOf<S>;
export function placeholder(
  first: DType | PlaceholderOptions<readonly Dim[] | null>,
  shape: readonly Dim[] | null = null,
  options: { readonly name?: string } = {},
): Tensor {
  const given = typeof first === "string" ? { dtype: first, shape, ...options } : first;
  const { dtype, name = "Placeholder" } = given;
  const graph = currentGraph();
  const sizes = given.shape ?? null;
  return sizes === null ? graph.placeholder(name, null, { dtype }) : graph.placeholder(name, sizes, { dtype });
}

export interface VariableOptions {
  readonly name?: string;
  readonly dtype?: DType;
  readonly trainable?: boolean;
}

/**
 * `tf.Variable(2.0, { name: "weight" })`: called without `new`, as in Python. Numbers and lists of them are float32
 * unless `dtype` says otherwise; arrays and tensors keep their dtype. A tensor is computed when the initializer runs; eagerly, a variable
 * has its value when it is made.
 */
export function Variable(value: number, options?: VariableOptions): CoreVariable<readonly []>;
export function Variable<S extends readonly number[]>(value: Tensor<S>, options?: VariableOptions): CoreVariable<S>;
export function Variable(value: ValueLike | Tensor, options?: VariableOptions): CoreVariable;
export function Variable(value: ValueLike | Tensor, options: VariableOptions = {}): CoreVariable {
  const { name = "Variable", trainable = true } = options;
  const spec = value instanceof Tensor ? { dtype: value.dtype, shape: knownSizes(name, value) } : specOf(value);
  const dtype = options.dtype ?? spec.dtype;
  return currentGraph().variable(name, spec.shape, { initial: value, dtype, trainable });
}

function knownSizes(name: string, value: Tensor): readonly number[] {
  if (isFullyKnown(value.shape)) return value.shape;
  throw new ShapeError({
    what: `Variable "${name}": the shape of the initial value ${describeTensor(value)} is not known`,
    at: lineOf(captureStack()),
    fix: "a variable's sizes are numbers",
  });
}

function specOf(value: ValueLike): { readonly dtype: DType; readonly shape: readonly number[] } {
  const { dtype, shape } = readValue(value);
  const typed = ArrayBuffer.isView(value)
    ? dtypeOfArray(value) !== "bool"
    : typeof value === "object" && "dtype" in value;
  return { dtype: typed || dtype === "bool" ? dtype : "float32", shape };
}

/** `variable ← value` at the end of the run; the result is the new value. */
export const assign = (variable: CoreVariable, value: Operand, options: OpOptions = {}): Tensor =>
  assignTo(variable, value, { name: "Assign", ...options });

/** One operation that runs all of these. */
export const group = (...members: readonly (Tensor | Operation)[]): Operation =>
  groupAll(members, { name: "group_deps" });

/** One operation, `init`, that initialises every variable the default graph has so far. Eagerly there is nothing to do. */
export function globalVariablesInitializer(): Operation {
  const graph = currentGraph();
  // Without variables it does nothing, as in TensorFlow.
  const controls = graph.allVariables.map((variable) => variable.initializer);
  return graph.apply(groupOp, [], {}, { name: "init", controls });
}
