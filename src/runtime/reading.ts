import { type ErrorParts, ForerunError } from "../core/errors.ts";
import { captureStack, lineOf } from "../graph/origin.ts";

/** The user's line that called into the library. */
export const here = (): string | null => lineOf(captureStack());

/** `1 value`, `2 values`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Runs `read`. What it throws about a "value" says instead which one was meant, and where the user gave it.
 * @param what stands in the place of "value" in the message
 * @param details further lines
 */
export function reading<T>(
  what: string,
  read: () => T,
  Kind?: new (parts: ErrorParts) => ForerunError,
  details: readonly string[] = [],
): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ForerunError)) throw error;
    const { what: problem, at, ...rest } = error.parts;
    const parts = {
      ...rest,
      what: problem.replace(/^value\b/, what),
      details: [...(rest.details ?? []), ...details],
      at: at ?? here(),
    };
    throw new (Kind ?? (error.constructor as new (parts: ErrorParts) => ForerunError))(parts);
  }
}
