import { describe, expect, test } from "vitest";
import { recordText } from "../../src/compiler/trace.ts";
import {
  add,
  type CompileOptions,
  cond,
  div,
  type Feeds,
  type Fetches,
  Graph,
  gradients,
  greater,
  log,
  logSoftmax,
  matmul,
  maxPool2d,
  mean,
  mul,
  relu,
  Session,
  scan,
  setWarningHandler,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
} from "../../src/index.ts";
import { expectGolden } from "../support/golden.ts";

interface Case {
  readonly pass: string;
  readonly name: string;
  readonly options?: CompileOptions;
  build(graph: Graph): { readonly fetches: Fetches; readonly feeds?: Feeds };
}

const vector = [0.5, -1, 2];
const matrix = [
  [1, -2, 3],
  [4, 5, -6],
];

const cases: readonly Case[] = [
  {
    pass: "prune",
    name: "unfetched",
    build(g) {
      const x = g.placeholder("x", [3]);
      const a = add(x, 1, { name: "a" });
      const b = mul(x, 2, { name: "b" });
      add(a, b, { name: "c" });
      return { fetches: b, feeds: { x: vector } };
    },
  },
  {
    pass: "bind-sizes",
    name: "batch",
    build(g) {
      const x = g.placeholder("x", ["batch", 3]);
      return { fetches: mean(x), feeds: { x: matrix } };
    },
  },
  {
    pass: "bind-sizes",
    name: "unknown-rank",
    build(g) {
      const x = g.placeholder("x", null);
      const w = g.placeholder("w");
      return { fetches: add(mul(w, x), 0.5), feeds: { x: vector, w: 2 } };
    },
  },
  {
    pass: "prune-outputs",
    name: "scan",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      // Nobody reads what it stacks, nor the second of the values it carries.
      const [[last]] = scan(
        ([h, n]: Tensor[], row: Tensor) => [[tanh(add(h!, row)), add(n!, 1)], mul(row, 2)],
        [g.constant([0, 0, 0], { dtype: "float32" }), g.constant(0)],
        x,
      );
      return { fetches: last!, feeds: { x: matrix } };
    },
  },
  {
    pass: "memory",
    name: "control-flow",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      const step = (h: Tensor, row: Tensor): [Tensor, Tensor] => [
        cond(
          greater(sum(row), 0),
          () => add(h, row),
          () => mul(h, 2),
        ),
        h,
      ];
      const [last, all] = scan(step, g.constant([0, 0, 0], { dtype: "float32" }), x);
      return { fetches: [last, all], feeds: { x: matrix } };
    },
  },
  {
    pass: "fold-constants",
    name: "arithmetic",
    build(g) {
      const x = g.placeholder("x", [3]);
      const six = mul(g.constant(2, { dtype: "float32" }), 3);
      return { fetches: add(x, six), feeds: { x: vector } };
    },
  },
  {
    pass: "simplify",
    name: "transposes",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      return { fetches: mul(transpose(transpose(x)), 1), feeds: { x: matrix } };
    },
  },
  {
    pass: "stabilise",
    name: "log-softmax",
    options: { stabilise: true },
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      return { fetches: log(softmax(x)), feeds: { x: matrix } };
    },
  },
  {
    pass: "stabilise",
    name: "advice",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      return { fetches: log(softmax(x)), feeds: { x: matrix } };
    },
  },
  {
    pass: "merge-duplicates",
    name: "twice",
    build(g) {
      const x = g.placeholder("x", [3]);
      return { fetches: mul(add(x, 1), add(x, 1)), feeds: { x: vector } };
    },
  },
  {
    pass: "decompose",
    name: "softmax",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      return { fetches: softmax(x), feeds: { x: matrix } };
    },
  },
  {
    pass: "fold-primitives",
    name: "softmax-of-a-constant",
    build(g) {
      const x = g.placeholder("x", [3]);
      return { fetches: mul(x, softmax(g.constant([1, 2, 3], { dtype: "float32" }))), feeds: { x: vector } };
    },
  },
  {
    pass: "merge-primitives",
    name: "two-softmaxes",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      return { fetches: [softmax(x), logSoftmax(x)], feeds: { x: matrix } };
    },
  },
  {
    pass: "fuse",
    name: "epilogue",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      const w = g.placeholder("w", [3, 4]);
      const y = relu(add(matmul(x, w), 0.5));
      return { fetches: y, feeds: { x: matrix, w: Array.from({ length: 3 }, () => [1, 2, 3, 4]) } };
    },
  },
  {
    pass: "fuse",
    name: "epilogue-is-stored",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      const w = g.placeholder("w", [3, 4]);
      const y = relu(add(matmul(x, w), 0.5), { name: "y" });
      const feeds = { x: matrix, w: Array.from({ length: 3 }, () => [1, 2, 3, 4]) };
      return { fetches: [sum(y, { axis: 0 }), sum(y, { axis: 1 })], feeds };
    },
  },
  {
    pass: "fuse",
    name: "row-scratch",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      return { fetches: softmax(x), feeds: { x: matrix } };
    },
  },
  {
    pass: "fuse",
    name: "shared",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      const e = tanh(x, { name: "e" });
      return { fetches: [sum(e, { axis: 0 }), sum(e, { axis: 1 })], feeds: { x: matrix } };
    },
  },
  {
    pass: "lower",
    name: "softmax",
    build(g) {
      const x = g.placeholder("x", [4, 6]);
      return { fetches: softmax(x), feeds: { x: Array.from({ length: 4 }, () => [1, 2, 3, 4, 5, 6]) } };
    },
  },
  {
    pass: "lower",
    name: "max-pool-gradient",
    build(g) {
      const x = g.placeholder("x", [1, 4, 6, 3]);
      const y = maxPool2d(x);
      return { fetches: [y, ...gradients(sum(square(y)), [x])], feeds: { x: new Float32Array(72) } };
    },
  },
  {
    pass: "tile",
    name: "matmul",
    build(g) {
      const x = g.placeholder("x", [9, 8]);
      const w = g.placeholder("w", [8, 4]);
      const row = [1, 2, 3, 4, 5, 6, 7, 8];
      return {
        fetches: relu(matmul(x, w)),
        feeds: { x: Array.from({ length: 9 }, () => row), w: row.map(() => [1, 2, 3, 4]) },
      };
    },
  },
  {
    pass: "contract",
    name: "matmul",
    options: { target: "vector" },
    build(g) {
      const x = g.placeholder("x", [9, 8]);
      const w = g.placeholder("w", [8, 10]);
      return { fetches: relu(matmul(x, w)), feeds: { x: new Float32Array(72), w: new Float32Array(80) } };
    },
  },
  {
    pass: "vectorise",
    name: "softmax",
    options: { target: "vector" },
    build(g) {
      const x = g.placeholder("x", [4, 70]);
      return { fetches: softmax(x), feeds: { x: new Float32Array(280) } };
    },
  },
  {
    pass: "vectorise",
    name: "sum-down-columns",
    options: { target: "vector" },
    build(g) {
      const x = g.placeholder("x", [40, 70]);
      return { fetches: sum(x, { axis: 0 }), feeds: { x: new Float32Array(2800) } };
    },
  },
  {
    pass: "vectorise",
    name: "transpose",
    options: { target: "vector" },
    build(g) {
      const x = g.placeholder("x", [20, 19]);
      return { fetches: transpose(x), feeds: { x: new Float32Array(380) } };
    },
  },
  {
    pass: "expand-reductions",
    name: "softmax",
    build(g) {
      const x = g.placeholder("x", [4, 6]);
      return { fetches: softmax(x), feeds: { x: Array.from({ length: 4 }, () => [1, 2, 3, 4, 5, 6]) } };
    },
  },
  {
    pass: "order",
    name: "sums-follow-products",
    build(g) {
      const x = g.placeholder("x", [2, 3]);
      // Each product is read by one reduction, which frees it.
      const [a, b] = [matmul(transpose(x), x), matmul(transpose(x), mul(x, 2))];
      return { fetches: [sum(a, { axis: 0 }), sum(b, { axis: 0 })], feeds: { x: matrix } };
    },
  },
  {
    pass: "memory",
    name: "reuse",
    build(g) {
      const x = g.placeholder("x", [3, 3]);
      let y = matmul(x, x);
      for (let i = 0; i < 3; i++) y = div(matmul(y, x), 2);
      return { fetches: sub(y, 1), feeds: { x: [...matrix, vector] } };
    },
  },
  {
    pass: "parallelise",
    name: "matmul-and-mean",
    options: { target: "vector", threads: 2, parallelFrom: 100 },
    build: matmulAndMean,
  },
  {
    pass: "place-barriers",
    name: "matmul-and-mean",
    options: { target: "vector", threads: 2, parallelFrom: 100 },
    build: matmulAndMean,
  },
];

