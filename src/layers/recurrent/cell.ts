import type { Sizes } from "../../core/shape.ts";
import type { Size } from "../../core/size.ts";
import type { Tensor, Variable } from "../../graph/operation.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { matmul } from "../../ops/contraction.ts";
import { fill } from "../../ops/movement.ts";
import { dropout } from "../../ops/sampling.ts";
import { activationFrom } from "../activation-names.ts";
import { argumentError, BuiltIn, requireCount, withDefaults } from "../built-in.ts";
import type { ConstraintChoice } from "../constraints.ts";
import { BUILD } from "../core/internal.ts";
import type { CallOptions, LayerOptions } from "../core/layer.ts";
import type { InitializerChoice } from "../initializers.ts";
import { activated, addChosenWeight, addKernel, type KernelOptions } from "../kernel.ts";
import type { RegularizerChoice } from "../regularizers.ts";
import { LOOP, type Loop, type LoopStart, type RecurrentCell } from "./loop.ts";

/** What cells take; the layers that run them take it too. */
export interface CellOptions extends LayerOptions, Omit<KernelOptions, "activityRegularizer"> {
  /** Default orthogonal. */
  readonly recurrentInitializer?: InitializerChoice | undefined;
  readonly recurrentRegularizer?: RegularizerChoice | undefined;
  readonly recurrentConstraint?: ConstraintChoice | undefined;
  /** Share of the inputs that is dropped in training: the same ones at all steps. Default 0. */
  readonly dropout?: number | undefined;
  /** Share of what comes from the step before that is dropped: the same at all steps. Default 0. */
  readonly recurrentDropout?: number | undefined;
}

export const CELL_DEFAULTS = {
  activation: "tanh",
  useBias: true,
  kernelInitializer: "glorotUniform",
  recurrentInitializer: "orthogonal",
  biasInitializer: "zeros",
  dropout: 0,
  recurrentDropout: 0,
} as const;

/** Weights of a cell, as its loop uses them: `bias` is all that is added to the inputs. */
export interface CellWeights {
  readonly kernel: Variable;
  readonly recurrentKernel: Variable;
  readonly bias: Variable | null;
}

/**
 * A cell whose gates lie side by side in its weights, `gates` blocks of `units` columns:
 *
 *     kernel [features, gates · units]   recurrent_kernel [units, gates · units]   bias [gates · units]
 *
 * What it needs of the inputs is one product for all gates, and in a sequence for all steps.
 */
export abstract class GateCell
  extends BuiltIn<readonly Tensor[], readonly Tensor[]>
  implements Pick<RecurrentCell, "stateSize">
{
  static override readonly positional: readonly string[] = ["units"];
  readonly units: number;
  abstract readonly stateSize: number | readonly number[];
  readonly #options: CellOptions;
  readonly #gates: number;
  #weights: CellWeights | null = null;

  /** @throws GraphError for units that are no whole number, a rate that is none, or an unknown activation */
  constructor(kind: string, gates: number, units: number, options: CellOptions) {
    const full = withDefaults(options, CELL_DEFAULTS);
    super({ units, ...full });
    this.units = requireCount(kind, "units", units);
    activationFrom(full.activation);
    requireShare(kind, "dropout", full.dropout);
    requireShare(kind, "recurrentDropout", full.recurrentDropout);
    this.#options = full;
    this.#gates = gates;
    this.expectInput({ minRank: 2 });
  }

  override build([shape]: readonly Sizes[]): void {
    const options = this.#options;
    const columns = this.#gates * this.units;
    this.#weights = {
      kernel: addKernel(this, [shape!.at(-1)!, columns], options),
      recurrentKernel: addChosenWeight(this, "recurrent_kernel", [this.units, columns], {
        initializer: options.recurrentInitializer!,
        regularizer: options.recurrentRegularizer,
        constraint: options.recurrentConstraint,
      }),
      bias: options.useBias
        ? addChosenWeight(this, "bias", this.biasShape(columns), {
            initializer: this.biasInitializer(options.biasInitializer!),
            regularizer: options.biasRegularizer,
            constraint: options.biasConstraint,
          })
        : null,
    };
  }
  protected biasShape(columns: number): readonly number[] {
    return [columns];
  }
  protected biasInitializer(chosen: InitializerChoice): InitializerChoice {
    return chosen;
  }

  override call([x, ...states]: readonly Tensor[], { training }: CallOptions): readonly Tensor[] {
    const { project, step } = this[LOOP]({ x: x!, batch: x!.shape![0]!, states, training });
    return step(project(x!), states);
  }

  /** What is dropped is drawn here, once for the whole sequence. */
  [LOOP]({ x, batch, states, training }: LoopStart): Loop {
    this[BUILD]([x, ...states]);
    const { kernel } = this.#weights!;
    const gates = this.gates(this.#weights!);
    const { dropout: rate, recurrentDropout } = this.#options;
    const kept = training ? this.#kept(x, batch, x.shape!.at(-1)!, rate!) : null;
    const remembered = training ? this.#kept(x, batch, this.units, recurrentDropout!) : null;
    return {
      project: (input) => gates.withBias(matmul(kept ? mul(input, kept) : input, kernel)),
      step: (projected, before) => {
        const next = gates.step(projected, before, remembered ? mul(before[0]!, remembered) : before[0]!);
        return [next[0]!, ...next];
      },
      outputIsState: true,
    };
  }

  /** What the cell does with its weights. What is the same at all steps is computed here. */
  protected abstract gates(weights: CellWeights): Gates;

  protected activate(x: Tensor): Tensor {
    return activated(x, this.#options.activation);
  }

  /** Factors that drop elements: 0, or what the others are divided by. Null if none is dropped. */
  #kept(like: Tensor, batch: Size, size: Size, rate: number): Tensor | null {
    return rate === 0 ? null : dropout(fill(like, [batch, size], 1, like.dtype), this.randomKey(), rate);
  }
}

export interface Gates {
  /** Adds to the product of inputs and kernel what belongs there. */
  withBias(product: Tensor): Tensor;
  /**
   * The next states, of which the first is the output.
   * @param hidden the first of the states before, with elements dropped
   */
  step(projected: Tensor, before: readonly Tensor[], hidden: Tensor): readonly Tensor[];
}

export const plusBias = (product: Tensor, bias: Tensor | null): Tensor => (bias ? add(product, bias) : product);

/** @throws GraphError unless 0 ≤ share < 1 */
function requireShare(kind: string, name: string, share: number): void {
  if (share >= 0 && share < 1) return;
  throw argumentError(kind, name, share, "give the share that is dropped: a number from 0 on, below 1");
}
