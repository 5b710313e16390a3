/** Errors that cross threads: same class, same text, and the lines of the caller's own program. */
import {
  CompileError,
  DTypeError,
  type ErrorParts,
  FeedError,
  FileError,
  ForerunError,
  GradientError,
  GraphError,
  MemoryError,
  ShapeError,
  StateError,
} from "../core/errors.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { lineOf, type StackCapture } from "../graph/origin.ts";

/** An error as data. */
export type Failure =
  | { readonly name: string; readonly parts: ErrorParts }
  | { readonly name: string; readonly message: string; readonly stack: string | undefined };

type ErrorKind = new (parts: ErrorParts) => ForerunError;
const KINDS: Readonly<Record<string, ErrorKind>> = {
  CompileError,
  DTypeError,
  FeedError,
  FileError,
  GradientError,
  GraphError,
  MemoryError,
  ShapeError,
  StateError,
};

/**
 * Stands for the line of an operation until an error comes to where the graph was built: finding out a line costs too
 * much to be done for all of them ahead.
 */
export const linePromise = (position: number): StackCapture => ({ line: `<line of operation ${position}>` });
const LINE_PROMISE = /<line of operation (\d+)>/g;

/** The same for the line of the call that the worker is at. */
export const CALL_PROMISE = "<line of the call>";
const UNKNOWN = "an unknown line";

/** A text in which such lines are filled in. */
export const withLines = (text: string, graph: GraphBuilder, capture: StackCapture | null = null): string =>
  text
    .replaceAll(CALL_PROMISE, () => lineOf(capture) ?? UNKNOWN)
    .replace(LINE_PROMISE, (_, position) => graph.operations[Number(position)]?.line ?? UNKNOWN);

export function failureOf(error: unknown): Failure {
  if (error instanceof ForerunError) return { name: error.name, parts: { ...error.parts } };
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack };
  return { name: "Error", message: String(error), stack: undefined };
}

/**
 * The error again, where the call was made.
 * @param capture of the call
 */
export function errorFrom(failure: Failure, graph: GraphBuilder, capture: StackCapture): Error {
  if (!("parts" in failure)) {
    const { name, message, stack } = failure;
    return Object.assign(new Error(message), { name, ...(stack === undefined ? {} : { stack }) });
  }
  const { what, details, at, fix } = failure.parts;
  const full = (text: string): string => withLines(text, graph, capture);
  const line = at ? full(at) : at;
  const error = new (KINDS[failure.name] ?? ForerunError)({
    what: full(what),
    ...(details ? { details: details.map(full) } : {}),
    at: line === UNKNOWN ? null : line,
    ...(fix === undefined ? {} : { fix: full(fix) }),
  });
  // The stack of the call says more than that of the message's arrival.
  const frames = capture.stack?.split("\n").filter((line) => /^\s+at /.test(line));
  if (frames && frames.length > 0) error.stack = [`${error.name}: ${error.message}`, ...frames].join("\n");
  return error;
}

/** Runs `read`; errors it throws that know no line get that of the call. */
export function calledAt<T>(capture: StackCapture, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ForerunError) || error.parts.at !== null) throw error;
    const Kind = error.constructor as ErrorKind;
    throw new Kind({ ...error.parts, at: lineOf(capture) });
  }
}
