/** `tap`: what is shown, when, and in which order; and that nothing else about a graph changes. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Plan } from "../../src/compiler/plan.ts";
import { func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  assign,
  assignAdd,
  customGradient,
  exp,
  type Fetches,
  Graph,
  gradients,
  graphHash,
  group,
  identity,
  log,
  matmul,
  mul,
  type NDArray,
  neg,
  parseGraph,
  relu,
  Session,
  scan,
  serializeGraph,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tap,
  whileLoop,
} from "../../src/index.ts";
import { stats, toDot } from "../../src/inspect/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

/** Collects what taps show, as `name value`. */
function collector() {
  const seen: string[] = [];
  const show = (value: NDArray, name: string): void => void seen.push(`${name} ${value}`);
  /** What was shown since the last look. */
  const take = (): readonly string[] => seen.splice(0);
  return { show, take };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("in a session", () => {
  test("a function that builds runs once, a tap at every run", () => {
    const { show, take } = collector();
    let built = 0;
    const graph = new Graph();
    const x = graph.placeholder("x", [2]);
    const model = (input: Tensor): Tensor => {
      built++;
      return square(tap(mul(input, 2), show));
    };
    const y = model(x);
    const session = new Session(graph);
    for (const value of [1, 2, 3]) session.run(y, { x: [value, -1] });
    expect(built).toBe(1);
    expect(take()).toEqual(["mul [2, -2]", "mul [4, -2]", "mul [6, -2]"]);
  });

  test("only taps that fetches need, in the order they were made", () => {
    const { show, take } = collector();
    const graph = new Graph();
    const x = graph.placeholder("x");
    const first = tap(add(x, 1, { name: "first" }), show);
    const second = tap(add(x, 2, { name: "second" }), show);
    const third = tap(mul(second, first, { name: "third" }), show);
    const session = new Session(graph);
    session.run(second, { x: 1 });
    expect(take()).toEqual(["second 3"]);
    session.run([third, first], { x: 1 });
    expect(take()).toEqual(["first 2", "second 3", "third 6"]);
    // What is fed is shown if it is read. What led to it is not computed.
    session.run(third, [
      [first, 7],
      [x, 1],
    ]);
    expect(take()).toEqual(["first 7", "second 3", "third 21"]);
    session.run(third, [[third, 9]]);
    expect(take()).toEqual(["third 9"]);
  });

  test("taps of one value are all shown, however it is merged, folded or fed", () => {
    const { show, take } = collector();
    const graph = new Graph();
    const x = graph.placeholder("x");
    const twice = add(tap(exp(x), show), tap(exp(x), show));
    const fed = tap(x, show);
    const folded = tap(mul(graph.constant(3), 2), show);
    const session = new Session(graph);
    const fetched = session.run([twice, fed, folded, identity(fed)], { x: 0 });
    expect(take()).toEqual(["exp 1", "exp_1 1", "x 0", "mul 6"]);
    expect(fetched.map(String)).toEqual(["2", "0", "6", "0"]);
  });

  test("a label, or the name of the tensor, is printed", () => {
    const lines: unknown[] = [];
    vi.spyOn(console, "log").mockImplementation((line) => void lines.push(line));
    const graph = new Graph();
    const x = graph.placeholder("x", [2]);
    const y = relu(x);
    expect(tap(tap(y, "hidden"))).toBe(y);
    new Session(graph).run(y, { x: [1, -1] });
    expect(lines).toEqual(["hidden = [1, 0]", "relu = [1, 0]"]);
  });

  test.each(["interpreter", "javascript", "wasm"] as const)("%s: bits and gradients are those without", (backend) => {
    const build = (pass: (x: Tensor) => Tensor) => {
      const graph = new Graph();
      const x = graph.placeholder("x", [3, 4]);
      const w = graph.placeholder("w", [4, 5]);
      const y = pass(log(pass(softmax(pass(matmul(x, w))))));
      const [dx, dw] = gradients(sum(square(y)), [x, w]);
      const [second] = gradients(sum(square(dw!)), [x]);
      const run = (compile = {}) => {
        const session = new Session(graph, { backend, compile });
        const random = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 7 + 1));
        return session.run([y, dx!, dw!, second!], { x: random(12), w: random(20) }).map(({ data }) => data);
      };
      return { run, plain: () => run(), stabilised: () => run({ stabilise: true }) };
    };
    const { show, take } = collector();
    const [tapped, plain] = [build((x) => tap(x, show)), build((x) => x)];
    expect(tapped.plain()).toEqual(plain.plain());
    expect(take()).toHaveLength(3);
    expect(tapped.stabilised()).toEqual(plain.stabilised());
  });

  test("values are copies, shown after variables are updated, and errors come out of the run", () => {
    const graph = new Graph();
    const v = graph.variable("v", [2], { initial: [1, 2] });
    const session = new Session(graph);
    session.run(graph.initializer);
    const shown: NDArray[] = [];
    const step = assignAdd(
      v,
      tap(
        mul(
          tap(v, (value) => shown.push(value)),
          2,
        ),
        () => {
          shown.push(session.value(v));
        },
      ),
    );
    session.run(group([step]));
    expect(shown.map(String)).toEqual(["[1, 2]", "[3, 6]"]);
    const run = session.prepare(step, [], { copy: false });
    run();
    expect(shown.map(String)).toEqual(["[1, 2]", "[3, 6]", "[3, 6]", "[9, 18]"]);

    const fails = tap(identity(v), () => {
      throw new RangeError("enough");
    });
    expect(() => session.run([assign(v, [5, 5]), fails])).toThrow(new RangeError("enough"));
    expect(session.value(v).toArray()).toEqual([5, 5]);
  });

  test("what flows back is shown by a tap in a gradient rule", () => {
    const { show, take } = collector();
    const graph = new Graph();
    const x = graph.placeholder("x");
    const [dx] = gradients(
      square(
        customGradient(
          [x],
          (v) => identity(v),
          (dy) => [tap(mul(dy, 1, { name: "flowing" }), show)],
        ),
      ),
      [x],
    );
    expect(new Session(graph).run(dx!, { x: 3 }).item()).toBe(6);
    expect(take().map((line) => line.replace(/.*\//, ""))).toEqual(["flowing 6"]);
  });

  test("pictures and texts of graphs show it as an operation without a value", () => {
    const graph = new Graph();
    const y = tap(relu(graph.placeholder("x")), "shown");
    expect(graph.text()).toContain('tap(%relu) {show: "shown"}');
    expect(toDot(graph)).toContain("tap");
    expect(String(stats(y))).not.toContain("tap");
  });

  test("a run by asynchronous call shows too", async () => {
    const { show, take } = collector();
    const graph = new Graph();
    const x = graph.placeholder("x");
    const y = add(tap(mul(x, 2), show), 1);
    const session = new Session(graph);
    await Promise.all([session.runAsync(y, { x: 1 }), session.runAsync(y, { x: 2 })]);
    expect(take()).toEqual(["mul 2", "mul 4"]);
  });

  test("the plan is the one that fetches what is shown: that has to be in memory", () => {
    const plan = (pass: (x: Tensor) => Tensor, fetch: (x: Tensor, y: Tensor) => Fetches) => {
      const graph = new Graph();
      const x = graph.placeholder("x", [8]);
      const inner = pass(exp(x));
      return new Session(graph).plan(fetch(inner, relu(inner)), { x: new Float32Array(8) });
    };
    const text = ({ trace }: Plan): string => trace.at(-1)!.after();
    const tapped = plan(
      (x) => tap(x, "shown"),
      (_, y) => y,
    );
    expect(text(tapped)).toBe(
      text(
        plan(
          (x) => x,
          (x, y) => [y, x],
        ),
      ),
    );
    expect(text(tapped)).not.toBe(
      text(
        plan(
          (x) => x,
          (_, y) => y,
        ),
      ),
    );
  });

  test("a tap may be run itself, and shows nothing that is not computed", () => {
    const { show, take } = collector();
    const graph = new Graph();
    const x = graph.placeholder("x");
    const unused = mul(x, 3);
    tap(unused, show, { name: "probe" });
    const session = new Session(graph);
    session.run(add(x, 1), { x: 1 });
    expect(take()).toEqual([]);
    expect(session.run("probe", { x: 2 })).toBeNull();
    expect(take()).toEqual(["mul 6"]);
  });
});

describe("in define-by-run", () => {
  test("at once, with the gradient passed on", () => {
    const { show, take } = collector();
    const x = tensor([1, 2], { dtype: "float32" });
    const tape = new GradientTape();
    tape.watch(x);
    const square_ = square(tap(x, show));
    expect(take()).toEqual(["constant [1, 2]"]);
    const dx = tape.gradient(sum(square_), x);
    expect(dx.toArray()).toEqual([2, 4]);
    expect(take()).toEqual([]);
  });

  test("one trace does not show what another one taps", () => {
    const { show, take } = collector();
    const v = variable(2, { name: "v" });
    const f = func((x: Tensor) => mul(tap(v, show), x));
    f(tensor(1, { dtype: "float32" }));
    f(tensor([1, 2], { dtype: "float32" }));
    expect(f.log).toHaveLength(2);
    expect(take()).toEqual(["v 2", "v 2"]);
    f.close();
  });

  test("in a traced function, at every call, whether the result needs it or not", () => {
    const { show, take } = collector();
    let traced = 0;
    const f = func((x: Tensor) => {
      traced++;
      tap(mul(x, 2), show);
      return add(x, 1);
    });
    for (const value of [1, 2, 3]) f(tensor(value));
    expect(traced).toBe(1);
    expect(take()).toEqual(["trace/mul 2", "trace/mul 4", "trace/mul 6"]);
    f.close();
  });

  test("a traced training step shows its loss, before the weights change in the next one", () => {
    const losses: number[] = [];
    const w = variable([1, -1], { name: "w" });
    const step = func((x: Tensor) => {
      const tape = new GradientTape();
      const loss = tap(sum(square(mul(w, x))), (value) => losses.push(value.item()));
      assign(w, sub(w, mul(tape.gradient(loss, w), 0.1)));
      return loss;
    });
    const returned = [1, 2, 3].map(() => step(tensor([1, 2], { dtype: "float32" })).item());
    expect(losses).toEqual(returned);
    step.close();
  });

  test("in the bodies of loops, which run at once", () => {
    const { show, take } = collector();
    whileLoop(
      (c) => tensorLess(c, 3),
      (c) => add(tap(c, show), 1),
      tensor(0),
    );
    expect(take().map((line) => line.split(" ")[1])).toEqual(["0", "1", "2"]);
  });
});

const tensorLess = (c: Tensor, limit: number): Tensor => tensor(Number(c) < limit);

describe("where there can be none", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [3]);

  test("bodies of loops and branches in a graph", () => {
    const loop = () => scan((c: Tensor, row: Tensor) => [add(c, tap(row)), null], graph.constant(0.5), x); // [tap]
    expect(message(loop)).toBe(`tap: not possible inside the step of scan
at tap.test.ts[tap]
fix: return the value from the body, and tap what comes out of it; in define-by-run a tap works anywhere`);
  });

  test("something that shows nothing", () => {
    // @ts-expect-error a number is neither a label nor a function
    expect(message(() => tap(x, 3))) // [three]
      .toBe(`tap: 3 can not show a value
at tap.test.ts[three]
fix: give a label, a function (value, name) => …, or nothing`);
  });

  test("a file holds labels, and no functions", () => {
    const labelled = new Graph();
    const y = neg(tap(tap(labelled.placeholder("x"), "shown")));
    const copy = parseGraph(JSON.stringify(serializeGraph(labelled)));
    expect(graphHash(copy.tensor("neg"))).toBe(graphHash(y));
    const lines: unknown[] = [];
    vi.spyOn(console, "log").mockImplementation((line) => void lines.push(line));
    new Session(copy).run("neg", { x: 1 });
    expect(lines).toEqual(["shown = 1", "x = 1"]);

    const functional = new Graph();
    tap(functional.placeholder("x"), () => {}); // [function]
    expect(message(() => serializeGraph(functional))) // [serialize]
      .toBe(`serializeGraph: "tap" can not be written to a file: its attribute "show" is a function
  tap "tap" was made at tap.test.ts[function]
fix: a file holds no code: print the value under a label, tap(x, "label"), or save the variables alone`);
  });
});
