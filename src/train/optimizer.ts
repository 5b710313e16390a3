import { gradients } from "../autodiff/gradients.ts";
import { getOrMake } from "../core/collections.ts";
import { GraphError } from "../core/errors.ts";
import { currentBuilder } from "../graph/builder.ts";
import type { Operation, Tensor, Variable } from "../graph/operation.ts";
import { captureStack } from "../graph/origin.ts";
import { mul, sub } from "../ops/arithmetic.ts";
import { cast, greater } from "../ops/comparison.ts";
import { assign, group } from "../ops/state.ts";
import { Graph } from "../runtime/graph.ts";
import { here } from "../runtime/reading.ts";
import {
  builtForOthers,
  checkPairs,
  checkRate,
  requireNotNegative,
  requireScalar,
  requireSettable,
  requireShare,
  requireSymbolic,
  requireVariable,
  trainableVariables,
  undeclared,
} from "./checks.ts";
import { type ClipOptions, clipping } from "./clip.ts";
import type { GradientPair, LearningRate, Scalar, Shared, StepContext, Update, UpdateContext } from "./formula.ts";
import { runningMean } from "./running-mean.ts";
import { Schedule } from "./schedule.ts";
import { OptimizerState } from "./state.ts";
import { TrainingStep, wide } from "./step.ts";

export interface OptimizerOptions extends ClipOptions {
  /** Scope of the updates and first part of the names of what it keeps. Default: the algorithm's own, such as `adam`. */
  readonly name?: string;
  /**
   * Before each update variables shrink by this share of them, times the learning rate: θ - α λ θ. Default 0. It is
   * decoupled from the gradient, as in Keras; PyTorch's optimizers, AdamW excepted, add λ θ to the gradient instead,
   * which is a penalty of the loss, λ/2 ‖θ‖².
   */
  readonly weightDecay?: number;
  /** Which variables `weightDecay` is for: biases are often left out. Default all. */
  readonly decays?: (variable: Variable) => boolean;
  /** Keeps a running mean of each variable's values: see `average`. Default false. */
  readonly useEma?: boolean;
  /** Memory of that mean, in [0, 1). Default 0.99. */
  readonly emaMomentum?: number;
}

export interface MinimizeOptions {
  /** What to update. Default: the graph's trainable variables on which the loss depends. */
  readonly variables?: readonly Variable[];
  /** Name of the operation that does the update. Default: `update` in the optimizer's scope. */
  readonly name?: string;
}

/**
 * Base of all optimizers. `minimize` appends ordinary operations to the graph: gradients, new values, and `assign`s
 * that take effect when a run ends. Nothing about an optimizer happens outside of the graph, so its update can be
 * looked at, fused and compiled like the rest. With variables of define-by-run `applyGradients` runs the same operations
 * at once.
 *
 * An algorithm of your own has a formula, `update`, and says what it keeps, `initialSlots`:
 *
 *     class SignMomentum extends Optimizer {
 *       constructor(learningRate: LearningRate = 0.01) {
 *         super("signMomentum", learningRate);
 *       }
 *       protected override initialSlots() {
 *         return { velocity: 0 };
 *       }
 *       protected override update({ variable, gradient, learningRate, slot }: UpdateContext): Update {
 *         const velocity = add(mul(slot("velocity"), 0.9), gradient);
 *         return { variable: sub(variable, mul(learningRate, sign(velocity))), slots: { velocity } };
 *       }
 *     }
 */
export abstract class Optimizer {
  readonly name: string;
  readonly weightDecay: number;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly #decays: (variable: Variable) => boolean;
  readonly #clip: (gradients: readonly Tensor[]) => readonly Tensor[];
  readonly #states = new WeakMap<Graph, OptimizerState>();
  /** Those of them that hold variables. */
  readonly #used: OptimizerState[] = [];
  #rate: LearningRate;

