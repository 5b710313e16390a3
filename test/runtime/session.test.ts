import { describe, expect, expectTypeOf, test } from "vitest";
import {
  assign,
  assignAdd,
  Graph,
  group,
  NDArray,
  type Operation,
  Session,
  setWarningHandler,
  type Tensor,
  type Variable,
} from "../../src/index.ts";

/** z = w x + b of the lecture, with a named size. */
function affine() {
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch"]);
  const w = graph.variable("w", [], { initial: 2 });
  const b = graph.variable("b", [], { initial: 0.5 });
  const product = w.mul(x, { name: "product" });
  const z = product.add(b, { name: "z" });
  const session = new Session(graph);
  session.run(graph.initializer);
  return { graph, x, w, b, product, z, session };
}

describe("row 77: what may be fetched", () => {
  test("a tensor, an operation, a list, an object, nested ones", () => {
    const { session, z, w, graph } = affine();
    const feeds = { x: [1, 2] };
    expect(session.run(z, feeds).toArray()).toEqual([2.5, 4.5]);
    expect(session.run(graph.initializer)).toBeNull();
    expect(session.run([z, w], feeds).map((value) => value.toArray())).toEqual([[2.5, 4.5], 2]);
    const nested = session.run({ out: z, all: [w, { init: graph.initializer }], again: [z, z] }, feeds);
    expect(nested.all[0].item()).toBe(2);
    expect(nested.all[1]).toEqual({ init: null });
    expect(nested.again[0]).toBe(nested.out);
    expect(session.run([])).toEqual([]);
    expect(session.run({})).toEqual({});
  });

  test("by name: an operation stands for its first output, or for itself if it has none", () => {
    const { session, graph } = affine();
    const feeds = { x: [1] };
    expect(session.run("z", feeds).toArray()).toEqual([2.5]);
    expect(session.run("z:0", feeds).toArray()).toEqual([2.5]);
    expect(session.run({ a: "w", b: ["b"] }).b[0].item()).toBe(0.5);
    expect(session.run(graph.initializer.name)).toBeNull();
  });

  test("the types of values follow the fetches", () => {
    const { graph, session } = affine();
    const scalar = graph.constant(1);
    const matrix = graph.placeholder("matrix", ["batch", 3]);
    const update: Operation = graph.initializer;
    // Never called: only the types count.
    const types = () => {
      expectTypeOf(session.run(matrix)).toEqualTypeOf<NDArray<readonly ["batch", 3]>>();
      expectTypeOf(session.run(update)).toEqualTypeOf<null>();
      expectTypeOf(session.run("z")).toEqualTypeOf<NDArray>();
      expectTypeOf(session.run([matrix, update])).toEqualTypeOf<[NDArray<readonly ["batch", 3]>, null]>();
      expectTypeOf(session.run({ a: matrix, b: { c: update } })).toEqualTypeOf<{
        a: NDArray<readonly ["batch", 3]>;
        b: { c: null };
      }>();
      expectTypeOf(session.prepare([matrix], [matrix])).returns.toEqualTypeOf<[NDArray<readonly ["batch", 3]>]>();
      // @ts-expect-error a number can not be fetched
      session.run(5);
      // @ts-expect-error a text is not a value
      session.run(scalar, { x: "1" });
    };
    expect(types).toBeTypeOf("function");
  });

  test("a placeholder or constant itself", () => {
    const { session, x, graph } = affine();
    expect(session.run(x, { x: [3] }).toArray()).toEqual([3]);
    expect(session.run(graph.constant([[1, 2]])).toArray()).toEqual([[1, 2]]);
  });

  test("values are copies", () => {
    const { session, w, x } = affine();
    const value = session.value(w);
    value.data[0] = 100;
    expect(session.value(w).item()).toBe(2);
    const fed = Float32Array.of(1, 2);
    const echoed = session.run(x, [[x, fed]]);
    echoed.data[0] = 100;
    expect(fed[0]).toBe(1);
  });
});

