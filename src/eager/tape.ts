import { backpropagate, checkRoots, type GradientOptions } from "../autodiff/gradients.ts";
import { getOrMake } from "../core/collections.ts";
import { GradientError, StateError } from "../core/errors.ts";
import { describeTensor, type Operation, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { zerosLike } from "../ops/movement.ts";
import { here } from "../runtime/reading.ts";
import type { EagerGraph } from "./graph.ts";
import { jacobianBy } from "./jacobian.ts";
import type { Recorder } from "./recorder.ts";
import { type EagerTensor, EagerVariable, isValued } from "./tensor.ts";
import type { TraceGraph } from "./trace.ts";

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
  /** For a variable: what it was when it was read. Assigning to it later changes nothing about the past. */
  #values = new Map<EagerVariable, Set<Tensor>>();
  #state: "recording" | "paused" | "stopped" | "used" | "ended" = "recording";

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

  /** Records no more. What was recorded stays, for `gradient`. */
  stop(): void {
    this.#requireUse("stop");
    this.#finish("stopped");
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
    this.#values = new Map();
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
    for (const input of op.inputs) {
      const variable = this.#graph.variableOf(input);
      if (variable) getOrMake(this.#values, variable, () => new Set()).add(input);
    }
    this.#ops.push(op);
    for (const output of op.outputs) this.#followed.add(output);
  }

  #isFollowed(tensor: Tensor): boolean {
    if (this.#followed.has(tensor)) return true;
    const variable = this.#graph.variableOf(tensor);
    if (!variable) return false;
    return this.#followed.has(variable) || (this.#watchVariables && variable.trainable);
  }

  /** The tensors that stand for one: of a variable all its values that were read, and the present one. */
  #standIns(tensor: Tensor): readonly Tensor[] {
    const present = this.#graph.standIns(tensor).at(-1)!;
    const past = tensor instanceof EagerVariable ? this.#values.get(tensor) : undefined;
    return past ? [...new Set([...past, present])] : [present];
  }

  // ── going back ─────────────────────────────────────────────────────────────────────────────────────────────────

  #back(targets: readonly Tensor[], sources: readonly Tensor[], options: TapeGradientOptions): (Tensor | null)[] {
    const graph = this.#graph;
    const { gradYs, unconnected = "error" } = options;
    const from = targets.map((target) => graph.standIns(target).at(-1)!);
    // A variable may have been read at several of its values: what flows to each is added up.
    const to = sources.map((source) => this.#standIns(source).filter((tensor) => this.#isFollowed(tensor)));
    const seeds = gradYs ? { gradYs: gradYs.map((seed) => seed && graph.standIns(seed)[0]!) } : {};
    checkRoots(from, to.flat(), seeds.gradYs);
    const back = () =>
      graph.scope("gradients", () => backpropagate(graph, this.#ops, from, to, { ...seeds, unconnected: "none" }));
    // What this tape computes now is for outer tapes to see, not for itself.
    const found = this.#state === "recording" ? this.stopRecording(back) : back();
    return sources.map((source, i) => {
      if (found[i] || unconnected === "none") return found[i]!;
      if (unconnected === "zero") return zerosLike(source);
      throw this.#unconnected(targets, source);
    });
  }

  #finish(state: "stopped" | "used" | "ended"): void {
    this.#graph.recorders.stop(this);
    this.#state = state;
  }

  #requireUse(what: string): void {
    if (this.#state !== "used" && this.#state !== "ended") return;
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

const mapSources = (sources: Exclude<Sources, Tensor>, each: (source: Sources) => Sources): Sources =>
  Array.isArray(sources)
    ? (sources as readonly Sources[]).map(each)
    : Object.fromEntries(Object.entries(sources).map(([key, value]) => [key, each(value as Sources)]));
