import { describe, expect, test } from "vitest";
import {
  add,
  assign,
  cast,
  cond,
  Graph,
  graphHash,
  greater,
  less,
  map,
  mul,
  neg,
  parseGraph,
  Session,
  scan,
  serializeGraph,
  sub,
  sum,
  switchCase,
  type Tensor,
  whileLoop,
} from "../../src/index.ts";
import { everywhere, noise, shaped, values } from "./support.ts";

const F64 = { dtype: "float64" } as const;

describe("cond", () => {
  test("runs the branch that the value picks", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3], F64);
    const y = cond(
      greater(sum(x), 0),
      () => mul(x, 2),
      () => neg(x),
    );
    expect(everywhere(graph, [y], [[x, [1, 2, 3]]])).toEqual([[2, 4, 6]]);
    expect(everywhere(graph, [y], [[x, [1, 2, -30]]])).toEqual([[-1, -2, 30]]);
  });

  test("gives structures, captures and constants as they are", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [2], F64);
    const p = graph.placeholder("p", [], { dtype: "bool" });
    const one = graph.constant([1, 1], F64);
    const { a, b } = cond(
      p,
      () => ({ a: x, b: [one, x] }),
      () => ({ a: one, b: [x, x] }),
    );
    const feeds = (yes: boolean) =>
      [
        [x, [3, 4]],
        [p, yes],
      ] as const;
    expect(everywhere(graph, [a, ...b], feeds(true))).toEqual([
      [3, 4],
      [1, 1],
      [3, 4],
    ]);
    expect(everywhere(graph, [a, ...b], feeds(false))).toEqual([
      [1, 1],
      [3, 4],
      [3, 4],
    ]);
  });

  test("switchCase takes the nearest branch", () => {
    const graph = new Graph();
    const i = graph.placeholder("i", [], { dtype: "int32" });
    const x = graph.placeholder("x", [], F64);
    const y = switchCase(i, [() => add(x, 1), () => mul(x, 2), () => neg(x)]);
    for (const [index, wanted] of [
      [-5, 8],
      [0, 8],
      [1, 14],
      [2, -7],
      [9, -7],
    ] as const)
      expect(
        everywhere(
          graph,
          [y],
          [
            [i, index],
            [x, 7],
          ],
        ),
      ).toEqual([[wanted]]);
  });
});

describe("scan", () => {
  test("carries and stacks, forwards and backwards", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["steps", 2], F64);
    const start = graph.constant([0, 10], F64);
    const run = (reverse: boolean) => scan((c: Tensor, v: Tensor) => [add(c, v), mul(c, v)], start, x, { reverse });
    const [last, all] = run(false);
    const [lastBack, allBack] = run(true);
    const rows = [
      [1, 2],
      [3, 4],
      [5, 6],
    ];
    const plain = (list: readonly number[][]) => {
      let carry = [0, 10];
      const ys = list.map((row) => {
        const y = row.map((v, k) => v * carry[k]!);
        carry = row.map((v, k) => v + carry[k]!);
        return y;
      });
      return [carry, ys] as const;
    };
    const [c, ys] = plain(rows);
    const [cBack, ysBack] = plain([...rows].reverse());
    expect(everywhere(graph, [last, all, lastBack, allBack], [[x, rows]])).toEqual([
      c,
      ys.flat(),
      cBack,
      [...ysBack].reverse().flat(),
    ]);
    // The same graph with another number of steps, and with none.
    expect(values(graph, [last, all], [[x, rows.slice(0, 1)]])).toEqual([plain(rows.slice(0, 1))[0], [0, 20]]);
  });

  test("carries that change places", () => {
    const graph = new Graph();
    const [{ a, b }, all] = scan(
      ({ a, b }: { a: Tensor; b: Tensor }) => [{ a: b, b: add(a, b) }, a],
      { a: graph.constant(0), b: graph.constant(1) },
      null,
      { length: 10 },
    );
    expect(everywhere(graph, [a, b, all])).toEqual([[55], [89], [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]]);
    const [swapped] = scan(([p, q, r]: Tensor[]) => [[q!, r!, p!], null], [a, b, graph.constant(7)], null, {
      length: 4,
    });
    expect(everywhere(graph, swapped)).toEqual([[89], [7], [55]]);
  });

  test("sequences and results of several shapes and dtypes", () => {
    const graph = new Graph();
    const a = graph.placeholder("a", [4, 2, 3]);
    const b = graph.placeholder("b", [4], { dtype: "int32" });
    const [count, ys] = scan(
      (n: Tensor, x: { a: Tensor; b: Tensor }) => [
        add(n, x.b),
        { scaled: mul(x.a, cast(x.b, "float32")), big: greater(x.b, 2), n },
      ],
      graph.constant(0),
      { a, b },
    );
    const data = noise(24).map(Math.fround);
    const [n, scaled, big, counts] = everywhere(
      graph,
      [count, ys.scaled, ys.big, ys.n],
      [
        [a, shaped(data, [4, 2, 3])],
        [b, [1, 2, 3, 4]],
      ],
    );
    expect([n, big, counts]).toEqual([[10], [0, 0, 1, 1], [0, 1, 3, 6]]);
    expect(scaled).toEqual(data.map((x, i) => Math.fround(x * (Math.floor(i / 6) + 1))));
  });

  test("loops in branches in loops", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [5, 4], F64);
    const w = graph.placeholder("w", [], F64);
    const [total, inner] = scan(
      (c: Tensor, row: Tensor) => {
        const made = cond(
          greater(sum(row), 0),
          () => {
            const [s, parts] = scan((d: Tensor, v: Tensor) => [add(mul(d, w), v), mul(d, c)], c, row);
            return [s, parts] as const;
          },
          () => [neg(c), mul(row, 0)] as const,
        );
        return [made[0], made[1]];
      },
      w,
      x,
    );
    const data = noise(20, 5);
    const scale = 0.5;
    let c = scale;
    const wanted: number[] = [];
    for (let t = 0; t < 5; t++) {
      const row = data.slice(4 * t, 4 * t + 4);
      if (row.reduce((p, q) => p + q) > 0) {
        let d = c;
        for (const v of row) {
          wanted.push(d * c);
          d = d * scale + v;
        }
        c = d;
      } else {
        c = -c;
        wanted.push(...row.map((v) => v * 0));
      }
    }
    expect(
      everywhere(
        graph,
        [total, inner],
        [
          [x, shaped(data, [5, 4])],
          [w, scale],
        ],
      ),
    ).toEqual([[c], wanted]);
  });

  test("no steps: the carry as it was", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["n"], F64);
    const [last, all] = scan((c: Tensor, v: Tensor) => [add(c, v), c], graph.constant(3, F64), x);
    expect(everywhere(graph, [last, all], [[x, []]])).toEqual([[3], []]);
  });

  test("map", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["n", 2], F64);
    const y = map((row: Tensor) => ({ s: sum(row), d: sub(row, 1) }), x);
    expect(
      everywhere(
        graph,
        [y.s, y.d],
        [
          [
            x,
            [
              [1, 2],
              [3, 4],
            ],
          ],
        ],
      ),
    ).toEqual([
      [3, 7],
      [0, 1, 2, 3],
    ]);
  });

  test("variables are read, and updated outside", () => {
    const graph = new Graph();
    const v = graph.variable("v", [2], { initial: [1, 2], ...F64 });
    const [last] = scan((c: Tensor) => [mul(c, v), null], v, null, { length: 3 });
    expect(everywhere(graph, [last])).toEqual([[1, 16]]);
    const session = new Session(graph, { compile: { verify: true } });
    session.run(graph.initializer);
    // Each run multiplies the variable by itself three times more.
    const update = assign(v, last as typeof v);
    expect([...session.run(update).data]).toEqual([1, 16]);
    expect([...session.run(update).data]).toEqual([1, 65536]);
  });
});

