/** Asking tensors for their values: without casts where there is one, with an error that teaches where there is none. */
import { describe, expect, expectTypeOf, test } from "vitest";
import type { Nested } from "../../src/core/values.ts";
import { func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  assign,
  cond,
  Graph,
  greater,
  group,
  map,
  mul,
  type NDArray,
  neg,
  Session,
  scan,
  stack,
  sum,
  type Tensor,
  type TypedArray,
} from "../../src/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

const graph = new Graph({ name: "main" });
const x = graph.placeholder("x", [2]); // [x]
const session = new Session(graph);

describe("what ops give in define-by-run", () => {
  test("is asked without casts", () => {
    const t = tensor([1, 2.5]);
    const sum_ = add(t, 1);
    expect(greater(tensor(3), 0).item()).toBe(1);
    expect(sum_.data).toEqual(Float32Array.of(2, 3.5));
    expect(sum_.toArray()).toEqual([2, 3.5]);
    expect(sum_.value.at(1)).toBe(3.5);
    expectTypeOf(sum(sum_).item()).toEqualTypeOf<number>();
    expectTypeOf(sum_.toArray()).toEqualTypeOf<Nested>();
    expectTypeOf(sum_.data).toEqualTypeOf<TypedArray>();
    expectTypeOf(sum_.value).toExtend<NDArray<readonly [2]>>();
    // What the errors about mixed modes advise.
    expect(session.run(add(x, graph.constant(sum_.value)), { x: [1, 1] }).toArray()).toEqual([3, 4.5]);
  });

  test("says so if it is not one number", () => {
    expect(() => neg(tensor([1, 2])).item()).toThrow("item: the array has 2 elements, shape [2]");
  });
});

describe("symbolic tensors", () => {
  const y = add(x, 1); // [y]
  const wanted = (
    asked: string,
    line: string,
  ): string => `${asked}: "add:0" is symbolic, it has no value until a session runs it
  it was made at values.test.ts[y]
at values.test.ts[${line}]
fix: session.run(x) gives the value; tensors of forerun/eager have one at once`;

  test("say what to do, at the line that asks", () => {
    expect(message(() => y.item())).toBe(wanted("item", "item")); // [item]
    expect(message(() => y.toArray())).toBe(wanted("toArray", "toArray")); // [toArray]
    expect(message(() => y.data)).toBe(wanted("data", "data")); // [data]
    expect(message(() => y.value)).toBe(wanted("value", "value")); // [value]
    expect(message(() => graph.variable("v", [2]).item())).toContain('item: "v:0" is symbolic');
  });

  test("that are placeholders are refused by the type checker", () => {
    // @ts-expect-error a placeholder has no value
    expect(message(() => x.item())).toContain('item: "x:0" is symbolic');
    // @ts-expect-error a placeholder has no value
    expect(message(() => x.toArray())).toContain('toArray: "x:0" is symbolic');
    // And it is a tensor as any other: what is computed from it can take its place.
    let h = graph.placeholder("h", [2]);
    h = neg(h);
    expectTypeOf(h).toExtend<Tensor<readonly [2]>>();
  });

  test("in a traced function", () => {
    const f = func((t: Tensor) => {
      const twice = mul(t, 2); // [twice]
      return twice.item() > 0 ? twice : t; // [ask]
    });
    expect(
      message(() => f(tensor(1))),
    ).toBe(`item: "trace/mul:0" is symbolic, it has no value while a function is traced
  it was made at values.test.ts[twice]
at values.test.ts[ask]
fix: return it from the function and ask the result; tap(x) shows it at each run`);
  });
});

