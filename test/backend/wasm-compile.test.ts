/** How modules are compiled: V8's flags are set for the moment, and set back. */
import v8 from "node:v8";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compileModule, type ModuleOptions, wasmSupport } from "../../src/backend/wasm/compile.ts";
import { Graph, Session } from "../../src/index.ts";

const EMPTY = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
const AROUND = ["--no-wasm-lazy-compilation", "--no-liftoff", "--wasm-lazy-compilation", "--liftoff"];

let flags: string[] = [];
let nodeOptions: string | undefined;
beforeEach(() => {
  flags = [];
  nodeOptions = process.env.NODE_OPTIONS;
  delete process.env.NODE_OPTIONS;
  vi.spyOn(v8, "setFlagsFromString").mockImplementation((flag) => void flags.push(flag));
});
afterEach(() => {
  vi.restoreAllMocks();
  if (nodeOptions === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = nodeOptions;
});

/** A custom section of so many bytes makes a module large. */
function padded(bytes: number): Uint8Array {
  const length = [(bytes & 127) | 128, ((bytes >> 7) & 127) | 128, bytes >> 14];
  return Uint8Array.from([...EMPTY, 0, ...length, ...new Uint8Array(bytes)]);
}

const flagsOf = (bytes: Uint8Array, options: ModuleOptions = {}): readonly string[] => {
  compileModule(bytes, options);
  return flags;
};

describe("in Node", () => {
  test("two flags are set around the compilation, and set back", () => {
    expect(flagsOf(EMPTY)).toEqual(AROUND);
  });

  test("they are set back after a module that is refused", () => {
    expect(() => compileModule(EMPTY.subarray(0, 7))).toThrow("wasm: the engine refuses a plan's module: ");
    expect(flags).toEqual(AROUND);
  });

  test("not for large modules, not if told so, not if the user has named one", () => {
    expect(flagsOf(padded(100_000))).toEqual(AROUND);
    flags = [];
    expect(flagsOf(padded(300_000))).toEqual([]);
    expect(flagsOf(EMPTY, { v8Flags: false })).toEqual([]);
    for (const named of ["--liftoff", "--no-wasm_lazy_compilation", "--no-wasm-dynamic-tiering"]) {
      process.env.NODE_OPTIONS = `--max-old-space-size=4096 ${named}`;
      expect(flagsOf(EMPTY)).toEqual([]);
    }
  });

  test("a session passes the option on", () => {
    const run = (v8Flags: boolean) => {
      const graph = new Graph();
      const x = graph.placeholder("x", [3]);
      new Session(graph, { backend: "wasm", v8Flags }).run(x.add(1), { x: [1, 2, 3] });
    };
    run(false);
    expect(flags).toEqual([]);
    run(true);
    expect(flags).toEqual(AROUND);
  });
});

test("this machine has WebAssembly with vectors", () => {
  expect(wasmSupport()).toBeNull();
});
