import type { Backend, Executable, Placement, Plan } from "../../compiler/plan.ts";
import { getOrMake } from "../../core/collections.ts";
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

/** Plans are linked again for prepared runs and other sessions: the same code with other addresses. */
const modules = new WeakMap<Plan, WebAssembly.Module>();

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
  const compiled = (): WebAssembly.Module => compileModule(planModule(plan, steps).bytes(), options);
  const module = steps ? compiled() : getOrMake(modules, plan, compiled);
  return new WebAssembly.Instance(module, { env }).exports as Procedures;
}
