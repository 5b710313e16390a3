import { describe, expect, test } from "vitest";
import { func } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import { feedsFor, reasons, valueFor } from "./support.ts";

const doubled = (options: fr.SessionOptions = {}) => {
  const graph = new fr.Graph();
  const x = graph.placeholder("x", ["length", 2]) as Tensor;
  const y = fr.mul(x, 2) as Tensor;
  const session = new fr.Session(graph, { threads: 1, ...options });
  const run = (length: number): fr.NDArray =>
    session.run(y, feedsFor([x], [["length", length]])) as unknown as fr.NDArray;
  return { graph, x, y, session, run };
};

describe("when a size becomes a run-time integer", () => {
  test("the first two values have plans of their own, all later ones share one as long as they fit", () => {
    const { session, run } = doubled();
    run(32);
    run(17); // the last batch of an epoch
    expect(session.plansCompiled).toBe(2);
    for (const length of [20, 9, 31, 4, 20]) expect(run(length).shape).toEqual([length, 2]);
    expect(session.plansCompiled).toBe(3);
    run(33); // above the capacity
    for (const length of [64, 5, 40]) run(length);
    expect(session.plansCompiled).toBe(4);
  });

  test("sizes below 4 keep plans of their own", () => {
    const { session, run } = doubled({ sizes: "run-time" });
    for (const length of [0, 1, 2, 3]) expect(run(length).shape).toEqual([length, 2]);
    expect(session.plansCompiled).toBe(4);
    for (const length of [4, 5, 6, 7, 8]) run(length);
    expect(session.plansCompiled).toBe(5);
  });

  test("exact, and by name", () => {
    const exact = doubled({ sizes: "exact" });
    for (const length of [4, 5, 6, 7]) exact.run(length);
    expect(exact.session.plansCompiled).toBe(4);
    const named = doubled({ sizes: { length: "run-time" } });
    for (const length of [4, 5, 6, 7]) named.run(length);
    expect(named.session.plansCompiled).toBe(1);
    const other = doubled({ sizes: { batch: "exact" } });
    for (const length of [4, 5, 6, 7]) other.run(length);
    expect(other.session.plansCompiled).toBe(3);
  });

  test("a mode that does not exist is an error", () => {
    expect(() => doubled({ sizes: "dynamic" as never })).toThrow(
      /session: sizes is "dynamic"\n.*\nfix: give "exact" or/s,
    );
    expect(() => doubled({ sizes: { length: 8 as never } })).toThrow(/session: sizes\.length is 8/);
  });

  test("a plan says which sizes it takes, and up to what", () => {
    const { session, x, y, run } = doubled({ sizes: "run-time" });
    run(20);
    const plan = session.plan(y, feedsFor([x], [["length", 12]]));
    expect(plan.sizes?.names).toEqual([{ name: "length", slot: 0, least: 4, capacity: 32 }]);
    expect(plan.fn.results[0]!.shape!.map(String)).toEqual(["length", "2"]);
    expect(plan.feeds).toHaveLength(1);
    const lower = plan.trace.find(({ name }) => name === "lower")!;
    expect(lower.after()).toContain("let $length = min(max(sizes[0], 4), 32)\n  for i0 < $length");
  });
});

describe("what can not be done for many sizes", () => {
  test("has plans for each, and the trace says which op needs the number", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", ["length"]) as Tensor;
    const sorted = fr.sort(x) as Tensor;
    const session = new fr.Session(graph, { threads: 1, sizes: "run-time" });
    for (const length of [5, 9, 12]) {
      const fed = feedsFor([x], [["length", length]]);
      const [value] = session.run([sorted], fed) as unknown as [fr.NDArray];
      expect([...value.data]).toEqual([...valueFor(x, [["length", length]]).data].sort((a, b) => a - b));
    }
    expect(session.plansCompiled).toBe(3);
    const [reason, ...others] = reasons(session, [sorted], feedsFor([x], [["length", 9]]));
    expect(reason).toMatch(/^length: \w*[sS]ort\w* ".*": shape \[length\] is not fully known here$/);
    expect(others).toEqual([]);
  });

  test("other sizes are run-time integers all the same", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", ["rows", "columns"]) as Tensor;
    const y = graph.placeholder("y", ["columns"]) as Tensor;
    const fetches = [fr.exp(x), fr.sort(y)] as Tensor[];
    const session = new fr.Session(graph, { threads: 1, sizes: "run-time" });
    for (const rows of [4, 5, 6, 7, 8])
      session.run(
        fetches,
        feedsFor(
          [x, y],
          [
            ["rows", rows],
            ["columns", 9],
          ],
        ),
      );
    expect(session.plansCompiled).toBe(1);
  });

  test("no memory for the capacity: exact sizes", () => {
    const { session, x, run, y } = doubled({ sizes: "run-time", memoryBudget: 20_000 });
    // 1025 rows have 8200 bytes, 2048 rows 16384; fed and computed, only the first fit.
    expect(run(1025).shape).toEqual([1025, 2]);
    expect(reasons(session, [y], feedsFor([x], [["length", 1025]]))).toEqual([
      "length: there is no memory for sizes up to 2048",
    ]);
  });
});

