/** What is in a picture: roles, what is left out, how it is folded. */
import { describe, expect, test } from "vitest";
import {
  add,
  assign,
  Graph,
  gradients,
  matmul,
  mean,
  mul,
  relu,
  Session,
  sin,
  square,
  sub,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { LayoutTimeout, type PictureNode, pictureOf, toDot, toMermaid, toSvg } from "../../src/inspect/index.ts";
import { Adam, glorotUniform } from "../../src/train/index.ts";
import { expectGolden } from "../support/golden.ts";

/** y = relu(x w), and one hand-made step of gradient descent on its mean square. */
function step() {
  const graph = new Graph({ name: "step" });
  const x = graph.placeholder("x", ["batch", 3]);
  const w = graph.variable("w", [3, 2], { initial: glorotUniform });
  const loss = graph.scope("loss", () => mean(square(relu(matmul(x, w)))));
  const [gradient] = gradients(loss, [w]);
  const update = graph.scope("descent", () => assign(w, sub(w, mul(gradient!, 0.1)), { name: "update" }));
  return { graph, x, w, loss, update };
}

/** `role: titles`, for reading what a picture shows. */
const byRole = (nodes: readonly PictureNode[], role: string): string[] =>
  nodes.filter((node) => node.role === role).map((node) => node.title);

/** A chain of operations without scopes, with its gradients. */
function chain(length: number): Graph {
  const graph = new Graph({ name: "chain" });
  const x = graph.placeholder("x", [4]);
  let y: Tensor = x;
  for (let i = 0; i < length; i++) y = sin(y);
  gradients(sum(y), [x]);
  return graph;
}

describe("roles", () => {
  test("model, derivative and update are told apart; initial values are left out", () => {
    const { nodes } = pictureOf(step().graph);
    expect(byRole(nodes, "forward")).toEqual(["x", "w", "matmul", "relu", "square", "mean"]);
    expect(byRole(nodes, "backward")).toContain("matmul(·ᵀ, ·)");
    expect(byRole(nodes, "update")).toEqual(["mul(·, 0.1)", "sub", "assign"]);
    expect(byRole(nodes, "initializer")).toEqual([]);
  });

  test("initial values can be asked for", () => {
    const { graph } = step();
    expect(byRole(pictureOf(graph, { initializers: true }).nodes, "initializer")).toContain("randomUniform");
    const only = pictureOf(graph, { fetches: [graph.initializer] });
    expect(byRole(only.nodes, "initializer").length).toBeGreaterThan(0);
  });

  test("an optimizer's own variables belong to the update", () => {
    const { graph, loss } = step();
    new Adam().minimize(loss);
    const variables = pictureOf(graph).nodes.filter((node) => node.kind === "variable");
    expect(variables.map((node) => `${node.variable} ${node.role}`)).toEqual([
      "w forward",
      "adam/step update",
      "adam/w/m update",
      "adam/w/v update",
    ]);
  });

  test("gradients of gradients are backward too", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const [first] = gradients(mul(x, mul(x, x)), [x]);
    const count = graph.operations.length;
    gradients(first!, [x]);
    const { nodes } = pictureOf(graph);
    const made = new Set(graph.operations.slice(count).map((op) => op.def.name));
    expect(made.size).toBeGreaterThan(0);
    expect(byRole(nodes, "forward")).toEqual(["x", "mul", "mul"]);
  });
});

test("gradients get frames of their own, beside those of the model", () => {
  const { graph, loss } = step();
  new Adam().minimize(loss);
  const titles = pictureOf(graph).frames.map((frame) => frame.title);
  expect(titles).toContain("gradients of loss");
});

test("fetches limit the picture to what they need", () => {
  const { graph, loss } = step();
  const roles = new Set(pictureOf(graph, { fetches: [loss] }).nodes.map((node) => node.role));
  expect([...roles]).toEqual(["forward"]);
});

test("numbers stand in the title of their user; other constants can be hidden", () => {
  const graph = new Graph();
  add(mul(graph.placeholder("x", [2]), 3), graph.constant([1, 2], { dtype: "float32" }));
  expect(pictureOf(graph).nodes.map((node) => node.title)).toEqual(["x", "mul(·, 3)", "1, 2", "add"]);
  expect(pictureOf(graph, { hideConstants: true }).nodes.map((node) => node.title)).toEqual(["x", "mul(·, 3)", "add"]);
});

