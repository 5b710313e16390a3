import type { Executable, Plan } from "../../../compiler/plan.ts";
import { SHARED_MEMORY, WasmStorage } from "../storage.ts";
import { Crew, type CrewOptions } from "./crew.ts";
import { boardOf } from "./layout.ts";
import { BOARD, DESK_IMPORT, threadedModule } from "./module.ts";

/** Memory that the threads of a session share, and those threads. */
export class SharedStorage extends WasmStorage {
  readonly crew: Crew;

  constructor(budget: number | undefined, options: CrewOptions) {
    super(budget, true);
    this.crew = new Crew(this, options);
  }

  close(): void {
    this.crew.close();
  }
}

/** What linking needs of the backend. */
export interface Linking {
  readonly spins: number;
  readonly gather: boolean;
  /** The module with these bytes, compiled once. */
  module(bytes: Uint8Array): WebAssembly.Module;
  /** An instance on this thread, with these addresses. */
  instance(module: WebAssembly.Module, addresses: Readonly<Record<string, number>>): WebAssembly.Exports;
}

/** Links a plan of several phases for all threads of a session. */
export function linkThreaded(
  plan: Plan,
  { storage, addresses }: { readonly storage: SharedStorage; readonly addresses: Readonly<Record<string, number>> },
  { spins, gather, module: compile, instance }: Linking,
): Executable {
  const { crew } = storage;
  const { threads } = crew;
  const board = boardOf(plan.phases, threads);
  const at = storage.reserve(board.bytes);
  new Int32Array(storage.memory.buffer, at, board.words.length).set(board.words);
  const make = () => threadedModule(plan, board, { threads, waiting: { spins }, memory: SHARED_MEMORY });
  const module = compile(make().bytes());
  const all = { ...addresses, [BOARD]: at, [DESK_IMPORT]: crew.desk };
  const run = instance(module, all).run as (thread: number, turn: number, stays: number) => number;
  const number = crew.add(module, all);
  if (gather) crew.gather();
  let turn = 0;
  return {
    get source() {
      return make().wat();
    },
    run() {
      const now = turn;
      turn = (turn + 1) | 0;
      crew.run(run, number, now);
    },
    runAsync(finished) {
      if (!crew.runAsync(number, turn, finished)) return false;
      turn = (turn + 1) | 0;
      return true;
    },
    release() {
      crew.remove(number);
      storage.release(at, board.bytes);
    },
  };
}
