import { OpenSizeError } from "../core/errors.ts";
import type { Operation } from "../graph/operation.ts";

/** Runs `build`; where that needs a number for a size that is known only at run time, the error says which op does. */
export function blaming<T>(op: Operation, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof OpenSizeError) || error.by !== null) throw error;
    throw new OpenSizeError(error.parts, error.names, { op: op.def.name, name: op.name });
  }
}
