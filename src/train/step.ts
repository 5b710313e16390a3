import { getOrMake } from "../core/collections.ts";
import type { DType } from "../core/dtype.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { add } from "../ops/arithmetic.ts";
import { cast } from "../ops/comparison.ts";
import { assign } from "../ops/state.ts";
import { undeclared } from "./checks.ts";
import type { Scalar } from "./formula.ts";
import type { OptimizerState } from "./state.ts";

/** One training step as it is put together: its number, the numbers that all variables share, and its assigns. */
export class TrainingStep {
  /** What is assigned so far. */
  readonly updates: Tensor[] = [];
  readonly #state: OptimizerState;
  readonly #factors: Record<string, Scalar> = {};
  readonly #converted = new Map<string, Tensor>();
  #counted: Tensor | null = null;
  #number: Tensor | null = null;

  constructor(state: OptimizerState) {
    this.#state = state;
  }

  /** `variable ← value` at the end of the step. The result is the new value. */
  put(variable: Variable, value: Tensor, name: string): Tensor {
    const assigned = assign(variable, value, { name });
    this.updates.push(assigned);
    return assigned;
  }
  putAll(values: Readonly<Record<string, Tensor>> = {}, variableOf: (name: string) => Variable): void {
    for (const [name, value] of Object.entries(values)) this.put(variableOf(name), value, `${name}/update`);
  }

  /** Adds one to the counter. The result is the number of the step, int32, 1 in the first. */
  count(): Tensor {
    const { counter } = this.#state;
    this.#counted ??= this.put(counter, add(counter, 1), "step/update");
    return this.#counted;
  }
  /** The same, float64. */
  number(): Tensor {
    this.#number ??= convert(this.count(), "float64", "t");
    return this.#number;
  }

  share(factors: Readonly<Record<string, Scalar>> = {}): void {
    Object.assign(this.#factors, factors);
  }
  /** A number that is shared, as variables of this dtype need it. */
  factor(name: string, dtype: DType): Tensor {
    const { graph, scope } = this.#state;
    return getOrMake(this.#converted, `${name} ${dtype}`, () => {
      const value = this.#factors[name];
      if (value === undefined)
        throw undeclared(scope, "factor", name, `shared(…) { return { factors: { ${name} } }; }`);
      if (typeof value === "number") return this.#state.constant(name, value, dtype);
      return graph.reenterScope(scope, () => convert(value, dtype, name));
    });
  }
}

/** The tensor in another dtype, if it has not got it already. */
export const convert = (x: Tensor, dtype: DType, name: string): Tensor =>
  x.dtype === dtype ? x : cast(x, dtype, { name });

/** A rate in float64: what is taken away from 1, or multiplied on, keeps its digits. */
export const wide = (rate: Scalar): Scalar => (typeof rate === "number" ? rate : convert(rate, "float64", "wideRate"));
