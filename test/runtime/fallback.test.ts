import { afterEach, beforeEach, expect, test, vi } from "vitest";

// Whether there is WebAssembly is looked at once, so each test loads the library anew.
beforeEach(() => void vi.resetModules());
afterEach(() => void vi.unstubAllGlobals());

/** Runs relu in two sessions; which backend they took, by what their plans print, and what was said. */
async function attempt(backend?: "wasm") {
  const { Graph, relu, Session, setWarningHandler } = await import("../../src/index.ts");
  const said: string[] = [];
  const before = setWarningHandler((text: string) => void said.push(text));
  try {
    const values = [0, 1].map(() => {
      const graph = new Graph();
      const x = graph.placeholder("x", [3]);
      const y = relu(x);
      const session = new Session(graph, backend ? { backend } : {});
      return { value: [...session.run(y, { x: [-1, 0, 2] }).data], source: session.plan(y, { x: [-1, 0, 2] }).source };
    });
    return { values, said };
  } finally {
    setWarningHandler(before);
  }
}

test("with WebAssembly plans are modules", async () => {
  const { values, said } = await attempt();
  expect(values[0]!.source).toContain("(module");
  expect(said).toEqual([]);
});

test("without WebAssembly sessions run JavaScript, and say so once", async () => {
  vi.stubGlobal("WebAssembly", undefined);
  const { values, said } = await attempt();
  for (const { value, source } of values) {
    expect(value).toEqual([0, 0, 2]);
    expect(source).toContain("function kernel_relu");
  }
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("there is no WebAssembly here, so plans run on the javascript backend, which is slower");
});

test("without its vectors too", async () => {
  const { Module, Memory, Global, Instance } = WebAssembly;
  const refuse = class {
    constructor() {
      throw new Module(new Uint8Array(1)); // never valid: throws what an engine throws
    }
  };
  vi.stubGlobal("WebAssembly", { Module: refuse, Memory, Global, Instance, validate: () => false });
  const { values, said } = await attempt();
  expect(values[0]!.source).toContain("function kernel_relu");
  expect(said[0]).toContain("WebAssembly has no vectors here");
});

test("a backend asked for by name does not fall back", async () => {
  vi.stubGlobal("WebAssembly", undefined);
  await expect(attempt("wasm")).rejects.toThrow(
    /^session: the wasm backend can not run, because there is no WebAssembly here\n/,
  );
});
