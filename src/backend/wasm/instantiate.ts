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

/** `(func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0))))`: the smallest module with vectors. */
// biome-ignore format: bytes
const WITH_VECTORS = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/** Why plans can not run as WebAssembly here; null if they can. */
export function wasmSupport(): string | null {
  if (typeof WebAssembly !== "object") return "there is no WebAssembly here";
  try {
    new WebAssembly.Module(Uint8Array.from(WITH_VECTORS));
    return null;
  } catch (cause) {
    // A policy forbids even what is valid.
    if (!WebAssembly.validate(Uint8Array.from(WITH_VECTORS))) return "WebAssembly has no vectors here";
    return `WebAssembly is forbidden here (${cause instanceof Error ? cause.message : String(cause)})`;
  }
}
