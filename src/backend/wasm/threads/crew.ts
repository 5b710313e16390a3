import { StateError } from "../../../core/errors.ts";
import type { UrlLike } from "../../../core/host.ts";
import { warn } from "../../../core/warnings.ts";
import { spawnWorker, type WorkerHandle, workerUrl } from "../../../core/workers.ts";
import type { WasmStorage } from "../storage.ts";
import { DESK, deskBytes, readFault, readWord, STATE, stateWord, writeFault } from "./layout.ts";
import { MOST_NAPS, OUTCOME } from "./meeting.ts";

/** What a session tells the threads that help it. */
export type CrewMessage =
  | {
      readonly kind: "sit";
      readonly memory: WebAssembly.Memory;
      readonly desk: number;
      readonly threads: number;
      readonly number: number;
      readonly spins: number;
      /** Messages this thread is taken to have read. */
      readonly mail: number;
    }
  | {
      readonly kind: "plan";
      readonly plan: number;
      readonly module: WebAssembly.Module;
      readonly addresses: Readonly<Record<string, number>>;
    }
  | { readonly kind: "drop"; readonly plan: number }
  | { readonly kind: "leave" };

/** What a thread tells its session. */
export type WorkerReport =
  | { readonly kind: "done"; readonly plan: number; readonly turn: number; readonly outcome: number }
  | { readonly kind: "failed"; readonly message: string };

export interface CrewOptions {
  /** Threads in all, the session's own among them. */
  readonly threads: number;
  /** Looks at the desk before a thread goes to sleep; one takes a few nanoseconds. */
  readonly spins: number;
  /** Where the file of the threads is, if bundlers have moved it. */
  readonly workerUrl?: string | UrlLike | undefined;
}

/** A thread and the session it helps; null while no one needs it. */
interface Member {
  readonly worker: WorkerHandle;
  crew: Crew | null;
  /** True once it is of no use to anyone. */
  gone: boolean;
}
/** Threads that no session has any more, kept for the next one, by the file they run. */
const idle = new Map<string, Member[]>();
/** Numbers plans, of all sessions: a thread may tell of the end of a run when it has gone to another one. */
let plans = 0;
/** False on the main thread of a page, which must stay alive. */
const mayWait = canWait();
function canWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds to wait for threads that are still looking at a plan that is taken away. */
const PATIENCE = 10_000;

/**
 * The threads of a session. They join runs as they become ready: work is taken, not given, so a session starts at once and
 * no thread is waited for unless it is in the middle of a share.
 */
export class Crew {
  readonly threads: number;
  /** Byte address of the desk. */
  readonly desk: number;
  readonly #storage: WasmStorage;
  readonly #words: Int32Array;
  readonly #file: string;
  readonly #members: Member[] = [];
  /** Why there are no threads any more. */
  #problem: string | null = null;
  #lost = false;
  /** The run that others do, and what to call at its end. */
  #under: { readonly plan: number; readonly turn: number; finish(outcome: number): void } | null = null;

  constructor(storage: WasmStorage, { threads, spins, workerUrl: url }: CrewOptions) {
    this.threads = threads;
    this.#storage = storage;
    this.desk = storage.reserve(deskBytes(threads));
    this.#words = new Int32Array(storage.memory.buffer, this.desk, deskBytes(threads) / 4);
    this.#words.fill(0);
    this.#words[DESK.plan] = -1;
    this.#file = String(url ?? workerUrl(import.meta.url, "worker"));
    const { memory } = storage;
    for (let number = 1; number < threads; number++) {
      const member = this.#hire(url === undefined);
      if (!member) break;
      this.#send(member, { kind: "sit", memory, desk: this.desk, threads, number, spins, mail: 0 });
    }
  }

  /** Makes a plan known. @returns its number, for `run` */
  add(module: WebAssembly.Module, addresses: Readonly<Record<string, number>>): number {
    const plan = plans++;
    this.#broadcast({ kind: "plan", plan, module, addresses });
    return plan;
  }

  /** Takes a plan away: after that no thread looks at its board any more. */
  remove(plan: number): void {
    this.#announce(-1, 0, 0);
    const end = performance.now() + PATIENCE;
    const busy = (): boolean => this.#members.some((_, i) => this.#state(i + 1) === STATE.working);
    while (busy() && !this.#problem && performance.now() < end) {
      // A thread that found nothing to do is gone in microseconds.
    }
    this.#broadcast({ kind: "drop", plan });
  }

