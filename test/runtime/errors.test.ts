/** The exact texts of what can go wrong with a session, each with the line of this file it must point at. */
import { describe, expect, test } from "vitest";
import {
  add,
  assign,
  type Fetches,
  Graph,
  group,
  NDArray,
  Session,
  type Tensor,
  type Variable,
} from "../../src/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

function program() {
  const graph = new Graph({ name: "main" });
  const x = graph.placeholder("x", ["batch", 3]); // [x]
  const y = graph.placeholder("y", ["batch"]); // [y]
  const n = graph.placeholder("n", [], { dtype: "int32" }); // [n]
  const flag = graph.placeholder("flag", [], { dtype: "bool" }); // [flag]
  const weights = graph.variable("weights", [3, 2]); // [weights]
  const hidden = x.matmul(weights, { name: "hidden" }); // [hidden]
  return { graph, x, y, n, flag, weights, hidden, session: new Session(graph) };
}
const foreignPlaceholder = (): Tensor => new Graph({ name: "other" }).placeholder("foreign", []); // [foreign]

describe("row 68: mixing graphs", () => {
  test("in an op", () => {
    const { y } = program();
    const foreign = foreignPlaceholder();
    expect(message(() => add(y, foreign))) // [mix]
      .toBe(`add: tensor "foreign:0" belongs to graph "other", not to graph "main"
  "foreign:0" was made at errors.test.ts[foreign]
at errors.test.ts[mix]
fix: build both operands in one graph; a value crosses graphs only by fetching it here and feeding it there`);
  });

  test("in fetches", () => {
    const { session } = program();
    expect(message(() => session.run(foreignPlaceholder()))) // [foreign fetch]
      .toBe(`run: "foreign:0" belongs to graph "other", this session runs graph "main"
  "foreign" was made at errors.test.ts[foreign]
at errors.test.ts[foreign fetch]
fix: fetch it from a session of its own graph`);
  });

  test("in feeds, and in setValue", () => {
    const { session, y } = program();
    expect(message(() => session.run(y, [[foreignPlaceholder(), 1]]))) // [foreign feed]
      .toBe(`feed: "foreign:0" belongs to graph "other", this session runs graph "main"
  "foreign" was made at errors.test.ts[foreign]
at errors.test.ts[foreign feed]
fix: feed tensors of the session's own graph`);
    expect(message(() => session.setValue(new Graph().variable("v", []), 1))) // [set]
      .toBe(`setValue: Tensor("v:0", shape=(), dtype=float32) is not a variable of graph "main"
at errors.test.ts[set]
fix: give a variable of the session's own graph: graph.variables() lists them`);
  });
});

describe("row 74: a placeholder that is not fed", () => {
  test("names it, its line, and the fetch that needs it", () => {
    const { session, hidden } = program();
    expect(message(() => session.run(hidden))) // [unfed]
      .toBe(`run: you must feed a value for placeholder x: float32[batch, 3]
  placeholder "x" was made at errors.test.ts[x]
  "hidden", which is fetched, needs it (made at errors.test.ts[hidden])
at errors.test.ts[unfed]
fix: pass a value: run(…, { x: value })`);
  });

  test("that is fetched itself; one of several", () => {
    const { session, x, y } = program();
    expect(message(() => session.run(x))) // [unfed itself]
      .toBe(`run: you must feed a value for placeholder x: float32[batch, 3]
  placeholder "x" was made at errors.test.ts[x]
at errors.test.ts[unfed itself]
fix: pass a value: run(…, { x: value })`);
    const total = x.sum({ axis: 1 }).add(y, { name: "total" }); // [total]
    expect(message(() => session.run(total))) // [two unfed]
      .toBe(`run: you must feed a value for placeholder x: float32[batch, 3]
  placeholder "x" was made at errors.test.ts[x]
  "total", which is fetched, needs it (made at errors.test.ts[total])
  also not fed: "y"
at errors.test.ts[two unfed]
fix: pass a value: run(…, { x: value })`);
  });

  test("of unknown rank", () => {
    const { session, graph } = program();
    const q = graph.placeholder("in/q", null); // [q]
    expect(message(() => session.run(q))) // [unfed q]
      .toBe(`run: you must feed a value for placeholder in/q: float32<unknown>
  placeholder "in/q" was made at errors.test.ts[q]
at errors.test.ts[unfed q]
fix: pass a value: run(…, { "in/q": value })`);
  });
});

