import type { Backend, Executable, Placement, Plan, Storage } from "../../compiler/plan.ts";
import { CompileError } from "../../core/errors.ts";
import type { UrlLike } from "../../core/host.ts";
import { compileModule, type ModuleOptions } from "./compile.ts";
import { addressImport, planModule } from "./module.ts";
import { SHARED_MEMORY, WasmStorage } from "./storage.ts";
import type { CrewOptions } from "./threads/crew.ts";
import { linkThreaded, SharedStorage } from "./threads/link.ts";

/** What the options of a session decide about code and threads. */
export interface WasmOptions extends ModuleOptions {
  /** Threads, this one included. Default 1; more need shared memory. */
  readonly threads?: number;
  /** How often a thread that waits looks before it sleeps, for the end of a phase and for the next run. */
  readonly spins?: number;
  readonly workerUrl?: string | UrlLike | undefined;
  /** Waits for all threads before the first run of a plan: for measurements and tests. */
  readonly gather?: boolean;
}

/**
 * Looks before a thread sleeps: about 100 µs for the others to finish a phase (one look takes 1 ns), about 350 µs for the
 * next run (7 ns in JavaScript). Less lets threads sleep in the middle of steps, more takes cores from those that work:
 * measured in docs/threads.md.
 */
const SPINS = { phase: 100_000, run: 50_000 };

type Procedures = Readonly<Record<string, () => void>>;

/**
 * Plans as WebAssembly modules with 128-bit vectors: one module and one call for a whole run. Needs no `eval`; a
 * content-security policy must allow `wasm-unsafe-eval`.
 */
export function wasmBackend(options: WasmOptions = {}): Backend {
  const { threads = 1, spins = SPINS.run, workerUrl } = options;
  const crew: CrewOptions = { threads, spins, workerUrl };
  return {
    name: "wasm",
    target: "vector",
    threads,
    open: (limit) => (threads > 1 ? new SharedStorage(limit, crew) : new WasmStorage(limit)),
    link: (plan, placement) => link(plan, placement, options),
  };
}

/** Modules kept: plans are linked again for prepared runs and other sessions, with the same code and other addresses. */
const MODULE_LIMIT = 64;
const modules: { readonly bytes: Uint8Array; readonly v8Flags: boolean; readonly module: WebAssembly.Module }[] = [];

/** The module with these bytes; those used last are kept. Few have the same length, so that little is compared. */
function moduleOf(bytes: Uint8Array, options: WasmOptions): WebAssembly.Module {
  const { v8Flags = true } = options;
  const at = modules.findIndex((known) => known.v8Flags === v8Flags && sameBytes(known.bytes, bytes));
  const known = modules[at];
  if (known) modules.splice(at, 1);
  const module = known?.module ?? compileModule(bytes, options);
  modules.push({ bytes, v8Flags, module });
  if (modules.length > MODULE_LIMIT) modules.shift();
  return module;
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function link(plan: Plan, placement: Placement, options: WasmOptions): Executable {
  const storage = wasmStorage(placement.storage);
  const addresses = Object.fromEntries(
    plan.arrays.flatMap(({ region, part }, i) =>
      region === "arena" || part ? [] : [[addressImport(i), placement.addresses[i]!] as const],
    ),
  );
  const module = (bytes: Uint8Array): WebAssembly.Module => moduleOf(bytes, options);
  const instance = (made: WebAssembly.Module, all: Readonly<Record<string, number>>): WebAssembly.Exports => {
    const env: Record<string, WebAssembly.ImportValue> = {
      memory: storage.memory,
      arena: storage.arenaGlobal,
      remainder: (x: number, y: number) => x % y,
    };
    for (const [name, address] of Object.entries(all)) env[name] = new WebAssembly.Global({ value: "i32" }, address);
    return new WebAssembly.Instance(made, { env }).exports;
  };
  const { spins = SPINS.phase, gather = false } = options;
  if (storage instanceof SharedStorage && plan.phases.some(({ works }) => works.some(({ kind }) => kind === "shared")))
    return linkThreaded(plan, { storage, addresses }, { spins, gather, module, instance });
  const imported = storage instanceof SharedStorage ? SHARED_MEMORY : undefined;
  const start = (steps: boolean): Procedures =>
    instance(module(planModule(plan, steps, imported).bytes()), addresses) as Procedures;
  const run = start(false).run!;
  let steps: Procedures | null = null;
  return {
    get source() {
      return planModule(plan, false, imported).wat();
    },
    run: () => run(),
    runStep(step) {
      steps ??= start(true);
      steps[`step${step}`]!();
    },
  };
}

function wasmStorage(storage: Storage): WasmStorage {
  if (storage instanceof WasmStorage) return storage;
  throw new CompileError({ what: "wasm: the storage belongs to another backend" });
}
