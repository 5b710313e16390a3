import type { Operation } from "./operation.ts";

/** Where an operation comes from: a line of the user's, or another operation it was derived from. */
export type Origin =
  | { readonly kind: "user"; readonly capture: StackCapture | null }
  | { readonly kind: "gradient" | "decompose" | "rewrite"; readonly of: Operation; readonly by: string };

/** V8 fills `stack` when it is read, so an operation whose line nobody asks for costs only the raw capture. */
export interface StackCapture {
  stack?: string;
}

/** `Error` with the parts only some engines have. */
interface CapturingError {
  new (): { readonly stack?: string };
  captureStackTrace?: (into: object, above?: (...args: never[]) => unknown) => void;
  stackTraceLimit?: number;
}

/** Frames of the library itself start with this path; what is left is the user's code. */
const LIBRARY = withoutScheme(new URL("..", import.meta.url).href);
/** Enough for an op, whose cost this is a part of; an error is reported from deeper down and may cost more. */
const FRAMES = 14;
const FRAMES_OF_ERROR = 60;

function withoutScheme(path: string): string {
  return decodeURI(path.replace(/^(?:async )?file:\/\/(?=\/)/, ""));
}

/** Remembers the current stack: cheaply, if `above` is given (it and what it calls are left out). */
export function captureStack(above?: (...args: never[]) => unknown): StackCapture {
  const errors: CapturingError = Error;
  const limit = errors.stackTraceLimit;
  if (limit !== undefined) errors.stackTraceLimit = above ? FRAMES : FRAMES_OF_ERROR;
  const capture: StackCapture = {};
  if (errors.captureStackTrace) errors.captureStackTrace(capture, above);
  else capture.stack = new errors().stack ?? "";
  if (limit !== undefined) errors.stackTraceLimit = limit;
  return capture;
}

/** `file:line:column` of the innermost frame outside the library, relative to the working directory if inside it. */
export function lineOf(capture: StackCapture | null): string | null {
  for (const frame of (capture?.stack ?? "").split("\n")) {
    const place = placeOf(frame);
    if (place === null || place.startsWith(LIBRARY) || place.startsWith("node:")) continue;
    const here = workingDirectory();
    return here !== null && place.startsWith(here) ? place.slice(here.length) : place;
  }
  return null;
}

/** V8 writes `at f (place)` or `at place`, Firefox and WebKit `f@place`; place ends in `:line:column`. */
function placeOf(frame: string): string | null {
  const match = /\(([^()]+:\d+:\d+)\)\s*$/.exec(frame) ?? /(?:^\s*at |@)(\S.*:\d+:\d+)\s*$/.exec(frame);
  return match ? withoutScheme(match[1]!) : null;
}

interface HostProcess {
  readonly process?: { readonly cwd?: () => string };
}
function workingDirectory(): string | null {
  const directory = (globalThis as HostProcess).process?.cwd?.();
  return directory === undefined ? null : `${directory.replace(/\\/g, "/").replace(/\/$/, "")}/`;
}

/** The user's line behind an operation, followed through derivations. */
export function userLine(origin: Origin): string | null {
  let current = origin;
  while (current.kind !== "user") current = current.of.origin;
  return lineOf(current.capture);
}

/** The line, and how the operation was derived from what stands there. */
export function originText(origin: Origin): string {
  const steps: string[] = [];
  let current = origin;
  while (current.kind !== "user") {
    steps.push(`${current.kind === "gradient" ? "gradient of" : `${current.by} of`} ${current.of.name}`);
    current = current.of.origin;
  }
  const line = lineOf(current.capture) ?? "an unknown line";
  return steps.length === 0 ? line : `${line} (${steps.join(", ")})`;
}
