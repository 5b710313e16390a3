/** The runner's end of a measured process. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Assignment, Greeting, Times } from "./protocol.ts";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export class Contestant {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  constructor({ program, args, environment }: Command, assignment: Assignment) {
    this.#child = spawn(program, [...args, JSON.stringify(assignment)], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    // Reading it keeps the process from waiting; the last of it says why a process ended.
    this.#child.stderr.on("data", (text) => {
      this.#errors = (this.#errors + String(text)).slice(-2000);
    });
    this.#child.on("error", (error) => {
      this.#errors += error.message;
    });
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  ready(): Promise<Greeting> {
    return this.#answer<Greeting>();
  }

  /** Times of as many calls as fill so many milliseconds; at least one. */
  async round(ms: number): Promise<readonly number[]> {
    this.#child.stdin.write(`${JSON.stringify({ ms })}\n`);
    return (await this.#answer<Times>()).times;
  }

  /** The side ends when its input does; what does not is killed. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await ended;
    clearTimeout(timer);
  }

  async #answer<T>(): Promise<T> {
    for (;;) {
      const { value, done } = await withinTime(this.#lines.next());
      if (done) throw new Error(`a measured process ended: ${this.#errors.trim() || "without a word"}`);
      // Peers greet their users in prose too.
      if (value.startsWith("{")) return JSON.parse(value) as T;
    }
  }
}

/** Nothing a side is asked for takes longer than this; a round of the slowest ends after one call. */
const PATIENCE_MS = 120_000;

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("a measured process does not answer")), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
