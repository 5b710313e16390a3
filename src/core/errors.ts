/**
 * The error classes. Every message is built from the same parts, so that all of them read alike:
 *
 *     matmul: inner sizes differ, 784 (left) against 100 (right)
 *       left   x: float32[batch, 784]     made at train.ts:12:9
 *       right  w: float32[100, 10]        made at train.ts:14:9
 *     at train.ts:20:13
 *     fix: …
 */
export interface ErrorParts {
  /** First line: what is wrong, beginning with the name of the op or call. */
  readonly what: string;
  /** Further facts, a line each. */
  readonly details?: readonly string[];
  /** The user's line, `file:line:column`, if known. */
  readonly at?: string | null | undefined;
  /** What to do about it. */
  readonly fix?: string | undefined;
}

function assemble(parts: ErrorParts): string {
  const lines = [parts.what, ...(parts.details ?? []).map((line) => `  ${line}`)];
  if (parts.at) lines.push(`at ${parts.at}`);
  if (parts.fix) lines.push(`fix: ${parts.fix}`);
  return lines.join("\n");
}

/** Base of every error the library throws on purpose. Names are written out: a minifier renames classes. */
export class ForerunError extends Error {
  override name = "ForerunError";
  readonly parts: ErrorParts;
  constructor(parts: ErrorParts) {
    super(assemble(parts));
    this.parts = parts;
  }
}

/** Two shapes, or a shape and an attribute, do not go together. */
export class ShapeError extends ForerunError {
  override name = "ShapeError";
}
/** An op or feed got an element type it does not take. */
export class DTypeError extends ForerunError {
  override name = "DTypeError";
}
/** The graph itself is used wrongly: foreign tensors, duplicate writes, bad names, bad arguments. */
export class GraphError extends ForerunError {
  override name = "GraphError";
}
/** A derivative was asked for that does not exist. */
export class GradientError extends ForerunError {
  override name = "GradientError";
}
/** A feed is missing, doubled, or has the wrong shape, dtype or values. */
export class FeedError extends ForerunError {
  override name = "FeedError";
}
/** Session state: uninitialised variables, use after close. */
export class StateError extends ForerunError {
  override name = "StateError";
}
/** There is not enough memory: the session's budget, the machine, or the largest size of an array. Names the owners. */
export class MemoryError extends ForerunError {
  override name = "MemoryError";
}
/** A file can not be read: damaged, too large, of another version, or not what this graph needs. Names the place in it. */
export class FileError extends ForerunError {
  override name = "FileError";
}
/** Something needs a number where a size is known only at run time: the plan is made for exact sizes instead. */
export class OpenSizeError extends ForerunError {
  override name = "OpenSizeError";
  /** Names of the sizes at fault. */
  readonly names: readonly string[];
  /** The operation that needs the number: its op, and its name. */
  readonly by: { readonly op: string; readonly name: string } | null;
  constructor(parts: ErrorParts, names: readonly string[], by: OpenSizeError["by"] = null) {
    super(by ? { ...parts, what: `${by.op} "${by.name}": ${parts.what}` } : parts);
    this.names = names;
    this.by = by;
  }
}
/** A pass, verifier or backend found something impossible: a bug in the library, reported with its context. */
export class CompileError extends ForerunError {
  override name = "CompileError";
}
