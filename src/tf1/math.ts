/**
 * Arithmetic under TensorFlow's names. What Python writes as an operator is a function here, and names its
 * operations as the operator does: `tf.add(a, b)` is Python's `a + b` and makes `add`, `add_1` …
 */
import type { DType } from "../core/dtype.ts";
import type { AxisArgument, Reduce, Reshape, Transpose } from "../core/shape-rules.ts";
import type { MatMul, Result, Shape, Valid } from "../core/shape-types.ts";
import { readValue } from "../core/values.ts";
import { builderOf } from "../graph/builder.ts";
import { Tensor } from "../graph/operation.ts";
import * as arithmetic from "../ops/arithmetic.ts";
import * as comparison from "../ops/comparison.ts";
import { constantOp } from "../ops/constant.ts";
import { matmulOp } from "../ops/contraction.ts";
import * as elementary from "../ops/elementary.ts";
import { reshape as reshaped, transpose as transposed } from "../ops/movement.ts";
import * as reduction from "../ops/reduction.ts";
import { identity as same } from "../ops/state.ts";
import {
  apply,
  type BroadcastOf,
  type BroadcastResult,
  type Dims,
  type Operand,
  type ShapeOf,
} from "../ops/support.ts";
import { currentGraph } from "./graph.ts";

export interface Named {
  readonly name?: string;
}

/**
 * Operands as tensors, for an op called `name`. Bare numbers become constants `name/x`, `name/y` as in TensorFlow, of
 * the dtype of the tensor beside them; without any tensor they go to the current graph.
 */
function withOperands<T>(
  name: string,
  values: readonly Operand[],
  build: (tensors: readonly Tensor[], options: { readonly name: string }) => T,
): T {
  const model = values.find((value): value is Tensor => value instanceof Tensor);
  const graph = model ? builderOf(model) : currentGraph();
  const dtype = model?.dtype ?? commonDType(values);
  const tensors = (): readonly Tensor[] =>
    values.map((value, i) => {
      if (value instanceof Tensor) return value;
      const constant = readValue(value, dtype);
      const attrs = { value: constant.data, shape: constant.shape, dtype };
      return graph.apply(constantOp, [], attrs, { name: "xyz"[i]! }).outputs[0]!;
    });
  // What runs at once has no scopes.
  if (graph.runsAtOnce) return build(tensors(), { name });
  // The scope's own name, so that `add` stands beside `add/y`.
  return graph.scope(name, (scope) => build(tensors(), { name: scope }));
}

/** int32 if all are whole, as for a constant; float32 as soon as one is not. */
function commonDType(values: readonly Operand[]): DType {
  const dtypes = values.map((value) => (value instanceof Tensor ? value.dtype : readValue(value).dtype));
  return dtypes.find((dtype) => dtype !== "int32") ?? "int32";
}

// ── two operands ─────────────────────────────────────────────────────────────────────────────────────────────────

type BinaryOf = (a: Tensor, b: Tensor, options: { readonly name: string }) => Tensor;

/** An op on two operands that broadcast; `usual` is its name unless the caller gives one. */
const binary =
  (usual: string, op: BinaryOf) =>
  <const A extends Operand, const B extends Operand>(
    a: A,
    b: B & Valid<BroadcastOf<A, B>>,
    { name = usual }: Named = {},
  ): BroadcastResult<A, B> =>
    withOperands(name, [a, b], ([x, y], options) => op(x!, y!, options)) as BroadcastResult<A, B>;

/** `a + b` */
export const add = binary("add", arithmetic.add);
/** `a - b` */
export const subtract = binary("sub", arithmetic.sub);
/** `a * b` */
export const multiply = binary("mul", arithmetic.mul);
/** `a / b`, for floating point */
export const divide = binary("truediv", arithmetic.div);
/** `a ** b` */
export const pow = binary("pow", elementary.pow);
export { divide as div, multiply as mul, subtract as sub };

export const maximum = binary("Maximum", arithmetic.maximum);
export const minimum = binary("Minimum", arithmetic.minimum);
export const equal = binary("Equal", comparison.equal);
export const less = binary("Less", comparison.less);
export const greater = binary("Greater", comparison.greater);

