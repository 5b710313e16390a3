import { Code, type Func } from "../assembler.ts";
import { DONE, FAULT_OFFSET, LINE, SHARES } from "./layout.ts";

/**
 * How threads share out work and wait for one another, as functions of a plan's module.
 *
 * Counters only grow, run after run: in run `turn` (0, 1, …) a thread's `count` shares of a work are those that make its
 * counter go from `turn·count` to `(turn + 1)·count`. A run ends only when all its shares are done, so a thread that comes
 * late, even into a run that is over, finds nothing to take and nothing to wait for, and no one waits for it. All
 * comparisons are of differences, so counters may wrap around.
 */

/** How threads wait. */
export interface Waiting {
  /** Looks at a counter before a thread goes to sleep; one takes about a nanosecond. */
  readonly spins: number;
}

/** Nanoseconds a thread sleeps before it looks around. */
const NAP = 20_000_000;
/** Naps without any progress after which a run has failed: 10 seconds. */
export const MOST_NAPS = 500;

/** What `await` gives: all is done; a thread failed; nothing has happened for too long. */
export const OUTCOME = { done: 0, fault: 1, stuck: 2 } as const;

const taken = 4 * SHARES.taken;
const count = 4 * SHARES.count;
const first = 4 * SHARES.first;
const done = 4 * DONE.shares;
const sleepers = 4 * DONE.sleepers;

/**
 * `take(lines, thread, turn)`: the number of a share that is now the caller's to do, -1 if none is left. First of its own
 * shares, then of those of threads that have not come, or have more to do.
 */
export function takeFunction(threads: number): Func {
  const [lines, thread, turn, line, had, left] = [0, 1, 2, 3, 4, 5];
  const code = new Code();
  code.op("i32.const", threads).op("local.set", left);
  code.loop();
  // line = lines + thread · LINE
  code.op("local.get", lines).op("local.get", thread).op("i32.const", LINE).op("i32.mul").op("i32.add");
  code.op("local.set", line);
  code.block().loop();
  code.op("local.get", line).op("i32.atomic.load", taken).op("local.set", had);
  // Leave the block unless (turn + 1) · count - had > 0.
  code.op("local.get", turn).op("i32.const", 1).op("i32.add").op("local.get", line).op("i32.load", count);
  code.op("i32.mul").op("local.get", had).op("i32.sub").op("i32.const", 0).op("i32.le_s").op("br_if", 1);
  // Try again if another thread was quicker.
  code.op("local.get", line).op("local.get", had).op("local.get", had).op("i32.const", 1).op("i32.add");
  code.op("i32.atomic.rmw.cmpxchg", taken).op("local.get", had).op("i32.ne").op("br_if", 0);
  // first + had - turn · count
  code.op("local.get", line).op("i32.load", first).op("local.get", had).op("i32.add");
  code.op("local.get", turn).op("local.get", line).op("i32.load", count).op("i32.mul").op("i32.sub");
  code.op("return");
  code.end().end();
  // The next thread: thread + 1, or 0 after the last.
  code.op("i32.const", 0).op("local.get", thread).op("i32.const", 1).op("i32.add").op("local.tee", thread);
  code.op("local.get", thread).op("i32.const", threads).op("i32.eq").op("select").op("local.set", thread);
  code.op("local.get", left).op("i32.const", 1).op("i32.sub").op("local.tee", left).op("br_if", 0);
  code.end();
  code.op("i32.const", -1);
  return { name: "take", params: ["i32", "i32", "i32"], results: ["i32"], locals: ["i32", "i32", "i32"], code };
}

/** `arrive(line, shares, target)`: counts shares as done, and wakes who waits if those were the last. */
export function arriveFunction(): Func {
  const [line, shares, target] = [0, 1, 2];
  const code = new Code();
  code.op("local.get", shares).if();
  code.op("local.get", line).op("local.get", shares).op("i32.atomic.rmw.add", done);
  code.op("local.get", shares).op("i32.add").op("local.get", target).op("i32.eq").if();
  code.op("local.get", line).op("i32.atomic.load", sleepers).if();
  code.op("local.get", line).op("i32.const", -1).op("memory.atomic.notify", done).op("drop");
  code.end();
  code.end();
  code.end();
  return { name: "arrive", params: ["i32", "i32", "i32"], results: [], locals: [], code };
}

/**
 * `await(line, target, desk)`: waits until `target` shares are done: looks for a while, then sleeps in naps, between
 * which it looks whether a thread has failed.
 */
export function awaitFunction({ spins }: Waiting): Func {
  const [line, target, desk, seen, left, naps] = [0, 1, 2, 3, 4, 5];
  const code = new Code();
  /** Returns if all is done; `seen` is how far it was. */
  const look = (): void => {
    code.op("local.get", line).op("i32.atomic.load", done).op("local.tee", seen);
    code.op("local.get", target).op("i32.sub").op("i32.const", 0).op("i32.ge_s").if();
    code.op("i32.const", OUTCOME.done).op("return").end();
  };
  code.op("i32.const", Math.max(1, spins)).op("local.set", left);
  code.loop();
  look();
  code.op("local.get", left).op("i32.const", 1).op("i32.sub").op("local.tee", left).op("br_if", 0);
  code.end();
  code.op("i32.const", MOST_NAPS).op("local.set", naps);
  code.loop();
  look();
  // Whoever does the last share sees the sleeper, or the sleeper sees that all is done.
  code.op("local.get", line).op("i32.const", 1).op("i32.atomic.rmw.add", sleepers).op("drop");
  code.op("local.get", line).op("local.get", seen).op("i64.const", NAP).op("memory.atomic.wait32", done).op("drop");
  code.op("local.get", line).op("i32.const", 1).op("i32.atomic.rmw.sub", sleepers).op("drop");
  code.op("local.get", desk).op("i32.atomic.load", FAULT_OFFSET).if();
  code.op("i32.const", OUTCOME.fault).op("return").end();
  // As many naps as before if there was progress, else one less.
  code.op("i32.const", MOST_NAPS).op("local.get", naps).op("i32.const", 1).op("i32.sub");
  code.op("local.get", line).op("i32.atomic.load", done).op("local.get", seen).op("i32.ne").op("select");
  code.op("local.tee", naps).op("br_if", 0);
  code.end();
  code.op("i32.const", OUTCOME.stuck);
  return { name: "await", params: ["i32", "i32", "i32"], results: ["i32"], locals: ["i32", "i32", "i32"], code };
}
