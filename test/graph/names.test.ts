import { describe, expect, test } from "vitest";
import { nearNames } from "../../src/graph/builder.ts";
import { add, Graph, gradients, square } from "../../src/index.ts";
import { messageOf } from "../support/source-lines.ts";

describe("names", () => {
  const placeholder = (graph: Graph, name: string): string => graph.placeholder(name, []).op.name;

  test("are made unique as in TensorFlow", () => {
    const graph = new Graph();
    expect(["x", "x", "x_1", "x", "x_1"].map((name) => placeholder(graph, name))).toEqual([
      "x",
      "x_1",
      "x_1_1",
      "x_2",
      "x_1_2",
    ]);
  });

  test("differ by more than case", () => {
    const graph = new Graph();
    expect(["Dense", "dense", "DENSE"].map((name) => placeholder(graph, name))).toEqual([
      "Dense",
      "dense_1",
      "DENSE_2",
    ]);
  });

  test("default to the op's own", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    expect([add(x, x), add(x, x), square(x)].map(({ op }) => op.name)).toEqual(["add", "add_1", "square"]);
    expect(add(x, x, { name: "total" }).name).toBe("total:0");
  });

  test("that are no names are refused", () => {
    const graph = new Graph();
    for (const name of ["", " x", "a b", "_x", "/x", "x:0", "é"]) expect(() => placeholder(graph, name)).toThrow();
    for (const name of ["a.b-c_1", "A/b", ".x", "1st"]) expect(placeholder(graph, name)).toBe(name);
  });

  test("are found again, with or without an output number", () => {
    const graph = new Graph();
    const x = graph.placeholder("in/x", [2]);
    expect(graph.operation("in/x")).toBe(x.op);
    expect(graph.tensor("in/x")).toBe(x);
    expect(graph.tensor("in/x:0")).toBe(x);
    expect([graph.has("in/x"), graph.has("in/x:0"), graph.has("in")]).toEqual([true, true, false]);
  });

  test("near ones are listed, nearest first", () => {
    const names = ["height", "weights", "bias", "weight", "w"];
    expect(nearNames("weightz", names)).toEqual(["weights", "weight", "height"]);
    expect(nearNames("BIAS", names)).toEqual(["bias"]);
    expect(nearNames("loss", names)).toEqual([]);
  });
});

describe("scopes", () => {
  test("prefix names, nest, and get a number when used twice", () => {
    const graph = new Graph();
    const build = () => graph.scope("layer", () => [graph.constant(1), graph.scope("inner", () => graph.constant(2))]);
    const names = [...build(), ...build()].map(({ op }) => op.name);
    expect(names).toEqual(["layer/constant", "layer/inner/constant", "layer_1/constant", "layer_1/inner/constant"]);
    expect(graph.constant(1).op.name).toBe("constant");
  });

  test("do not clash with operations", () => {
    const graph = new Graph();
    graph.placeholder("layer", []);
    expect(graph.scope("layer", () => graph.constant(1).op.name)).toBe("layer_1/constant");
  });

  test("can be entered again", () => {
    const graph = new Graph();
    graph.scope("layer", () => graph.constant(1));
    expect(graph.reenterScope("layer", () => graph.constant(1).op.name)).toBe("layer/constant_1");
    const outside = graph.scope("a", () => graph.reenterScope("", () => graph.constant(1).op.name));
    expect(outside).toBe("constant");
  });

  test("an operation may be called like its scope", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const build = () =>
      graph.scope("twice", (scope) => add(x, graph.constant(2, { dtype: "float32" }), { name: scope }));
    expect([build(), build()].map(({ op }) => op.name)).toEqual(["twice", "twice_1"]);
    expect(graph.has("twice_1/constant")).toBe(true);
    // The name is taken after that.
    expect(add(x, x, { name: "twice/" }).op.name).toBe("twice_2");
  });

  test("end when building fails", () => {
    const graph = new Graph();
    expect(() =>
      graph.scope("layer", () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(graph.constant(1).op.name).toBe("constant");
  });

  test("gradients stand under the names of what they differentiate", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const y = graph.scope("model", () => square(x));
    gradients(y, [x]);
    gradients(y, [x], { name: "second" });
    const heads = new Set(graph.operations.map(({ name }) => name.split("/").slice(0, 3).join("/")));
    expect([...heads].filter((name) => name.includes("_grad"))).toEqual([
      "gradients/model/square_grad",
      "second/model/square_grad",
    ]);
  });
});

test("graph.text() shows every operation, and its line if asked", () => {
  const graph = new Graph({ name: "demo" });
  const x = graph.placeholder("x", ["batch", 2]); // [x]
  const w = graph.variable("w", [2, 3], { initial: [0, 1, 2, 3, 4, 5.5] }); // [w]
  x.matmul(w, { name: "y" }); // [y]
  graph.initializer; // [initializer]
  expect(graph.text()).toBe(
    [
      "graph demo {",
      "  %x: float32[batch, 2] = placeholder()",
      "  %w: float32[2, 3] = variable() {trainable: true}",
      "  %w/initialValue: float32[2, 3] = constant() {value: [0, 1, 2, 3, 4, 5.5]}",
      "  %w/initialize: float32[2, 3] = assign(%w, %w/initialValue)",
      "  %y: float32[batch, 3] = matmul(%x, %w) {transposeA: false, transposeB: false}",
      "  %initializer = group(^w/initialize)",
      "}",
    ].join("\n"),
  );
  const thrown = messageOf(
    () => {
      throw new Error(graph.text({ lines: true }));
    },
    import.meta.url,
  );
  expect(thrown.match(/\/\/ .*$/gm)).toEqual(
    ["x", "w", "w", "w", "y", "initializer"].map((mark) => `// names.test.ts[${mark}]`),
  );
});
