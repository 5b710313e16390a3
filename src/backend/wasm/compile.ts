import { CompileError } from "../../core/errors.ts";

/** How a module is compiled. */
export interface ModuleOptions {
  /** Sets V8's flags while a module is compiled, in Node: full speed from the first run on. Default true. */
  readonly v8Flags?: boolean;
}

/** What is used of the module `node:v8`. */
interface V8 {
  setFlagsFromString(flags: string): void;
}

/** Larger modules are compiled as V8 likes: optimising all of a module takes about a millisecond for 3 KB. */
const LARGEST_EAGER = 256 * 1024;

/** A user who names one of these knows what they want. */
const FLAGS = /liftoff|wasm[-_]lazy[-_]compilation|wasm[-_]dynamic[-_]tiering|wasm[-_]tier|jitless/;

/**
 * Compiles a module. By default V8 compiles each function when it is first called, without optimising, and optimises it
 * once its loops have turned often enough: the first step takes thirty times as long as the tenth, which is at full
 * speed. So, in Node, two flags are set around the compilation, and set back. Elsewhere nothing is warmed up ahead: that
 * would take as long as the first steps, which are of use.
 *
 * @throws CompileError where the engine refuses
 */
export function compileModule(bytes: Uint8Array, options: ModuleOptions = {}): WebAssembly.Module {
  const v8 = eagerly(bytes, options) ? nodeV8() : null;
  try {
    v8?.setFlagsFromString("--no-wasm-lazy-compilation");
    v8?.setFlagsFromString("--no-liftoff");
    return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    throw refused(cause);
  } finally {
    v8?.setFlagsFromString("--wasm-lazy-compilation");
    v8?.setFlagsFromString("--liftoff");
  }
}

const eagerly = (bytes: Uint8Array, { v8Flags }: ModuleOptions): boolean =>
  v8Flags !== false && bytes.length < LARGEST_EAGER;

function refused(cause: unknown): CompileError {
  const message = cause instanceof Error ? cause.message : String(cause);
  // A page's main thread may not compile a large module in one go.
  const fix = cause instanceof RangeError ? "run the session in a worker, or in smaller parts" : undefined;
  return new CompileError({ what: `wasm: the engine refuses a plan's module: ${message}`, fix });
}

/**
 * Node's `v8` module, if its flags may be set. It is had without an import, which would not work in browsers; Node has
 * `getBuiltinModule` from 20.16 on.
 */
function nodeV8(): V8 | null {
  const { process } = globalThis as {
    process?: {
      getBuiltinModule?(name: string): unknown;
      versions?: { readonly v8?: string };
      execArgv?: readonly string[];
      env?: Readonly<Record<string, string | undefined>>;
    };
  };
  // Other engines with Node's interfaces have the function, but not the flags.
  if (!process?.getBuiltinModule || !process.versions?.v8 || "Bun" in globalThis || "Deno" in globalThis) return null;
  const named = [...(process.execArgv ?? []), process.env?.NODE_OPTIONS ?? ""].join(" ");
  if (FLAGS.test(named)) return null;
  return process.getBuiltinModule("node:v8") as V8;
}

/** `(func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0))))`: the smallest module with vectors. */
// biome-ignore format: bytes
const WITH_VECTORS = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);

let support: { readonly problem: string | null } | null = null;

/** Why plans can not run as WebAssembly here; null if they can. */
export function wasmSupport(): string | null {
  support ??= { problem: findProblem() };
  return support.problem;
}

function findProblem(): string | null {
  if (typeof WebAssembly !== "object") return "there is no WebAssembly here";
  try {
    new WebAssembly.Module(WITH_VECTORS);
    return null;
  } catch (cause) {
    // A policy forbids even what is valid.
    if (!WebAssembly.validate(WITH_VECTORS)) return "WebAssembly has no vectors here";
    return `WebAssembly is forbidden here (${cause instanceof Error ? cause.message : String(cause)})`;
  }
}
