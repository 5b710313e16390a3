import type { Backend, Executable, Placement, Plan } from "../../compiler/plan.ts";
import { CompileError } from "../../core/errors.ts";
import { compileModule, type InstantiateOptions } from "./instantiate.ts";
import { addressImport, planModule } from "./module.ts";
import { WasmStorage } from "./storage.ts";

/** What the options of a session decide about code. */
export type WasmOptions = InstantiateOptions;

type Procedures = Readonly<Record<string, () => void>>;

/**
 * Plans as WebAssembly modules with 128-bit vectors: one module and one call for a whole run. Needs no `eval`; a
 * content-security policy must allow `wasm-unsafe-eval`.
 */
export function wasmBackend(options: WasmOptions = {}): Backend {
  return {
    name: "wasm",
    target: "vector",
    open: (limit) => new WasmStorage(limit),
    link: (plan, placement) => link(plan, placement, options),
  };
}

/** Modules kept: plans are linked again for prepared runs and other sessions, with the same code and other addresses. */
const MODULE_LIMIT = 64;
const modules = new Map<string, { readonly bytes: Uint8Array; readonly module: WebAssembly.Module }>();

/** The module with these bytes; those used last are kept. */
function moduleOf(bytes: Uint8Array, options: WasmOptions): WebAssembly.Module {
  let hash = 0;
  for (let i = 0; i < bytes.length; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  const key = `${hash}:${bytes.length}:${options.v8Flags ?? true}`;
  const known = modules.get(key);
  const same = known !== undefined && bytes.every((byte, i) => byte === known.bytes[i]);
  const module = same ? known.module : compileModule(bytes, options);
  modules.delete(key);
  modules.set(key, { bytes, module });
  if (modules.size > MODULE_LIMIT) modules.delete(modules.keys().next().value!);
  return module;
}

function link(plan: Plan, placement: Placement, options: WasmOptions): Executable {
  const instance = (steps: boolean): Procedures => start(plan, placement, options, steps);
  const run = instance(false).run!;
  let steps: Procedures | null = null;
  return {
    get source() {
      return planModule(plan).wat();
    },
    run: () => run(),
    runStep(step) {
      steps ??= instance(true);
      steps[`step${step}`]!();
    },
  };
}

/** Compiles a plan's module and gives its exports. */
function start(plan: Plan, { storage, addresses }: Placement, options: WasmOptions, steps: boolean): Procedures {
  if (!(storage instanceof WasmStorage))
    throw new CompileError({ what: "wasm: the storage belongs to another backend" });
  const env: Record<string, WebAssembly.ImportValue> = {
    memory: storage.memory,
    arena: storage.arenaGlobal,
    remainder: (x: number, y: number) => x % y,
  };
  plan.arrays.forEach(({ region }, i) => {
    if (region !== "arena") env[addressImport(i)] = new WebAssembly.Global({ value: "i32" }, addresses[i]!);
  });
  const module = moduleOf(planModule(plan, steps).bytes(), options);
  return new WebAssembly.Instance(module, { env }).exports as Procedures;
}