function matmulAndMean(g: Graph) {
  const [x, w] = [g.placeholder("x", [32, 8]), g.placeholder("w", [8, 16])];
  const y = relu(matmul(x, w));
  return { fetches: [y, mean(y), tanh(x)], feeds: { x: new Float32Array(256), w: new Float32Array(128) } };
}

describe("each pass, before and after", () => {
  test.each(cases)("$pass: $name", ({ pass, name, options, build }) => {
    const graph = new Graph({ name: "g" });
    const { fetches, feeds } = build(graph);
    const before = setWarningHandler(() => {});
    const compile: CompileOptions = { verify: true, target: "scalar", ...options };
    const plan = new Session(graph, { compile }).plan(fetches, feeds);
    setWarningHandler(before);
    const record = plan.trace.find((candidate) => candidate.name === pass)!;
    expectGolden(`${pass}/${name}`, recordText(record));
  });
});

describe("switching passes off", () => {
  const build = () => {
    const g = new Graph({ name: "g" });
    const x = g.placeholder("x", [2, 3]);
    return { g, y: softmax(mul(transpose(transpose(x)), 1)), feeds: { x: matrix } };
  };

  test("a pass that is off is marked in the trace and does nothing", () => {
    const { g, y, feeds } = build();
    const { trace } = new Session(g, { compile: { disable: ["simplify"] } }).plan(y, feeds);
    const record = trace.find((candidate) => candidate.name === "simplify")!;
    expect(record.skipped).toBe(true);
    expect(record.after()).toBe(record.before());
  });

  test("without fusion every operation is a kernel", () => {
    const { g, y, feeds } = build();
    const fused = new Session(g).plan(y, feeds);
    const apart = new Session(g, { compile: { disable: ["fuse"] } }).plan(y, feeds);
    expect(fused.steps.length).toBe(1);
    expect(apart.steps.length).toBe(apart.fn.ops.filter((op) => op.def.effect === undefined).length);
  });

  test("a pass nothing works without can not be switched off", () => {
    const { g, y, feeds } = build();
    const plan = () => new Session(g, { compile: { disable: ["lower"] } }).plan(y, feeds);
    expect(plan).toThrow(/^pass "lower" can not be switched off\nat test\/compiler\/passes\.test\.ts:\d+:\d+\n/);
    expect(plan).toThrow(
      "fix: passes that can be switched off: prune-outputs, fold-constants, simplify, stabilise, merge-duplicates, fold-primitives, merge-primitives, fuse, contract, vectorise, tile, parallelise, order, memory, place-barriers",
    );
  });
});