describe("whileLoop", () => {
  test.each([undefined, 20])("runs as long as the test holds (maxSteps %s)", (maxSteps) => {
    const graph = new Graph();
    const x = graph.placeholder("x", [], F64);
    const { v, n } = whileLoop(
      (c) => less(c.v, 100),
      (c) => ({ v: mul(c.v, 2), n: add(c.n, 1) }),
      { v: x, n: graph.constant(0) },
      maxSteps === undefined ? {} : { maxSteps },
    );
    for (const [from, to, steps] of [
      [3, 192, 6],
      [100, 100, 0],
    ] as const)
      expect(everywhere(graph, [v, n], [[x, from]])).toEqual([[to], [steps]]);
  });
  test("ends after maxSteps", () => {
    const graph = new Graph();
    const v = whileLoop(
      (c) => less(c, 100),
      (c) => mul(c, 2),
      graph.constant(1, F64),
      { maxSteps: 3 },
    );
    expect(everywhere(graph, [v])).toEqual([[8]]);
  });
});

test("files, hashes and texts", () => {
  const build = (factor: number) => {
    const graph = new Graph({ name: "g" });
    const x = graph.placeholder("x", ["n", 2], F64);
    const [last, ys] = scan(
      (c: Tensor, row: Tensor) => [
        cond(
          greater(sum(row), 0),
          () => add(c, row),
          () => mul(c, factor),
        ),
        c,
      ],
      graph.constant([1, 2], F64),
      x,
    );
    const w = whileLoop(
      (c) => less(sum(c), 50),
      (c) => mul(c, 2),
      last,
    );
    return { graph, x, fetches: [last, ys, w] };
  };
  const { graph, x, fetches } = build(3);
  const text = JSON.stringify(serializeGraph(graph));
  const read = parseGraph(text);
  expect(JSON.stringify(serializeGraph(read))).toBe(text);
  const data = [
    [1, 2],
    [-3, 1],
    [4, 5],
  ];
  expect(
    values(
      read,
      fetches.map(({ name }) => read.tensor(name)),
      [[read.tensor("x"), data]],
    ),
  ).toEqual(everywhere(graph, fetches, [[x, data]]));
  expect(graphHash(fetches)).toBe(graphHash(build(3).fetches));
  expect(graphHash(fetches)).not.toBe(graphHash(build(4).fetches));
  expect(graph.text()).toContain("\n    function step(");
  expect(graph.text()).toContain("\n        function then branch(");
  expect(graph.text({ lines: true })).toContain("values.test.ts");
});