describe("tensors where numbers are wanted", () => {
  const [a, b] = [tensor(1.5), tensor(2.5)];

  test("in lists: stack makes one tensor of them", () => {
    const fix =
      "fix: stack([a, b]) makes one tensor of several; of those that have values, .item() and .toArray() give numbers";
    // @ts-expect-error a list of tensors is no value
    expect(message(() => tensor([a, b]))) // [tensor]
      .toBe(`tensor: a tensor or array, float32[], stands in a list of numbers\nat values.test.ts[tensor]\n${fix}`);
    // @ts-expect-error nor is a nested one
    expect(message(() => graph.constant([[a.value], [b.value]]))) // [constant]
      .toBe(`constant: a tensor or array, float32[], stands in a list of numbers\nat values.test.ts[constant]\n${fix}`);
    // @ts-expect-error nor one that is fed
    expect(message(() => session.run(neg(x), { x: [a, 2] }))) // [feed]
      .toContain('feed: the value for "x:0": a tensor or array, float32[], stands in a list of numbers');
    // @ts-expect-error nor one beside a tensor
    expect(message(() => add(a, [a, a]))).toContain(fix);
    expect(stack([a, add(b, 1)]).toArray()).toEqual([1.5, 3.5]);
    expect(tensor([a.item(), neg(a).item()]).toArray()).toEqual([1.5, -1.5]);
  });

  test("in feeds: values are taken, symbols are not", () => {
    expect(session.run(neg(x), [[x, tensor([1, 2.5])]]).toArray()).toEqual([-1, -2.5]);
    expect(session.run(neg(x), [[x, neg(tensor([1, 2.5])).value]]).toArray()).toEqual([1, 2.5]);
    expect(
      session
        .prepare(neg(x), [x])(variable([1, 2]))
        .toArray(),
    ).toEqual([-1, -2]);
    expect(message(() => session.run(neg(x), { x: tensor([1, 2]) }))) // [int]
      .toBe(`feed: "x:0" is float32, the array fed holds int32
  "x" was made at values.test.ts[x]
at values.test.ts[int]
fix: convert it: Float32Array.from(array)`);
    const symbol = neg(x); // [symbol]
    // @ts-expect-error a symbol is no value
    expect(message(() => session.run(symbol, { x: symbol }))) // [symbolic]
      .toBe(`feed: the value for "x:0" is "${symbol.name}", which is symbolic and has none
  "${symbol.op.name}" was made at values.test.ts[symbol]
at values.test.ts[symbolic]
fix: feed what a session has computed for it; or use the tensor in the graph, where nothing needs to be fed`);
  });

  test("in fetches: operations have run", () => {
    const w = variable([1, 2], { name: "w" });
    const both = group([assign(w, [3, 4])]); // [group]
    expect(w.toArray()).toEqual([3, 4]);
    expect(message(() => session.run(both))) // [run]
      .toBe(`run: "group" has run already, there is nothing to run
  "group" was made at values.test.ts[group]
at values.test.ts[run]
fix: in define-by-run there are no sessions: leave it out`);
    expect(message(() => session.run({ update: assign(w, [3, 4]).op }))).toContain('"assign" is a value already');
  });
});

describe("loops without rows", () => {
  const w = variable([2, 3], { name: "w" });
  const none = tensor(new Float32Array(0), { shape: [0, 2] });

  test("give what is carried, and empty stacks", () => {
    const [last, { doubled, both }] = scan(
      (h: Tensor, row: Tensor) => {
        const next = cond(
          greater(sum(row), 0),
          () => add(mul(h, w), row),
          () => h,
        );
        return [next, { doubled: mul(next, 2), both: [sum(next)] as const }];
      },
      tensor([1, 2.5]),
      none,
    );
    expect(last.toArray()).toEqual([1, 2.5]);
    expect([doubled.shape, doubled.dtype, doubled.data.length]).toEqual([[0, 2], "float32", 0]);
    expect(both[0].shape).toEqual([0]);
    expect(map((row: Tensor) => sum(mul(row, w)), none).shape).toEqual([0]);
  });

  test("let gradients through", () => {
    const start = tensor([1, 2.5]);
    const tape = new GradientTape();
    tape.watch(start);
    const [last] = scan((h: Tensor, row: Tensor) => [add(mul(h, w), row), null], start, none);
    expect(tape.gradient(sum(mul(last, 3)), start).toArray()).toEqual([3, 3]);
  });
});