  protected constructor(name: string, learningRate: LearningRate, options: OptimizerOptions = {}) {
    this.name = options.name ?? name;
    this.#rate = checkRate(this.name, learningRate);
    this.#clip = clipping(this.name, options);
    this.weightDecay = requireNotNegative(this.name, "weightDecay", options.weightDecay ?? 0);
    this.#decays = options.decays ?? (() => true);
    this.useEma = options.useEma ?? false;
    this.emaMomentum = requireShare(this.name, "emaMomentum", options.emaMomentum ?? 0.99);
    if (options.emaMomentum === undefined || this.useEma) return;
    throw new GraphError({
      what: `${this.name}: emaMomentum is of the averages of variables, and none are kept`,
      at: here(),
      fix: `give both: { useEma: true, emaMomentum: ${options.emaMomentum} }`,
    });
  }

  /** The formula: new values of a variable and its slots. */
  protected abstract update(context: UpdateContext): Update;

  /** What is kept for each variable, by name, and the number it is filled with at first. Default nothing. */
  protected initialSlots(): Readonly<Record<string, number>> {
    return {};
  }
  /** Numbers kept for all variables together, and what they are at first. Default none. */
  protected initialScalars(): Readonly<Record<string, number>> {
    return {};
  }
  /** What is computed once a step, for all variables: a learning rate that depends on the step, for one. */
  protected shared(_context: StepContext): Shared {
    return {};
  }

