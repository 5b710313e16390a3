import { describe, expect, test } from "vitest";
import { buildClassifier } from "../../samples/mnist/model.ts";
import { graphviz } from "../../samples/support/graphviz.ts";
import { affine, Graph, gradients, mul, relu, Session, sin, sum, type Tensor } from "../../src/index.ts";
import { pictureOf, toDot, toMermaid, toSvg } from "../../src/inspect/index.ts";
import { GradientDescent } from "../../src/train/index.ts";
import { expectGolden } from "../support/golden.ts";

/** One artificial neuron: an affine function and an activation, each in a scope of its own. */
function neuron(): { readonly graph: Graph; readonly y: Tensor } {
  const graph = new Graph({ name: "neuron" });
  const x = graph.placeholder("x", ["batch", 3]);
  const y = graph.scope("neuron", () => {
    const h = graph.scope("affine", () => affine(x, graph.variable("w", [3, 1]), graph.variable("b", [1])));
    return graph.scope("relu", () => relu(h));
  });
  return { graph, y };
}

describe("graphs", () => {
  test("row 3: a neuron is one frame with two children, affine and relu", () => {
    const { graph } = neuron();
    const { frames } = pictureOf(graph);
    const outer = frames.find((frame) => frame.path === "neuron")!;
    const children = frames.filter((frame) => frame.parent === outer.id).map((frame) => frame.title);
    expect(children.sort()).toEqual(["affine", "relu"]);
    expectGolden("inspect/neuron.dot", toDot(graph));
    expectGolden("inspect/neuron.mermaid", toMermaid(graph));
  });

  test("row 48: minimize adds update nodes, and gradients have a colour of their own", () => {
    const graph = new Graph({ name: "g" });
    const w = graph.variable("w", [], { initial: 1 });
    const loss = mul(w, w);
    const before = pictureOf(graph).nodes.filter(({ role }) => role === "update").length;
    new GradientDescent(0.1).minimize(loss);
    const { nodes } = pictureOf(graph);
    expect(before).toBe(0);
    expect(nodes.some(({ role, kind }) => role === "update" && kind === "assign")).toBe(true);
    expect(nodes.some(({ role }) => role === "backward")).toBe(true);
    expect(nodes.some(({ role }) => role === "forward")).toBe(true);
  });

  test("the text is the same every time", () => {
    expect(toDot(buildClassifier().graph)).toBe(toDot(buildClassifier().graph));
  });

  test("shapes stand on the edges", () => {
    const { graph } = neuron();
    expect(pictureOf(graph).edges.map((edge) => edge.label)).toContain("[batch, 1]");
  });

  test("large graphs collapse to a bounded picture", () => {
    const graph = new Graph({ name: "deep" });
    let x: Tensor = graph.placeholder("x", [4]);
    for (let i = 0; i < 300; i++) x = graph.scope(`layer_${i}`, () => relu(sin(x)));
    expect(pictureOf(graph, { maxNodes: 60 }).nodes.length).toBeLessThanOrEqual(60);
  });
});

describe("plans", () => {
  test("kernels are frames or boxes with the operations they fuse", () => {
    const { graph, y } = neuron();
    const session = new Session(graph);
    const plan = session.plan(y, { x: [[1, 2, 3]] });
    expectGolden("inspect/neuron-plan.dot", toDot(plan));
  });
});

describe("hostile names", () => {
  const evil = '"]; x [URL="javascript:alert(1)"] <script>alert(1)</script> \\" \n {|}';

  test("neither DOT nor Mermaid can be broken out of", async () => {
    const graph = new Graph({ name: evil });
    relu(graph.placeholder("x", [2]));
    const dot = toDot(graph);
    // What stands in quotes is text; outside of them there is no attribute that could lead anywhere.
    expect(dot.replace(/"(?:[^"\\]|\\.)*"/gs, "")).not.toMatch(/URL|href|target|script|alert/i);
    expect(toMermaid(graph).replace(/"[^"]*"/g, "")).not.toMatch(/script|alert|click /i);
    expect(toMermaid(graph)).not.toContain("<script");
    const svg = await toSvg(graph, { layout: graphviz });
    expect(svg).not.toMatch(/<script|href=|xlink/i);
  });
});

describe("SVG", () => {
  test("a chain of 200 with its mirrored gradient chain is laid out in time", async () => {
    const graph = new Graph({ name: "chain" });
    const x = graph.placeholder("x", [4]);
    let y: Tensor = x;
    for (let i = 0; i < 200; i++) y = sin(y);
    gradients(sum(y), [x]);
    const svg = await toSvg(graph, { layout: graphviz, timeout: 20_000 });
    expect(svg.startsWith("<svg")).toBe(true);
  });

  test("the MNIST graph and its plan", async () => {
    const model = buildClassifier();
    const svg = await toSvg(model.graph, { layout: graphviz, fetches: [model.loss, model.trainStep] });
    for (const scope of ["dense_1", "dense_2", "dense_3", "adam", "loss"]) expect(svg).toContain(`>${scope}<`);
  });
});
