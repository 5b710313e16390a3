/** Pictures of loops and branches: a frame around what they run, and what is carried on goes back. */
import { describe, expect, test } from "vitest";
import {
  add,
  cond,
  Graph,
  gradients,
  greater,
  less,
  matmul,
  mul,
  neg,
  relu,
  reshape,
  Session,
  scan,
  sum,
  switchCase,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { type Picture, pictureOf, type Subject, toMermaid } from "../../src/inspect/index.ts";
import { GradientDescent } from "../../src/train/index.ts";
import { expectImage } from "./images.ts";

/** A recurrent network along 20 rows. */
function recurrent() {
  const graph = new Graph({ name: "recurrent" });
  const xs = graph.placeholder("xs", [20, 4]);
  const [w, u] = [graph.variable("w", [4, 8]), graph.variable("u", [8, 8])];
  const h0 = graph.variable("h0", [1, 8]);
  const [last, all] = scan(
    (h: Tensor, x: Tensor) => {
      const next = tanh(add(matmul(reshape(x, [1, 4]), w), matmul(h, u)), { name: "next" });
      return [next, next];
    },
    h0,
    xs,
  );
  const loss = add(sum(last), sum(all), { name: "loss" });
  return { graph, w, loss, feeds: { xs: new Float32Array(80) } };
}

/** A branch in a loop. */
function nested() {
  const graph = new Graph({ name: "nested" });
  const x = graph.placeholder("x", ["n", 2]);
  const w = graph.variable("w", [2], { initial: [0.5, -0.5] });
  const [last, ys] = scan(
    (h: Tensor, row: Tensor) => {
      const next = cond(
        greater(sum(row), 0),
        () => tanh(add(mul(h, w), row)),
        () => mul(h, row),
      );
      return [next, mul(next, w)];
    },
    w,
    x,
  );
  return { graph, w, loss: add(sum(last), sum(ys)), feeds: { x: [1, 2, 3, 4, 5, 6] } };
}

/** Smallest whole number whose square is at least a, then one of three functions of it. */
function root() {
  const graph = new Graph({ name: "root" });
  const a = graph.placeholder("a", []);
  const kind = graph.placeholder("kind", [], { dtype: "int32" });
  const found = whileLoop(
    (x: Tensor) => less(mul(x, x), a),
    (x: Tensor) => add(x, 1),
    graph.constant(0, { dtype: "float32" }) as Tensor,
  );
  const y = switchCase(kind, [() => relu(found), () => tanh(found), () => neg(found)]);
  return { graph, y, feeds: { a: 10, kind: 1 } };
}

const parts = (subject: Subject) => {
  const picture = pictureOf(subject);
  const titleOf = (id: string): string => picture.nodes.find((node) => node.id === id)!.title;
  const frameOf = (id: string | null): string => picture.frames.find((frame) => frame.id === id)?.title ?? "";
  const edges = picture.edges.map(({ from, to, kind, label }) => ({
    from: titleOf(from),
    to: titleOf(to),
    kind,
    label,
  }));
  return { picture, frameOf, edges };
};
/** `outer > inner`, outer frames first. */
const frameTree = ({ frames }: Picture): string[] =>
  frames.map((frame) => {
    const parent = frames.find(({ id }) => id === frame.parent);
    return parent ? `${parent.title} > ${frame.title}` : frame.title;
  });
const carried = (edges: ReturnType<typeof parts>["edges"]): string[] =>
  edges.filter(({ kind }) => kind === "carry").map(({ from, to }) => `${from} → ${to}`);

describe("graphs", () => {
  test("a scan is a frame with its body; the new carry goes back to the old one", () => {
    const { picture, frameOf, edges } = parts(recurrent().graph);
    expect(frameTree(picture)).toEqual(["for each of 20 rows"]);
    const inside = picture.nodes.filter(({ frame }) => frameOf(frame) !== "").map(({ title }) => title);
    expect(inside.sort()).toEqual(["add", "carry", "matmul", "matmul", "reshape", "scan", "tanh", "x"]);
    expect(carried(edges)).toEqual(["tanh → carry"]);
    const data = edges.filter(({ kind }) => kind === "data").map(({ from, to, label }) => `${from} → ${to} ${label}`);
    for (const edge of ["h0 → carry [1, 8]", "xs → x [20, 4]", "u → matmul [8, 8]", "tanh → scan the last, stacked"]) {
      expect(data).toContain(edge);
    }
  });

  test("a branch in a loop: frames in frames, and no values that only gradients need", () => {
    const { picture, edges } = parts(nested().graph);
    expect(frameTree(picture)).toEqual(["for each of n rows", "for each of n rows > if", "if > then", "if > else"]);
    expect(edges.filter(({ to }) => to === "cond").map(({ from, label }) => `${from} ${label}`.trim())).toEqual([
      "greater(·, 0) if",
      "tanh",
      "mul",
    ]);
    expect(carried(edges)).toEqual(["cond → carry"]);
  });

  test("while and case; a number to begin with is drawn", () => {
    const { picture, edges } = parts(root().graph);
    expect(frameTree(picture)).toEqual(["while", "case", "case > case 0", "case > case 1", "case > case 2"]);
    expect(edges.map(({ from, to, label }) => `${from} → ${to} ${label}`)).toEqual(
      expect.arrayContaining(["0 → carry []", "less → whileLoop go on?", "carry → whileLoop the last"]),
    );
    expect(carried(edges)).toEqual(["add(·, 1) → carry"]);
  });

  test("the gradient of a loop runs from the last row, and is backward inside too", () => {
    const { graph, w, loss } = recurrent();
    gradients(loss, [w]);
    const { picture, frameOf } = parts(graph);
    expect(frameTree(picture)).toContain("for each of 20 rows, from the last");
    const roles = picture.nodes.filter(({ frame }) => frameOf(frame).endsWith("last")).map(({ role }) => role);
    expect(new Set(roles)).toEqual(new Set(["backward"]));
  });

  test("a name of one's own stands in front, and the loop folds under its name", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [5]);
    scan((h: Tensor, row: Tensor) => [add(h, row), null], graph.constant(0, { dtype: "float32" }), x, {
      name: "total",
    });
    expect(frameTree(pictureOf(graph))).toEqual(["total: for each of 5 rows"]);
    const { frames, nodes } = pictureOf(graph, { collapse: ["total"] });
    expect(frames).toEqual([]);
    expect(nodes.map(({ kind }) => kind)).toContain("box");
  });
});

