import type { Tensor } from "../../graph/operation.ts";
import { withDefaults } from "../built-in.ts";
import { CELL_DEFAULTS } from "./cell.ts";
import {
  GRUCell,
  type GRUCellOptions,
  LSTMCell,
  type LSTMCellOptions,
  SimpleRNNCell,
  type SimpleRNNCellOptions,
} from "./cells.ts";
import { RNN, RNN_DEFAULTS, type RNNOptions } from "./rnn.ts";

export type SimpleRNNOptions<State extends boolean = boolean> = SimpleRNNCellOptions & RNNOptions<State>;
/** Sequences `[batch, steps, features]` through a `SimpleRNNCell`. */
export class SimpleRNN<State extends boolean = false> extends RNN<State, readonly [hidden: Tensor]> {
  static override readonly kind: string = "SimpleRNN";
  static override readonly positional: readonly string[] = ["units"];
  readonly units: number;

  /** @param units of output and state */
  constructor(units: number, options: SimpleRNNOptions<State> = {}) {
    const full = withDefaults(options, { ...CELL_DEFAULTS, ...RNN_DEFAULTS });
    super(new SimpleRNNCell(units, cellOptions(full)), options, { units, ...full });
    this.units = units;
  }
}

export type LSTMOptions<State extends boolean = boolean> = LSTMCellOptions & RNNOptions<State>;
/** Sequences `[batch, steps, features]` through an `LSTMCell`. Its states are hidden and cell. */
export class LSTM<State extends boolean = false> extends RNN<State, readonly [hidden: Tensor, cell: Tensor]> {
  static override readonly kind: string = "LSTM";
  static override readonly positional: readonly string[] = ["units"];
  readonly units: number;

  /** @param units of output and states */
  constructor(units: number, options: LSTMOptions<State> = {}) {
    const full = withDefaults(options, {
      ...CELL_DEFAULTS,
      recurrentActivation: "sigmoid",
      unitForgetBias: true,
      ...RNN_DEFAULTS,
    });
    super(new LSTMCell(units, cellOptions(full)), options, { units, ...full });
    this.units = units;
  }
}

export type GRUOptions<State extends boolean = boolean> = GRUCellOptions & RNNOptions<State>;
/** Sequences `[batch, steps, features]` through a `GRUCell`. */
export class GRU<State extends boolean = false> extends RNN<State, readonly [hidden: Tensor]> {
  static override readonly kind: string = "GRU";
  static override readonly positional: readonly string[] = ["units"];
  readonly units: number;

  /** @param units of output and state */
  constructor(units: number, options: GRUOptions<State> = {}) {
    const full = withDefaults(options, {
      ...CELL_DEFAULTS,
      recurrentActivation: "sigmoid",
      resetAfter: true,
      ...RNN_DEFAULTS,
    });
    super(new GRUCell(units, cellOptions(full)), options, { units, ...full });
    this.units = units;
  }
}

/** What a cell takes of the options of the layer that runs it. */
function cellOptions<O extends RNNOptions>(options: O): Omit<O, keyof RNNOptions> {
  const {
    name,
    trainable,
    inputShape,
    activityRegularizer,
    returnSequences,
    returnState,
    goBackwards,
    stateful,
    zeroOutputForMask,
    ...own
  } = options;
  return own;
}
