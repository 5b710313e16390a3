import type { DType } from "../core/dtype.ts";
import type { MatMul, Result, Shape, Valid } from "../core/shape-types.ts";
import { Tensor } from "../graph/operation.ts";
import { relu, sigmoid, tanh } from "./activation.ts";
import { abs, add, clipByValue, div, maximum, minimum, mul, neg, square, sub } from "./arithmetic.ts";
import { cast, equal, greater, greaterEqual, less, lessEqual, notEqual } from "./comparison.ts";
import { matmul } from "./contraction.ts";
import { exp, log, pow, sqrt } from "./elementary.ts";
import { gather } from "./indexing.ts";
import { expandDims, flatten, reshape, type ShapeFrom, squeeze, transpose } from "./movement.ts";
import { type ArgOptions, all, any, argmax, argmin, max, mean, min, type ReductionOptions, sum } from "./reduction.ts";
import { type SoftmaxOptions, softmax } from "./softmax.ts";
import type { BroadcastOf, BroadcastResult, Dims, Operand, OpOptions, ShapeOf } from "./support.ts";

type Fits<A, B> = B & Valid<BroadcastOf<A, B>>;

/**
 * The ops that read well in a chain, `w.mul(x).add(b)`. Each does what the function of the same name does, with the
 * tensor as its first operand.
 *
 * Where shapes combine, the type of `this` is inferred at the call rather than taken from `S`: TypeScript could not
 * see that a tensor of more exact shape still fits wherever a tensor of less exact shape is wanted.
 */
export interface TensorMethods<S extends Shape> {
  add<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  sub<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  mul<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  div<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  pow<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  maximum<A extends Tensor, const B extends Operand>(
    this: A,
    b: Fits<A, B>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  minimum<A extends Tensor, const B extends Operand>(
    this: A,
    b: Fits<A, B>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;

  equal<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  notEqual<A extends Tensor, const B extends Operand>(
    this: A,
    b: Fits<A, B>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  less<A extends Tensor, const B extends Operand>(this: A, b: Fits<A, B>, options?: OpOptions): BroadcastResult<A, B>;
  lessEqual<A extends Tensor, const B extends Operand>(
    this: A,
    b: Fits<A, B>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  greater<A extends Tensor, const B extends Operand>(
    this: A,
    b: Fits<A, B>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  greaterEqual<A extends Tensor, const B extends Operand>(
    this: A,
    b: Fits<A, B>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;

  neg(options?: OpOptions): Tensor<S>;
  abs(options?: OpOptions): Tensor<S>;
  square(options?: OpOptions): Tensor<S>;
  exp(options?: OpOptions): Tensor<S>;
  log(options?: OpOptions): Tensor<S>;
  sqrt(options?: OpOptions): Tensor<S>;
  relu(options?: OpOptions): Tensor<S>;
  sigmoid(options?: OpOptions): Tensor<S>;
  tanh(options?: OpOptions): Tensor<S>;
  softmax(options?: SoftmaxOptions): Tensor<S>;
  clipByValue(min: number, max: number, options?: OpOptions): Tensor<S>;
  cast(dtype: DType, options?: OpOptions): Tensor<S>;

  sum(options?: ReductionOptions): Tensor;
  mean(options?: ReductionOptions): Tensor;
  max(options?: ReductionOptions): Tensor;
  min(options?: ReductionOptions): Tensor;
  any(options?: ReductionOptions): Tensor;
  all(options?: ReductionOptions): Tensor;
  argmax(axis: number, options?: ArgOptions): Tensor;
  argmin(axis: number, options?: ArgOptions): Tensor;

  matmul<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<MatMul<ShapeOf<A>, ShapeOf<B>>>,
    options?: OpOptions,
  ): Tensor<Result<MatMul<ShapeOf<A>, ShapeOf<B>>>>;
  reshape<const To extends Dims>(shape: To, options?: OpOptions): Tensor<ShapeFrom<To>>;
  flatten(options?: OpOptions): Tensor<readonly [string | number, string | number]>;
  transpose(permutation?: readonly number[] | null, options?: OpOptions): Tensor;
  expandDims(axis: number, options?: OpOptions): Tensor;
  squeeze(axis?: number | readonly number[] | null, options?: OpOptions): Tensor;
  gather(indices: Tensor, axis?: number, options?: OpOptions): Tensor;
}

declare module "../graph/operation.ts" {
  interface Tensor<out S extends Shape = Shape> extends TensorMethods<S> {}
}

/** Without the shape types, which the interface above states. The mapped type asks for every method and no other. */
type Implementations = { readonly [M in keyof TensorMethods<Shape>]: (this: Tensor, ...args: never[]) => Tensor };

/** Turns a function of a tensor into a method of it. */
const method = <Rest extends readonly unknown[]>(op: (x: Tensor, ...rest: Rest) => Tensor) =>
  function (this: Tensor, ...rest: Rest): Tensor {
    return op(this, ...rest);
  };

const METHODS: Implementations = {
  add: method(add),
  sub: method(sub),
  mul: method(mul),
  div: method(div),
  pow: method(pow),
  maximum: method(maximum),
  minimum: method(minimum),
  equal: method(equal),
  notEqual: method(notEqual),
  less: method(less),
  lessEqual: method(lessEqual),
  greater: method(greater),
  greaterEqual: method(greaterEqual),
  neg: method(neg),
  abs: method(abs),
  square: method(square),
  exp: method(exp),
  log: method(log),
  sqrt: method(sqrt),
  relu: method(relu),
  sigmoid: method(sigmoid),
  tanh: method(tanh),
  softmax: method(softmax),
  clipByValue: method(clipByValue),
  cast: method(cast),
  sum: method(sum),
  mean: method(mean),
  max: method(max),
  min: method(min),
  any: method(any),
  all: method(all),
  argmax: method(argmax),
  argmin: method(argmin),
  matmul: method(matmul),
  reshape: method(reshape),
  flatten: method(flatten),
  transpose: method(transpose),
  expandDims: method(expandDims),
  squeeze: method(squeeze),
  gather: method(gather),
};

for (const [name, value] of Object.entries(METHODS)) {
  // Not enumerable, as methods of a class are.
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}