describe("rows 75, 76: variables without a value", () => {
  test("before the initializer ran in this session", () => {
    const { session, hidden, graph, weights } = program();
    expect(message(() => session.run(hidden, { x: [[1, 2, 3]] }))) // [uninitialised]
      .toBe(`run: variable "weights" is not initialised in this session
  "weights" was made at errors.test.ts[weights]
  "hidden", which is fetched, needs it
at errors.test.ts[uninitialised]
fix: run the initializer first: session.run(graph.initializer)`);
    session.run(graph.initializer);
    expect(session.value(weights).size).toBe(6);
    // Another session has values of its own, and has none yet.
    expect(message(() => new Session(graph).value(weights))) // [other session]
      .toBe(`run: variable "weights" is not initialised in this session
  "weights" was made at errors.test.ts[weights]
at errors.test.ts[other session]
fix: run the initializer first: session.run(graph.initializer)`);
  });

  test("made after the initializer was taken", () => {
    const { session, graph } = program();
    session.run(graph.initializer);
    const late = graph.variable("late", []); // [late]
    expect(message(() => session.run(late))) // [run late]
      .toBe(`run: variable "late" is not initialised in this session
  "late" was made at errors.test.ts[late]
at errors.test.ts[run late]
fix: others are, so it was made later: take graph.initializer after the last variable (optimizers make some too)`);
  });

  test("a graph without any", () => {
    expect(message(() => new Graph({ name: "empty" }).initializer)) // [empty]
      .toBe(`graph "empty" has no variables to initialise
at errors.test.ts[empty]
fix: make them first with graph.variable(…); without any, run the fetches at once`);
  });
});

describe("row 77: fetches", () => {
  test("an unknown name", () => {
    const { session } = program();
    expect(message(() => session.run("hiden"))) // [near]
      .toBe('graph "main" has no operation "hiden"\nat errors.test.ts[near]\nfix: near names: hidden');
    expect(message(() => session.run("something_else"))) // [far]
      .toBe('graph "main" has no operation "something_else"\nat errors.test.ts[far]\nfix: list them with graph.text()');
    expect(message(() => session.run("hidden:1"))) // [output]
      .toBe(
        'there is no tensor "hidden:1"\n  operation "hidden" has only "hidden:0"\nat errors.test.ts[output]\nfix: outputs count from 0',
      );
    expect(message(() => session.run("x", { X: [[1, 2, 3]] }))) // [feed name]
      .toBe('graph "main" has no operation "X"\nat errors.test.ts[feed name]\nfix: near names: x, y, n');
  });

  test("row 72: a value, which needs no session", () => {
    const { session, y } = program();
    const fix = "fix: use it as it is; graph.constant(value) makes a tensor of it that can be fetched";
    const run = (fetch: unknown) => session.run(fetch as Fetches, { y: [1] }); // [value]
    expect(message(() => run(8))) //
      .toBe(`run: 8 is a value already, there is nothing to run\nat errors.test.ts[value]\n${fix}`);
    expect(message(() => run([y, NDArray.of([1, 2])]))) //
      .toBe(`run: [1, 2] is a value already, there is nothing to run\nat errors.test.ts[value]\n${fix}`);
    expect(message(() => run(undefined))) //
      .toBe(`run: undefined can not be fetched
at errors.test.ts[value]
fix: fetch tensors, operations, their names, or lists and objects of them`);
  });

  test("two assigns to one variable in one run", () => {
    const { session, weights } = program();
    const doubled = assign(weights, weights.mul(2), { name: "double" }); // [double]
    const halved = assign(weights, weights.mul(0.5), { name: "halve" }); // [halve]
    expect(message(() => session.run([doubled, halved]))) // [both]
      .toBe(`variable "weights" is assigned twice in one run
  "double" at errors.test.ts[double]
  "halve" at errors.test.ts[halve]
at errors.test.ts[both]
fix: run them one after the other, or combine the two values into one assign`);
  });
});

