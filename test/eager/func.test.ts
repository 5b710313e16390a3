/** Traced functions: when they are traced, what goes in and comes out, and what happens to variables. */
import { afterAll, describe, expect, test } from "vitest";
import {
  EagerTensor,
  type EagerVariable,
  eager,
  func,
  GradientTape,
  grad,
  type TraceEntry,
  tensor,
  variable,
} from "../../src/eager/index.ts";
import {
  add,
  assign,
  assignAdd,
  eye,
  mul,
  NDArray,
  neg,
  randomKey,
  randomUniform,
  range,
  Session,
  square,
  sub,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { toDot, toMermaid } from "../../src/inspect/index.ts";
import { Adam, SGD } from "../../src/train/index.ts";
import { markLines } from "../support/source-lines.ts";

const closing: { close(): void }[] = [];
afterAll(() => {
  for (const each of closing) each.close();
});
/** A traced function that is closed in the end. */
const traced: typeof func = (fn, options) => {
  const made = func(fn, options);
  closing.push(made);
  return made;
};
const text = ({ number, at, reason }: TraceEntry): string =>
  `${number} ${markLines(`${at}`, import.meta.url)} ${reason}`;
const pair = (a: number, b: number) => tensor([a, b], { dtype: "float32" });

describe("traces", () => {
  test("there is one for each kind of arguments, and the log says why", () => {
    let calls = 0;
    const told: TraceEntry[] = [];
    const f = traced(
      (x: Tensor, times: number, { negate }: { negate: boolean }) => {
        calls++;
        return negate ? neg(mul(x, times)) : mul(x, times);
      },
      { onTrace: (entry) => told.push(entry) },
    );
    const on = { negate: true };
    expect(f(pair(1, 2), 1, on).toArray()).toEqual([-1, -2]); // [first]
    expect(f(pair(3, 4), 1, { negate: true }).toArray()).toEqual([-3, -4]);
    f(pair(1, 2), 2, on); // [number]
    f(pair(1, 2), 2, { negate: false }); // [boolean]
    f(tensor([[1]], { dtype: "float32" }), 2, { negate: false }); // [rank]
    f(tensor([[1, 2]], { dtype: "float32" }), 2, { negate: false }); // [size]
    f(tensor([[1, 2]]), 2, { negate: false }); // [dtype]
    f(pair(5, 6), 1, on);
    expect(calls).toBe(6);
    expect(f.log.map(text)).toEqual([
      "0 func.test.ts[first] the first call",
      "1 func.test.ts[number] times changed from 1 to 2: pass tensor(…) there to trace once",
      "2 func.test.ts[boolean] negate changed from true to false",
      "3 func.test.ts[rank] x changed from rank 1 to 2",
      "4 func.test.ts[size] x axis 1 changed from 1 to 2: pass null there to trace once",
      "5 func.test.ts[dtype] x changed from float32 to int32",
    ]);
    expect(told).toEqual(f.log);
  });

  test("numbers that are equal and not the same, and objects, are told apart", () => {
    const f = traced((x: Tensor, _other: unknown) => neg(x));
    const object = new Date(0);
    for (const other of [0, -0, NaN, NaN, "0", object, object, new Date(0), null, undefined]) f(tensor(1), other);
    expect(f.log.length).toBe(8);
  });

  test("sizes that may be any: one trace for all", () => {
    const f = traced((x: Tensor, y: Tensor) => sum(mul(x, y), { axis: 0 }), {
      shapes: [
        [null, 2],
        [null, 2],
      ],
    });
    const named = traced((x: Tensor, y: Tensor) => sub(x, y), { shapes: [["n"], ["n"]] });
    for (const rows of [1, 2, 5]) {
      const x = tensor(
        Float32Array.from({ length: 2 * rows }, (_, i) => i),
        { shape: [rows, 2] },
      );
      const sums = [0, 1].map((column) =>
        (x.toArray() as number[][]).reduce((total, row) => total + row[column]! ** 2, 0),
      );
      expect(f(x, x).toArray()).toEqual(sums);
      expect(named(new Float32Array(rows), new Float32Array(rows)).shape).toEqual([rows]);
    }
    expect([f.log.length, named.log.length]).toEqual([1, 1]);
  });

  test("a trace that fails leaves nothing behind", () => {
    const w = variable(1);
    let fails = true;
    const f = traced((x: Tensor) => {
      assign(w, 5);
      if (fails) throw new Error("of the user");
      return add(x, w);
    });
    expect(() => f(pair(1, 2))).toThrow("of the user");
    expect([w.item(), f.log.length]).toEqual([1, 0]);
    fails = false;
    expect(f(pair(1, 2)).toArray()).toEqual([6, 7]);
    expect(f.log.length).toBe(1);
  });
});

describe("arguments and results", () => {
  test("lists and objects keep their structure, and what is no tensor stays as it is", () => {
    const f = traced((p: { a: Tensor; list: readonly Tensor[]; rate: number }) => ({
      sum: add(p.a, p.list[0]!),
      nested: [{ second: neg(p.list[1]!) }, p.rate, "text", null],
      nothing: undefined,
    }));
    const result = f({ a: pair(1, 2), list: [pair(3, 4), tensor(5)], rate: 0.5 });
    expect(result.sum).toBeInstanceOf(EagerTensor);
    expect(result.sum.toArray()).toEqual([4, 6]);
    const [{ second }, ...others] = result.nested as unknown as [{ second: EagerTensor }, ...unknown[]];
    expect([second.item(), second.dtype, others]).toEqual([-5, "int32", [0.5, "text", null]]);
    expect("nothing" in result && result.nothing === undefined).toBe(true);
  });

  test("arrays are tensors; arguments and constants come back; one tensor may come back twice", () => {
    const held = pair(7, 8);
    const f = traced((x: Tensor, y: Tensor) => [x, y, held, x] as const);
    const [x, y, constant, again] = f(new Float64Array([1, 2]), new NDArray(new Int32Array([3, 4]), [2, 1]));
    expect([x.dtype, x.toArray(), y.dtype, y.toArray()]).toEqual(["float64", [1, 2], "int32", [[3], [4]]]);
    expect([constant.toArray(), again.toArray()]).toEqual([
      [7, 8],
      [1, 2],
    ]);
  });

  test("without arguments, without results", () => {
    const w = variable(1);
    const f = traced(() => void assignAdd(w, 1));
    expect([f(), f(), w.item()]).toEqual([undefined, undefined, 3]);
  });

  test("a variable may be an argument, for its value", () => {
    const f = traced((x: Tensor) => neg(x));
    expect(f(variable([1, 2])).toArray()).toEqual([-1, -2]);
  });

  test("ops without operands", () => {
    const f = traced((x: Tensor) => [
      add(x, range(eager, 3, "float32")),
      eye(eager, 2),
      randomUniform(randomKey(eager, 1), [2]),
    ]);
    const [sums, unit, random] = f(tensor([1, 1, 1], { dtype: "float32" })) as EagerTensor[];
    expect(sums!.toArray()).toEqual([1, 2, 3]);
    expect(unit!.toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(random!.data).toEqual((randomUniform(randomKey(eager, 1), [2]) as EagerTensor).data);
  });
});

describe("variables", () => {
  /** The same, step by step and traced. */
  const both = (program: (w: EagerVariable, run: <R>(step: () => R) => () => R) => unknown): void => {
    const [stepByStep, compiled] = [
      program(variable(2, { name: "w" }), (step) => step),
      program(variable(2, { name: "w" }), (step) => traced(step as () => Tensor) as never),
    ];
    expect(compiled).toEqual(stepByStep);
  };
  const numbers = (list: readonly Tensor[]): readonly number[] => list.map(Number);

  test("read after an assign, and assigned twice", () => {
    both((w, run) => {
      const f = run(() => {
        const before = mul(w, 1);
        assign(w, add(w, 1));
        const between = mul(w, 1);
        const assigned = assign(w, mul(w, 10));
        return [before, between, assigned, w] as const;
      });
      return [numbers(f()), w.item(), numbers(f()), w.item()];
    });
  });

  test("assigned elsewhere between calls; functions that share one", () => {
    both((w, run) => {
      const step = run(() => assign(w, mul(w, 3)));
      const read = run(() => add(w, 0.5));
      const seen: number[] = [Number(read()), Number(step()), Number(read())];
      assign(w, 10);
      seen.push(Number(read()), Number(step()), w.item(), Number(step()), Number(read()));
      return seen;
    });
  });

  test("what is assigned depends on an argument, and traces share the variable", () => {
    const w = variable([0, 0]);
    const f = traced((x: Tensor) => void assignAdd(w, x));
    f(pair(1, 2));
    f(tensor(10, { dtype: "float32" }));
    f(pair(1, 2));
    expect([w.toArray(), f.log.length]).toEqual([[12, 14], 2]);
  });

  test("a closed function leaves its values, and can be called again", () => {
    const w = variable(1);
    const f = func(() => void assignAdd(w, 1));
    f();
    f.close();
    expect(w.item()).toBe(2);
    f();
    expect(w.item()).toBe(3);
    f.close();
    expect(f.log.map(({ number }) => number)).toEqual([0, 1]);
  });
});

describe("functions in functions", () => {
  test("become a part of the outer one", () => {
    const w = variable(1);
    const inner = traced((x: Tensor) => mul(x, assignAdd(w, 1)));
    const outer = traced((x: Tensor) => inner(inner(x)));
    expect([outer(tensor(1, { dtype: "float32" })).item(), w.item()]).toEqual([6, 3]);
    expect([outer.log.length, inner.log.length]).toEqual([1, 0]);
    expect([inner(tensor(1, { dtype: "float32" })).item(), inner.log.length]).toEqual([4, 1]);
  });

  test("and may call themselves", () => {
    const power: (x: Tensor, n: number) => Tensor = traced(
      (x: Tensor, n: number): Tensor => (n === 0 ? mul(x, 0) : add(power(x, n - 1), x)),
    );
    expect(Number(power(tensor(2), 4))).toBe(8);
  });

  test("a tape around one sees every step", () => {
    const f = traced((x: Tensor) => sum(square(x)));
    const x = pair(1.5, 2);
    using tape = new GradientTape();
    tape.watch(x);
    expect(tape.gradient(f(x) as Tensor, x).toArray()).toEqual([3, 4]);
    expect((grad((at) => f(at))(x) as EagerTensor).toArray()).toEqual([3, 4]);
  });
});

describe("training inside", () => {
  const data = [pair(1, 2), pair(0.5, -1), pair(3, 0.25)];
  const lossOf = (w: Tensor, x: Tensor): Tensor => sum(square(sub(mul(w, x), 1)));

  test("applyGradients and minimize do the same, and slots are made once", () => {
    const weights = [0, 1, 2].map(() => variable([0.5, -0.5], { name: "w" }));
    const optimizers = weights.map(() => new Adam(0.1));
    const withTape = (w: EagerVariable, optimizer: Adam) => (x: Tensor) => {
      using tape = new GradientTape();
      const loss = lossOf(w, x);
      optimizer.applyGradients([[tape.gradient(loss, w), w]]);
      return loss;
    };
    const steps = [
      withTape(weights[0]!, optimizers[0]!),
      traced(withTape(weights[1]!, optimizers[1]!)),
      traced((x: Tensor) => {
        const loss = lossOf(weights[2]!, x);
        optimizers[2]!.minimize(loss);
        return loss;
      }),
    ];
    const losses = steps.map((step) => data.map((x) => Number(step(x))));
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
    expect(weights[1]!.data).toEqual(weights[0]!.data);
    expect(weights[2]!.data).toEqual(weights[0]!.data);
    const slots = optimizers.map((optimizer, i) => optimizer.slots(weights[i]!) as Record<string, EagerVariable>);
    for (const { m, v } of slots) {
      expect(m!.data).toEqual(slots[0]!.m!.data);
      expect(v!.data).toEqual(slots[0]!.v!.data);
      expect(m!.data.some((x) => x !== 0)).toBe(true);
    }
    const before = slots[2]!.m;
    steps[2]!(tensor([[1, 2]], { dtype: "float32" }));
    expect(optimizers[2]!.slots(weights[2]!).m).toBe(before);
  });

  test("a learning rate in a variable may change between calls", () => {
    const train = (compile: boolean): readonly number[] => {
      const [w, rate] = [variable(4), variable(0.25, { trainable: false })];
      const optimizer = new SGD(rate);
      const step = () => {
        using tape = new GradientTape();
        optimizer.applyGradients([[tape.gradient(square(w), w), w]]);
      };
      const run = compile ? traced(step) : step;
      const seen = [run(), w.item()];
      assign(rate, 0.125);
      return [...seen, run(), w.item()] as number[];
    };
    expect(train(true)).toEqual([undefined, 2, undefined, 1.5]);
    expect(train(false)).toEqual(train(true));
  });

  test("minimize updates trainable variables, or those it is told", () => {
    const [a, b, frozen] = [variable(1), variable(2), variable(3, { trainable: false })];
    const f = traced((only: boolean) => {
      const loss = mul(mul(a, b), frozen);
      new SGD(0.1).minimize(loss, only ? { variables: [frozen] } : {});
      return loss;
    });
    f(false);
    expect([a.item(), b.item(), frozen.item()].map((x) => Math.round(x * 1e5) / 1e5)).toEqual([0.4, 1.7, 3]);
    f(true);
    expect(frozen.item()).toBeCloseTo(3 - 0.1 * 0.4 * 1.7, 5);
  });
});

describe("as a graph", () => {
  test("holds what a call computes and nothing else, for text and pictures", () => {
    const w = variable([1.5, 2], { name: "w" });
    const f = traced(function slope(x: Tensor) {
      using tape = new GradientTape();
      mul(x, 17);
      return tape.gradient(sum(mul(w, x)), w);
    });
    const graph = f.graph(pair(1, 2));
    expect(graph.name).toBe("slope");
    expect(graph.text()).not.toContain("17");
    expect(graph.text()).toContain("%trace/x: float32[2] = placeholder()");
    expect(toDot(graph)).toMatch(/^digraph/);
    expect(toMermaid(graph)).toContain("flowchart");
    expect(f.log.length).toBe(0);
  });

  test("runs in a session", () => {
    const graph = traced((x: Tensor) => neg(x)).graph(pair(1, 2));
    using session = new Session(graph);
    expect(session.run("trace/neg", { "trace/x": [1, 2] }).toArray()).toEqual([-1, -2]);
  });
});