describe("row 77: what may be fed", () => {
  test("a Map, pairs, an object; by tensor or name", () => {
    const { session, z, x } = affine();
    for (const feeds of [new Map([[x, [1]]]), [[x, [1]] as const], [["x:0", [1]] as const], { x: [1] }]) {
      expect(session.run(z, feeds).toArray()).toEqual([2.5]);
    }
  });

  test("numbers, lists, typed arrays, NDArrays; flat arrays take the tensor's shape", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 2]);
    const scalar = graph.placeholder("s", []);
    const session = new Session(graph);
    const rows = [
      [1, 2],
      [3, 4],
    ];
    for (const value of [rows, Float32Array.of(1, 2, 3, 4), NDArray.of(rows, { dtype: "float32" })]) {
      expect(session.run(x, [[x, value]]).toArray()).toEqual(rows);
    }
    for (const value of [5, Float32Array.of(5)]) expect(session.run(scalar, { s: value }).item()).toBe(5);
  });

  test("any tensor can be overridden: intermediate, variable, constant", () => {
    const { session, graph, z, product, w } = affine();
    expect(session.run(z, [[product, [10]]]).toArray()).toEqual([10.5]);
    expect(session.run(z, { w: 3, x: [1] }).toArray()).toEqual([3.5]);
    expect(session.value(w).item()).toBe(2);
    const c = graph.constant(1.5, { name: "c" });
    expect(session.run(c.add(1), { c: 7 }).item()).toBe(8);
    // A fed variable needs no value of its own.
    expect(new Session(graph).run(z, { w: 1, b: 0, x: [4] }).toArray()).toEqual([4]);
  });

  test("unknown rank takes every shape; row 78's program feeds scalars", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", null);
    const y = x.mul(2).add(1);
    const session = new Session(graph);
    expect(session.run(y, { x: 3 }).toArray()).toBe(7);
    expect(session.run(y, { x: [[1], [2]] }).toArray()).toEqual([[3], [5]]);
  });
});

describe("state", () => {
  test("row 75: two sessions on one graph are independent", () => {
    const { graph, session, w } = affine();
    const other = new Session(graph);
    other.run(graph.initializer);
    session.run(assign(w, 7));
    expect(session.value(w).item()).toBe(7);
    expect(other.value(w).item()).toBe(2);
  });

  test("a variable fetched with its update gives the old value, the update the new one", () => {
    const { session, w } = affine();
    const update = assignAdd(w, 1);
    expect(session.run([w, update, w.mul(10)]).map((value) => value.item())).toEqual([2, 3, 20]);
    expect(session.value(w).item()).toBe(3);
  });

  test("the same without updates in place, and in the interpreter", () => {
    const { graph, w } = affine();
    const update = assignAdd(w, 1);
    for (const options of [{ compile: { inPlace: false } }, { backend: "interpreter" as const }]) {
      const session = new Session(graph, options);
      session.run(graph.initializer);
      expect(session.run([w, update]).map((value) => value.item())).toEqual([2, 3]);
      expect(session.value(w).item()).toBe(3);
    }
  });

  test("two variables are swapped in one run", () => {
    const graph = new Graph();
    const a = graph.variable("a", [3], { initial: [1, 2, 3] });
    const b = graph.variable("b", [3], { initial: [4, 5, 6] });
    const swap = group([assign(a, b), assign(b, a)]);
    const session = new Session(graph);
    session.run(graph.initializer);
    session.run(swap);
    expect(session.run([a, b]).map((value) => value.toArray())).toEqual([
      [4, 5, 6],
      [1, 2, 3],
    ]);
    session.run(swap);
    expect(session.value(a).toArray()).toEqual([1, 2, 3]);
  });

  test("only updates that are asked for happen", () => {
    const { session, w, b } = affine();
    const update = assign(w, 5);
    assign(b, 5);
    session.run(update);
    expect(session.run([w, b]).map((value) => value.item())).toEqual([5, 0.5]);
  });

  test("setValue sets a variable, and counts as initialising it", () => {
    const { graph, w, b, z } = affine();
    const session = new Session(graph);
    session.setValue(w, 3);
    session.setValue(b, Float32Array.of(1));
    expect(session.run(z, { x: [2] }).toArray()).toEqual([7]);
  });

  test("one variable's initializer, and row 76: all of them in one operation", () => {
    const { graph, w, b } = affine();
    const session = new Session(graph);
    session.run(w.initializer);
    expect(session.value(w).item()).toBe(2);
    expect(() => session.value(b)).toThrow('variable "b" is not initialised');
    expect(graph.initializer.controls).toEqual([w.initializer, b.initializer]);
    expect(graph.initializer).toBe(graph.initializer);
  });
});