describe("row 77: feeds", () => {
  test("twice, or something that is no feed", () => {
    const { session, y } = program();
    const twice = new Map<Tensor | string, number[]>([
      [y, [1]],
      ["y", [2]],
    ]);
    expect(message(() => session.run(y, twice))) // [twice]
      .toBe('feed: "y:0" is fed twice in one run\nat errors.test.ts[twice]\nfix: feed each tensor once');
    expect(message(() => session.run(y, [y, [1]] as never))) // [flat pair]
      .toBe(`feed: [Tensor("y:0", shape=(?,), dtype=float32), 1] does not say what to feed
at errors.test.ts[flat pair]
fix: give pairs in a list, [[x, 1]], a Map, or an object by name, { x: 1 }`);
    expect(message(() => session.run(y, [[5 as never, 1]]))) // [key]
      .toBe(`feed: 5 is not a tensor or a name
at errors.test.ts[key]
fix: feed by a Map or pairs with tensors as keys, or by an object whose keys are names`);
    expect(message(() => session.run(y, [[group([y], { name: "all" }) as never, 1]]))) // [operation]
      .toBe(`feed: "all" is an operation, and has no value that could be fed
at errors.test.ts[operation]
fix: feed a tensor`);
  });

  test("a wrong dtype", () => {
    const { session, y, n, flag } = program();
    expect(message(() => session.run(y, { y: Float64Array.of(1) }))) // [float64]
      .toBe(`feed: "y:0" is float32, the array fed holds float64
  "y" was made at errors.test.ts[y]
at errors.test.ts[float64]
fix: convert it: Float32Array.from(array)`);
    expect(message(() => session.run(n, { n: 1.5 }))) // [fraction]
      .toBe(`feed: "n:0" is int32, the value fed is 1.5
  "n" was made at errors.test.ts[n]
at errors.test.ts[fraction]
fix: feed whole numbers from -2147483648 to 2147483647`);
    expect(message(() => session.run(flag, { flag: 1 }))) // [number]
      .toBe(`feed: "flag:0" is bool, the value fed is 1
  "flag" was made at errors.test.ts[flag]
at errors.test.ts[number]
fix: feed true and false`);
    expect(message(() => session.run(y, { y: [true] }))) // [boolean]
      .toBe(`feed: "y:0" is float32, the value fed is bool
  "y" was made at errors.test.ts[y]
at errors.test.ts[boolean]
fix: feed numbers`);
    expect(message(() => session.run(y, { y: undefined as never }))) // [undefined]
      .toBe(`feed: the value for "y:0" is undefined
  "y" was made at errors.test.ts[y]
at errors.test.ts[undefined]
fix: feed a number, a list, a typed array or an NDArray`);
  });

  test("a wrong shape: rank, size, and a length that fills no rows", () => {
    const { session, x, y } = program();
    expect(message(() => session.run(y, { y: [[1]] }))) // [rank]
      .toBe(`feed: the value for "y:0" does not fit: rank 2 does not fit rank 1
  wanted  float32[batch]
  fed     float32[1, 1]
  "y" was made at errors.test.ts[y]
at errors.test.ts[rank]
fix: feed a value of shape [batch], or change the shape of "y"`);
    expect(message(() => session.run(x, { x: [[1, 2]] }))) // [size]
      .toBe(`feed: the value for "x:0" does not fit: axis 1 is 2, not 3
  wanted  float32[batch, »3«]
  fed     float32[1, »2«]
  "x" was made at errors.test.ts[x]
at errors.test.ts[size]
fix: feed a value of shape [batch, 3], or change the shape of "x"`);
    expect(message(() => session.run(x, { x: new Float32Array(4) }))) // [length]
      .toBe(`feed: 4 elements do not fill "x:0", which is float32[batch, 3]
  "x" was made at errors.test.ts[x]
at errors.test.ts[length]
fix: feed a whole number of rows, or an NDArray, which has a shape of its own`);
  });

  test("two feeds that disagree about a named size", () => {
    const { session, x, y } = program();
    expect(message(() => session.run([x, y], { x: [[1, 2, 3]], y: [1, 2] }))) // [conflict]
      .toBe(`feed: "batch" is 1 in "x:0" and 2 in "y:0"
  wanted  float32[»batch«, 3]
  fed     float32[»1«, 3]
  "x" was made at errors.test.ts[x]
  wanted  float32[»batch«]
  fed     float32[»2«]
  "y" was made at errors.test.ts[y]
at errors.test.ts[conflict]
fix: feed the same batch everywhere, or give the second size a name of its own`);
  });

  test("lists that are no arrays", () => {
    const { session, x } = program();
    expect(message(() => session.run(x, { x: [[1, 2, 3], [1]] }))) // [ragged]
      .toBe(`feed: the value for "x:0": a list is ragged, 3 against 1 elements at depth 1
  "x" was made at errors.test.ts[x]
at errors.test.ts[ragged]
fix: every list of the same depth must have the same length`);
    expect(message(() => session.run(x, { x: [[1, 2, 3], 4] }))) // [mixed]
      .toBe(`feed: the value for "x:0": numbers and lists are mixed at depth 1
  "x" was made at errors.test.ts[x]
at errors.test.ts[mixed]
fix: at one depth there are only numbers, or only lists`);
    expect(message(() => session.run(x, { x: [[1, 2, "3"]] as never }))) // [text]
      .toBe(`feed: the value for "x:0": 3 is not a number or boolean
  "x" was made at errors.test.ts[x]
at errors.test.ts[text]
fix: give numbers, or convert what you have: Number(text)`);
  });

  test("not finite, with checkFeeds", () => {
    const { graph, x } = program();
    const value = [
      [1, Number.NaN, 3],
      [Number.POSITIVE_INFINITY, 0, 0],
    ];
    expect(new Session(graph).run(x, { x: value }).at(0, 1)).toBeNaN();
    const careful = new Session(graph, { checkFeeds: true });
    expect(message(() => careful.run(x, { x: value }))) // [not finite]
      .toBe(`feed: "x:0" holds NaN at [0, 1]
  2 of its 6 elements are not finite
  "x" was made at errors.test.ts[x]
at errors.test.ts[not finite]
fix: clean the data, or leave out checkFeeds`);
  });

  test("of a prepared run", () => {
    const { session, x, y } = program();
    const step = session.prepare(y, [y]);
    const fix = "fix: give the values in the order in which prepare was given the tensors";
    expect(message(() => step())) // [step]
      .toBe(`a prepared run takes 1 value, not 0
  one each for "y"
at errors.test.ts[step]
${fix}`);
    expect(message(() => step([1], [2]))) // [step 2]
      .toBe(`a prepared run takes 1 value, not 2
  one each for "y"
at errors.test.ts[step 2]
${fix}`);
    expect(message(() => session.prepare(x, [foreignPlaceholder()]))) // [prepare]
      .toMatch('feed: "foreign:0" belongs to graph "other"');
  });
});

