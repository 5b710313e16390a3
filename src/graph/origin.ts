import type { Operation } from "./operation.ts";

/** Where an operation comes from: a line of the user's, or another operation it was derived from. */
export type Origin =
  | { readonly kind: "user"; readonly capture: StackCapture | null }
  | { readonly kind: "gradient" | "decompose" | "rewrite"; readonly of: Operation; readonly by: string };

/** V8 fills `stack` when it is read, so an operation whose line nobody asks for costs only the raw capture. */
export interface StackCapture {
  stack?: string;
  /** The line itself, where it is known: of a graph that came from another thread. */
  readonly line?: string;
}

/** `Error` with the parts only some engines have. */
interface CapturingError {
  new (): { readonly stack?: string };
  captureStackTrace?: (into: object, above?: (...args: never[]) => unknown) => void;
  stackTraceLimit?: number;
}

/** Frames of the library itself start with this path; what is left is the user's code. */
const LIBRARY = libraryPath(import.meta.url);
/** Enough for an op, whose cost this is a part of; an error is reported from deeper down and may cost more. */
const FRAMES = 14;
const FRAMES_OF_ERROR = 60;

/**
 * The folder of the library, if this module still lies in it, in a file of its own or in a chunk of the published
 * package. In a bundle it does not, and no frame tells by itself whose code it is: there, the library is the bundle's
 * file, or its folder if that is a package's (as with the dependencies that a development server bundles ahead).
 */
export function libraryPath(module: string | undefined): string {
  if (!module) return ""; // A bundle that is no module: every place starts with this, so that none is taken for a user's.
  const path = plainPath(module.replace(/[?#].*$/, ""));
  const own =
    /^(.*\/)(?:graph\/origin\.[jt]s|forerun-[A-Z0-9]{8}\.js)$/.exec(path) ??
    /^(.*\/node_modules\/.*\/)[^/]*$/.exec(path);
  return own ? own[1]! : path;
}

/** A path as users write it, with forward slashes: without the scheme of files, without the query of a server. */
function plainPath(place: string): string {
  if (/^[A-Za-z]:[\\/]|^\\\\/.test(place)) return upperDrive(place.replaceAll("\\", "/"));
  if (/^https?:/.test(place)) return place.replace(/\?\S*?(?=(?::\d+:\d+)?$)/, "");
  if (!place.startsWith("file:///")) return place;
  const path = place.slice("file://".length);
  return upperDrive(decoded(path).replace(/^\/(?=[A-Za-z]:\/)/, ""));
}

/** Windows does not care for the case of a drive, and programs write both. */
function upperDrive(path: string): string {
  return path.replace(/^[a-z](?=:\/)/, (drive) => drive.toUpperCase());
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path; // A file's name may hold a bare %.
  }
}

/**
 * Remembers the current stack: cheaply, if `above` is given (it and what it calls are left out).
 * @param frames how many; each costs about half a microsecond
 */
export function captureStack(
  above?: (...args: never[]) => unknown,
  frames: number = above ? FRAMES : FRAMES_OF_ERROR,
): StackCapture {
  const errors: CapturingError = Error;
  const limit = errors.stackTraceLimit;
  if (limit !== undefined) errors.stackTraceLimit = frames;
  const capture: StackCapture = {};
  if (errors.captureStackTrace) errors.captureStackTrace(capture, above);
  else capture.stack = new errors().stack ?? "";
  if (limit !== undefined) errors.stackTraceLimit = limit;
  return capture;
}

/** What `lineOf` says where no line is the user's. */
let elsewhere: string | null = null;

/** In a thread that is called from another: what stands for the line of the call, for the other one to fill in. */
export function setElsewhere(text: string): void {
  elsewhere = text;
}

/** `file:line:column` of the innermost frame outside the library, relative to the working directory if inside it. */
export function lineOf(capture: StackCapture | null): string | null {
  return capture?.line ?? userPlace(capture?.stack ?? "", LIBRARY, workingDirectory()) ?? elsewhere;
}

/** The same, for a stack, a library and a working directory of any system; tests know them all. */
export function userPlace(stack: string, library: string, directory: string | null): string | null {
  const here = directory === null ? null : `${plainPath(directory).replace(/\/$/, "")}/`;
  for (const frame of stack.split("\n")) {
    const place = placeOf(frame);
    if (place === null || place.startsWith(library) || /^(?:node:|self-hosted:|wasm:)/.test(place)) continue;
    return here !== null && place.startsWith(here) ? place.slice(here.length) : place;
  }
  return null;
}

/**
 * V8 writes `at f (place)` or `at place`, Firefox and WebKit `f@place`, WebKit also a bare place where the function
 * has no name; place ends in `:line:column`. Code that was made by `eval` has no place.
 */
function placeOf(frame: string): string | null {
  const match =
    /^\s*at [^(]* \((?!eval at )(\S.*:\d+:\d+)\)\s*$/.exec(frame) ??
    /^\s*at (?!eval )(?:async )?([^\s(].*:\d+:\d+)\s*$/.exec(frame) ??
    /^([a-z][a-z+.-]*:\/\/.*:\d+:\d+)\s*$/.exec(frame) ??
    /^[^@]*@(\S.*:\d+:\d+)\s*$/.exec(frame);
  return match && !/ > (?:eval|Function)\b/.test(match[1]!) ? plainPath(match[1]!) : null;
}

interface HostProcess {
  readonly process?: { readonly cwd?: () => string };
}
function workingDirectory(): string | null {
  return (globalThis as HostProcess).process?.cwd?.() ?? null;
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
