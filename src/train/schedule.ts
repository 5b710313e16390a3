import { GraphError } from "../core/errors.ts";
import { buildInto } from "../graph/builder.ts";
import type { Tensor } from "../graph/operation.ts";
import { Graph } from "../runtime/graph.ts";
import { here } from "../runtime/reading.ts";
import { Session } from "../runtime/session.ts";

/**
 * A learning rate that follows the number of the step. It is a formula of ops on a float64 scalar, the number of updates
 * made before: 0 in the first. An optimizer computes it in each step, from its counter.
 *
 *     const slower = new Schedule("slower", (step) => div(0.1, sqrt(add(step, 1))));
 *     new SGD(slower);
 *     slower.at(99);     // 0.01
 */
export class Schedule {
  readonly name: string;
  readonly #formula: (step: Tensor) => Tensor;
  #evaluate: ((step: number) => number) | null = null;

  constructor(name: string, formula: (step: Tensor) => Tensor) {
    this.name = name;
    this.#formula = formula;
  }

  /** The rate as a tensor. @param step a float64 scalar */
  rate(step: Tensor): Tensor {
    return this.#formula(step);
  }

  /** The rate in one step, for plots and checks. The same operations run, so that it is the number training gets. */
  at(step: number): number {
    if (!(step >= 0)) {
      throw new GraphError({ what: `${this.name}: ${step} is not a step`, at: here(), fix: "steps count from 0" });
    }
    this.#evaluate ??= this.#evaluator();
    return this.#evaluate(step);
  }

  #evaluator(): (step: number) => number {
    const graph = new Graph({ name: this.name });
    const step = graph.placeholder("step", [], { dtype: "float64" });
    const rate = buildInto(graph, () => this.rate(step));
    // One number at a time: compiling it would take longer than it saves.
    const run = new Session(graph, { backend: "interpreter" }).prepare(rate, [step]);
    return (value) => run(value).item();
  }

  toString(): string {
    return `Schedule(${this.name})`;
  }
}
