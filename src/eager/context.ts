import type { CompileOptions } from "../compiler/pass.ts";
import { type BackendChoice, chooseBackend } from "../runtime/backends.ts";
import { EagerGraph } from "./graph.ts";
import { OperationRunner } from "./runner.ts";

export interface EagerOptions extends BackendChoice {
  /**
   * Remembers where each tensor was made, for errors: a few microseconds an operation. Default true. The line of the
   * operation that fails is known in any case.
   */
  readonly lines?: boolean;
  /** How operations are compiled. */
  readonly compile?: CompileOptions;
}

let options: EagerOptions = {};
let runner: OperationRunner | null = null;

/** The graph of all eager tensors. Nothing is made before the first operation runs. */
export const eager = new EagerGraph(() => {
  runner ??= new OperationRunner(chooseBackend(options), options.compile);
  return runner;
});

/** Sets how operations run from now on. Tensors that exist keep their values. */
export function configureEager(wanted: EagerOptions): void {
  options = wanted;
  runner?.close();
  runner = null;
  eager.lines = wanted.lines ?? true;
}
