import type { Tensor } from "../../graph/operation.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { matmul } from "../../ops/contraction.ts";
import { fill, squeeze } from "../../ops/movement.ts";
import { concat, slice, split } from "../../ops/slicing.ts";
import type { Initializer } from "../../runtime/graph.ts";
import { type ActivationChoice, activationFrom } from "../activation-names.ts";
import { withDefaults } from "../built-in.ts";
import { type InitializerChoice, initializerFrom } from "../initializers.ts";
import { activated } from "../kernel.ts";
import { type CellOptions, type CellWeights, GateCell, type Gates, plusBias } from "./cell.ts";

export interface SimpleRNNCellOptions extends CellOptions {}

/** `h = activation(x · kernel + h · recurrent_kernel + bias)`; Elman (1990). */
export class SimpleRNNCell extends GateCell {
  static readonly kind: string = "SimpleRNNCell";
  override readonly stateSize: number;

  constructor(units: number, options: SimpleRNNCellOptions = {}) {
    super("SimpleRNNCell", 1, units, options);
    this.stateSize = units;
  }
  protected override gates({ recurrentKernel, bias }: CellWeights): Gates {
    return {
      withBias: (product) => plusBias(product, bias),
      step: (projected, _, hidden) => [this.activate(add(projected, matmul(hidden, recurrentKernel)))],
    };
  }
}

interface GatedOptions extends CellOptions {
  /** What opens and closes gates. Default sigmoid. */
  readonly recurrentActivation?: ActivationChoice | undefined;
}
const GATED_DEFAULTS = { recurrentActivation: "sigmoid" } as const;

export interface LSTMCellOptions extends GatedOptions {
  /** Whether it begins by keeping what it remembers: the bias of the forget gate is 1. Default true. */
  readonly unitForgetBias?: boolean | undefined;
}

/**
 * A long short-term memory; Hochreiter and Schmidhuber (1997). Gates i, f, c, o in this order, σ the recurrent activation
 * and φ the activation:
 *
 *     cell = σ(f) · cell + σ(i) · φ(c)        hidden = σ(o) · φ(cell)
 */
export class LSTMCell extends GateCell {
  static readonly kind: string = "LSTMCell";
  override readonly stateSize: readonly [number, number];
  readonly #open: ActivationChoice;
  readonly #unitForgetBias: boolean;

  constructor(units: number, options: LSTMCellOptions = {}) {
    const full = withDefaults(options, { ...GATED_DEFAULTS, unitForgetBias: true });
    super("LSTMCell", 4, units, full);
    this.stateSize = [units, units];
    activationFrom(full.recurrentActivation);
    this.#open = full.recurrentActivation;
    this.#unitForgetBias = full.unitForgetBias;
  }
  protected override biasInitializer(chosen: InitializerChoice): InitializerChoice {
    return this.#unitForgetBias ? withOpenForgetGate(initializerFrom(chosen), this.units) : chosen;
  }
  protected override gates({ recurrentKernel, bias }: CellWeights): Gates {
    return {
      withBias: (product) => plusBias(product, bias),
      step: (projected, [, cell], hidden) => {
        const gates = add(projected, matmul(hidden, recurrentKernel));
        const [input, forget, candidate, output] = split(gates, 4, 1) as readonly Tensor[];
        const open = (gate: Tensor): Tensor => activated(gate, this.#open);
        const next = add(mul(open(forget!), cell!), mul(open(input!), this.activate(candidate!)));
        return [mul(open(output!), this.activate(next)), next];
      },
    };
  }
}

/** As `initial`, but for ones where the forget gate has its bias; Jozefowicz, Zaremba and Sutskever (2015). */
const withOpenForgetGate =
  (initial: Initializer, units: number): Initializer =>
  (context) => {
    const all = initial(context);
    const ones = fill(all, [units], 1, all.dtype);
    return concat([slice(all, [0], [units]), ones, slice(all, [2 * units], [2 * units])] as readonly Tensor[]);
  };

export interface GRUCellOptions extends GatedOptions {
  /** Whether the reset gate comes after the product with the recurrent kernel. Default true. */
  readonly resetAfter?: boolean | undefined;
}

/**
 * A gated recurrent unit; Cho and others (2014). Gates z, r, h in this order, σ the recurrent activation and φ the
 * activation:
 *
 *     hidden = σ(z) · hidden + (1 - σ(z)) · φ(h)
 *
 * The reset gate r chooses what of the hidden state goes into h. It comes after the product with the recurrent kernel, and
 * bias is `[2, 3 · units]`, inputs first; or with `resetAfter: false` before it, as in the paper.
 */
export class GRUCell extends GateCell {
  static readonly kind: string = "GRUCell";
  override readonly stateSize: number;
  readonly #open: ActivationChoice;
  readonly #resetAfter: boolean;

  constructor(units: number, options: GRUCellOptions = {}) {
    const full = withDefaults(options, { ...GATED_DEFAULTS, resetAfter: true });
    super("GRUCell", 3, units, full);
    this.stateSize = units;
    activationFrom(full.recurrentActivation);
    this.#open = full.recurrentActivation;
    this.#resetAfter = full.resetAfter;
  }
  protected override biasShape(columns: number): readonly number[] {
    return this.#resetAfter ? [2, columns] : [columns];
  }
  protected override gates(weights: CellWeights): Gates {
    return this.#resetAfter ? this.#resettingAfter(weights) : this.#resettingBefore(weights);
  }

  #resettingAfter({ recurrentKernel, bias }: CellWeights): Gates {
    const [inputBias = null, recurrentBias = null] = bias
      ? (split(bias as Tensor, 2, 0) as readonly Tensor[]).map((row) => squeeze(row, 0))
      : [];
    return {
      withBias: (product) => plusBias(product, inputBias),
      step: (projected, [before], hidden) => {
        const [xUpdate, xReset, xCandidate] = split(projected, 3, 1) as readonly Tensor[];
        const product = plusBias(matmul(hidden, recurrentKernel), recurrentBias);
        const [hUpdate, hReset, hCandidate] = split(product, 3, 1) as readonly Tensor[];
        const reset = activated(add(xReset!, hReset!), this.#open);
        const candidate = this.activate(add(xCandidate!, mul(reset, hCandidate!)));
        return [mixed(activated(add(xUpdate!, hUpdate!), this.#open), before!, candidate)];
      },
    };
  }

  #resettingBefore({ recurrentKernel, bias }: CellWeights): Gates {
    const { units } = this;
    const toGates: Tensor = slice(recurrentKernel as Tensor, [0, 0], [units, 2 * units]);
    const toCandidate: Tensor = slice(recurrentKernel as Tensor, [0, 2 * units], [units, units]);
    return {
      withBias: (product) => plusBias(product, bias),
      step: (projected, [before], hidden) => {
        const [xUpdate, xReset, xCandidate] = split(projected, 3, 1) as readonly Tensor[];
        const [hUpdate, hReset] = split(matmul(hidden, toGates), 2, 1) as readonly Tensor[];
        const reset = activated(add(xReset!, hReset!), this.#open);
        const candidate = this.activate(add(xCandidate!, matmul(mul(reset, hidden), toCandidate)));
        return [mixed(activated(add(xUpdate!, hUpdate!), this.#open), before!, candidate)];
      },
    };
  }
}

/** `update · before + (1 - update) · candidate`. */
const mixed = (update: Tensor, before: Tensor, candidate: Tensor): Tensor =>
  add(mul(update, before), mul(sub(1, update), candidate));
