import { gradients } from "../autodiff/gradients.ts";
import { getOrMake } from "../core/collections.ts";
import type { DType } from "../core/dtype.ts";
import { GradientError, GraphError, ShapeError } from "../core/errors.ts";
import { specText } from "../core/shape.ts";
import { reachable } from "../graph/function.ts";
import { describeTensor, type Operation, Tensor, Variable } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { abs, add } from "../ops/arithmetic.ts";
import { cast, less, where } from "../ops/comparison.ts";
import { assign, group } from "../ops/state.ts";
import { Graph } from "../runtime/graph.ts";
import { clipByGlobalNorm } from "./clip.ts";

/** A number becomes a constant of the graph; a scalar tensor, such as a placeholder, may change from run to run. */
export type LearningRate = number | Tensor;

export interface OptimizerOptions {
  /** Scope of the updates and first part of the names of slots. Default: the algorithm's own, such as `adam`. */
  readonly name?: string;
  /** Shrinks all gradients together so that their joint norm is at most this: see `clipByGlobalNorm`. */
  readonly clipGlobalNorm?: number;
}

export interface MinimizeOptions {
  /** What to update. Default: the graph's trainable variables on which the loss depends. */
  readonly variables?: readonly Variable[];
  /** Name of the operation that does the update. Default: `update` in the optimizer's scope. */
  readonly name?: string;
}

/** A gradient and the variable it belongs to. */
export type GradientPair = readonly [gradient: Tensor, variable: Variable];

/** What an algorithm sees of one variable. All tensors have the variable's dtype. */
export interface UpdateContext {
  /** Its value before the update. */
  readonly variable: Variable;
  readonly gradient: Tensor;
  readonly learningRate: Tensor;
  /** A further variable of the same shape, zeros at first, kept between steps. */
  slot(name: string): Variable;
  /** A number all variables share, under a name that can be read in the graph. */
  constant(name: string, value: number): Tensor;
}
/** New values after one step, for the variable and for each slot that changes. */
export interface Update {
  readonly variable: Tensor;
  readonly slots?: Readonly<Record<string, Tensor>>;
}

/** What an optimizer has added to one graph. */
interface GraphState {
  readonly graph: Graph;
  /** `adam`, or `adam_1` for the second one in a graph. */
  readonly scope: string;
  readonly slots: Map<Variable, Map<string, Variable>>;
  readonly constants: Map<string, Tensor>;
  step: Variable | null;
}

/**
 * Base of all optimizers. `minimize` appends ordinary operations to the graph: gradients, new values, and `assign`s
 * that take effect when a run ends. Nothing about an optimizer happens outside of the graph, so its update can be
 * looked at, fused and compiled like the rest.
 */
export abstract class Optimizer {
  readonly name: string;
  readonly learningRate: LearningRate;
  readonly #clip: number | null;
  readonly #states = new WeakMap<Graph, GraphState>();

  protected constructor(name: string, learningRate: LearningRate, options: OptimizerOptions) {
    this.name = options.name ?? name;
    this.learningRate = checkRate(name, learningRate);
    this.#clip = options.clipGlobalNorm ?? null;
  }

  /** The formula: new values of a variable and its slots. */
  protected abstract update(context: UpdateContext): Update;

  /**
   * The rate that `update` is given; an algorithm whose steps depend on their number changes it here.
   * @param _step the number of the step, int32, 1 in the first run; asking for it adds the variable that counts
   */
  protected rateAt(rate: LearningRate, _step: () => Tensor): LearningRate {
    return rate;
  }

  /**
   * Adds one training step to the graph: run the operation it returns to do it. The loss fetched in the same run is
   * the one before the update.
   *
   * @throws ShapeError for a loss that is not one number; GradientError if the loss depends on no trainable variable,
   * or not on one of `variables`
   */
  minimize(loss: Tensor, options: MinimizeOptions = {}): Operation {
    const named = options.name === undefined ? {} : { name: options.name };
    return this.applyGradients(this.computeGradients(loss, options.variables), named);
  }

  /** First half of `minimize`: the gradient of the loss in each variable. */
  computeGradients(loss: Tensor, variables?: readonly Variable[]): readonly GradientPair[] {
    requireScalar(loss);
    requireSymbolic(loss);
    const { scope, graph } = this.#stateOf(loss);
    return graph.reenterScope(scope, () => {
      if (variables) {
        variables.forEach(requireVariable);
        const found = gradients(loss, variables);
        return found.map((gradient, i) => [gradient, variables[i]!] as const);
      }
      const candidates = trainableVariables(loss);
      const found = gradients(loss, candidates, { unconnected: "none" });
      const pairs = found.flatMap((gradient, i): GradientPair[] => (gradient ? [[gradient, candidates[i]!]] : []));
      // Every path is cut: the error of `gradients` says where.
      if (pairs.length === 0) gradients(loss, candidates);
      return pairs;
    });
  }