  // ── learning rate ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * In define-by-run, and so in traced functions, a rate that is a number is kept in a variable: setting another number
   * takes effect in the next step, and nothing is compiled again. In a traced function it reads as that variable.
   *
   * @throws GraphError when set after it has become part of a graph, or if it was not a number: then a placeholder, the
   * variable it is or the schedule decides
   */
  get learningRate(): LearningRate {
    const held = this.#used.find(({ graph }) => graph.runsAtOnce);
    if (!held || typeof this.#rate !== "number") return this.#rate;
    const variable = this.#rateVariable(held, this.#rate);
    return currentBuilder()?.isTrace ? variable : Number(variable.graph.elementsOf(variable)![0]);
  }
  set learningRate(rate: LearningRate) {
    checkRate(this.name, rate);
    const graphs = this.#used.map(({ graph }) => graph);
    if (graphs.length > 0) requireSettable(this.name, this.#rate, rate, graphs);
    this.#rate = rate;
    if (typeof rate === "number") for (const state of this.#used) assign(this.#rateVariable(state, rate), rate);
  }

  #rateVariable(state: OptimizerState, initial: number): Variable {
    return state.scalar("learningRate", initial, "float64");
  }

  // ── training ───────────────────────────────────────────────────────────────────────────────────────────────────

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
   *
   * In define-by-run the first call also decides which variables the optimizer is for, as `build` does: what it counts
   * and keeps is for these.
   *
   * @param pairs as `computeGradients` gives them
   * @throws GraphError for a gradient that is none of its variable, and in define-by-run for a variable the optimizer
   * was not built for
   */
  applyGradients(pairs: readonly GradientPair[], options: { readonly name?: string } = {}): Operation {
    checkPairs(pairs);
    const variables = pairs.map(([, variable]) => variable);
    const state = this.#stateOf(variables[0]!);
    const { graph, scope } = state;
    // All of it comes from the user's one line.
    const updates = graph.derive({ kind: "user", capture: captureStack() }, () => {
      if (graph.runsAtOnce) this.#build(state, variables);
      this.#use(state);
      return graph.reenterScope(scope, () => this.#updates(state, pairs));
    });
    if (options.name !== undefined) return group(updates, { name: options.name });
    return graph.reenterScope(scope, () => group(updates, { name: "update" }));
  }

  #stateOf(tensor: Tensor): OptimizerState {
    const { graph } = tensor;
    if (!(graph instanceof Graph)) {
      throw new GraphError({ what: `${this.name}: "${tensor.name}" does not belong to a graph that can be trained` });
    }
    return getOrMake(this.#states, graph, () => new OptimizerState(graph, this.name));
  }
  #use(state: OptimizerState): void {
    if (!this.#used.includes(state)) this.#used.push(state);
  }

  #updates(state: OptimizerState, pairs: readonly GradientPair[]): readonly Tensor[] {
    const { graph } = state;
    const step = new TrainingStep(state);
    this.#share(state, step);
    const clipped = this.#clip(pairs.map(([gradient]) => gradient));
    pairs.forEach(([, variable], i) => {
      const { dtype } = variable;
      const factor = (name: string): Tensor => step.factor(name, dtype);
      const constant = (name: string, value: number): Tensor => state.constant(name, value, dtype);
      const slot = (name: string): Variable => this.#slot(state, variable, name);
      const learningRate = factor("learningRate");
      const decay = this.weightDecay > 0 && this.#decays(variable) ? factor("decay") : null;
      graph.reenterScope(state.placeOf(variable), () => {
        const decayed = decay ? sub(variable, mul(variable, decay)) : variable;
        const context = { variable: decayed, gradient: clipped[i]!, learningRate, slot, factor, constant };
        const next = this.update(context);
        step.putAll(next.slots, slot);
        step.put(variable, next.variable, "update");
        if (this.useEma) this.#putAverage(state, step, variable, next.variable);
      });
    });
    if (this.useEma && graph.runsAtOnce) {
      // A mean of all values, also of those that are the same as before.
      const moved = new Set(pairs.map(([, variable]) => variable));
      const others = state.served.filter((variable) => !moved.has(variable));
      for (const variable of others) this.#putAverage(state, step, variable, variable);
    }
    return step.updates;
  }

  /** What is the same for all variables: the rate, weight decay, and the memory of averages, which is 0 at first. */
  #share(state: OptimizerState, step: TrainingStep): void {
    if (state.graph.runsAtOnce) step.count();
    const rate = this.#rateIn(state, step);
    step.share({ learningRate: rate });
    if (this.weightDecay > 0) {
      const decay = typeof rate === "number" ? rate * this.weightDecay : mul(wide(rate), this.weightDecay);
      step.share({ decay });
    }
    if (this.useEma) {
      const averageKept = mul(cast(greater(step.number(), 1), "float64"), this.emaMomentum);
      step.share({ averageKept, averageTaken: sub(1, averageKept) });
    }
    const scalar = (name: string): Variable => this.#scalar(state, name);
    const { factors, scalars } = this.shared({ learningRate: rate, step: () => step.number(), scalar });
    step.share(factors);
    step.putAll(scalars, scalar);
  }

  #rateIn(state: OptimizerState, step: TrainingStep): Scalar {
    const rate = this.#rate;
    if (rate instanceof Schedule) return rate.rate(sub(step.number(), 1));
    return typeof rate === "number" && state.graph.runsAtOnce ? this.#rateVariable(state, rate) : rate;
  }