type ProductOf<A, B> = Tensor<Result<MatMul<ShapeOf<A>, ShapeOf<B>>>>;

/** The matrix product, `a @ b`. */
export function matmul<A extends Operand, B extends Operand>(
  a: A,
  b: B & Valid<MatMul<ShapeOf<A>, ShapeOf<B>>>,
  { name = "MatMul", transposeA = false, transposeB = false }: Named & MatmulFlags = {},
): ProductOf<A, B> {
  return withOperands(name, [a, b], (tensors, options) =>
    apply(matmulOp, tensors, { transposeA, transposeB }, options),
  ) as ProductOf<A, B>;
}
interface MatmulFlags {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

// ── one operand ──────────────────────────────────────────────────────────────────────────────────────────────────

/** An op on each element, named in TensorFlow's way; bare numbers are floating point. */
export const unary =
  (usual: string, op: (x: Tensor, options: { readonly name: string }) => Tensor) =>
  <const A extends Operand>(x: A, { name = usual }: Named = {}): Tensor<ShapeOf<A>> =>
    withOperands(name, [x], ([tensor], options) => op(tensor!, options)) as Tensor<ShapeOf<A>>;

export const negative = unary("Neg", arithmetic.neg);
export const abs = unary("Abs", arithmetic.abs);
export const square = unary("Square", arithmetic.square);
export const exp = unary("Exp", elementary.exp);
export const log = unary("Log", elementary.log);
export const sqrt = unary("Sqrt", elementary.sqrt);
export const identity = unary("Identity", same);

export const cast = <S extends Shape>(x: Tensor<S>, dtype: DType, { name = "Cast" }: Named = {}): Tensor<S> =>
  comparison.cast(x, dtype, { name });
export const reshape = <S extends Shape, const To extends Dims>(
  x: Tensor<S>,
  shape: To & Valid<Reshape<S, To>>,
  { name = "Reshape" }: Named = {},
): Tensor<Result<Reshape<S, To>>> => reshaped<S, To>(x, shape, { name });
export const transpose = <S extends Shape, const P extends readonly number[] | null = null>(
  x: Tensor<S>,
  permutation?: P & Valid<Transpose<S, P>>,
  options: Named = {},
): Tensor<Result<Transpose<S, P>>> => transposed<S, P>(x, permutation, { name: "transpose", ...options });

/** `axis`, `keepDims` and `name` as in `tf.reduce_sum(x, axis, keepdims, name)`. */
export interface ReduceOptions extends Named {
  readonly axis?: number | readonly number[];
  readonly keepDims?: boolean;
}
/** Python's spelling of a reduction; `Op` is ours, for what the editor says. */
type ReduceFunction<Op extends string> = <
  S extends Shape,
  const A extends AxisArgument = null,
  KeepDims extends boolean = false,
>(
  x: Tensor<S>,
  options?: {
    readonly axis?: A & Valid<Reduce<Op, S, A, KeepDims>>;
    readonly keepDims?: KeepDims;
    readonly name?: string;
  },
) => Tensor<Result<Reduce<Op, S, A, KeepDims>>>;
const reduce = <Op extends string>(
  usual: string,
  op: (x: Tensor, options: ReduceOptions) => Tensor,
): ReduceFunction<Op> =>
  ((x: Tensor, options: ReduceOptions = {}) => op(x, { name: usual, ...options })) as ReduceFunction<Op>;

export const reduceSum = reduce<"reduceSum">("Sum", reduction.sum);
export const reduceMean = reduce<"reduceMean">("Mean", reduction.mean);
export const reduceMax = reduce<"reduceMax">("Max", reduction.max);
export const reduceMin = reduce<"reduceMin">("Min", reduction.min);
export const argmax = <S extends Shape, const A extends number = 0>(
  x: Tensor<S>,
  axis?: A & Valid<Reduce<"argmax", S, A, false>>,
  { name = "ArgMax" }: Named = {},
): Tensor<Result<Reduce<"argmax", S, A, false>>> =>
  reduction.argmax<Shape, number>(x, axis ?? 0, { name }) as Tensor<Result<Reduce<"argmax", S, A, false>>>;
