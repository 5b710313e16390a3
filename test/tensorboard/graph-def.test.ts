import { describe, expect, test } from "vitest";
import { PassBuilder } from "../../src/graph/function.ts";
import type { Operation } from "../../src/graph/operation.ts";
import { add, Graph, gelu, less, matmul, maxPool2d, relu, scan, type Tensor, whileLoop } from "../../src/index.ts";
import { OPS } from "../../src/ops/registry.ts";
import { EventWriter, type GraphNode, type GraphOptions, MemorySink, readEvents } from "../../src/tensorboard/index.ts";
import { RENAMED_OPS } from "../../src/tensorboard/op-names.ts";
import { Adam } from "../../src/train/index.ts";

/** The nodes as they are read back. */
function nodesOf(graph: Graph | readonly Operation[], options?: GraphOptions): readonly GraphNode[] {
  const sink = new MemorySink();
  new EventWriter(sink).graph(graph, options);
  return readEvents(sink.bytes)[1]!.graph!;
}
const textIn = (graph: Graph, options?: GraphOptions): string => {
  const sink = new MemorySink();
  new EventWriter(sink).graph(graph, options);
  return new TextDecoder("latin1").decode(sink.bytes);
};

describe("row 128: the graph in an event file", () => {
  test("a training step: every operation, with names that are there", () => {
    const graph = new Graph({ name: "step" });
    const x = graph.placeholder("x", ["batch", 2]);
    const w = graph.scope("dense", () => graph.variable("kernel", [2, 3]));
    new Adam(0.001).minimize(relu(matmul(x, w)).sum());
    const nodes = nodesOf(graph);
    expect(nodes.map(({ name }) => name)).toEqual(graph.operations.map(({ name }) => name));
    const names = new Set(nodes.map(({ name }) => name));
    const inputs = nodes.flatMap((node) => node.inputs.map((input) => input.replace(/^\^|:\d+$/g, "")));
    expect(inputs.filter((name) => !names.has(name))).toEqual([]);
  });

  test("ops have TensorFlow's names, or names like them", () => {
    const graph = new Graph({ name: "names" });
    const x = graph.placeholder("x", [1, 4, 4, 1]);
    maxPool2d(x, { window: 2 });
    matmul(x, x, { transposeB: true });
    gelu(add(x, 1).exp());
    expect(nodesOf(graph).map(({ op }) => op)).toEqual([
      "Placeholder",
      "MaxPool",
      "BatchMatMulV2",
      "Const",
      "AddV2",
      "Exp",
      "Gelu",
    ]);
  });

  test("the table of names knows no op that is not there", () => {
    const ops = new Set(OPS.map(({ name }) => name));
    expect(Object.keys(RENAMED_OPS).filter((name) => !ops.has(name))).toEqual([]);
  });

  test("some operations: what they use from outside appears as placeholders", () => {
    const graph = new Graph({ name: "part" });
    const x = graph.placeholder("x", [2]);
    const y = graph.scope("inner", () => x.mul(3));
    const z = y.add(x);
    expect(nodesOf([z.op])).toEqual([
      { name: "inner/mul", op: "Placeholder", inputs: [] },
      { name: "x", op: "Placeholder", inputs: [] },
      { name: "add", op: "AddV2", inputs: ["inner/mul", "x"] },
    ]);
  });

  test("other outputs than the first; functions within functions", () => {
    const graph = new Graph({ name: "loops" });
    const x = graph.placeholder("x", [3]);
    const doubled = (start: Tensor): Tensor =>
      whileLoop(
        (value: Tensor) => less(value, 100),
        (value: Tensor) => value.mul(2),
        start,
      );
    const [, sums] = scan(
      (sum: Tensor, one: Tensor) => [sum.add(one), doubled(sum)],
      graph.constant(0, { dtype: "float32" }),
      x,
    );
    sums.neg();
    expect(nodesOf(graph).slice(-2)).toEqual([
      { name: "scan", op: "Scan", inputs: ["constant", "x"] },
      { name: "neg", op: "Neg", inputs: ["scan:1"] },
    ]);
    const text = textIn(graph);
    for (const name of ["scan_step", "StatelessWhile", "whileLoop_test", "whileLoop_body"])
      expect(text).toContain(name);
  });

  test("two operations of one name, as compiled functions may have them", () => {
    const graph = new Graph({ name: "twice" });
    const { op } = graph.placeholder("x", [2]).neg();
    const again = new PassBuilder("pass").clone(op, op.outputs);
    expect(nodesOf([op.inputs[0]!.op, op, again]).map(({ name, inputs }) => [name, inputs])).toEqual([
      ["x", []],
      ["neg", ["x"]],
      ["neg_1", ["neg"]],
    ]);
  });

  test("the lines of the program, if asked for", () => {
    const graph = new Graph({ name: "lines" });
    graph.placeholder("x");
    expect(textIn(graph, { lines: true })).toMatch(/graph-def\.test\.ts:\d+:\d+/);
    expect(textIn(graph)).not.toContain("graph-def.test.ts");
  });

  test("long constants are left out", () => {
    const graph = new Graph({ name: "constants" });
    graph.constant(new Float32Array(1024));
    expect(textIn(graph).length).toBeGreaterThan(4096);
    graph.constant(new Float32Array(100_000));
    expect(textIn(graph).length).toBeLessThan(6000);
  });
});