describe("plans", () => {
  const steps = (session: Session, fetch: Tensor, rows: number) =>
    session.plan(fetch, { x: new Float32Array(rows) }).steps;

  test("are kept by fetches and sizes: a last partial batch is one more", () => {
    const { session, z, product } = affine();
    const whole = steps(session, z, 32);
    expect(steps(session, z, 32)).toBe(whole);
    const partial = steps(session, z, 7);
    expect(partial).not.toBe(whole);
    expect(steps(session, z, 32)).toBe(whole);
    expect(steps(session, z, 7)).toBe(partial);
    expect(steps(session, product, 32)).not.toBe(whole);
  });

  test("are bounded in number: the one used longest ago goes", () => {
    const { graph, z } = affine();
    const session = new Session(graph, { planLimit: 2 });
    const one = steps(session, z, 1);
    const two = steps(session, z, 2);
    expect(steps(session, z, 1)).toBe(one);
    steps(session, z, 3);
    expect(steps(session, z, 1)).toBe(one);
    expect(steps(session, z, 2)).not.toBe(two);
  });

  test("give right values for every size, one after another", () => {
    const { session, z } = affine();
    for (const rows of [3, 1, 4, 0, 3]) {
      const x = Float32Array.from({ length: rows }, (_, i) => i);
      expect(Array.from(session.run(z, { x }).data)).toEqual(Array.from(x, (value) => 2 * value + 0.5));
    }
  });
});

describe("prepare", () => {
  test("runs like run, with feeds in order", () => {
    const { session, z, x, b } = affine();
    const step = session.prepare({ z }, [x, b]);
    expect(step([1, 2], 1).z.toArray()).toEqual([3, 5]);
    expect(step(Float32Array.of(1), 2).z.toArray()).toEqual([4]);
    expect(step(Float32Array.of(1, 2), 0).z.toArray()).toEqual([2, 4]);
  });

  test("gives copies, or with { copy: false } views that the next run overwrites", () => {
    const { session, z, x } = affine();
    const copying = session.prepare(z, ["x"]);
    const first = copying(Float32Array.of(1));
    copying(Float32Array.of(2));
    expect(first.toArray()).toEqual([2.5]);
    const viewing = session.prepare(z, [x], { copy: false });
    const view = viewing(Float32Array.of(1));
    expect(view.toArray()).toEqual([2.5]);
    const next = viewing(Float32Array.of(2));
    expect(next.data).toBe(view.data);
    expect(view.toArray()).toEqual([4.5]);
  });

  test("sees variables as they are, and updates them", () => {
    const { session, w } = affine();
    const step = session.prepare([w, assignAdd(w, 1)]);
    expect(step().map((value) => value.item())).toEqual([2, 3]);
    session.setValue(w, 10);
    expect(step().map((value) => value.item())).toEqual([10, 11]);
  });

  test("compiles where the sizes of the feeds are known, and else when it is first called", () => {
    const graph = new Graph();
    const [known, open] = [graph.placeholder("known", [2]), graph.placeholder("open", ["n"])];
    const session = new Session(graph);
    const forgotten = /you must feed a value for placeholder known/;
    expect(() => session.prepare(known.add(1))).toThrow(forgotten);
    const step = session.prepare([known, open], [open]);
    expect(() => step([1])).toThrow(forgotten);
  });

  test("takes an array of another shape with as many elements", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", null);
    const session = new Session(graph);
    const step = session.prepare(x.add(1), [x]);
    expect(step(NDArray.of([[1, 2]], { dtype: "float32" })).shape).toEqual([1, 2]);
    expect(step(Float32Array.of(1, 2)).shape).toEqual([2]);
  });
});

test("a warning of the compiler points at the line of the op", () => {
  const messages: string[] = [];
  const before = setWarningHandler((message) => messages.push(message));
  try {
    const graph = new Graph();
    const x = graph.placeholder("x", [3]);
    const y = x.softmax().log();
    new Session(graph).run(y, { x: [1, 2, 3] });
  } finally {
    setWarningHandler(before);
  }
  expect(messages.length).toBe(1);
  expect(messages[0]).toContain("logSoftmax");
  expect(messages[0]).toMatch(/at test\/runtime\/session\.test\.ts:\d+:\d+/);
});

test("a value of another graph's variable is no value of ours", () => {
  const { session } = affine();
  const foreign: Variable = new Graph({ name: "other" }).variable("w", []);
  expect(() => session.value(foreign)).toThrow('"w:0" belongs to graph "other"');
});