describe("sessions", () => {
  test("sizes that do not fit are refused as ever, whatever plan there is", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", ["length"]) as Tensor;
    const y = graph.placeholder("y", ["other"]) as Tensor;
    const sum = fr.add(x, y) as Tensor;
    const session = new fr.Session(graph, { threads: 1, sizes: "run-time" });
    const run = (a: number, b: number) =>
      session.run(
        sum,
        feedsFor(
          [x, y],
          [
            ["length", a],
            ["other", b],
          ],
        ),
      );
    for (const length of [5, 6, 7]) run(length, length);
    expect(session.plansCompiled).toBe(1);
    const exact = new fr.Session(graph, { threads: 1, sizes: "exact" });
    const message = (call: () => unknown): string => {
      try {
        call();
      } catch (error) {
        return (error as Error).message.replace(/test\.ts:\d+:\d+/g, "here");
      }
      return "nothing";
    };
    const wanted = message(() =>
      exact.run(
        sum,
        feedsFor(
          [x, y],
          [
            ["length", 7],
            ["other", 6],
          ],
        ),
      ),
    );
    expect(wanted).toMatch(/^add "add": cannot broadcast length with other/);
    expect(
      message(() => run(7, 6))
        .split("\n")
        .slice(0, 3),
    ).toEqual(wanted.split("\n").slice(0, 3));
    run(6, 6);
    // What is refused does not count: the next plan is no larger for it.
    expect(() => run(2 ** 20, 6)).toThrow("cannot broadcast");
    const { sizes } = session.plan(
      sum,
      feedsFor(
        [x, y],
        [
          ["length", 5],
          ["other", 5],
        ],
      ),
    );
    expect(sizes?.names.map(({ capacity }) => capacity)).toEqual([8, 8]);
  });

  test("sizes nobody named are as good as others", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", [null]) as Tensor;
    const y = graph.placeholder("y", [null]) as Tensor;
    const sum = fr.add(fr.exp(x), y) as Tensor;
    const session = new fr.Session(graph, { threads: 1, sizes: "run-time" });
    const feeds = (length: number) => [
      [x, new Float32Array(length).fill(0)],
      [y, new Float32Array(length).fill(length)],
    ];
    for (const length of [9, 12, 16, 10]) {
      const value = session.run(sum, feeds(length) as never) as unknown as fr.NDArray;
      expect([...value.data]).toEqual(new Array(length).fill(length + 1));
    }
    expect(session.plansCompiled).toBe(1);
    // That they are equal is known when it is compiled: it is one loop.
    expect(session.plan(sum, feeds(11) as never).steps).toHaveLength(1);
  });

  test("plans and what is remembered of sizes are bounded", () => {
    const { session, run } = doubled({ sizes: { length: "run-time" }, planLimit: 2 });
    for (let length = 4; length < 1500; length++) run(length);
    // 8, 16, …, 2048.
    expect(session.plansCompiled).toBe(9);
    run(4);
    expect(session.plansCompiled).toBe(9);
  });

  test("prepared runs: views, feeds to write to, and other sizes in between", () => {
    const { session, x, y } = doubled({ sizes: "run-time" });
    const step = session.prepare(y, [x], { copy: false });
    const values = (length: number) => Float32Array.from({ length: 2 * length }, (_, i) => i + length);
    for (const length of [5, 9, 5, 30, 7]) {
      const result = step(values(length)) as unknown as fr.NDArray;
      expect(result.shape).toEqual([length, 2]);
      expect([...result.data]).toEqual([...values(length)].map((value) => 2 * value));
    }
    expect(session.plansCompiled).toBe(3);
    const [written] = step.feeds;
    expect(written).toHaveLength(14);
    written!.set(values(7));
    step(values(6)); // has no part in what was written
    expect([...(step() as unknown as fr.NDArray).data]).toEqual([...values(7)].map((value) => 2 * value));
  });

  test("asynchronous runs", async () => {
    const { session, x, y } = doubled({ sizes: "run-time" });
    const shapes = await Promise.all(
      [5, 6, 7, 20].map(async (length) => {
        const value = await session.runAsync(y, feedsFor([x], [["length", length]]));
        return (value as unknown as fr.NDArray).shape;
      }),
    );
    expect(shapes).toEqual([5, 6, 7, 20].map((length) => [length, 2]));
    expect(session.plansCompiled).toBe(2);
  });

  test("variables that are fetched, and written, next to run-time sizes", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", ["length"]) as Tensor;
    const total = graph.variable("total", []) as fr.Variable;
    const more = fr.assign(total, fr.add(total, fr.sum(x)) as never);
    const session = new fr.Session(graph, { threads: 1, sizes: "run-time" });
    session.run(graph.initializer);
    const step = session.prepare([total, more], [x], { copy: false });
    const before: number[] = [];
    for (const length of [4, 7, 5])
      before.push(Number((step(new Float32Array(length).fill(1)) as never as fr.NDArray[])[0]!.item()));
    expect(before).toEqual([0, 4, 11]);
    expect(session.value(total as never).item()).toBe(16);
  });
});

describe("define-by-run", () => {
  test("a traced function takes every size with a handful of plans", () => {
    // The sum over rows of a matrix of any size; unnamed ones too.
    const sums = func((x: Tensor) => fr.sum(fr.exp(x), { axis: 1 }) as Tensor, {
      shapes: [["length", null]],
      session: { threads: 1, sizes: "run-time" },
    } as never) as unknown as (x: fr.NDArray) => { data: Float32Array; shape: readonly number[] };
    for (const [rows, columns] of [
      [5, 6],
      [7, 4],
      [6, 8],
      [4, 5],
    ] as const) {
      const value = new fr.NDArray(
        Float32Array.from({ length: rows * columns }, (_, i) => i / 9),
        [rows, columns],
        "float32",
      );
      const result = sums(value);
      expect(result.shape).toEqual([rows]);
      const graph = new fr.Graph();
      const x = graph.placeholder("x", [rows, columns]) as Tensor;
      const wanted = new fr.Session(graph, { threads: 1 }).run(fr.sum(fr.exp(x), { axis: 1 }), [[x, value]] as never);
      expect([...result.data]).toEqual([...(wanted as unknown as fr.NDArray).data]);
    }
  });
});
