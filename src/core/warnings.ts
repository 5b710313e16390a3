import { type ErrorParts, ForerunError } from "./errors.ts";

/** Receives the text of a warning. */
export type WarningHandler = (message: string) => void;

const toConsole: WarningHandler = (message) => console.warn(message);
let handler = toConsole;

/**
 * Sends warnings to `next` instead of the console; null restores the console.
 * @returns the handler before, to put back
 */
export function setWarningHandler(next: WarningHandler | null): WarningHandler {
  const previous = handler;
  handler = next ?? toConsole;
  return previous;
}

/** Warns in the form all errors have: what, facts, the user's line, the fix. */
export const warn = (parts: ErrorParts): void => handler(new ForerunError(parts).message);
