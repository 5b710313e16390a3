import type { DType } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { type Size, sizeFrom } from "../core/size.ts";
import type { ApplyOptions } from "../graph/builder.ts";
import { buildInto } from "../graph/builder.ts";
import type { OpDef } from "../graph/define.ts";
import { inferSpecs, operandOf } from "../graph/infer.ts";
import type { Attrs, Operation, Tensor, Variable } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { constantOp } from "../ops/constant.ts";
import { assignOp, placeholderOp, stopGradientOp, variableOp } from "../ops/state.ts";
import { Graph } from "../runtime/graph.ts";
import { here } from "../runtime/reading.ts";
import { Recorders } from "./recorder.ts";
import { EagerTensor, EagerVariable } from "./tensor.ts";

/** A variable of define-by-run, and the one that stands for it in the graph of a traced function. */
export interface LinkedVariable {
  readonly eager: EagerVariable;
  readonly traced: Variable;
}

/** What a trace reads and writes besides its arguments and results. */
export interface TraceEffects {
  readonly reads: readonly LinkedVariable[];
  readonly writes: readonly { readonly variable: LinkedVariable; readonly by: Operation }[];
  /** Tensors with values that became constants, in this trace or one before. */
  readonly captures: readonly EagerTensor[];
  /** What shows values at each call, whether the results need them or not. */
  readonly taps: readonly Operation[];
}

/** What means the same in every trace. */
const LASTING: ReadonlySet<OpDef["effect"]> = new Set(["constant", "variable"] as const);

/**
 * The graph a traced function adds to. It takes tensors with values too: a tensor becomes a constant, a variable one of
 * the graph that is linked to it. While a function is traced each variable has a current tensor: reading it after an
 * assign gives what was assigned, and only the last assign counts, as when the function runs step by step.
 */
export class TraceGraph extends Graph {
  override readonly isTrace = true;
  readonly recorders = new Recorders();
  readonly #linked = new Map<EagerVariable, LinkedVariable>();
  readonly #constants = new Map<EagerTensor, Tensor>();
  /** Made by traces that have ended: what they compute is of their own calls. */
  readonly #past = new WeakSet<Operation>();
  /** While tracing: every tensor each variable has been, the current one last. */
  #values: Map<EagerVariable, Tensor[]> | null = null;
  readonly #variables = new WeakMap<Tensor, EagerVariable>();
  readonly #read = new Set<EagerVariable>();
  readonly #written = new Set<EagerVariable>();

