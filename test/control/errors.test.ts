import { describe, expect, test } from "vitest";
import {
  add,
  assign,
  cast,
  cond,
  Graph,
  gradients,
  greater,
  less,
  mul,
  parseGraph,
  reshape,
  Session,
  scan,
  serializeGraph,
  stack,
  sum,
  switchCase,
  type Tensor,
  whileLoop,
} from "../../src/index.ts";

const HERE = /at test\/control\/errors\.test\.ts:\d+:\d+/;

/** The whole message, and that it names a line of this file. */
function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    const { message } = error as Error;
    expect(message).toMatch(HERE);
    return message;
  }
  throw new Error("nothing was thrown");
}

function sources() {
  const graph = new Graph({ name: "g" });
  const x = graph.placeholder("x", [5, 2]);
  const h = graph.placeholder("h", [2]);
  const p = graph.placeholder("p", [], { dtype: "bool" });
  return { graph, x, h, p };
}

describe("branches", () => {
  test("that differ in shape, dtype or structure", () => {
    const { h, p } = sources();
    const shape = messageOf(() =>
      cond(
        p,
        () => h,
        () => reshape(h, [2, 1]),
      ),
    );
    expect(shape).toContain("cond: the then branch gives float32[2], the else branch float32[2, 1]");
    expect(shape).toContain("fix: all branches give the same shape and dtype");
    const dtype = messageOf(() =>
      cond(
        p,
        () => h,
        () => cast(h, "int32"),
      ),
    );
    expect(dtype).toContain("cond: the then branch gives float32[2], the else branch int32[2]");
    const structure = messageOf(() =>
      cond(
        p,
        () => [h, h],
        () => ({ h }),
      ),
    );
    expect(structure).toContain("cond: the then branch returns [0], [1], the else branch .h");
  });
  test("that return no tensor, and what decides", () => {
    const { h, p } = sources();
    expect(
      messageOf(() =>
        cond(
          p,
          () => h,
          () => 3 as never,
        ),
      ),
    ).toContain("cond: the result of the else branch is 3, no tensor");
    expect(
      messageOf(() =>
        cond(
          h,
          () => h,
          () => h,
        ),
      ),
    ).toContain("cond: one bool decides, not h: float32[2]");
    expect(messageOf(() => switchCase(p, [() => h]))).toContain("switchCase: one int32 decides, not p: bool[]");
  });
});

describe("loops", () => {
  test("that change what they carry", () => {
    const { x, h } = sources();
    const shape = messageOf(() => scan((c: Tensor, v: Tensor) => [stack([c, v]), null], h, x));
    expect(shape).toContain("scan: carry begins as float32[2] and becomes float32[2, 2]");
    expect(shape).toMatch(/begins {2}"h:0", made at test/);
    expect(shape).toMatch(/becomes "stack:0", made at test/);
    const dtype = messageOf(() =>
      whileLoop(
        (c) => less(sum(c.h), 1),
        (c) => ({ h: cast(c.h, "int32") }),
        { h },
      ),
    );
    expect(dtype).toContain("whileLoop: carry.h begins as float32[2] and becomes int32[2]");
    const structure = messageOf(() => scan((c: Tensor) => [[c, c], null], h, x));
    expect(structure).toContain("scan: step was given a carry of a tensor and returned one of [0], [1]");
  });
  test("whose step or test returns something else", () => {
    const { x, h } = sources();
    expect(messageOf(() => scan((c: Tensor) => c as never, h, x))).toContain("scan: step returned Tensor(");
    expect(
      messageOf(() =>
        whileLoop(
          (c) => c,
          (c) => c,
          h,
        ),
      ),
    ).toContain("whileLoop: the test gives");
  });
  test("of no length, or of several", () => {
    const { graph, x, h } = sources();
    expect(messageOf(() => scan((c: Tensor) => [c, null], h, null))).toContain(
      "scan: without xs, nothing says how many steps there are",
    );
    const other = graph.placeholder("other", [4]);
    expect(messageOf(() => scan((c: Tensor) => [c, null], h, [x, other]))).toContain(
      "scan: sequences of 5 and 4 steps",
    );
    const scalar = graph.constant(1);
    expect(messageOf(() => scan((c: Tensor) => [c, null], h, scalar))).toContain(
      "xs has int32[] in it, which has no rows",
    );
  });
  test("lengths that only feeds decide", () => {
    const graph = new Graph();
    const a = graph.placeholder("a", ["n"]);
    const b = graph.placeholder("b", ["m"]);
    const [y] = scan(
      (c: Tensor, [u, v]: Tensor[]) => [add(c, mul(u!, v!)), null],
      graph.constant(0, { dtype: "float32" }),
      [a, b],
    );
    const session = new Session(graph);
    expect(
      Number(
        session.run(y, [
          [a, [1, 2]],
          [b, [3, 4]],
        ] as never),
      ),
    ).toBe(11);
    expect(
      messageOf(() =>
        session.run(y, [
          [a, [1, 2]],
          [b, [3, 4, 5]],
        ] as never),
      ),
    ).toContain("sequence 1 has m rows, the scan n steps");
  });
});

