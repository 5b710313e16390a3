/**
 * `forerun/eager`: define-by-run. Tensors hold values, every op of `forerun` runs on them the moment it is called, and a
 * tape remembers what is to be differentiated. Ops, gradient rules and compiler are those of graphs, and so are the bits.
 *
 *     import { matmul, relu } from "forerun";
 *     import { GradientTape, tensor, variable } from "forerun/eager";
 */
import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape-types.ts";
import { readValue, type ValueLike } from "../core/values.ts";
import { currentBuilder } from "../graph/builder.ts";
import { Tensor } from "../graph/operation.ts";
import "../ops/methods.ts";
import type { Graph, Initializer, ValueShape } from "../runtime/graph.ts";
import { type RandomStateOptions, RandomState as State } from "../runtime/random-state.ts";
import { reading } from "../runtime/reading.ts";
import { eager as atOnce } from "./context.ts";
import { GradientTape as Tape, type TapeOptions } from "./tape.ts";
import type { EagerTensor, EagerVariable } from "./tensor.ts";
import { madeInside, TraceGraph } from "./trace.ts";

export type { RandomStateOptions } from "../runtime/random-state.ts";
export { configureEager, type EagerOptions } from "./context.ts";
export { type Differentiable, grad, hessian, hvp, jacobian, jvp, valueAndGrad, vjp } from "./derivatives.ts";
export {
  type Argument,
  type Arguments,
  type Evaluated,
  type FunctionOptions,
  func,
  type TracedFunction,
  type TraceEntry,
} from "./func.ts";
export type { GradientsLike, Sources, TapeGradientOptions, TapeOptions } from "./tape.ts";
export { EagerTensor, EagerVariable } from "./tensor.ts";

/**
 * Where ops without operands run: `range(eager, 3)`, `eye(eager, 2)`, `randomKey(eager, 1)`. In a traced function what
 * they make is a part of it.
 */
export const eager: Graph = atOnce;

/**
 * A tensor with a value. Whole numbers are int32, others float32, booleans bool, unless `dtype` says otherwise. A typed
 * array is copied.
 */
export function tensor<const V extends ValueLike, const S extends Shape = ValueShape<V>>(
  value: V,
  options: { readonly dtype?: DType; readonly shape?: S & readonly number[] } = {},
): EagerTensor<S> {
  const { data, shape, dtype } = reading("tensor", () => readValue(value, options.dtype, options.shape));
  // What the caller writes to its array later must not change the tensor.
  return atOnce.tensorOf(data.slice(), shape, dtype) as EagerTensor<S>;
}

export interface EagerVariableOptions {
  readonly name?: string;
  readonly dtype?: DType;
  /** Whether tapes follow it by themselves and optimizers update it. Default true. */
  readonly trainable?: boolean;
}

/**
 * A variable with an initial value: numbers, lists, arrays or a tensor; or `{ shape, initial }` with an initializer of
 * `forerun/train`. Whole numbers are float32 here, unless `dtype` says otherwise.
 */
export function variable<const V extends ValueLike>(
  initial: V | Tensor,
  options?: EagerVariableOptions,
): EagerVariable<ValueShape<V>>;
export function variable<const S extends readonly number[]>(
  initial: { readonly shape: S; readonly initial?: Initializer | number },
  options?: EagerVariableOptions,
): EagerVariable<S>;
export function variable(
  initial: ValueLike | Tensor | { readonly shape: readonly number[]; readonly initial?: Initializer | number },
  { name = "variable", dtype, trainable = true }: EagerVariableOptions = {},
): EagerVariable {
  if (currentBuilder() instanceof TraceGraph) throw madeInside(name);
  if (initial instanceof Tensor) {
    const shape = initial.shape as readonly number[];
    return atOnce.variable(name, shape, { dtype: initial.dtype, trainable, initial }) as EagerVariable;
  }
  if (typeof initial === "object" && "shape" in initial && !("data" in initial)) {
    const { shape, initial: how = 0 } = initial;
    return atOnce.variable(name, shape, { dtype: dtype ?? "float32", trainable, initial: how }) as EagerVariable;
  }
  const read = reading("variable", () => readValue(initial as ValueLike, dtype ?? "float32"));
  const value = { data: read.data.slice(), shape: read.shape, dtype: read.dtype };
  return atOnce.variable(name, read.shape, { dtype: read.dtype, trainable, initial: value }) as EagerVariable;
}

/** Records what runs on eager tensors, to differentiate it: see the class it makes. */
export class GradientTape extends Tape {
  constructor(options: TapeOptions = {}) {
    // What a traced function does is added to its graph, and recorded there.
    const builder = currentBuilder();
    super(builder instanceof TraceGraph ? builder : atOnce, options);
  }
}

/**
 * A stream of random numbers that goes on from step to step: see the class it makes. The same seed and name give the
 * numbers of a `RandomState` in a graph.
 */
export class RandomState extends State {
  declare readonly counter: EagerVariable<readonly []>;
  constructor(options: RandomStateOptions = {}) {
    super(atOnce, options);
  }
}