  /**
   * Second half of `minimize`: moves each variable along its gradient. Between the halves gradients may be changed.
   * @param pairs as `computeGradients` gives them
   */
  applyGradients(pairs: readonly GradientPair[], options: { readonly name?: string } = {}): Operation {
    checkPairs(pairs);
    const variables = pairs.map(([, variable]) => variable);
    const state = this.#stateOf(variables[0]!);
    const { graph, scope } = state;
    // All of it comes from the user's one line.
    const updates = graph.derive({ kind: "user", capture: captureStack() }, () =>
      graph.reenterScope(scope, () => this.#updates(state, pairs)),
    );
    if (options.name !== undefined) return group(updates, { name: options.name });
    return graph.reenterScope(scope, () => group(updates, { name: "update" }));
  }

  /**
   * What the optimizer keeps for a variable, by name: `{ m, v }` for Adam.
   * @throws GraphError if it has not made any: before `minimize`, or for a variable it does not update
   */
  slots(variable: Variable): Readonly<Record<string, Variable>> {
    const state = variable.graph instanceof Graph ? this.#states.get(variable.graph) : undefined;
    const slots = state?.slots.get(variable);
    if (slots) return Object.fromEntries(slots);
    throw new GraphError({
      what: `${this.name}: nothing is kept for "${variable.op.name}"`,
      at: lineOf(captureStack()),
      fix: "call minimize first; some algorithms keep nothing",
    });
  }

  #stateOf(tensor: Tensor): GraphState {
    const { graph } = tensor;
    if (!(graph instanceof Graph)) {
      throw new GraphError({ what: `${this.name}: "${tensor.name}" does not belong to a graph that can be trained` });
    }
    return getOrMake(this.#states, graph, () => ({
      graph,
      scope: graph.uniqueName(this.name),
      slots: new Map(),
      constants: new Map(),
      step: null,
    }));
  }

  #updates(state: GraphState, pairs: readonly GradientPair[]): readonly Tensor[] {
    const { graph } = state;
    const updates: Tensor[] = [];
    let step: Tensor | null = null;
    const rate = this.rateAt(this.learningRate, () => {
      if (step) return step;
      state.step ??= graph.variable("step", [], { dtype: "int32", trainable: false });
      step = assign(state.step, add(state.step, 1), { name: "step/update" });
      updates.push(step);
      return step;
    });
    const rates = new Map<DType, Tensor>();
    const clipped = this.#clipped(pairs);
    pairs.forEach(([, variable], i) => {
      const { dtype } = variable;
      const constant = (name: string, value: number): Tensor =>
        getOrMake(state.constants, `${name} ${dtype} ${value}`, () =>
          graph.reenterScope(state.scope, () => graph.constant(value, { dtype, name })),
        );
      const learningRate = getOrMake(rates, dtype, () =>
        typeof rate === "number" ? constant("learningRate", rate) : convert(rate, dtype, "learningRate"),
      );
      graph.reenterScope(`${state.scope}/${variable.op.name}`, () => {
        const slot = (name: string): Variable => slotOf(state, variable, name);
        const next = this.update({ variable, gradient: clipped[i]!, learningRate, slot, constant });
        for (const [name, value] of Object.entries(next.slots ?? {})) {
          updates.push(assign(slot(name), value, { name: `${name}/update` }));
        }
        updates.push(assign(variable, next.variable, { name: "update" }));
      });
    });
    return updates;
  }

  #clipped(pairs: readonly GradientPair[]): readonly Tensor[] {
    const found = pairs.map(([gradient]) => gradient);
    return this.#clip === null ? found : clipByGlobalNorm(found, this.#clip)[0];
  }
}

/** `adam/w/m`, made the first time it is asked for. */
function slotOf(state: GraphState, variable: Variable, name: string): Variable {
  const slots = getOrMake(state.slots, variable, () => new Map<string, Variable>());
  const shape = variable.shape as readonly number[];
  return getOrMake(slots, name, () => state.graph.variable(name, shape, { dtype: variable.dtype, trainable: false }));
}

/** The tensor in another dtype, if it has not got it already. */
export const convert = (x: Tensor, dtype: DType, name: string): Tensor =>
  x.dtype === dtype ? x : cast(x, dtype, { name });

// ── what can be wrong ────────────────────────────────────────────────────────────────────────────────────────────

const here = (): string | null => lineOf(captureStack());

function checkRate(name: string, rate: LearningRate): LearningRate {
  if (rate instanceof Tensor) {
    if (rate.rank === null || rate.rank === 0) return rate;
    throw new ShapeError({
      what: `${name}: the learning rate is one number, not ${specText(rate.spec)}`,
      details: [`"${rate.op.name}" was made at ${rate.op.line ?? "an unknown line"}`],
      at: here(),
      fix: 'feed it through a scalar: graph.placeholder("rate")',
    });
  }
  if (Number.isFinite(rate)) return rate;
  throw new GraphError({ what: `${name}: ${rate} is not a learning rate`, at: here(), fix: "give a finite number" });
}

