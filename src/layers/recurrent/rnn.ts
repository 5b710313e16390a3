import { GraphError, ShapeError } from "../../core/errors.ts";
import type { Sizes } from "../../core/shape.ts";
import { isKnown, sizeText } from "../../core/size.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { where } from "../../ops/comparison.ts";
import { scan } from "../../ops/control/scan.ts";
import { expandDims, fill, transpose } from "../../ops/movement.ts";
import { reverse } from "../../ops/slicing.ts";
import { assign } from "../../ops/state.ts";
import { here } from "../../runtime/reading.ts";
import { argumentError, type LayerConfig, withDefaults } from "../built-in.ts";
import type { ApplyOptions, CallOptions, LayerOptions } from "../core/layer.ts";
import { type ActivityOptions, addActivityLoss } from "../kernel.ts";
import { type LayerArguments, type LayerKinds, WithLayers } from "../with-layers.ts";
import { GRUCell, LSTMCell, SimpleRNNCell } from "./cells.ts";
import { type Loop, loopOf, outputSizeOf, type RecurrentCell, stateSizesOf } from "./loop.ts";

export interface RNNOptions<State extends boolean = boolean> extends LayerOptions, ActivityOptions {
  /** Whether it gives the output of each step, `[batch, steps, units]`, or that of the last. Default false. */
  readonly returnSequences?: boolean | undefined;
  /** Whether it gives a list: the output, and each state after the last step. Default false. */
  readonly returnState?: State | undefined;
  /** Runs from the last step to the first; outputs come in that order. Default false. */
  readonly goBackwards?: boolean | undefined;
  /** Whether a call goes on from the states where the last one ended, until `resetStates`. Default false. */
  readonly stateful?: boolean | undefined;
  /** Whether the output of a masked step is 0, and not that of the step before. Default false. */
  readonly zeroOutputForMask?: boolean | undefined;
}

export const RNN_DEFAULTS = {
  returnSequences: false,
  returnState: false,
  goBackwards: false,
  stateful: false,
  zeroOutputForMask: false,
} as const;

export interface RNNCallOptions extends ApplyOptions {
  /** What it begins with, one `[batch, units]` for each state. Default: zeros, or where a stateful layer is. */
  readonly initialState?: Tensor | readonly Tensor[] | undefined;
}

/** The output, or with `returnState` a list of it and the states. */
export type RNNOutput<State extends boolean, States extends readonly Tensor[] = readonly Tensor[]> = State extends true
  ? readonly [output: Tensor, ...states: States]
  : Tensor;

/**
 * True for a layer that is one of the two directions of Bidirectional: its sequence of outputs stays beside the steps it was
 * made from, and is 0 where they are masked.
 */
export const ONE_OF_TWO: unique symbol = Symbol("one of two");

/**
 * Runs a cell along the steps of sequences `[batch, steps, features]`, as a loop in the plan however many steps there are.
 * A masked step leaves the states as they are, and gives the output of the step before.
 *
 * @param cell a cell, or a list of cells that stand one above the other
 */
export class RNN<
  State extends boolean = false,
  States extends readonly Tensor[] = readonly Tensor[],
