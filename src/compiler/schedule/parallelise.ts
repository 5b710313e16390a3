import { sharingProblem } from "../../kernel/lanes.ts";
import { divide, turnsOf } from "../../kernel/parallel.ts";
import type { ForStmt, Kernel, Stmt } from "../../kernel/statement.ts";
import { costOf } from "./cost.ts";

/** Nanoseconds below which a loop is not worth a meeting of threads. */
export const LEAST_LOOP = 3000;
/** What every thread does for itself may take this part of what is shared. */
const MOST_PROLOGUE = 1 / 8;

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
  while (marked.size > 0) {
    const mark = (statement: Stmt): Stmt =>
      marked.has(statement) ? { ...(statement as ForStmt), parallel: true } : statement;
    const trial: Kernel = { ...kernel, body: kernel.body.map(mark) };
    const { parts, own } = divide(trial);
    const failed = kernel.body.filter((statement, i) => {
      if (!marked.has(statement)) return false;
      const part = parts.find(({ loop }) => loop === trial.body[i]);
      if (!part?.loop || sharingProblem(part.loop, own) !== null) return true;
      return costOf(part.prologue) > costOf([part.loop]) * MOST_PROLOGUE;
    });
    if (failed.length === 0) return trial;
    // One at a time: without it, scratch memory of others may become their own.
    marked.delete(failed[0]!);
  }
  return kernel;
}

/** Turns of a parallel loop that make a share worth asking for: two shares are worth a meeting. */
export const leastTurns = (loop: ForStmt, leastLoop: number): number =>
  Math.max(1, Math.ceil((leastLoop * turnsOf(loop)) / (2 * costOf([loop]))));
