import type { Operation, Tensor } from "../graph/operation.ts";

/** Follows operations as they are applied: a tape. */
export interface Recorder {
  /** True if it wants to know of an operation on these tensors. */
  follows(inputs: readonly Tensor[]): boolean;
  add(op: Operation): void;
}

/** Those who follow what is applied to one graph. */
export class Recorders {
  readonly #list: Recorder[] = [];

  /** Tells those who want to know. `made` gives the operation with its inputs, and is called if there is one. */
  tell(inputs: readonly Tensor[], made: () => Operation): void {
    for (const recorder of this.#list) if (recorder.follows(inputs)) recorder.add(made());
  }

  /** From now on, until `stop`. */
  start(recorder: Recorder): void {
    this.#list.push(recorder);
  }
  stop(recorder: Recorder): void {
    const at = this.#list.lastIndexOf(recorder);
    if (at >= 0) this.#list.splice(at, 1);
  }
  /** For as long as `build` runs. */
  during<T>(recorder: Recorder, build: () => T): T {
    this.start(recorder);
    try {
      return build();
    } finally {
      this.stop(recorder);
    }
  }

  /** True if one of them would want to know of an operation on these tensors. */
  follow(inputs: readonly Tensor[]): boolean {
    return this.#list.some((recorder) => recorder.follows(inputs));
  }

  get any(): boolean {
    return this.#list.length > 0;
  }
}
