import { gradients } from "../autodiff/gradients.ts";
import { GradientError } from "../core/errors.ts";
import { builderOf } from "../graph/builder.ts";
import { describeTensor, Tensor } from "../graph/operation.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { zerosLike } from "../ops/movement.ts";
import { sum } from "../ops/reduction.ts";
import { here } from "../runtime/reading.ts";
import { EagerGraph } from "./graph.ts";
import { jacobianBy } from "./jacobian.ts";
import { GradientTape } from "./tape.ts";
import { TraceGraph } from "./trace.ts";

/**
 * Derivatives as functions of functions, after JAX. They take tensors of either mode: on values they run at once, on
 * symbolic tensors they add to the graph; the formulas are the same.
 */

/** A function of tensors. */
export type Differentiable = (...inputs: Tensor[]) => Tensor;

/** What `build` computes from the inputs, and a way back to them, as often as wanted. */
interface Path {
  readonly y: Tensor;
  back(seed?: Tensor): readonly Tensor[];
}

function pathOf(what: string, build: Differentiable, inputs: readonly Tensor[]): Path {
  const [first] = inputs;
  const bad = inputs.find((input) => !(input instanceof Tensor)) as unknown;
  if (!first || bad !== undefined) {
    throw new GradientError({
      what: `${what}: ${first ? String(bad) : "nothing"} is no tensor to differentiate in`,
      at: here(),
      fix: "give tensors: tensor(value) makes one",
    });
  }
  const graph = builderOf(first);
  if (!(graph instanceof EagerGraph || graph instanceof TraceGraph)) {
    const y = build(...inputs);
    return {
      y,
      back: (seed) => gradients(y, inputs, { ...(seed ? { gradYs: [seed] } : {}), unconnected: "zero" }),
    };
  }
  const tape = new GradientTape(graph, { persistent: true, watchVariables: false });
  tape.watch(inputs);
  let y: Tensor;
  try {
    y = build(...inputs);
  } finally {
    tape.stop();
  }
  return {
    y,
    back: (seed) => tape.gradient(y, inputs, { ...(seed ? { gradYs: [seed] } : {}), unconnected: "zero" }),
  };
}

function requireScalar(what: string, y: Tensor): void {
  if (y.rank === null || y.rank === 0) return;
  throw new GradientError({
    what: `${what}: the function must give one number, not ${describeTensor(y)}`,
    details: [`"${y.op.name}" was made at ${y.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "reduce it, mean(y) or sum(y), or use vjp or jacobian",
  });
}

/**
 * The gradient of a function that gives one number, in its first input: `grad(f)(x, …)` has the shape of x.
 * @throws GradientError if the function gives more than one number
 */
export const grad =
  (fn: Differentiable): ((...inputs: Tensor[]) => Tensor) =>
  (...inputs) =>
    valueAndGrad(fn)(...inputs)[1];

/** The value along with the gradient, `[f(x, …), ∂f/∂x]`, computed once. */
export const valueAndGrad =
  (fn: Differentiable): ((...inputs: Tensor[]) => [value: Tensor, gradient: Tensor]) =>
  (...inputs) => {
    const [x, ...others] = inputs;
    const { y, back } = pathOf("grad", (first) => fn(first!, ...others), x ? [x] : []);
    requireScalar("grad", y);
    return [y, back()[0]!];
  };

/**
 * Reverse mode: the value, and the function that takes a gradient of the value to gradients of the inputs,
 * `ū ↦ ūᵀ ∂f/∂x`.
 */
export function vjp(
  fn: Differentiable,
  ...inputs: Tensor[]
): [value: Tensor, pullback: (seed: Tensor) => readonly Tensor[]] {
  const { y, back } = pathOf("vjp", fn, inputs);
  return [y, (seed) => back(seed)];
}

/**
 * Forward mode: the value, and how it changes as the inputs move along the tangents, `∂f/∂x · v`. Computed by going back
 * twice: the way back is linear in its seed, and its derivative is the way forward (Christianson 1992).
 */
export function jvp(
  fn: Differentiable,
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
): [value: Tensor, tangent: Tensor] {
  if (inputs.length !== tangents.length) {
    throw new GradientError({
      what: `jvp: ${tangents.length} tangents for ${inputs.length} inputs`,
      at: here(),
      fix: "give a tangent for each input, of its shape",
    });
  }
  const { y, back } = pathOf("jvp", fn, inputs);
  const along = (seed: Tensor): Tensor =>
    back(seed)
      .map((gradient, i) => sum(mul(gradient, tangents[i]!)))
      .reduce((a, b) => add(a, b));
  // The seed is any point: what comes out is linear in it.
  const twice = pathOf("jvp", (seed) => along(seed!), [zerosLike(y)]);
  return [y, twice.back()[0]!];
}

/** Second derivatives along a direction, `∂²f/∂x² · v`, for a function that gives one number. */
export function hvp(fn: Differentiable, x: Tensor, direction: Tensor): Tensor {
  const slope = (at: Tensor): Tensor => sum(mul(grad(fn)(at), direction));
  return grad((at) => slope(at!))(x);
}

/** All derivatives of a function, `[shape of f(x), shape of x]`: one way back for each element of the value. */
export const jacobian =
  (fn: Differentiable): ((x: Tensor) => Tensor) =>
  (x) => {
    const { y, back } = pathOf("jacobian", (first) => fn(first!), [x]);
    return jacobianBy(builderOf(x), y, x, (seed) => back(seed)[0]!);
  };

/** All second derivatives of a function that gives one number: `[shape of x, shape of x]`. */
export const hessian =
  (fn: Differentiable): ((x: Tensor) => Tensor) =>
  (x) =>
    jacobian((at) => grad(fn)(at))(x);
