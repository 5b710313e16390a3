/** How a module is compiled. */
export interface InstantiateOptions {
  /** Sets V8 flags around the compilation, in Node: full speed from the first run on. Default true. */
  readonly v8Flags?: boolean;
}

interface V8 {
  setFlagsFromString(flags: string): void;
}

/** Larger modules are compiled lazily: optimising all of them would take too long. */
const LARGEST_EAGER = 256 * 1024;

export function instantiate(
  bytes: Uint8Array,
  imports: WebAssembly.Imports,
  options: InstantiateOptions = {},
): WebAssembly.Instance {
  const v8 = options.v8Flags === false || bytes.length >= LARGEST_EAGER ? null : nodeV8();
  v8?.setFlagsFromString("--no-wasm-lazy-compilation");
  v8?.setFlagsFromString("--no-liftoff");
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), imports);
  } finally {
    v8?.setFlagsFromString("--wasm-lazy-compilation");
    v8?.setFlagsFromString("--liftoff");
  }
}

function nodeV8(): V8 | null {
  const node = globalThis as {
    process?: {
      getBuiltinModule?(name: string): unknown;
      execArgv?: readonly string[];
      env?: Record<string, string | undefined>;
    };
  };
  const named = [...(node.process?.execArgv ?? []), node.process?.env?.["NODE_OPTIONS"] ?? ""].join(" ");
  if (/liftoff|wasm-lazy-compilation|wasm-dynamic-tiering/.test(named)) return null;
  return (node.process?.getBuiltinModule?.("node:v8") as V8 | undefined) ?? null;
}

/** Why plans can not run as WebAssembly here; null if they can. */
export function wasmSupport(): string | null {
  if (typeof WebAssembly !== "object") return "there is no WebAssembly";
  return null;
}
