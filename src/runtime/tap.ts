import type { Shape } from "../core/shape-types.ts";
import { builderOf, type GraphBuilder } from "../graph/builder.ts";
import { type Operation, type Tensor, Variable } from "../graph/operation.ts";
import { reachable } from "../graph/reachable.ts";
import { callError, type OpOptions, type ShapeOf } from "../ops/support.ts";
import { type TapAttrs, tapOp } from "../ops/tap.ts";
import type { NDArray } from "./ndarray.ts";

/** Is shown a value at each run: a copy of it, and the name of the tensor. */
export type TapFunction<S extends Shape = Shape> = (value: NDArray<S>, name: string) => void;

/**
 * Shows a value whenever it is computed: `tf.print`, `jax.debug.callback`. `console.log` in a function that builds a
 * graph runs once, while building; a tap is noted in the graph, and shows the value at each run.
 *
 *     const hidden = tap(relu(matmul(x, w)), "hidden");      // prints: hidden = [[0.5, 0], [1, 2]]
 *     const logits = tap(matmul(hidden, u), (value) => history.push(value));
 *
 * In a session it shows the tensor in every run whose fetches need it; reading variables alone shows nothing. Values are
 * shown when the run has ended and variables are updated, in the order in which the taps were made; what the function
 * throws comes out of the run. In a traced function it shows the tensor in every call. In define-by-run it does so at
 * once, and that is all.
 *
 * @param show a label to print the value under, or a function that gets it; without, it is printed under its name
 * @returns x itself
 * @throws GraphError inside of a body of `cond`, `scan` or `whileLoop` of a graph: return the value from there instead
 */
export function tap<T extends Tensor>(
  x: T,
  show: string | TapFunction<ShapeOf<T>> | null = null,
  options?: OpOptions,
): T {
  if (show !== null && typeof show !== "string" && typeof show !== "function") {
    const fix = "give a label, a function (value, name) => …, or nothing";
    throw callError("tap", `${String(show)} can not show a value`, fix);
  }
  const { name } = x.op;
  const how = typeof show === "function" ? (value: NDArray<ShapeOf<T>>) => show(value, name) : (show ?? name);
  const builder = builderOf(x);
  if (builder.runsAtOnce) showValue(how, x.value);
  else builder.apply<TapAttrs>(tapOp, [x], { show: how }, options);
  return x;
}

/** A tensor that a run shows. */
export interface Tap {
  readonly tensor: Tensor;
  show(value: NDArray): void;
}

/**
 * The taps of a run, in the order they were made: those among the targets, and those of tensors that are fetched or read
 * on the way there.
 */
export function tapsOf(
  graph: GraphBuilder,
  fetched: readonly Tensor[],
  targets: readonly Operation[],
  isFed: (tensor: Tensor) => boolean,
): readonly Tap[] {
  const taps = graph.operations.filter(({ def }) => def.effect === "tap");
  const onlyReads = targets.length === 0 && fetched.every((tensor) => tensor instanceof Variable);
  if (taps.length === 0 || onlyReads) return [];
  const computed = fetched.filter((tensor) => !isFed(tensor)).map(({ op }) => op);
  const needed = reachable([...computed, ...targets], isFed);
  const read = new Set([...fetched, ...needed.flatMap(({ inputs }) => inputs)]);
  // A trace has the taps of its own call among the targets; others may be of the same variables.
  const shows = (op: Operation): boolean => needed.includes(op) || (!graph.isTrace && read.has(op.inputs[0]!));
  return taps.filter(shows).map(({ inputs: [tensor], attrs }) => ({
    tensor: tensor!,
    show: (value) => showValue(attrs.show as TapAttrs["show"], value),
  }));
}

function showValue(show: TapAttrs["show"], value: NDArray): void {
  // It was given along with the tensor whose values it takes.
  if (typeof show === "function") (show as (value: NDArray) => unknown)(value);
  else console.log(`${show} = ${value}`);
}