describe("trace", () => {
  test("every producer-consumer edge between operations has a recorded reason", () => {
    const g = new Graph({ name: "g" });
    const x = g.placeholder("x", ["batch", 3]);
    const w = g.variable("w", [3, 3], { initial: 0.5 });
    const y = softmax(relu(matmul(x, w)));
    const loss = mean(mul(y, log(y)));
    const plan = new Session(g).plan([loss, y], { x: matrix });
    const { events } = plan.trace.find((record) => record.name === "fuse")!;
    const computed = new Set(plan.fn.ops.filter((op) => op.def.effect === undefined));
    for (const consumer of computed) {
      for (const { op: producer } of consumer.inputs) {
        if (!computed.has(producer)) continue;
        const reasons = events.filter(
          (event) => "producer" in event && event.producer === producer && event.consumer === consumer,
        );
        expect(reasons.length, `${producer.name} → ${consumer.name}`).toBeGreaterThan(0);
        for (const reason of reasons) expect("why" in reason && reason.why.length).toBeGreaterThan(10);
      }
    }
  });

  test("times are recorded and texts are made only when asked for", () => {
    const g = new Graph();
    const x = g.placeholder("x", [3]);
    const { trace } = new Session(g).plan(add(x, 1), { x: vector });
    expect(trace.map((record) => record.name)).toEqual([
      "prune",
      "bind-sizes",
      "prune-outputs",
      "fold-constants",
      "simplify",
      "stabilise",
      "merge-duplicates",
      "decompose",
      "fold-primitives",
      "merge-primitives",
      "fuse",
      "lower",
      "contract",
      "vectorise",
      "tile",
      "expand-reductions",
      "parallelise",
      "order",
      "memory",
      "place-barriers",
    ]);
    for (const record of trace) expect(record.milliseconds).toBeGreaterThanOrEqual(0);
  });
});