  override apply<A extends Attrs>(
    def: OpDef<A>,
    inputs: readonly Tensor[],
    attrs: A,
    options: ApplyOptions = {},
  ): Operation<A> {
    const own = inputs.map((input) => this.#own(input));
    if (!this.#values) throw this.#ended(own[0]);
    if (def.effect === "placeholder") {
      throw new GraphError({
        what: `placeholder "${options.name ?? def.name}" in the traced function "${this.name}": nothing can be fed to it`,
        at: here(),
        fix: "make it an argument of the function",
      });
    }
    if (def.effect === "assign" && inputs[0] instanceof EagerVariable) {
      // A record of particular attributes is also one of any.
      return this.#assign(def as OpDef, inputs[0], own[1]!, options) as Operation<A>;
    }
    const op = super.apply(def, own, attrs, options);
    this.recorders.tell(own, () => op);
    return op;
  }

  /** An argument of the function that is traced; sizes may have names. */
  argument(name: string, dtype: DType, dims: readonly (Size | string)[]): Tensor {
    const shape = dims.map((dim) => (typeof dim === "string" ? sizeFrom(dim, name) : dim));
    return this.#add(placeholderOp, [], { dtype, shape }, name).outputs[0]!;
  }

  /**
   * Runs `build`, whose operations are added here; those that its results and assigns do not need are removed again.
   * @param name scope of what it adds
   */
  trace<T>(
    name: string,
    build: () => { readonly result: T; readonly tensors: readonly Tensor[] },
  ): { readonly result: T; readonly effects: TraceEffects } {
    this.#values = new Map();
    this.#read.clear();
    this.#written.clear();
    const first = this.operations.length;
    const needed: Operation[] = [];
    try {
      const { result, tensors } = this.scope(name, () => buildInto(this, build));
      const writes = [...this.#written].map((eager) => {
        const variable = this.#linked.get(eager)!;
        return { variable, by: this.#add(assignOp, [variable.traced, this.#valueOf(eager)], {}) };
      });
      const reads = [...this.#read].map((eager) => this.#linked.get(eager)!);
      const taps = this.operations.slice(first).filter(({ def }) => def.effect === "tap");
      needed.push(...tensors.map(({ op }) => op), ...writes.map(({ by }) => by), ...taps);
      return { result, effects: { reads, writes, captures: [...this.#constants.keys()], taps } };
    } finally {
      this.#values = null;
      const made = this.operations.slice(first);
      for (const op of made) if (!LASTING.has(op.def.effect)) this.#past.add(op);
      const captured = new Set([...this.#constants.values()].map(({ op }) => op));
      const stays = (op: Operation): boolean =>
        op.inputs.length === 0 && (op.def.effect !== "constant" || captured.has(op));
      super.discardUnused(first, [...needed, ...made.filter(stays)]);
    }
  }

  /** Only when a trace ends: tapes hold on to what gradients did not need. */
  override discardUnused(): void {}

  /** The tensor that stands for one with a value, at this moment; tensors of this graph stand for themselves. */
  standIn(tensor: Tensor): Tensor {
    return this.#own(tensor);
  }
  override standIns(tensor: Tensor): readonly Tensor[] {
    const current = this.#own(tensor);
    return tensor instanceof EagerVariable ? this.#values!.get(tensor)! : [current];
  }
  /** The variable of which this tensor is a value. */
  variableOf(tensor: Tensor): EagerVariable | null {
    return this.#variables.get(tensor) ?? null;
  }
  /** Variables in use in the function that is traced. */
  override get allVariables(): readonly Variable[] {
    return [...(this.#values?.keys() ?? [])];
  }

  /** Adds what nobody is told of, at the user's line. */
  #add<A extends Attrs>(def: OpDef<A>, inputs: readonly Tensor[], attrs: A, name = def.name): Operation<A> {
    return this.derive({ kind: "user", capture: captureStack() }, () => super.apply(def, inputs, attrs, { name }));
  }

  #own(tensor: Tensor): Tensor {
    if (tensor.graph === this && !this.#past.has(tensor.op)) return tensor;
    if (tensor instanceof EagerVariable) return this.#valueOf(tensor);
    if (tensor instanceof EagerTensor) {
      let constant = this.#constants.get(tensor);
      if (!constant) {
        const attrs = { value: tensor.data, shape: tensor.spec.shape as readonly number[], dtype: tensor.dtype };
        constant = this.#add(constantOp, [], attrs, tensor.op.name).outputs[0]!;
        this.#constants.set(tensor, constant);
      }
      return constant;
    }
    if (tensor.graph.isTrace) throw leaked(tensor);
    return tensor;
  }

  /** What a variable is at this moment of the trace. */
  #valueOf(eager: EagerVariable): Tensor {
    const current = this.#values?.get(eager)?.at(-1);
    if (current) return current;
    const { traced } = this.#link(eager);
    this.#read.add(eager);
    this.#becomes(eager, traced);
    return traced;
  }

  #becomes(eager: EagerVariable, value: Tensor): void {
    this.#values!.set(eager, [...(this.#values!.get(eager) ?? []), value]);
    this.#variables.set(value, eager);
  }

  #link(eager: EagerVariable): LinkedVariable {
    let linked = this.#linked.get(eager);
    if (!linked) {
      const { shape, dtype } = eager.spec;
      const attrs = { dtype, shape: shape as readonly number[], trainable: eager.trainable };
      const op = this.#add(variableOp, [], attrs, nameWithin(this.currentScope, eager.op.name));
      linked = { eager, traced: op.outputs[0] as Variable };
      this.#linked.set(eager, linked);
    }
    return linked;
  }

  /** Notes the new value; written when the function ends, if no later one takes its place. */
  #assign(def: OpDef, variable: EagerVariable, value: Tensor, { name = def.name }: ApplyOptions): Operation {
    const { traced } = this.#link(variable);
    const line = lineOf(captureStack());
    inferSpecs(def, [traced, value].map(operandOf), {}, { name, line });
    // As when it runs step by step, the variable knows nothing of how its value was computed.
    const taken = this.#add(stopGradientOp, [value], {}, name);
    this.#becomes(variable, taken.outputs[0]!);
    this.#written.add(variable);
    return taken;
  }

  #ended(input: Tensor | undefined): GraphError {
    if (input) return leaked(input);
    return new GraphError({
      what: `the traced function "${this.name}" is built: nothing can be added to it`,
      at: here(),
      fix: "compute with what the function returns when it is called",
    });
  }

  protected override setInitializer(variable: Variable): void {
    throw madeInside(variable.op.name);
  }
}

/** `kernel` for the variable `dense/kernel` in the scope `encoder/dense/`: scopes are not said twice. */
function nameWithin(scope: string, name: string): string {
  const at = name.lastIndexOf("/") + 1;
  const own = name.slice(0, at);
  return own !== "" && (scope === own || scope.endsWith(`/${own}`)) ? name.slice(at) : name;
}

const leaked = (tensor: Tensor): GraphError =>
  new GraphError({
    what: `"${tensor.name}" stands for a value inside of a call of the traced function "${tensor.graph.name}": here it has none`,
    details: [`it was made at ${tensor.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "return it from the function, and use what the function returns when it is called",
  });

export const madeInside = (name: string): GraphError =>
  new GraphError({
    what: `variable "${name}" was made in a traced function: it would be new at each call`,
    at: here(),
    fix: "make it outside, with variable(…) of forerun/eager, and use it in the function",
  });