  #putAverage(state: OptimizerState, step: TrainingStep, variable: Variable, value: Tensor): void {
    const [kept, taken] = [step.factor("averageKept", variable.dtype), step.factor("averageTaken", variable.dtype)];
    const average = this.#average(state, variable);
    step.put(average, runningMean({ kept, taken }, average, value), "average/update");
  }

  // ── what is kept ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes what the optimizer keeps for these variables, before the first update: to put a saved state into `variables`.
   * In define-by-run it then is an optimizer for these variables and no others.
   *
   * @throws GraphError if it is built for others
   */
  build(variables: readonly Variable[]): void {
    variables.forEach(requireVariable);
    const [first] = variables;
    if (!first) {
      throw new GraphError({
        what: `${this.name}: there is nothing to build for`,
        at: here(),
        fix: "give the variables that it shall update",
      });
    }
    const state = this.#stateOf(first);
    state.graph.derive({ kind: "user", capture: captureStack() }, () => this.#build(state, variables));
  }

  #build(state: OptimizerState, variables: readonly Variable[]): void {
    const { graph } = state;
    const unknown = variables.filter((variable) => !state.serves(variable));
    if (state.isBuilt && unknown.length > 0) throw builtForOthers(this.name, state.served, unknown);
    if (unknown.length === 0) return;
    this.#use(state);
    state.isBuilt = graph.runsAtOnce;
    if (graph.runsAtOnce) {
      if (typeof this.#rate === "number") this.#rateVariable(state, this.#rate);
      state.counter;
    }
    for (const name of Object.keys(this.initialScalars())) this.#scalar(state, name);
    for (const variable of variables) {
      state.placeOf(variable);
      for (const name of Object.keys(this.initialSlots())) this.#slot(state, variable, name);
      if (this.useEma) this.#average(state, variable);
    }
  }

  /**
   * Everything it keeps between steps, in an order and under names that follow from the algorithm and the variables:
   * `adam/learningRate` and `adam/step` in define-by-run, then `adam/dense/kernel/m` … Empty before `build` or the first
   * update. Assigning to them restores a state.
   */
  get variables(): readonly Variable[] {
    return this.#used.flatMap((state) => state.variables);
  }

  /** Counts the steps, where something depends on them; in define-by-run always. Null before there is one. */
  get iterations(): Variable | null {
    return this.#used.find(({ counts }) => counts)?.counter ?? null;
  }

  /**
   * What the optimizer keeps for a variable, by name: `{ m, v }` for Adam.
   * @throws GraphError if it has not made any: before `minimize`, or for a variable it does not update
   */
  slots(variable: Variable): Readonly<Record<string, Variable>> {
    const state = variable.graph instanceof Graph ? this.#states.get(variable.graph) : undefined;
    const slots = state?.slots(variable);
    if (slots) return Object.fromEntries(slots);
    throw new GraphError({
      what: `${this.name}: nothing is kept for "${variable.op.name}"`,
      at: here(),
      fix: "call minimize first; some algorithms keep nothing",
    });
  }

  /**
   * The running mean of a variable's values, which often does better on new data than the last of them:
   *
   *     a⁺ = μ a + (1 - μ) θ⁺        μ is `emaMomentum`, and 0 in the first step
   *
   * @throws GraphError without `useEma`, or for a variable it does not update
   */
  average(variable: Variable): Variable {
    this.#requireAverages();
    return this.slots(variable).average!;
  }

  /**
   * Gives variables the running means of their values, as Keras does when training ends: at once in define-by-run, in a
   * graph when the operation it returns is run. To do so every n steps is Keras' `ema_overwrite_frequency`.
   *
   * @param variables default all it updates, of the one graph it is used in
   * @throws GraphError without `useEma`
   */
  applyAverages(variables?: readonly Variable[]): Operation {
    this.#requireAverages();
    const all = variables ?? this.#used.flatMap(({ served }) => served);
    return group(all.map((variable) => assign(variable, this.average(variable))));
  }

  #scalar(state: OptimizerState, name: string): Variable {
    const initial = this.initialScalars()[name];
    if (initial === undefined)
      throw undeclared(this.name, "scalar", name, `initialScalars() { return { ${name}: 0 }; }`);
    return state.scalar(name, initial, "float64");
  }
  #slot(state: OptimizerState, variable: Variable, name: string): Variable {
    const initial = this.initialSlots()[name];
    if (initial === undefined) throw undeclared(this.name, "slot", name, `initialSlots() { return { ${name}: 0 }; }`);
    return state.slot(variable, name, initial);
  }
  #average(state: OptimizerState, variable: Variable): Variable {
    return state.slot(variable, "average", 0);
  }
  #requireAverages(): void {
    if (this.useEma) return;
    throw new GraphError({
      what: `${this.name}: it keeps no averages`,
      at: here(),
      fix: "make it with { useEma: true }",
    });
  }
}
