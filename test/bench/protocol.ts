/**
 * How the runner and a measured process talk: one line of JSON each. The process greets with the numbers it computed
 * (`Greeting`), then answers each `{ "ms": 150 }` with the times of calls that filled that long (`Times`).
 * `peers/torch.py` speaks the same.
 */
import { createInterface } from "node:readline";

export type Mode = "eager" | "eager with lines" | "traced" | "session";

/** What a measured process is told, as JSON in its last argument. */
export interface Assignment {
  readonly workload: string;
  readonly variant: string;
  readonly threads: number;
  /** Of forerun alone; absent: the session's default. */
  readonly backend?: string;
  /** Of forerun: how it runs. Absent: a graph in a session. */
  readonly mode?: Mode;
  /** Of forerun on threads: looks of a thread that waits before it sleeps. Absent: the backend's default. */
  readonly spins?: number;
  /** Milliseconds of JavaScript before each call, which are not timed: a program that prepares its batches. */
  readonly pauseMs?: number;
}

export interface Greeting {
  readonly name: string;
  readonly version: string;
  /** Numbers both sides must agree on. */
  readonly check: readonly number[];
  /** Words about how it ran, for the reader of the table. */
  readonly note?: string;
  /** Why this side cannot run the workload; then nothing else counts. */
  readonly cannot?: string;
}

export interface Times {
  /** Milliseconds for one call; short calls are timed in groups and the time shared out. */
  readonly times: readonly number[];
}

export interface Side {
  readonly name: string;
  readonly version: string;
  readonly note?: string;
  /** Runs the workload where its numbers can be looked at. Training goes on from there. */
  check(): readonly number[] | Promise<readonly number[]>;
  /** One measured call; `turn` counts up. A promise is waited for. */
  call(turn: number): unknown;
}

/** Thrown where a side has no way to do a workload: not an error of the benchmark. */
export class CannotError extends Error {}

/** Calls shorter than this are timed in groups, so that the clock's own cost and resolution do not matter. */
const shortestSample = 0.1;

const say = (line: Partial<Greeting> | Times): void => console.log(JSON.stringify(line));

/** Runs in the measured process: makes the side the argument asks for, greets, and measures until the input ends. */
export async function serve(create: (assignment: Assignment) => Side | Promise<Side>): Promise<void> {
  const assignment = JSON.parse(process.argv.at(-1)!) as Assignment;
  let side: Side;
  try {
    side = await create(assignment);
    const check = await side.check();
    say({ name: side.name, version: side.version, check, ...(side.note === undefined ? {} : { note: side.note }) });
  } catch (error) {
    say({ cannot: error instanceof Error ? error.message : String(error) });
    if (!(error instanceof CannotError)) console.error(error);
    return;
  }
  const { pauseMs = 0 } = assignment;
  let turn = 0;
  let group = 1;
  for await (const line of createInterface({ input: process.stdin })) {
    const { ms } = JSON.parse(line) as { readonly ms: number };
    const times: number[] = [];
    const end = performance.now() + ms;
    let now: number;
    do {
      const start = compute(pauseMs);
      for (let i = 0; i < group; i++) {
        const result = side.call(turn++);
        if (result instanceof Promise) await result;
      }
      now = performance.now();
      times.push((now - start) / group);
      // With a pause each call is one of its own.
      if (pauseMs === 0 && now - start < shortestSample) group *= 2;
    } while (now < end);
    say({ times });
  }
}

/** Keeps the thread busy for so long; gives the time at its end. */
function compute(ms: number): number {
  const begun = performance.now();
  let now = begun;
  while (now - begun < ms) now = performance.now();
  return now;
}
