import { type ErrorParts, ForerunError } from "../../core/errors.ts";

/**
 * Does what takes a while. What goes wrong then, when the stack no longer leads to the user, is at the line of the call.
 * @param line the user's, of the call
 */
export async function atLine<T>(line: string | null, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ForerunError) || error.parts.at) throw error;
    throw new (error.constructor as new (parts: ErrorParts) => ForerunError)({ ...error.parts, at: line });
  }
}
