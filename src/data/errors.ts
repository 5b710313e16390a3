import { type ErrorParts, ForerunError } from "../core/errors.ts";
import { here } from "../runtime/reading.ts";

/** An input pipeline is used wrongly, or a function given to it failed; then `cause` is what it threw. */
export class DataError extends ForerunError {
  override name = "DataError";
  constructor(parts: ErrorParts, cause?: unknown) {
    super(parts);
    if (cause !== undefined) this.cause = cause;
  }
}

/** What errors say of a step of the pipeline: its method, and the user's line that added it. */
export interface Origin {
  readonly method: string;
  readonly at: string | null;
}

/** Of the method that is being called. */
export const originOf = (method: string): Origin => ({ method, at: here() });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Code of the user threw.
 * @param what it was
 * @param sample its place among those that reached this step, from 0
 */
export const codeFailed = ({ method, at }: Origin, what: string, sample: number, cause: unknown): DataError =>
  new DataError(
    {
      what: `${method}: ${what} failed for sample ${sample}: ${messageOf(cause)}`,
      at,
      fix: "where it failed is in the stack of this error's cause",
    },
    cause,
  );

/**
 * A count that was given.
 * @throws DataError unless it is a whole number, at least `least`
 */
export function requireCount(what: string, count: number, least: number, fix: string): number {
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new DataError({ what: `${what} is ${String(count)}`, at: here(), fix });
}
