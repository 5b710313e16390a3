import { divide, parallelProblem, turnsOf } from "../../kernel/parallel.ts";
import type { ForStmt, Kernel, Stmt } from "../../kernel/statement.ts";
import { costOf } from "./cost.ts";

/** Nanoseconds below which a loop is not worth a meeting of threads. */
export const LEAST_LOOP = 3000;
/** What every thread does for itself may take this part of what is shared. */
const MOST_PROLOGUE = 1 / 8;
/** Turns that can be shared out evenly enough. */
const MANY_TURNS = 8;

/**
 * Marks the outermost loops of a kernel whose turns can be shared out among threads, and that are long enough for it. The
 * order of operations inside of a turn stays, so which thread does it, and how many there are, changes no bit.
 *
 * @param leastLoop estimated nanoseconds from which a loop is long enough
 */
export function paralleliseKernel(kernel: Kernel, leastLoop: number): Kernel {
  const isCandidate = (statement: Stmt): boolean =>
    statement.kind === "for" &&
    statement.lanes === undefined &&
    statement.extent.kind === "const" &&
    statement.extent.value > 1 &&
    costOf([statement]) >= leastLoop;
  const marked = new Set<Stmt>(kernel.body.filter(isCandidate));
  /** Loops that have few turns, and whose inner loop is shared out along with them. */
  const nested = new Set<Stmt>([...marked].filter((statement) => innerOf(statement as ForStmt) !== null));
  while (marked.size > 0) {
    const mark = (statement: Stmt): Stmt => {
      if (!marked.has(statement)) return statement;
      const loop: ForStmt = { ...(statement as ForStmt), parallel: true };
      return nested.has(statement) ? { ...loop, body: [{ ...innerOf(loop)!, parallel: true }] } : loop;
    };
    const trial: Kernel = { ...kernel, body: kernel.body.map(mark) };
    const { parts, own } = divide(trial);
    const failed = kernel.body.filter((statement, i) => {
      if (!marked.has(statement)) return false;
      const part = parts.find(({ loop }) => loop === trial.body[i]);
      if (!part?.loop || parallelProblem(part.loop, own) !== null) return true;
      return costOf(part.prologue) > costOf([part.loop]) * MOST_PROLOGUE;
    });
    if (failed.length === 0) return trial;
    // One at a time: without it, scratch memory of others may become their own.
    const [first] = failed as [Stmt];
    if (!nested.delete(first)) marked.delete(first);
  }
  return kernel;
}

/** The loop inside of a loop of few turns, if it is all there is in it. */
function innerOf({ extent, body }: ForStmt): ForStmt | null {
  const [inner] = body;
  if (body.length !== 1 || inner?.kind !== "for" || inner.lanes || inner.extent.kind !== "const") return null;
  return (extent as { readonly value: number }).value < MANY_TURNS && inner.extent.value > 1 ? inner : null;
}

/** Turns of a parallel loop that make a share worth asking for: two shares are worth a meeting. */
export const leastTurns = (loop: ForStmt, leastLoop: number): number =>
  Math.max(1, Math.ceil((leastLoop * turnsOf(loop)) / (2 * costOf([loop]))));
