import { elementCount } from "../../core/shape.ts";
import { eager } from "../../eager/context.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { add } from "../../ops/arithmetic.ts";
import { cast } from "../../ops/comparison.ts";
import { fill } from "../../ops/movement.ts";
import { assign, variableOp } from "../../ops/state.ts";
import { snakeCase } from "../core/names.ts";

export interface MetricOptions {
  /** Name in reports. Default: that of Keras, such as `mean_absolute_error`. */
  readonly name?: string | undefined;
}

/**
 * A number to watch, over as many batches as you like: `updateState` takes a batch in, `result` says what it is by now,
 * `reset` begins anew. The state is in variables of define-by-run that are not trained, so that a metric works at once
 * as well as in a traced function, and there as a part of the compiled step.
 *
 * Sums are kept in float64, other than in Keras: a float32 stops counting at 2²⁴, and loses digits long before. What
 * `result` gives is float32.
 */
export abstract class Metric {
  readonly name: string;
  readonly #variables: EagerVariable[] = [];

  constructor({ name }: MetricOptions = {}) {
    this.name = name ?? snakeCase(new.target.name);
  }

  /** All of the state. */
  get variables(): readonly EagerVariable[] {
    return this.#variables;
  }

  /**
   * Takes a batch in.
   * @param sampleWeight how much each sample counts, `[batch]`; by default 1
   */
  abstract updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void;
  /** What it is over all batches since the last `reset`. */
  abstract result(): Tensor;

  /** Begins anew. */
  reset(): void {
    for (const variable of this.#variables) assign(variable, fill(variable, variable.shape, 0, variable.dtype));
  }

  /** Which metric it is: the class and what it was made with, for those who asked for `"accuracy"`. */
  describe(): string {
    const kind = Object.getOwnPropertyDescriptor(this.constructor, "kind");
    return kind ? String(kind.value) : this.constructor.name;
  }

  /**
   * Makes a part of the state: zeros, float64. It may be made while a function is traced, as its value is known without
   * running anything.
   */
  protected addVariable(name: string, shape: readonly number[] = []): EagerVariable {
    const attrs = { dtype: "float64", shape, trainable: false } as const;
    const variable = eager.apply(variableOp, [], attrs, { name: `${this.name}/${name}` }).outputs[0] as EagerVariable;
    variable.replace(new Float64Array(elementCount(shape)));
    this.#variables.push(variable);
    return variable;
  }
}

/** `variable ← variable + value`. */
export const accumulate = (variable: EagerVariable, value: Tensor): void => {
  assign(variable, add(variable, asDouble(value)));
};

export const asDouble = (x: Tensor): Tensor => (x.dtype === "float64" ? x : cast(x, "float64"));
/** What a result is given in. */
export const asResult = (x: Tensor): Tensor => cast(x, "float32");
