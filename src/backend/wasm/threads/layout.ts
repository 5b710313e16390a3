import type { Phase, Work } from "../../../compiler/plan.ts";

/**
 * What threads tell one another, as 32-bit words in the memory they share.
 *
 * The *desk* of a session is where its owner says what to run next. The *board* of a plan is where threads take shares of
 * its work and wait for one another: a cache line for each work and thread, so that taking from one's own is quick, and
 * one for each phase.
 */

/** Bytes of a cache line: what is written by different threads lies in different ones. */
export const LINE = 64;

/** Words of the desk, by their position. Threads have two each, from `states` on: what they do, and mail they have read. */
export const DESK = {
  /** Grows when there is something new: a run, or mail. Threads sleep on it. */
  bell: 0,
  sleepers: 1,
  /** Odd while the words of a run are being written. */
  version: 2,
  /** What to run: number of the plan, of the run of that plan, and where the arena is. No plan: -1. */
  plan: 3,
  turn: 4,
  arena: 5,
  /** The thread that stays to the end of the run and reports it, if that is not the owner, 0. */
  leader: 6,
  /** Messages sent to threads so far. */
  mail: 7,
  /** Not 0 once a thread has failed: its number. */
  fault: 8,
  /** What it said, in UTF-8: number of bytes, then the bytes. */
  message: 16,
  states: 80,
} as const;

/** Bytes there is room for of what a failed thread says. */
const MESSAGE_BYTES = 4 * (DESK.states - DESK.message - 1);

/** Byte offset in the desk of the word that says a thread has failed. */
export const FAULT_OFFSET = 4 * DESK.fault;

/** What a thread does, in its word of the desk. */
export const STATE = {
  /** It has not reached the desk yet, or is reading its mail. */
  away: 0,
  waiting: 1,
  working: 2,
  failed: 3,
  ended: 4,
} as const;

/** Word with what a thread does, a `STATE`, and with the number of messages it has read. */
export const stateWord = (thread: number): number => DESK.states + 2 * thread;
export const readWord = (thread: number): number => stateWord(thread) + 1;
export const deskBytes = (threads: number): number => 4 * (DESK.states + 2 * threads);

/** Says that a thread has failed, to all who wait for its share. */
export function writeFault(desk: Int32Array, thread: number, message: string): void {
  const bytes = new TextEncoder().encode(message).subarray(0, MESSAGE_BYTES);
  new Uint8Array(desk.buffer, desk.byteOffset + 4 * (DESK.message + 1), bytes.length).set(bytes);
  desk[DESK.message] = bytes.length;
  Atomics.store(desk, DESK.fault, thread);
}

/** The thread that has failed, and what it said; null if none has. */
export function readFault(desk: Int32Array): { readonly thread: number; readonly message: string } | null {
  const thread = Atomics.load(desk, DESK.fault);
  if (thread === 0) return null;
  // A copy: decoders refuse shared memory.
  const bytes = new Uint8Array(desk.buffer, desk.byteOffset + 4 * (DESK.message + 1), desk[DESK.message]!).slice();
  return { thread, message: new TextDecoder().decode(bytes) };
}

/** Words of the line of a work and a thread: shares taken in all runs, how many there are in a run, the first one. */
export const SHARES = { taken: 0, count: 1, first: 2 } as const;
/** Words of the line of a phase: shares done in all runs, and threads that sleep until all are. */
export const DONE = { shares: 0, sleepers: 1 } as const;

export interface Board {
  readonly bytes: number;
  /** Offset of the first line of each work, phase by phase, and of the line of each phase. */
  readonly works: readonly (readonly number[])[];
  readonly phases: readonly number[];
  /** What the words are at the start. */
  readonly words: Int32Array;
}

export const sharesOf = (work: Work): number => (work.kind === "serial" ? 1 : work.shares);

/** The board of a plan: work is divided so that a thread has neighbouring shares, the same ones in every run. */
export function boardOf(phases: readonly Phase[], threads: number): Board {
  const lines: number[][] = [];
  const line = (...words: number[]): number => LINE * (lines.push(words) - 1);
  const works = phases.map((phase) =>
    phase.works.map((work) => {
      const shares = sharesOf(work);
      const start = (thread: number): number => Math.floor((shares * thread) / threads);
      const own = Array.from({ length: threads }, (_, thread) => {
        // Serial work is the first thread's.
        if (work.kind === "serial") return line(0, thread === 0 ? 1 : 0, 0);
        return line(0, start(thread + 1) - start(thread), start(thread));
      });
      return own[0]!;
    }),
  );
  const done = phases.map(() => line(0, 0));
  const words = new Int32Array((lines.length * LINE) / 4);
  lines.forEach((content, i) => void words.set(content, (i * LINE) / 4));
  return { bytes: words.byteLength, works, phases: done, words };
}