> extends WithLayers<Tensor, RNNOutput<State, States>, RNNCallOptions> {
  static readonly kind: string = "RNN";
  static override readonly positional: readonly string[] = ["cell"];
  readonly cells: readonly RecurrentCell[];
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
  [ONE_OF_TWO] = false;
  readonly #zeroOutputForMask: boolean;
  /** Whether its arguments are a cell, and not those of one. */
  readonly #takesCell: boolean;
  readonly #activityRegularizer: ActivityOptions["activityRegularizer"];
  #states: readonly EagerVariable[] = [];

  /**
   * @param args of a subclass that makes the cell itself: its arguments
   * @throws GraphError for something that is no cell
   */
  constructor(cell: RecurrentCell | readonly RecurrentCell[], options: RNNOptions<State> = {}, args?: LayerConfig) {
    const full = withDefaults(options, RNN_DEFAULTS);
    super({ ...full, ...args });
    this.cells = [cell].flat();
    this.cells.forEach(requireCell);
    this.returnSequences = full.returnSequences;
    this.returnState = full.returnState;
    this.goBackwards = full.goBackwards;
    this.stateful = full.stateful;
    this.#takesCell = args === undefined;
    this.#zeroOutputForMask = full.zeroOutputForMask;
    this.#activityRegularizer = full.activityRegularizer;
    this.expectInput({ minRank: 3 });
  }

  /** The cell; of several the lowest. */
  get cell(): RecurrentCell {
    return this.cells[0]!;
  }
  /** Where a stateful layer is: one `[batch, units]` for each state; empty before the first call. */
  get states(): readonly EagerVariable[] {
    return this.#states;
  }
  protected override get layerArguments(): LayerArguments {
    return this.#takesCell ? { cell: this.cells } : {};
  }
  static override argumentKinds(): LayerKinds {
    return { SimpleRNNCell, LSTMCell, GRUCell };
  }
  get #masksToZero(): boolean {
    return this.#zeroOutputForMask || (this[ONE_OF_TWO] && this.returnSequences);
  }
  get #stateSizes(): readonly number[] {
    return this.cells.flatMap(stateSizesOf);
  }

  override build(shape: Sizes): void {
    const [batch, features] = [shape[0]!, shape.at(-1)!];
    const axes: Record<number, number> = isKnown(features) ? { [-1]: features } : {};
    if (this.stateful) {
      if (!isKnown(batch)) throw this.#openBatch();
      axes[0] = batch;
      this.#states = this.#stateSizes.map((size, i) =>
        this.addWeight(`state_${i}`, { shape: [batch, size], trainable: false }),
      );
    }
    this.expectInput({ rank: shape.length, axes, names: { 0: "examples", [-1]: "features" } });
  }

  override call(x: Tensor, { training, mask, initialState }: CallOptions<RNNCallOptions>): RNNOutput<State, States> {
    const [batch, steps] = x.shape!;
    const given = initialState ?? (this.stateful ? this.#states : undefined);
    const start = given ? this.#checked(given) : this.#stateSizes.map((size) => fill(x, [batch!, size], 0, x.dtype));
    const rows = stepsFirst(x);
    const loop = loopOf(this.cells, { x: rows, batch: batch!, states: start, training });
    // The first state can stand for the output where it is held over masked steps like it.
    const outputIsState = loop.outputIsState && (!mask || (!given && !this.#masksToZero));
    const begin = {
      states: start,
      output: outputIsState ? [] : [fill(x, [batch!, outputSizeOf(this.cells.at(-1)!)], 0, x.dtype)],
    };
    const along = { row: loop.project(rows), keep: mask ? [expandDims(stepsFirst(mask), 2)] : [] };
    const [last, all] = scan<typeof begin, typeof along, Tensor | null>(
      (before, { row, keep }) => {
        const [output, ...states] = this.#step(loop, row, before, keep[0]);
        return [{ states, output: outputIsState ? [] : [output!] }, this.returnSequences ? output! : null];
      },
      begin,
      along,
      { reverse: this.goBackwards, ...(isKnown(steps!) ? { length: steps } : {}) },
    );
    for (const [i, variable] of this.#states.entries()) assign(variable, last.states[i]!);
    const output = all ? this.#inOrder(all) : (last.output[0] ?? last.states[0]!);
    if (this.#activityRegularizer) addActivityLoss(this, output, this.#activityRegularizer);
    return (this.returnState ? [output, ...last.states] : output) as RNNOutput<State, States>;
  }

  /** `[output, ...states]` of one step; where `keep` is false those of the step before. */
  #step(
    loop: Loop,
    row: Tensor,
    before: { readonly states: readonly Tensor[]; readonly output: readonly Tensor[] },
    keep: Tensor | undefined,
  ): readonly Tensor[] {
    const [output, ...states] = loop.step(row, before.states);
    if (!keep) return [output!, ...states];
    const held = states.map((state, i) => where(keep, state, before.states[i]!));
    const [last] = before.output;
    if (!last) return [held[0]!, ...held];
    return [where(keep, output!, this.#masksToZero ? 0 : last), ...held];
  }

  /** From `[steps, batch, units]` beside the inputs to `[batch, steps, units]` as computed. */
  #inOrder(rows: Tensor): Tensor {
    const sequence = stepsFirst(rows);
    return this.goBackwards && !this[ONE_OF_TWO] ? reverse(sequence, 1) : sequence;
  }

  override outputMask(_inputs: Tensor, mask: Tensor | null): Tensor | null {
    return this.returnSequences ? mask : null;
  }

  /**
   * A stateful layer begins anew: with zeros, or with states that are given.
   * @throws GraphError for a layer that keeps no states
   */
  resetStates(states?: readonly Tensor[]): void {
    if (!this.stateful) {
      throw new GraphError({
        what: `${this.name}: resetStates: the layer keeps no states from call to call`,
        at: here(),
        fix: "make it with { stateful: true }",
      });
    }
    const given = states && this.#checked(states);
    for (const [i, variable] of this.#states.entries()) {
      assign(variable, given?.[i] ?? fill(variable, variable.shape, 0, variable.dtype));
    }
  }

  #checked(states: Tensor | readonly Tensor[]): readonly Tensor[] {
    const list = Array.isArray(states) ? (states as readonly Tensor[]) : [states as Tensor];
    const sizes = this.#stateSizes;
    if (list.length === sizes.length && list.every(({ shape }, i) => shape?.length === 2 && shape[1] === sizes[i]))
      return list;
    throw new ShapeError({
      what: `${this.name}: initialState is ${list.map(({ shape }) => `[${(shape ?? []).map(sizeText).join(", ")}]`).join(", ")}`,
      at: here(),
      fix: `give ${sizes.length === 1 ? "one tensor" : `a list of ${sizes.length} tensors`}: ${sizes.map((size) => `[batch, ${size}]`).join(", ")}`,
    });
  }
  #openBatch(): ShapeError {
    return new ShapeError({
      what: `${this.name}: a stateful layer keeps the states of each example, and the size of the batch is not known`,
      at: here(),
      fix: "give it: input([steps, features], { batchSize: 32 })",
    });
  }
}

/** `[batch, steps, …]` with the first two axes exchanged, or back. */
export const stepsFirst = (x: Tensor): Tensor => transpose(x, [1, 0, ...x.shape!.slice(2).map((_, i) => i + 2)]);

function requireCell(cell: RecurrentCell | undefined): void {
  const sizes: readonly unknown[] = [cell?.stateSize].flat();
  if (sizes.length > 0 && sizes.every((size) => Number.isInteger(size) && Number(size) > 0)) return;
  throw argumentError(
    "RNN",
    "cell",
    cell?.kind ?? cell,
    "give a layer with a stateSize, such as new LSTMCell(32), or a list of such",
  );
}