describe("bodies", () => {
  test("a tensor that leaks is named, with the line that made it", () => {
    const { h, p, x } = sources();
    let leaked: Tensor = h;
    cond(
      p,
      () => (leaked = mul(h, 2)),
      () => h,
    );
    const message = messageOf(() => add(leaked, h));
    expect(message).toContain('add: "mul:0" belongs to the then branch of cond, and has no value outside of it');
    expect(message).toMatch(/"mul:0" was made at test\/control/);
    expect(message).toContain("fix: return it from the then branch");
    expect(messageOf(() => mul(leaked, 2))).toContain('"mul:0" belongs to the then branch of cond');
    expect(messageOf(() => scan((c: Tensor, v: Tensor) => [add(c, leaked), v], h, x))).toContain(
      "belongs to the then branch",
    );
  });
  test("a tensor that leaks can not be fetched", () => {
    const { graph, h, p } = sources();
    let leaked: Tensor = h;
    cond(
      p,
      () => (leaked = mul(h, 2)),
      () => h,
    );
    const session = new Session(graph);
    expect(messageOf(() => session.run(leaked))).toContain('run: "mul:0" belongs to the then branch of cond');
  });
  test("assign is refused", () => {
    const { graph, p, h } = sources();
    const v = graph.variable("v", [2]);
    const message = messageOf(() =>
      cond(
        p,
        () => assign(v, h),
        () => h,
      ),
    );
    expect(message).toContain("assign: not possible inside the then branch of cond");
    expect(message).toContain("fix: a body has no effects: return the new value, and assign it outside");
  });
});

test("a loop without a bound has no derivative, and says what to do", () => {
  const { h } = sources();
  const y = whileLoop(
    (c) => less(sum(c), 10),
    (c) => mul(c, 2),
    h,
  );
  const message = messageOf(() => gradients(sum(y), [h]));
  expect(message).toContain('gradients: whileLoop "whileLoop" has no derivative without a bound on its steps');
  expect(message).toContain("maxSteps: 100");
  expect(greater(y, 0).dtype).toBe("bool");
});

describe("files", () => {
  const damaged = (change: (scan: Record<string, unknown>) => unknown): string => {
    const { graph, x, h } = sources();
    scan((c: Tensor, row: Tensor) => [add(c, mul(row, c)), c], h, x);
    const file = JSON.parse(JSON.stringify(serializeGraph(graph)));
    change(file.ops.find((op: { op: string }) => op.op === "scan").attrs);
    try {
      parseGraph(file);
    } catch (error) {
      expect((error as Error).name).toBe("FileError");
      return (error as Error).message;
    }
    throw new Error("nothing was thrown");
  };
  type Body = {
    params: string[];
    ops: { name: string; op: string; inputs: string[]; attrs: object }[];
    results: string[];
  };
  test.each<[string, (attrs: Record<string, unknown>) => unknown, string]>([
    ["too many carries", (attrs) => Object.assign(attrs, { carries: 9 }), "2 inputs for 9 carries and 1 sequences"],
    ["a length below 0", (attrs) => Object.assign(attrs, { length: -1 }), "length is -1"],
    ["another length", (attrs) => Object.assign(attrs, { length: 4 }), "sequence 0 has 5 rows, the scan 4 steps"],
    ["a param less", (attrs) => (attrs.body as Body).params.pop(), "is no param of the function"],
    [
      "no results",
      (attrs) => Object.assign(attrs.body as Body, { results: [] }),
      "gives less than the 1 values it carries on",
    ],
    [
      "a result that is not there",
      (attrs) => (attrs.body as Body).results.splice(0, 1, "mull"),
      'there is no operation "mull"',
    ],
    ["no function", (attrs) => Object.assign(attrs, { body: 3 }), "an object should stand here"],
    ["a param of another shape", (attrs) => Object.assign((attrs.body as Body).ops[0]!.attrs, { shape: [3] }), "3"],
    [
      "a variable in a function",
      (attrs) => {
        const attrsOf = { dtype: "float32", shape: [2], trainable: true };
        (attrs.body as Body).ops.push({ name: "v", op: "variable", inputs: [], attrs: attrsOf });
      },
      "variable can not stand in a function",
    ],
  ])("%s", (_, change, text) => {
    expect(damaged(change)).toContain(text);
  });
});