/** A setting that says how much of something is kept. */
export function requireShare(optimizer: string, setting: string, value: number): number {
  if (value >= 0 && value < 1) return value;
  throw new GraphError({
    what: `${optimizer}: ${setting} is ${value}`,
    at: here(),
    fix: "give a number from 0 to below 1",
  });
}

function requireScalar(loss: Tensor): void {
  if (!(loss instanceof Tensor)) {
    throw new GraphError({
      what: `minimize: the loss is not a tensor: ${String(loss)}`,
      at: here(),
      fix: "give the symbolic tensor, not a value that was fetched",
    });
  }
  if (loss.rank === null || loss.rank === 0) return;
  throw new ShapeError({
    what: `minimize: the loss is one number, not ${describeTensor(loss)}`,
    details: [`"${loss.op.name}" was made at ${loss.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "reduce it: mean(loss), or sum(loss)",
  });
}

function requireSymbolic(loss: Tensor): void {
  if (!loss.graph.runsAtOnce) return;
  throw new GradientError({
    what: `minimize: the loss "${loss.op.name}" is a value: it does not know how it was computed`,
    details: [`it was made at ${loss.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "record it with a GradientTape, and applyGradients([[gradient, variable], …]); or minimize in a traced function",
  });
}

function requireVariable(variable: Variable): void {
  if (variable instanceof Variable) return;
  throw new GraphError({
    what: `minimize: ${String(variable)} is not a variable`,
    at: here(),
    fix: "make it with graph.variable(…); gradients(loss, [x]) differentiates in other tensors",
  });
}

/** The trainable variables the loss is computed from, in the order they were made. */
function trainableVariables(loss: Tensor): readonly Variable[] {
  const needed = new Set(reachable([loss.op]));
  const all = loss.graph.allVariables;
  const isNeeded = (variable: Variable): boolean => loss.graph.standIns(variable).some(({ op }) => needed.has(op));
  const found = all.filter((variable) => variable.trainable && isNeeded(variable));
  if (found.length > 0) return found;
  const frozen = all.filter(isNeeded).map((variable) => `"${variable.op.name}"`);
  const unused = all.filter((variable) => variable.trainable).map((variable) => `"${variable.op.name}"`);
  throw new GradientError({
    what: `minimize: the loss "${loss.op.name}" depends on no trainable variable`,
    details: [
      `"${loss.op.name}" was made at ${loss.op.line ?? "an unknown line"}`,
      ...(frozen.length > 0 ? [`it depends on ${frozen.join(", ")}, made with { trainable: false }`] : []),
      ...(unused.length > 0 ? [`it does not depend on ${unused.join(", ")}`] : []),
    ],
    at: here(),
    fix: "compute the loss from graph.variable(…)s, or name what to update: minimize(loss, { variables: [w] })",
  });
}

function checkPairs(pairs: readonly GradientPair[]): void {
  if (pairs.length === 0) {
    throw new GraphError({
      what: "applyGradients: there is nothing to update",
      at: here(),
      fix: "give the pairs of computeGradients(loss)",
    });
  }
  const seen = new Set<Variable>();
  for (const [gradient, variable] of pairs) {
    requireVariable(variable);
    if (seen.has(variable)) {
      throw new GraphError({
        what: `applyGradients: "${variable.op.name}" is there twice`,
        at: here(),
        fix: "add up its gradients first",
      });
    }
    seen.add(variable);
    const same = gradient instanceof Tensor && specText(gradient.spec) === specText(variable.spec);
    if (same) continue;
    throw new GraphError({
      what: `applyGradients: ${gradient instanceof Tensor ? describeTensor(gradient) : String(gradient)} is no gradient for ${describeTensor(variable)}`,
      at: here(),
      fix: "a gradient has the shape and dtype of its variable; leave out variables without one",
    });
  }
}

/** Below them a number has fewer digits, and processors take many times as long for it. */
const SMALLEST_NORMAL: Readonly<Partial<Record<DType, number>>> = {
  float32: 2 ** -126,
  float64: 2 ** -1022,
};

/**
 * The value, or 0 where it is subnormal. A running mean of gradients that have become 0 (of a unit that is never active)
 * fades towards 0 and would stay at the smallest number there is for ever: 0.9 of it rounds to itself. An update of
 * Adam then takes 2.8 times as long.
 */
export function settle(mean: Tensor): Tensor {
  const least = SMALLEST_NORMAL[mean.dtype] ?? 0;
  return where(less(abs(mean), least), 0, mean);
}
