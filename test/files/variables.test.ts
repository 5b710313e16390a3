import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { Graph, loadVariables, NDArray, parseSafetensors, Session, saveVariables } from "../../src/index.ts";
import {
  loadGraphFile,
  loadVariablesFile,
  saveGraphFile,
  saveVariablesFile,
  writeFileAtomic,
} from "../../src/node/index.ts";
import { expectSameBits } from "../support/run-op.ts";
import { contentsOf, messageOf, trainingBatch, trainingGraph } from "./support.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const OFFICIAL = here("../oracles/files/official.safetensors");

const folder = mkdtempSync(join(tmpdir(), "forerun-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One variable of each dtype, with values that are easily spoilt. */
function sample() {
  const graph = new Graph();
  graph.variable("layer/w", [2, 3], {
    initial: [
      [1.5, -0, Infinity],
      [Number.NaN, 1e-45, 3],
    ],
  });
  graph.variable("precise", [2], { dtype: "float64", initial: [0.1, -5e-324] });
  graph.variable("step", [], { dtype: "int32", initial: -7 });
  graph.variable("bits", [2], { dtype: "uint32", initial: [0, 4294967295] });
  graph.variable("mask", [3], { dtype: "bool", initial: [true, false, true] });
  graph.variable("empty", [0, 3]);
  const session = new Session(graph);
  session.run(graph.initializer);
  return { graph, session };
}
const valuesOf = (session: Session) => session.run(session.graph.allVariables) as readonly NDArray[];

describe("save and load", () => {
  test("every dtype comes back bit for bit, in another session", () => {
    const { graph, session } = sample();
    const bytes = saveVariables(session, { metadata: { steps: "12" } });
    const other = new Session(graph);
    const report = loadVariables(other, bytes);
    expect(report).toEqual({
      restored: ["precise", "bits", "empty", "layer/w", "step", "mask"],
      missing: [],
      unexpected: [],
      mismatched: [],
      metadata: { writer: "forerun", steps: "12" },
    });
    expectSameBits(valuesOf(other), valuesOf(session), "restored");
    expect(saveVariables(other, { metadata: { steps: "12" } })).toEqual(bytes);
  });

  test("data is aligned to its elements, and the bytes may stand anywhere", () => {
    const { session } = sample();
    const bytes = saveVariables(session);
    expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const { tensors } = parseSafetensors(shifted.subarray(3));
    expect([...tensors.keys()]).toEqual([...parseSafetensors(bytes).tensors.keys()]);
    expectSameBits([...tensors.values()], [...parseSafetensors(bytes).tensors.values()], "shifted");
  });

  test("a training that was saved goes on as if it had not stopped", () => {
    const { graph } = trainingGraph();
    const step = (session: Session, i: number) => session.run(["dense/loss", "train"], trainingBatch(i));
    const through = new Session(graph);
    through.run("initializer");
    for (let i = 0; i < 3; i++) step(through, i);
    const resumed = new Session(graph);
    loadVariables(resumed, saveVariables(through));
    for (let i = 3; i < 6; i++) for (const session of [through, resumed]) step(session, i);
    expectSameBits(valuesOf(resumed), valuesOf(through), "after three more steps");
  });

  test("a variable without a value can not be saved", () => {
    const session = new Session(sample().graph);
    expect(messageOf(() => saveVariables(session))).toMatch(/^StateError: .*"layer\/w" is not initialised/);
  });

  test("names no JSON reader may meet are refused when saving", () => {
    const graph = new Graph();
    graph.variable("constructor", []);
    const session = new Session(graph);
    session.run(graph.initializer);
    expect(messageOf(() => saveVariables(session))).toMatch(/"constructor" can not be a name in a file/);
  });
});

describe("files that do not fit", () => {
  const other = () => {
    const graph = new Graph();
    graph.variable("layer/w", [3, 2]);
    graph.variable("step", [], { dtype: "float32" });
    graph.variable("precise", [2], { dtype: "float64" });
    graph.variable("presice", [2]);
    graph.variable("maskk", [3], { dtype: "bool" });
    return new Session(graph);
  };

  test("strict: the error lists all that differs, and nothing is restored", () => {
    const session = other();
    const bytes = saveVariables(sample().session);
    expect(messageOf(() => loadVariables(session, bytes, { file: "w.safetensors" }))).toBe(
      [
        "loadVariables: w.safetensors does not fit the 5 variables: 2 of another shape or dtype, 2 missing, 3 unexpected",
        '  "layer/w" is float32[3, 2], in the file float32[2, 3]',
        '  "step" is float32[], in the file int32[]',
        '  "presice" is not in the file, variable at <line>',
        '  "maskk" is not in the file, variable at <line>',
        '  "bits" is in the file, and no variable of the graph',
        '  "empty" is in the file, and no variable of the graph',
        '  "mask" is in the file, and no variable of the graph',
        'fix: map names with rename: { "mask": "maskk" }, or take what fits with partial: true',
      ].join("\n"),
    );
    expect(messageOf(() => session.run("precise"))).toMatch(/not initialised/);
  });

  test("a hundred differences are twelve lines", () => {
    const graph = new Graph();
    for (let i = 0; i < 100; i++) graph.variable(`v${i}`, [1]);
    const bytes = saveVariables(sample().session);
    const text = messageOf(() => loadVariables(new Session(graph), bytes));
    expect(text).toMatch(/\n {2}… and 98 more\n/);
    expect(text.split("\n").length).toBeLessThanOrEqual(12);
  });

  test("partial: what fits is restored, the rest reported", () => {
    const session = other();
    const report = loadVariables(session, saveVariables(sample().session), {
      partial: true,
      rename: { mask: "maskk" },
    });
    expect(report.restored).toEqual(["precise", "maskk"]);
    expect(report.missing).toEqual(["presice"]);
    expect(report.unexpected).toEqual(["bits", "empty"]);
    expect(report.mismatched).toEqual([
      { name: "layer/w", file: "float32[2, 3]", variable: "float32[3, 2]" },
      { name: "step", file: "int32[]", variable: "float32[]" },
    ]);
    expect((session.run("maskk") as NDArray).toArray()).toEqual([1, 0, 1]);
  });

  test("rename by a function; two names can not become one", () => {
    const { session } = sample();
    const bytes = saveVariables(session, { variables: [session.graph.allVariables[0]!] });
    const graph = new Graph();
    graph.variable("model/layer/w", [2, 3]);
    expect(loadVariables(new Session(graph), bytes, { rename: (name) => `model/${name}` }).restored).toEqual([
      "model/layer/w",
    ]);
    expect(messageOf(() => loadVariables(session, saveVariables(session), { rename: () => "step" }))).toMatch(
      /rename gives "step" to both "precise" and "bits"/,
    );
    expect(messageOf(() => loadVariables(session, bytes, { rename: () => undefined as never }))).toMatch(
      /rename gave undefined/,
    );
    // What an object inherits is no name.
    expect(loadVariables(new Session(graph), bytes, { partial: true, rename: {} }).unexpected).toEqual(["layer/w"]);
  });
});

describe("safetensors of others", () => {
  const { tensors, unsupported, metadata } = parseSafetensors(readFileSync(OFFICIAL));

  test("a file the reference implementation wrote is read bit for bit", () => {
    const f = Math.fround;
    const wanted: Readonly<Record<string, NDArray>> = {
      weights: NDArray.of(
        [
          [1.5, -0, Infinity],
          [Number.NaN, f(1e-45), f(3.4028235e38)],
        ],
        { dtype: "float32" },
      ),
      precise: NDArray.of([0.1, -5e-324], { dtype: "float64" }),
      step: NDArray.of(7, { dtype: "int32" }),
      bits: NDArray.of([0, 4294967295], { dtype: "uint32" }),
      mask: NDArray.of([[true], [false], [true]]),
      empty: new NDArray(new Float32Array(0), [0, 3]),
    };
    expect([...tensors.keys()].sort()).toEqual(Object.keys(wanted).sort());
    for (const [name, value] of Object.entries(wanted)) expectSameBits([tensors.get(name)!], [value], name);
    expect(metadata.get("note")).toBe("größer als ASCII");
  });

  test("dtypes this library does not have are listed, and stand in nobody's way", () => {
    expect([...unsupported]).toEqual([["half", "F16[2]"]]);
    const graph = new Graph();
    graph.variable("half", [2]);
    graph.variable("step", [], { dtype: "int32" });
    const report = loadVariables(new Session(graph), readFileSync(OFFICIAL), { partial: true });
    expect(report.restored).toEqual(["step"]);
    expect(report.mismatched).toEqual([{ name: "half", file: "F16[2]", variable: "float32[2]" }]);
  });

  // FORERUN_SAFETENSORS_PYTHON=venv/bin/python npx vitest run test/files/variables.test.ts
  const python = process.env.FORERUN_SAFETENSORS_PYTHON;
  test.skipIf(!python)("what is written here, the reference implementation reads", () => {
    const { session } = sample();
    const path = join(folder, "ours.safetensors");
    saveVariablesFile(session, path, { metadata: { note: "größer" } });
    const script = here("../oracles/files/make-safetensors.py");
    const found = JSON.parse(execFileSync(python!, [script, path], { encoding: "utf8" })) as object;
    expect(found).toEqual({
      metadata: { writer: "forerun", note: "größer" },
      tensors: {
        bits: { dtype: "uint32", shape: [2], data: ["0", "4294967295"] },
        empty: { dtype: "float32", shape: [0, 3], data: [] },
        "layer/w": {
          dtype: "float32",
          shape: [2, 3],
          data: ["1.5", "-0.0", "inf", "nan", "1.401298464324817e-45", "3.0"],
        },
        mask: { dtype: "bool", shape: [3], data: ["True", "False", "True"] },
        precise: { dtype: "float64", shape: [2], data: ["0.1", "-5e-324"] },
        step: { dtype: "int32", shape: [], data: ["-7"] },
      },
    });
  });
});

describe("forerun/node", () => {
  test("a graph and its variables through files", () => {
    const { graph } = trainingGraph();
    const session = new Session(graph);
    session.run("initializer");
    session.run("train", trainingBatch(0));
    const [model, weights] = [join(folder, "model.json"), join(folder, "weights.safetensors")];
    saveGraphFile(graph, model);
    saveVariablesFile(session, weights);
    const copy = loadGraphFile(model);
    expect(contentsOf(copy)).toBe(contentsOf(graph));
    const restored = new Session(copy);
    expect(loadVariablesFile(restored, weights).restored).toHaveLength(graph.allVariables.length);
    expectSameBits(valuesOf(restored), valuesOf(session), "from files");
    const text = readFileSync(model, "utf8").split("\n");
    expect(text.filter((line) => line.includes('"op":'))).toHaveLength(graph.operations.length);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a write that fails leaves the old file and nothing else", () => {
    const path = join(folder, "kept");
    writeFileAtomic(path, "old");
    writeFileAtomic(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    const nowhere = join(folder, "no", "such", "folder");
    expect(messageOf(() => writeFileAtomic(nowhere, "x"))).toMatch(
      /^writeFileAtomic: .* can not be written\n {2}ENOENT/,
    );
    expect(existsSync(join(folder, "no"))).toBe(false);
  });

  test("errors name the file", () => {
    const path = join(folder, "broken.json");
    writeFileSync(path, '{"format":"forerun-graph"}');
    expect(messageOf(() => loadGraphFile(path))).toContain(`of ${path}`);
    expect(messageOf(() => loadGraphFile(join(folder, "absent")))).toMatch(/absent can not be read\n {2}ENOENT/);
    expect(messageOf(() => loadGraphFile(path, { maxBytes: 3 }))).toMatch(/has 26 bytes\nfix: raise maxBytes \(3\)/);
  });
});