  /** Waits until all threads know all plans: for measurements and tests, since runs need not wait for them. */
  gather(): void {
    const mail = Atomics.load(this.#words, DESK.mail);
    for (let thread = 1; thread <= this.#members.length; thread++) {
      const word = readWord(thread);
      for (let naps = 0; naps < MOST_NAPS && Atomics.load(this.#words, word) !== mail; naps++)
        Atomics.wait(this.#words, word, Atomics.load(this.#words, word), 20);
    }
  }

  /**
   * Runs a plan on this thread and on all that are ready.
   * @throws StateError if a thread failed, or none has made progress for 10 seconds
   */
  run(run: (thread: number, turn: number, stays: number) => number, plan: number, turn: number): void {
    this.#require();
    // A thread that may not wait for others does all by itself: they are not told.
    if (mayWait) {
      this.#announce(plan, turn, 0);
      this.#ring();
    }
    this.#judge(run(0, turn, 1));
  }

  /** The same without this thread, which goes on meanwhile. False if no thread is ready to lead the run. */
  runAsync(plan: number, turn: number, finished: (error: unknown) => void): boolean {
    this.#require();
    const leader = this.#members.findIndex((_, i) => {
      const state = this.#state(i + 1);
      return state === STATE.waiting || state === STATE.working;
    });
    if (leader < 0) return false;
    const { worker } = this.#members[leader]!;
    worker.ref();
    const finish = (outcome: number): void => {
      this.#under = null;
      worker.unref();
      try {
        this.#judge(outcome);
        finished(null);
      } catch (error) {
        finished(error);
      }
    };
    this.#under = { plan, turn, finish };
    this.#announce(plan, turn, leader + 1);
    this.#ring();
    return true;
  }

  /** Gives the threads back. */
  close(): void {
    const members = this.#members.splice(0);
    const failed = this.#problem !== null;
    this.#problem ??= "the session is closed";
    for (const member of members) {
      member.crew = null;
      member.worker.unref();
      // After a fault no one knows what they are at.
      if (failed || member.gone) void member.worker.terminate();
      else {
        this.#send(member, { kind: "leave" });
        const list = idle.get(this.#file);
        if (list) list.push(member);
        else idle.set(this.#file, [member]);
      }
    }
    this.#announce(-1, 0, 0);
    Atomics.add(this.#words, DESK.mail, 1);
    this.#ring();
  }

  /** A report of a thread. */
  hear(member: Member, report: WorkerReport): void {
    if (report.kind === "done") {
      const { plan, turn, outcome } = report;
      // A thread that is woken by something else looks at the last run once more, and finds it done.
      if (this.#under?.plan === plan && this.#under.turn === turn) this.#under.finish(outcome);
    } else dismiss(member, report.message);
  }

  /** A thread is gone. Without it runs go on, unless it had a share that nobody else can do. */
  lose(member: Member, message: string): void {
    const words = this.#words;
    const thread = this.#members.indexOf(member) + 1;
    const leads = this.#under !== null && Atomics.load(words, DESK.leader) === thread;
    // Who was ended by others has not said so itself.
    if (leads || this.#state(thread) === STATE.working) writeFault(words, thread, message);
    Atomics.store(words, stateWord(thread), STATE.ended);
    const fault = readFault(words) !== null;
    if (fault) this.#under?.finish(OUTCOME.fault);
    // Of a fault the run that waits for it tells.
    if (!fault) this.#miss(message);
  }

  /** Warns, once, that there are fewer threads than were asked for. */
  #miss(message: string): void {
    if (this.#lost) return;
    this.#lost = true;
    warn({ what: `threads: one could not be used, and runs go on without it: ${message}` });
  }

  #hire(own: boolean): Member | null {
    try {
      const member = idle.get(this.#file)?.pop() ?? hire(this.#file, own);
      member.crew = this;
      this.#members.push(member);
      return member;
    } catch (cause) {
      // Such as a file of another origin, in a page.
      this.#miss(cause instanceof Error ? cause.message : String(cause));
      return null;
    }
  }

  #state = (thread: number): number => Atomics.load(this.#words, stateWord(thread));

  #send({ worker }: Member, message: CrewMessage): void {
    worker.postMessage(message);
  }

  #broadcast(message: CrewMessage): void {
    for (const member of this.#members) this.#send(member, message);
    Atomics.add(this.#words, DESK.mail, 1);
    this.#ring();
  }

  /** Writes down what is to be run. Threads may read it at any time, so it has a version. */
  #announce(plan: number, turn: number, leader: number): void {
    const words = this.#words;
    Atomics.add(words, DESK.version, 1);
    Atomics.store(words, DESK.plan, plan);
    Atomics.store(words, DESK.turn, turn);
    Atomics.store(words, DESK.arena, this.#storage.arena | 0);
    Atomics.store(words, DESK.leader, leader);
    Atomics.add(words, DESK.version, 1);
  }

  #ring(): void {
    Atomics.add(this.#words, DESK.bell, 1);
    if (Atomics.load(this.#words, DESK.sleepers) > 0) Atomics.notify(this.#words, DESK.bell);
  }

  #require(): void {
    if (this.#problem)
      throw new StateError({ what: `threads: ${this.#problem}`, fix: "open a new Session on the graph" });
  }

  #judge(outcome: number): void {
    if (outcome === OUTCOME.done) return;
    this.#problem =
      outcome === OUTCOME.fault ? this.#fault() : `no thread has made progress for ${(MOST_NAPS * 20) / 1000} s`;
    this.#require();
  }

  /** What the thread that failed has said. */
  #fault(): string {
    const { thread, message } = readFault(this.#words)!;
    return `thread ${thread} of ${this.threads} failed: ${message}`;
  }
}

/** Starts a thread. It does not keep the process alive. */
function hire(file: string, own: boolean): Member {
  // Bundlers find the file only in this form.
  const web = own ? () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }) : undefined;
  const worker = spawnWorker(file, { web });
  const member: Member = { worker, crew: null, gone: false };
  worker.onMessage((report) => member.crew?.hear(member, report as WorkerReport));
  worker.onError((error) => dismiss(member, error.message));
  worker.onExit(() => dismiss(member, "it has ended"));
  // Last: in Node a listener is a reason to go on.
  worker.unref();
  return member;
}

/** Ends a thread that has failed, if it has not ended by itself. */
function dismiss(member: Member, message: string): void {
  if (member.gone) return;
  member.gone = true;
  void member.worker.terminate();
  for (const list of idle.values()) if (list.includes(member)) list.splice(list.indexOf(member), 1);
  member.crew?.lose(member, message);
}