describe("plans", () => {
  const planOf = (graph: Graph, fetches: readonly unknown[], feeds: unknown) =>
    new Session(graph).plan(fetches as never, feeds as never);

  test("the kernels of a loop stand in its frame", () => {
    const { graph, loss, feeds } = recurrent();
    const { picture, edges } = parts(planOf(graph, [loss], feeds));
    expect(frameTree(picture)).toEqual([
      "for each of 20 rows",
      "for each of 20 rows > 1  matmul_matmul_add_tanh",
      "for each of 20 rows > 2  identity",
      "3  sum_sum_add",
    ]);
    expect(carried(edges)).toEqual(["tanh → carry"]);
    expect(edges).toContainEqual({ from: "identity", to: "scan", kind: "data", label: "stacked" });
  });

  test("branches and loops that end at a test", () => {
    const { graph, y, feeds } = root();
    const { picture, edges } = parts(planOf(graph, [y], feeds));
    expect(frameTree(picture)).toEqual([
      "while",
      "while > 1  mul_less",
      "while > 2  add",
      "case",
      ...["relu", "tanh", "neg"].flatMap((op, i) => [`case > case ${i}`, `case ${i} > ${i + 3}  ${op}`]),
    ]);
    expect(carried(edges)).toEqual(["add(·, 1) → carry"]);
  });

  test.each([
    ["recurrent", recurrent],
    ["nested", nested],
  ])("a step of training: %s", (_name, build) => {
    const { graph, loss, feeds } = build();
    const step = new GradientDescent(0.1).minimize(loss);
    const session = new Session(graph);
    const shaped =
      "x" in feeds
        ? {
            x: [
              [1, 2],
              [3, 4],
              [5, 6],
            ],
          }
        : feeds;
    const plan = session.plan([loss, step] as never, shaped as never);
    for (const subject of [graph, plan.fn, plan]) {
      for (const maxNodes of [8, 20, 200]) {
        const { nodes, edges, frames } = pictureOf(subject, { maxNodes });
        const [ids, frameIds] = [new Set(nodes.map(({ id }) => id)), new Set(frames.map(({ id }) => id))];
        expect(ids.size).toBe(nodes.length);
        expect(frameIds.size).toBe(frames.length);
        expect(edges.filter(({ from, to }) => !ids.has(from) || !ids.has(to))).toEqual([]);
        expect(nodes.filter(({ frame }) => frame !== null && !frameIds.has(frame))).toEqual([]);
        expect(frames.filter(({ parent }) => parent !== null && !frameIds.has(parent))).toEqual([]);
      }
    }
    // Of a plan nothing hangs in the air: whatever a kernel stores goes somewhere.
    const { nodes, edges } = pictureOf(plan, { maxNodes: 1000 });
    const leaves = new Set(edges.filter(({ kind }) => kind !== "write").map(({ from }) => from));
    const ends = nodes.filter(
      ({ id, writes, lines }) => !leaves.has(id) && writes.length === 0 && !lines.includes("fetched"),
    );
    expect(ends.map(({ title, lines }) => `${title} ${lines.join(" ")}`)).toEqual([]);
  });
});

test("the images of the documentation", async () => {
  const { graph, loss, feeds } = recurrent();
  await expectImage("scan-graph.svg", graph);
  await expectImage("scan-plan.svg", new Session(graph).plan([loss] as never, feeds as never));
});

test("Mermaid: subgraphs in subgraphs, a dotted arrow back", () => {
  const text = toMermaid(nested().graph);
  expect(text).toMatch(/subgraph c0\["for each of n rows"\][\s\S]*subgraph c1\["if"\][\s\S]*subgraph c2\["then"\]/);
  expect(text).toMatch(/n\d+ -\.-> n\d+/);
});