describe("folding", () => {
  test("a chain without scopes is cut into runs, never beyond the limit", () => {
    for (const limit of [8, 20, 60, 120]) {
      const { nodes, edges } = pictureOf(chain(200), { maxNodes: limit });
      expect(nodes.length).toBeLessThanOrEqual(limit);
      expect(nodes.length).toBeGreaterThan(limit / 8);
      expect(nodes.reduce((sum, node) => sum + node.operations, 0)).toBeGreaterThan(400);
      const ids = new Set(nodes.map((node) => node.id));
      expect(edges.every(({ from, to }) => ids.has(from) && ids.has(to))).toBe(true);
    }
  });

  test("scopes built alike are folded together and say so", () => {
    const graph = new Graph({ name: "deep" });
    let x: Tensor = graph.placeholder("x", [4]);
    for (let i = 0; i < 40; i++) x = graph.scope(`layer_${i}`, () => relu(square(sin(x))));
    const { nodes } = pictureOf(graph, { maxNodes: 60 });
    expect(nodes.filter((node) => node.kind === "box").map((node) => node.title)).toHaveLength(40);
    expect(nodes[1]!.lines).toEqual(["3 operations", "one of 40 alike"]);
  });

  test("named scopes are folded whatever their size, with all inside", () => {
    const { graph, loss } = step();
    new Adam().minimize(loss);
    const { nodes, frames } = pictureOf(graph, { collapse: ["adam"] });
    expect(frames.map((frame) => frame.title)).not.toContain("adam");
    const box = nodes.find((node) => node.title === "adam")!;
    expect([box.kind, box.role]).toEqual(["box", "update"]);
    expect([...box.writes].sort()).toEqual(["adam/step", "adam/w/m", "adam/w/v", "w"]);
  });
});

describe("plans", () => {
  test("operations stand in the frame of their kernel; stored values and new values are marked", () => {
    const { graph, loss, update } = step();
    const session = new Session(graph);
    const plan = session.plan([loss, update], { x: [[1, 2, 3]] });
    const picture = pictureOf(plan);
    expect(picture.frames).toHaveLength(plan.steps.length);
    expect(picture.frames.every((frame) => frame.kind === "kernel")).toBe(true);
    expect(picture.nodes.filter((node) => node.strong).length).toBeGreaterThanOrEqual(plan.steps.length);
    expect(picture.nodes.filter((node) => node.writes.includes("w"))).toHaveLength(1);
    expect(picture.edges.some((edge) => edge.tooltip.includes("is stored: "))).toBe(true);
    const all = plan.steps.reduce((sum, { fuses }) => sum + fuses.length, 0);
    expect(picture.nodes.reduce((sum, node) => sum + node.operations, 0)).toBeLessThanOrEqual(all);
  });

  test("a function before compilation can be drawn as well", () => {
    const { graph, loss, update } = step();
    const { fn } = new Session(graph).plan([loss, update], { x: [[1, 2, 3]] });
    const { nodes } = pictureOf(fn);
    expect(nodes.find((node) => node.title === "x")!.kind).toBe("placeholder");
    expect(nodes.filter((node) => node.writes.includes("w"))).toHaveLength(1);
  });
});

describe("layout", () => {
  test("a picture that takes too long is tried again smaller, then the error says what to do", async () => {
    const sizes: number[] = [];
    const stuck = async (dot: string): Promise<string> => {
      sizes.push(dot.split("shape=").length - 1);
      throw new LayoutTimeout({ what: "stopped" });
    };
    const drawing = toSvg(chain(200), { layout: stuck, timeout: 1000 });
    await expect(drawing).rejects.toThrow(/could not be laid out in 1 s[\s\S]*nodes[\s\S]*fix: lower maxNodes/);
    expect(sizes).toHaveLength(2);
    expect(sizes[1]!).toBeLessThan(sizes[0]! / 2);
  });

  test("errors of the engine are not taken for slowness", async () => {
    const broken = async (): Promise<string> => {
      throw new Error("no engine");
    };
    await expect(toSvg(chain(2), { layout: broken })).rejects.toThrow("no engine");
  });
});

test("one training step as DOT and as Mermaid", () => {
  expectGolden("inspect/step.dot", toDot(step().graph));
  expectGolden("inspect/step.mermaid", toMermaid(step().graph));
});
