import type { DType } from "../core/dtype.ts";
import type {
  AxisArgument,
  ExpandDims,
  Flatten,
  Gather,
  Reduce,
  Reshape,
  Squeeze,
  Transpose,
} from "../core/shape-rules.ts";
import type { AnyShape, MatMul, Result, Shape, Valid } from "../core/shape-types.ts";
import { Tensor } from "../graph/operation.ts";
import { relu, sigmoid, tanh } from "./activation.ts";
import { abs, add, clipByValue, div, maximum, minimum, mul, neg, square, sub } from "./arithmetic.ts";
import { cast, equal, greater, greaterEqual, less, lessEqual, notEqual } from "./comparison.ts";
import { matmul } from "./contraction.ts";
import { exp, log, pow, sqrt } from "./elementary.ts";
import { gather } from "./indexing.ts";
import { expandDims, flatten, reshape, squeeze, transpose } from "./movement.ts";
import { type ArgOptions, all, any, argmax, argmin, max, mean, min, type Reducing, sum } from "./reduction.ts";
import { type AlongAxis, softmax } from "./softmax.ts";
import type { BroadcastOf, BroadcastResult, Dims, Operand, OpOptions, ShapeOf } from "./support.ts";

/**
 * The ops that read well in a chain, `w.mul(x).add(b)`. Each does what the function of the same name does, with the
 * tensor as its first operand.
 *
 * Where shapes combine, the type of `this` is inferred at the call rather than taken from `S`: TypeScript could not
 * see that a tensor of more exact shape still fits wherever a tensor of less exact shape is wanted.
 */
export interface TensorMethods<S extends Shape> {
  add<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  sub<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  mul<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  div<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  pow<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  maximum<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  minimum<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;

  equal<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  notEqual<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  less<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  lessEqual<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  greater<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
    options?: OpOptions,
  ): BroadcastResult<A, B>;
  greaterEqual<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<BroadcastOf<A, B>>,
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
  softmax<X extends Tensor, const A extends number = -1>(
    this: X,
    options?: AlongAxis<"softmax", ShapeOf<X>, A>,
  ): Tensor<ShapeOf<X>>;
  clipByValue(min: number, max: number, options?: OpOptions): Tensor<S>;
  cast(dtype: DType, options?: OpOptions): Tensor<S>;

  sum<X extends Tensor, const A extends AxisArgument = null, KeepDims extends boolean = false>(
    this: X,
    options?: Reducing<A, KeepDims, Valid<Reduce<"sum", ShapeOf<X>, A, KeepDims>>>,
  ): Tensor<Result<Reduce<"sum", ShapeOf<X>, A, KeepDims>>>;
  mean<X extends Tensor, const A extends AxisArgument = null, KeepDims extends boolean = false>(
    this: X,
    options?: Reducing<A, KeepDims, Valid<Reduce<"mean", ShapeOf<X>, A, KeepDims>>>,
  ): Tensor<Result<Reduce<"mean", ShapeOf<X>, A, KeepDims>>>;
  max<X extends Tensor, const A extends AxisArgument = null, KeepDims extends boolean = false>(
    this: X,
    options?: Reducing<A, KeepDims, Valid<Reduce<"max", ShapeOf<X>, A, KeepDims>>>,
  ): Tensor<Result<Reduce<"max", ShapeOf<X>, A, KeepDims>>>;
  min<X extends Tensor, const A extends AxisArgument = null, KeepDims extends boolean = false>(
    this: X,
    options?: Reducing<A, KeepDims, Valid<Reduce<"min", ShapeOf<X>, A, KeepDims>>>,
  ): Tensor<Result<Reduce<"min", ShapeOf<X>, A, KeepDims>>>;
  any<X extends Tensor, const A extends AxisArgument = null, KeepDims extends boolean = false>(
    this: X,
    options?: Reducing<A, KeepDims, Valid<Reduce<"any", ShapeOf<X>, A, KeepDims>>>,
  ): Tensor<Result<Reduce<"any", ShapeOf<X>, A, KeepDims>>>;
  all<X extends Tensor, const A extends AxisArgument = null, KeepDims extends boolean = false>(
    this: X,
    options?: Reducing<A, KeepDims, Valid<Reduce<"all", ShapeOf<X>, A, KeepDims>>>,
  ): Tensor<Result<Reduce<"all", ShapeOf<X>, A, KeepDims>>>;
  argmax<X extends Tensor, const A extends number, KeepDims extends boolean = false>(
    this: X,
    axis: A & Valid<Reduce<"argmax", ShapeOf<X>, A, KeepDims>>,
    options?: ArgOptions<KeepDims>,
  ): Tensor<Result<Reduce<"argmax", ShapeOf<X>, A, KeepDims>>>;
  argmin<X extends Tensor, const A extends number, KeepDims extends boolean = false>(
    this: X,
    axis: A & Valid<Reduce<"argmin", ShapeOf<X>, A, KeepDims>>,
    options?: ArgOptions<KeepDims>,
  ): Tensor<Result<Reduce<"argmin", ShapeOf<X>, A, KeepDims>>>;

  matmul<A extends Tensor, const B extends Operand>(
    this: A,
    b: B & Valid<MatMul<ShapeOf<A>, ShapeOf<B>>>,
    options?: OpOptions,
  ): Tensor<Result<MatMul<ShapeOf<A>, ShapeOf<B>>>>;
  reshape<X extends Tensor, const To extends Dims>(
    this: X,
    shape: To & Valid<Reshape<ShapeOf<X>, To>>,
    options?: OpOptions,
  ): Tensor<Result<Reshape<ShapeOf<X>, To>>>;
  flatten<X extends Tensor>(
    this: X & Valid<Flatten<ShapeOf<X>>>,
    options?: OpOptions,
  ): Tensor<Result<Flatten<ShapeOf<X>>>>;
  transpose<X extends Tensor, const P extends readonly number[] | null = null>(
    this: X,
    permutation?: P & Valid<Transpose<ShapeOf<X>, P>>,
    options?: OpOptions,
  ): Tensor<Result<Transpose<ShapeOf<X>, P>>>;
  expandDims<X extends Tensor, const A extends number>(
    this: X,
    axis: A & Valid<ExpandDims<ShapeOf<X>, A>>,
    options?: OpOptions,
  ): Tensor<Result<ExpandDims<ShapeOf<X>, A>>>;
  squeeze<X extends Tensor, const A extends AxisArgument = null>(
    this: X,
    axis?: A & Valid<Squeeze<ShapeOf<X>, A>>,
    options?: OpOptions,
  ): Tensor<Result<Squeeze<ShapeOf<X>, A>>>;
  gather<X extends Tensor, I extends Shape, const A extends number = 0>(
    this: X,
    indices: Tensor<I>,
    axis?: A & Valid<Gather<ShapeOf<X>, I, A>>,
    options?: OpOptions,
  ): Tensor<Result<Gather<ShapeOf<X>, I, A>>>;
}

declare module "../graph/operation.ts" {
  interface Tensor<out S extends Shape = AnyShape> extends TensorMethods<S> {}
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