describe("sessions", () => {
  test("after close", () => {
    const { session, y } = program();
    const step = session.prepare(y, [y]);
    session.close();
    expect(message(() => session.run(y, { y: [1] }))) // [closed]
      .toBe("session: run after close\nat errors.test.ts[closed]\nfix: open a new Session on the graph");
    expect(message(() => step([1]))) // [closed step]
      .toBe(
        "session: a prepared run after close\nat errors.test.ts[closed step]\nfix: open a new Session on the graph",
      );
  });

  test("a backend or a pass that does not exist", () => {
    const { graph, y } = program();
    expect(message(() => new Session(graph, { backend: "gpu" as "javascript" }))) // [backend]
      .toMatch(
        /^session: there is no backend "gpu"\nat errors\.test\.ts\[backend\]\nfix: choose one of wasm, javascript, /,
      );
    const session = new Session(graph, { compile: { disable: ["fuze"] } });
    expect(message(() => session.run(y, { y: [1] }))) // [pass]
      .toMatch(
        /^there is no pass "fuze"\nat errors\.test\.ts\[pass\]\nfix: passes that can be switched off: .*\bfuse\b/,
      );
  });
});

describe("while building", () => {
  test("bad names", () => {
    const { graph } = program();
    expect(message(() => graph.placeholder("my x", []))) // [name]
      .toBe(`"my x" can not be the name of an operation
at errors.test.ts[name]
fix: use letters, digits, _ . - and /, beginning with a letter, digit or dot`);
  });

  test("bad sizes", () => {
    const { graph } = program();
    const fix = "fix: sizes are whole numbers from 0 on, a name, or null for an unknown size";
    expect(message(() => graph.placeholder("p", [1.5]))) // [fraction size]
      .toBe(`placeholder "p": 1.5 is not a size\nat errors.test.ts[fraction size]\n${fix}`);
    expect(message(() => graph.placeholder("p", [-1]))) // [negative]
      .toBe(`placeholder "p": -1 is not a size\nat errors.test.ts[negative]\n${fix}`);
    expect(message(() => graph.placeholder("p", ["batch size"]))) // [size name]
      .toBe(`placeholder "p": "batch size" is not a name for a size
at errors.test.ts[size name]
fix: use a plain word such as "batch", a number, or null for an unknown size`);
    expect(message(() => graph.variable("v", ["batch" as never]))) // [variable size]
      .toBe(`variable "v": batch is not a size
at errors.test.ts[variable size]
fix: a variable's sizes are whole numbers`);
  });

  test("initial values and constants that do not fit", () => {
    const { graph } = program();
    expect(message(() => graph.variable("v", [2, 2], { initial: [1, 2, 3] }))) // [initial]
      .toBe(`initial value of "v": 3 elements do not fill shape [2, 2], which has 4
at errors.test.ts[initial]
fix: give 4, or one number that fills the shape`);
    expect(message(() => graph.constant([[1], [2, 3]]))) // [constant]
      .toBe(`constant: a list is ragged, 1 against 2 elements at depth 1
at errors.test.ts[constant]
fix: every list of the same depth must have the same length`);
  });

  test("assign", () => {
    const { x, weights } = program();
    expect(message(() => assign(x as Tensor as Variable, 1))) // [target]
      .toBe(`assign: the target is not a variable
  Tensor("x:0", shape=(?, 3), dtype=float32)
at errors.test.ts[target]
fix: make it with graph.variable(…)`);
    // @ts-expect-error assign: axis 0 differs: 3 against 1
    expect(message(() => assign(weights, [[1, 2]]))) // [assign]
      .toBe(`assign: axis 0 differs: 3 against 1
  variable  weights: float32[»3«, 2]   made at errors.test.ts[weights]
  value     constant: float32[»1«, 2]  made at errors.test.ts[assign]
at errors.test.ts[assign]
fix: a variable keeps its shape; assign a value of that shape`);
  });
});
