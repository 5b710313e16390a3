import { specText } from "../../core/shape.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { copyOf } from "./outputs.ts";
import type { Trainer } from "./trainer.ts";

/**
 * What losses and metrics have come to in an epoch that is left in the middle and gone on with later: then the numbers of
 * that epoch, too, are what they would have been.
 */
export class RunningMeans {
  #kept: ReadonlyMap<string, NDArray> = new Map();
  /** Whose metrics are those of an epoch that runs. */
  #running: Trainer | null = null;

  /** The state of all metrics by name. */
  get values(): ReadonlyMap<string, EagerVariable | NDArray> {
    return this.#running ? stateOf(this.#running) : this.#kept;
  }
  start(trainer: Trainer): void {
    this.#running = trainer;
  }
  /** The epoch is done or left: what there is is kept, before validation uses the same metrics. */
  stop(): void {
    if (!this.#running) return;
    this.#kept = new Map([...stateOf(this.#running)].map(([name, { value }]) => [name, copyOf(value)]));
    this.#running = null;
  }
  /** Takes what a file held. */
  take(values: ReadonlyMap<string, NDArray>): void {
    this.#kept = values;
    this.#running = null;
  }
  /** Goes on where metrics were left, if they are the same ones. */
  restore(trainer: Trainer): void {
    const state = [...stateOf(trainer)];
    const fits = state.every(([name, { spec }]) => {
      const kept = this.#kept.get(name);
      return kept !== undefined && specText(kept) === specText(spec);
    });
    if (fits) for (const [name, variable] of state) variable.replace(this.#kept.get(name)!.data.slice());
  }
}

const stateOf = (trainer: Trainer): ReadonlyMap<string, EagerVariable> =>
  new Map(
    (trainer.objective?.metrics ?? []).flatMap(({ variables }, i) =>
      variables.map((variable, j) => [`${trainer.labels[i]}/${j}`, variable] as const),
    ),
  );
