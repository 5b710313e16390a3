import { type WorkerPort, workerPort } from "../../../core/workers.ts";
import type { CrewMessage, WorkerReport } from "./crew.ts";
import { DESK, deskBytes, readWord, STATE, stateWord, writeFault } from "./layout.ts";
import { OUTCOME } from "./meeting.ts";

/**
 * The file of a thread that helps a session to run its plans. It sits at the session's desk, asleep but for a short while
 * after each run, and gets up for mail alone: a message can be received only where no code is running.
 */

type Run = (thread: number, turn: number, stays: number) => number;

class Thread {
  readonly #port: WorkerPort;
  #desk: Int32Array = new Int32Array(0);
  #memory: WebAssembly.Memory | null = null;
  #number = 0;
  #spins = 0;
  /** Messages read, and the last bell answered. */
  #read = 0;
  #heard = 0;
  readonly #arena = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  readonly #plans = new Map<number, Run>();

  constructor(port: WorkerPort) {
    this.#port = port;
  }

  receive(message: CrewMessage): void {
    try {
      this.#read++;
      switch (message.kind) {
        case "sit": {
          const { memory, desk, threads, number, spins, mail } = message;
          this.#memory = memory;
          this.#desk = new Int32Array(memory.buffer, desk, deskBytes(threads) / 4);
          this.#number = number;
          this.#spins = spins;
          this.#read = mail;
          this.#heard = 0;
          break;
        }
        case "plan":
          this.#plans.set(message.plan, this.#link(message.module, message.addresses));
          break;
        case "drop":
          this.#plans.delete(message.plan);
          break;
        case "leave":
          this.#plans.clear();
          this.#setState(STATE.away);
          this.#memory = null;
          return;
      }
      if (this.#memory) this.#sit();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** To be called when this thread ends, for whatever reason. */
  end(): void {
    this.#stop(STATE.ended, "it has ended");
  }

  #link(module: WebAssembly.Module, addresses: Readonly<Record<string, number>>): Run {
    // Growth by the owner while this thread was being sent the memory may have passed V8 by: it checks addresses of atomic
    // waits against the size it knows. Growing by nothing makes it look.
    this.#memory!.grow(0);
    const env: Record<string, WebAssembly.ImportValue> = {
      memory: this.#memory!,
      arena: this.#arena,
      remainder: (x: number, y: number) => x % y,
    };
    for (const [name, address] of Object.entries(addresses))
      env[name] = new WebAssembly.Global({ value: "i32" }, address);
    return new WebAssembly.Instance(module, { env }).exports.run as Run;
  }

  /** Runs what there is to run, until there is mail. */
  #sit(): void {
    const desk = this.#desk;
    this.#setState(STATE.waiting);
    Atomics.store(desk, readWord(this.#number), this.#read);
    Atomics.notify(desk, readWord(this.#number));
    for (;;) {
      const bell = Atomics.load(desk, DESK.bell);
      if (Atomics.load(desk, DESK.mail) !== this.#read) break;
      if (bell !== this.#heard) {
        this.#heard = bell;
        this.#work();
        continue;
      }
      let left = this.#spins;
      while (left > 0 && Atomics.load(desk, DESK.bell) === bell) left--;
      if (left > 0) continue;
      Atomics.add(desk, DESK.sleepers, 1);
      Atomics.wait(desk, DESK.bell, bell);
      Atomics.sub(desk, DESK.sleepers, 1);
    }
    this.#setState(STATE.away);
  }

  /** Takes part in the run the desk tells of, which may be over. */
  #work(): void {
    const desk = this.#desk;
    // From here on the owner waits for this thread before it takes a plan away.
    this.#setState(STATE.working);
    let version: number;
    let plan: number;
    let turn: number;
    let leader: number;
    do {
      version = Atomics.load(desk, DESK.version);
      plan = Atomics.load(desk, DESK.plan);
      turn = Atomics.load(desk, DESK.turn);
      leader = Atomics.load(desk, DESK.leader);
      this.#arena.value = Atomics.load(desk, DESK.arena);
    } while (version % 2 !== 0 || version !== Atomics.load(desk, DESK.version));
    const run = this.#plans.get(plan);
    const leads = leader === this.#number;
    const outcome = run ? run(this.#number, turn, leads ? 1 : 0) : OUTCOME.done;
    this.#setState(STATE.waiting);
    if (run && leads) this.#report({ kind: "done", plan, turn, outcome });
  }

  #report(report: WorkerReport): void {
    this.#port.postMessage(report);
  }

  #setState(state: number): void {
    Atomics.store(this.#desk, stateWord(this.#number), state);
  }

  #fail(cause: unknown): void {
    const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    this.#stop(STATE.failed, message);
    this.#report({ kind: "failed", message });
  }

  /** Leaves the desk. If it had a share to do, those who wait for it do so in vain, and must know. */
  #stop(state: number, message: string): void {
    const desk = this.#desk;
    if (!this.#memory) return;
    if (Atomics.load(desk, stateWord(this.#number)) === STATE.working) writeFault(desk, this.#number, message);
    this.#setState(state);
    this.#memory = null;
  }
}

const port = workerPort();
const thread = new Thread(port);
port.onMessage((message) => thread.receive(message as CrewMessage));
(globalThis as { process?: { on?(event: "exit", listener: () => void): void } }).process?.on?.("exit", () =>
  thread.end(),
);
