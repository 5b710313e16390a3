import { backpropagate, checkRoots, type GradientOptions } from "../autodiff/gradients.ts";
import { GradientError, StateError } from "../core/errors.ts";
import { describeTensor, Operation, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { constantOp } from "../ops/constant.ts";
import { zerosLike } from "../ops/movement.ts";
import { here } from "../runtime/reading.ts";
import type { EagerGraph } from "./graph.ts";
import { jacobianBy } from "./jacobian.ts";
import type { Recorder } from "./recorder.ts";
import { type EagerTensor, EagerVariable, isValued } from "./tensor.ts";
import { TraceGraph } from "./trace.ts";

export interface TapeOptions {
  /** Lets `gradient` be called more than once; the tape keeps what it recorded until it ends. Default false. */
  readonly persistent?: boolean;
  /** Follows trainable variables by itself. Default true. */
  readonly watchVariables?: boolean;
}

export type TapeGradientOptions = Pick<GradientOptions, "gradYs" | "unconnected">;

/** A tensor, or tensors in a list or an object: what one differentiates with respect to. */
export type Sources = Tensor | readonly Sources[] | { readonly [key: string]: Sources };
/** Gradients in the structure of their sources. */
export type GradientsLike<X> =
  X extends Tensor<infer S> ? EagerTensor<S> : { -readonly [K in keyof X]: GradientsLike<X[K]> };

/**
 * Records operations as they run, to go back through them: `tf.GradientTape`.
 *
 *     using tape = new GradientTape();
 *     const loss = mean(square(sub(predict(x), y)));
 *     const [dw, db] = tape.gradient(loss, [w, b]);
 *
 * It follows trainable variables, and tensors that are `watch`ed. Gradient rules are those of graphs, applied at once, so
 * the bits are the same as those of `gradients`. Tapes may be nested: an outer one records the inner one's gradients, for
 * derivatives of higher order.
 */
export class GradientTape implements Recorder {
  readonly #graph: EagerGraph | TraceGraph;
  readonly #persistent: boolean;
  readonly #watchVariables: boolean;
  readonly #ops: Operation[] = [];
  /** Tensors that depend on something watched. */
  #followed = new Set<Tensor>();
  /** For a variable that was read: what it was then. Assigning to it later changes nothing about the past. */
  #readings = new Map<EagerVariable, Reading[]>();
  #state: "recording" | "paused" | "used" | "ended" = "recording";

  /** Begins to record, until `gradient` (unless `persistent`), `end`, or the end of the block for `using`. */
  constructor(graph: EagerGraph | TraceGraph, options: TapeOptions = {}) {
    this.#graph = graph;
    this.#persistent = options.persistent ?? false;
    this.#watchVariables = options.watchVariables ?? true;
    graph.recorders.start(this);
  }

  /** Follows what is computed from these tensors from now on. */
  watch(...tensors: readonly (Tensor | readonly Tensor[])[]): void {
    this.#requireUse("watch");
    for (const tensor of tensors.flat()) {
      if (!(tensor instanceof Tensor) || !(isValued(tensor) || tensor.graph === this.#graph)) {
        throw new GradientError({
          what: `GradientTape.watch: ${String(tensor)} is not a tensor with a value`,
          at: here(),
          fix: "watch what tensor(…) or variable(…) gave, or what was computed from that",
        });
      }
      // Of a variable all values are followed.
      this.#followed.add(tensor instanceof EagerVariable ? tensor : this.#graph.standIns(tensor)[0]!);
    }
  }

  /** What `build` runs leaves no trace. */
  stopRecording<T>(build: () => T): T {
    this.#requireUse("stopRecording");
    const before = this.#state;
    this.#state = "paused";
    try {
      return build();
    } finally {
      this.#state = before;
    }
  }

  /**
   * Gradients of `Σ target` with respect to each source, in the structure of `sources`.
   * @throws GradientError for a source no target depends on, unless told otherwise by `unconnected`; StateError once the
   * tape has ended, or if it was used before and is not `persistent`
   */
  gradient<const X extends Sources>(
    target: Tensor | readonly Tensor[],
    sources: X,
    options: TapeGradientOptions = {},
  ): GradientsLike<X> {
    this.#requireUse("gradient");
    const list: Tensor[] = [];
    const slot = (source: Sources): Sources => {
      if (!(source instanceof Tensor)) return mapSources(source, slot);
      list.push(source);
      return source;
    };
    slot(sources);
    const targets = Array.isArray(target) ? (target as readonly Tensor[]) : [target as Tensor];
    if (!this.#persistent) this.#finish("used");
    const found = this.#back(targets, list, options);
    let next = 0;
    const fill = (source: Sources): unknown =>
      source instanceof Tensor ? found[next++] : mapSources(source, fill as (source: Sources) => Sources);
    return fill(sources) as GradientsLike<X>;
  }

  /**
   * Derivatives of every element of `target` by every element of `source`: shape of target, then of source.
   * One pass back for each element of the target.
   */
  jacobian(target: Tensor, source: Tensor): EagerTensor {
    this.#requireUse("jacobian");
    if (!this.#persistent) this.#finish("used");
    const back = (seed: Tensor) => this.#back([target], [source], { gradYs: [seed], unconnected: "zero" })[0]!;
    return jacobianBy(this.#graph, target, source, back) as EagerTensor;
  }

  /** Forgets everything. A tape that is not ended, nor used, records for ever. */
  end(): void {
    if (this.#state !== "ended") this.#finish("ended");
    this.#ops.length = 0;
    this.#followed = new Set();
    this.#readings = new Map();
    this.#state = "ended";
  }
  [Symbol.dispose](): void {
    this.end();
  }

  // ── recording ──────────────────────────────────────────────────────────────────────────────────────────────────

  follows(inputs: readonly Tensor[]): boolean {
    return this.#state === "recording" && inputs.some((input) => this.#isFollowed(input));
  }

  add(op: Operation): void {
    for (const input of op.inputs) if (input instanceof EagerVariable && this.#isFollowed(input)) this.#read(input);
    this.#ops.push(op);
    for (const output of op.outputs) this.#followed.add(output);
  }

  #isFollowed(tensor: Tensor): boolean {
    if (this.#followed.has(tensor)) return true;
    const variable = tensor instanceof EagerVariable ? tensor : this.#variableOf(tensor);
    if (!variable) return false;
    return this.#followed.has(variable) || (this.#watchVariables && variable.trainable);
  }

  /** In a traced function tensors stand for variables. */
  #variableOf(tensor: Tensor): EagerVariable | null {
    return this.#graph instanceof TraceGraph ? this.#graph.variableOf(tensor) : null;
  }

  /** Notes at which operation a variable had which value. */
  #read(variable: EagerVariable): void {
    const list = this.#readings.get(variable) ?? [];
    if (list.at(-1)?.version === variable.version) return;
    list.push({ version: variable.version, from: this.#ops.length, data: variable.data });
    this.#readings.set(variable, list);
  }

  // ── going back ─────────────────────────────────────────────────────────────────────────────────────────────────

  #back(targets: readonly Tensor[], sources: readonly Tensor[], options: TapeGradientOptions): (Tensor | null)[] {
    const graph = this.#graph;
    const { gradYs, unconnected = "error" } = options;
    const { ops, valuesOf } = this.#asItWas();
    const from = targets.map((target) => graph.standIns(target).at(-1)!);
    const to = sources.map(valuesOf);
    const seeds = gradYs ? { gradYs: gradYs.map((seed) => seed && graph.standIns(seed)[0]!) } : {};
    checkRoots(from, to.flat(), seeds.gradYs);
    const back = () =>
      graph.scope("gradients", () => backpropagate(graph, ops, from, to, { ...seeds, unconnected: "none" }));
    // What this tape computes now is for outer tapes to see, not for itself.
    const found = this.#state === "recording" ? this.stopRecording(back) : back();
    return sources.map((source, i) => {
      if (found[i] || unconnected === "none") return found[i]!;
      if (unconnected === "zero") return zerosLike(source);
      throw this.#unconnected(targets, source);
    });
  }

  /** What was recorded, with tensors in the place of variables whose value has changed since. */
  #asItWas(): {
    readonly ops: readonly Operation[];
    /** The values of a variable that were read, in that order. */
    valuesOf(source: Tensor): readonly Tensor[];
  } {
    const stale = [...this.#readings].filter(([variable, list]) =>
      list.some(({ version }) => version !== variable.version),
    );
    if (stale.length === 0) return { ops: this.#ops, valuesOf: (source) => this.#graph.standIns(source) };
    const snapshots = new Map<Tensor, readonly { readonly from: number; readonly tensor: Tensor }[]>();
    for (const [variable, list] of stale) {
      const { dtype } = variable;
      const shape = variable.shape as readonly number[];
      const attrs = (value: EagerTensor["data"]) => ({ value, shape, dtype });
      const made = list.map(({ version, from, data }) => ({
        from,
        tensor: version === variable.version ? variable : this.#graph.apply(constantOp, [], attrs(data)).outputs[0]!,
      }));
      snapshots.set(variable, made);
    }
    const ops = this.#ops.map((op, position) => {
      const inputs = op.inputs.map((input) => {
        const made = snapshots.get(input);
        return made?.findLast(({ from }) => from <= position)?.tensor ?? input;
      });
      if (inputs.every((input, i) => input === op.inputs[i])) return op;
      const { def, name, controls, attrs, origin, graph, checks } = op;
      const specs = op.outputs.map(({ spec }) => spec);
      const handle = (_op: Operation, index: number): Tensor => op.outputs[index]!;
      return new Operation({ def, name, inputs, controls, attrs, origin, graph, specs, checks, handle });
    });
    // The present value comes last: it may be a target.
    const valuesOf = (source: Tensor): readonly Tensor[] => [
      ...new Set([...(snapshots.get(source) ?? []).map(({ tensor }) => tensor), source]),
    ];
    return { ops, valuesOf };
  }

  #finish(state: "used" | "ended"): void {
    this.#graph.recorders.stop(this);
    this.#state = state;
  }

  #requireUse(what: string): void {
    if (this.#state === "recording" || this.#state === "paused") return;
    throw new StateError({
      what:
        this.#state === "used"
          ? `GradientTape.${what}: this tape has given its gradients, and forgot what it had recorded`
          : `GradientTape.${what}: this tape has ended`,
      at: here(),
      fix:
        this.#state === "used"
          ? "ask for all gradients in one call, or make the tape { persistent: true }"
          : "ask for gradients before the end of the block that has the tape",
    });
  }

  #unconnected(targets: readonly Tensor[], source: Tensor): GradientError {
    const isVariable = source instanceof EagerVariable;
    const watched = this.#followed.has(source);
    return new GradientError({
      what: `GradientTape.gradient: ${targets.map((y) => `"${y.op.name}"`).join(", ")} does not depend on ${describeTensor(source)}`,
      details: [
        `"${source.op.name}" was made at ${source.op.line ?? "an unknown line"}`,
        ...(watched || isVariable ? [] : ["the tape did not watch it"]),
      ],
      at: lineOf(captureStack()),
      fix:
        watched || isVariable
          ? 'compute the target from it while the tape records, or pass { unconnected: "zero" }'
          : "tape.watch(x) before it is used; trainable variables are watched by themselves",
    });
  }
}

/** A value a variable had, and the number of operations recorded before it was first read. */
interface Reading {
  readonly version: number;
  readonly from: number;
  readonly data: EagerTensor["data"];
}

const mapSources = (sources: Exclude<Sources, Tensor>, each: (source: Sources) => Sources): Sources =>
  Array.isArray(sources)
    ? (sources as readonly Sources[]).map(each)
    : Object.fromEntries(Object.entries(sources).map(([key, value]) => [key, each(value as Sources)]));
