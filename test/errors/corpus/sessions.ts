/** Dtypes, graphs and names; feeds, fetches, variables and sessions; what TensorFlow 1 users run into. */
import {
  add,
  assign,
  assignAdd,
  cast,
  concat,
  type Feeds,
  Graph,
  group,
  logicalAnd,
  matmul,
  mul,
  NDArray,
  notEqual,
  Session,
  sqrt,
  type Tensor,
  type Variable,
  where,
} from "../../../src/index.ts";
import * as tf from "../../../src/tf1/index.ts";
import type { Corpus } from "../entry.ts";

const zeros = (...shape: number[]) => NDArray.of(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });

export const dtypes: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "add: int32 and float32",
      text: `add: operands have different dtypes, int32 and float32
  left   n: int32[3]    made at sessions.ts[n]
  right  x: float32[3]  made at sessions.ts[x]
at sessions.ts[add]
fix: convert one: cast(x, "float32")`,
      broken(g) {
        const n = g.constant([1, 2, 3], { name: "n" }); // [n]
        const x = g.placeholder("x", [3]); // [x]
        return add(n, x); // [add]
      },
      fixed(g) {
        const n = g.constant([1, 2, 3]);
        const x = g.placeholder("x", [3]);
        return [add(cast(n, "float32"), x), { x: [1, 2, 3] }];
      },
    },
    {
      name: "matmul: float64 weights",
      text: `matmul: operands have different dtypes, float32 and float64
  left   x: float32[batch, 3]  made at sessions.ts[x]
  right  w: float64[3, 2]      made at sessions.ts[w]
at sessions.ts[matmul]
fix: convert one: cast(x, "float32")`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const w = g.variable("w", [3, 2], { dtype: "float64" }); // [w]
        return matmul(x, w); // [matmul]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const w = g.variable("w", [3, 2], { dtype: "float64" });
        return [matmul(x, cast(w, "float32")), { x: zeros(2, 3) }];
      },
    },
    {
      name: "sqrt: of whole numbers",
      text: `sqrt: takes floating point, not int32
  x  n: int32[3]  made at sessions.ts[n]
at sessions.ts[sqrt]
fix: convert it first: cast(x, "float32")`,
      broken(g) {
        const n = g.constant([1, 4, 9], { name: "n" }); // [n]
        return sqrt(n); // [sqrt]
      },
      fixed(g) {
        const n = g.constant([1, 4, 9]);
        return [sqrt(cast(n, "float32"))];
      },
    },
    {
      name: "logicalAnd: of numbers",
      text: `logicalAnd: takes bool, not float32
  left   a: float32[2]  made at sessions.ts[a]
  right  a: float32[2]  made at sessions.ts[a]
at sessions.ts[and]
fix: compare it with something: notEqual(x, 0)`,
      broken(g) {
        const a = g.placeholder("a", [2]); // [a]
        return logicalAnd(a, a); // [and]
      },
      fixed(g) {
        const a = g.placeholder("a", [2]);
        return [logicalAnd(notEqual(a, 0), notEqual(a, 0)), { a: [0, 1] }];
      },
    },
    {
      name: "where: a condition of numbers",
      text: `where: the condition is float32, not bool
  condition  mask: float32[2]     made at sessions.ts[mask]
  yes        mask: float32[2]     made at sessions.ts[mask]
  no         constant: float32[]  made at sessions.ts[where]
at sessions.ts[where]
fix: compare it with something: notEqual(condition, 0)`,
      broken(g) {
        const mask = g.placeholder("mask", [2]); // [mask]
        return where(mask, mask, 0); // [where]
      },
      fixed(g) {
        const mask = g.placeholder("mask", [2]);
        return [where(notEqual(mask, 0), mask, 0), { mask: [0, 1] }];
      },
    },
    {
      name: "assign: another dtype",
      text: `assign: variable is int32, value is float32
  variable  count: int32[]  made at sessions.ts[count]
  value     x: float32[]    made at sessions.ts[x]
at sessions.ts[assign]
fix: convert the value: cast(value, "int32")`,
      broken(g) {
        const count = g.variable("count", [], { dtype: "int32" }); // [count]
        const x = g.placeholder("x", []); // [x]
        return assign(count, x); // [assign]
      },
      fixed(g) {
        const count = g.variable("count", [], { dtype: "int32" });
        const x = g.placeholder("x", []);
        return [assign(count, cast(x, "int32")), { x: 3 }];
      },
    },
    {
      name: "feed: a Float64Array for float32",
      text: `feed: "x:0" is float32, the array fed holds float64
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: convert it: Float32Array.from(array)`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch"]); // [x]
        return session.run(x, { x: Float64Array.of(1, 2) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch"]);
        return [x, { x: Float32Array.from([1, 2]) }];
      },
    },
    {
      name: "feed: a fraction for int32",
      text: `feed: "n:0" is int32, the value fed is 1.5
  "n" was made at sessions.ts[n]
at sessions.ts[run]
fix: feed whole numbers from -2147483648 to 2147483647`,
      broken(g, session) {
        const n = g.placeholder("n", [], { dtype: "int32" }); // [n]
        return session.run(n, { n: 1.5 }); // [run]
      },
      fixed(g) {
        const n = g.placeholder("n", [], { dtype: "int32" });
        return [n, { n: 2 }];
      },
    },
    {
      name: "feed: text",
      text: `feed: the value for "x:0": 2 is not a number or boolean
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: give numbers, or convert what you have: Number(text)`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch"]); // [x]
        return session.run(x, { x: [1, "2"] as never }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch"]);
        return [x, { x: [1, Number("2")] }];
      },
    },
  ],
};

export const graphs: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "two graphs in one op",
      text: `add: tensor "y:0" belongs to graph "other", not to graph "main"
  "y:0" was made at sessions.ts[y]
at sessions.ts[add]
fix: build both operands in one graph; a value crosses graphs only by fetching it here and feeding it there`,
      broken(g) {
        const x = g.placeholder("x", []); // [x]
        const y = new Graph({ name: "other" }).placeholder("y", []); // [y]
        return add(x, y); // [add]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        const y = g.placeholder("y", []);
        return [add(x, y), { x: 1, y: 2 }];
      },
    },
    {
      name: "a fetch of another graph",
      text: `run: "y:0" belongs to graph "other", this session runs graph "main"
  "y" was made at sessions.ts[y]
at sessions.ts[run]
fix: fetch it from a session of its own graph`,
      broken(_g, session) {
        const y = new Graph({ name: "other" }).constant(1, { name: "y" }); // [y]
        return session.run(y); // [run]
      },
      fixed(g) {
        const other = new Graph({ name: "other" });
        return [g.constant(new Session(other).run(other.constant(1)))];
      },
    },
    {
      name: "a name with a space",
      text: `"my input" can not be the name of an operation
at sessions.ts[name]
fix: use letters, digits, _ . - and /, beginning with a letter, digit or dot`,
      broken: (g) => g.placeholder("my input", []), // [name]
      fixed: (g) => [g.placeholder("my_input", []), { my_input: 1 }],
    },
    {
      name: "a size that is a fraction",
      text: `placeholder "x": 1.5 is not a size
at sessions.ts[size]
fix: sizes are whole numbers from 0 on, a name, or null for an unknown size`,
      noAxis: "there is no shape yet",
      broken: (g) => g.placeholder("x", [1.5]), // [size]
      fixed: (g) => [g.placeholder("x", [2]), { x: [1, 2] }],
    },
    {
      name: "a variable of a named size",
      text: `variable "state": batch is not a size
at sessions.ts[size]
fix: a variable's sizes are whole numbers`,
      noAxis: "there is no shape yet",
      broken: (g) => g.variable("state", ["batch" as never, 8]), // [size]
      fixed: (g) => [g.variable("state", [32, 8])],
    },
    {
      name: "an initial value that does not fill",
      text: `initial value of "w": 3 elements do not fill shape [2, 2], which has 4
at sessions.ts[variable]
fix: give 4, or one number that fills the shape`,
      noAxis: "the number of elements is at fault",
      broken: (g) => g.variable("w", [2, 2], { initial: [1, 2, 3] }), // [variable]
      fixed: (g) => [g.variable("w", [2, 2], { initial: [1, 2, 3, 4] })],
    },
    {
      name: "a ragged constant",
      text: `constant: a list is ragged, 2 against 1 elements at depth 1
at sessions.ts[constant]
fix: every list of the same depth must have the same length`,
      noAxis: "a list has no shape",
      broken: (g) => g.constant([[1, 2], [3]]), // [constant]
      fixed: (g) => [
        g.constant([
          [1, 2],
          [3, 4],
        ]),
      ],
    },
    {
      name: "operation: a name with a slip",
      text: `graph "main" has no operation "hiden"
at sessions.ts[operation]
fix: near names: hidden`,
      broken(g) {
        g.placeholder("hidden", []); // [hidden]
        return g.operation("hiden"); // [operation]
      },
      fixed(g) {
        g.placeholder("hidden", []);
        return [g.tensor("hidden"), { hidden: 1 }];
      },
    },
    {
      name: "tensor: an output that is not there",
      text: `there is no tensor "x:1"
  operation "x" has only "x:0"
at sessions.ts[tensor]
fix: outputs count from 0`,
      broken(g) {
        g.placeholder("x", []); // [x]
        return g.tensor("x:1"); // [tensor]
      },
      fixed(g) {
        g.placeholder("x", []);
        return [g.tensor("x:0"), { x: 1 }];
      },
    },
    {
      name: "assign: to a placeholder",
      text: `assign: the target is not a variable
  Tensor("x:0", shape=(), dtype=float32)
at sessions.ts[assign]
fix: make it with graph.variable(…)`,
      broken(g) {
        const x = g.placeholder("x", []); // [x]
        return assign(x as Variable, 1); // [assign]
      },
      fixed(g) {
        const x = g.variable("x", []);
        return [assign(x, 1)];
      },
    },
    {
      name: "assign: another shape",
      text: `assign: axis 0 differs: 3 against 2
  variable  w: float32[»3«, 2]      made at sessions.ts[w]
  value     value: float32[»2«, 2]  made at sessions.ts[value]
at sessions.ts[assign]
fix: a variable keeps its shape; assign a value of that shape`,
      broken(g) {
        const w = g.variable("w", [3, 2]); // [w]
        const value = g.placeholder("value", [2, 2]); // [value]
        return assign(w, value); // [assign]
      },
      fixed(g) {
        const w = g.variable("w", [3, 2]);
        const value = g.placeholder("value", [3, 2]);
        return [assign(w, value), { value: zeros(3, 2) }];
      },
    },
    {
      name: "assign: a value per row, bound when it is fed",
      text: `assign "update": axis 0 differs: 3 against n
  variable  w: float32[»3«]      made at sessions.ts[w]
  value     value: float32[»n«]  made at sessions.ts[value]
  n is 4: axis 0 of "value", fed [4] at sessions.ts[run]
at sessions.ts[update]
fix: feed sizes for which 3 = n`,
      broken(g, session) {
        const w = g.variable("w", [3]); // [w]
        const value = g.placeholder("value", ["n"]); // [value]
        const update = assign(w, value, { name: "update" }); // [update]
        return session.run(update, { value: [1, 2, 3, 4] }); // [run]
      },
      fixed(g) {
        const w = g.variable("w", [3]);
        const value = g.placeholder("value", ["n"]);
        return [assign<readonly number[], Tensor>(w, value), { value: [1, 2, 3] }];
      },
    },
    {
      name: "two assigns to one variable in one run",
      text: `variable "w" is assigned twice in one run
  "double" at sessions.ts[double]
  "more" at sessions.ts[more]
at sessions.ts[run]
fix: run them one after the other, or combine the two values into one assign`,
      broken(g, session) {
        const w = g.variable("w", []); // [w]
        const double = assign(w, mul(w, 2), { name: "double" }); // [double]
        const more = assignAdd(w, 1, { name: "more" }); // [more]
        session.run(g.initializer);
        return session.run([double, more]); // [run]
      },
      fixed(g) {
        const w = g.variable("w", []);
        return [assign(w, mul(w, 2).add(1))];
      },
    },
    {
      name: "group: of nothing",
      text: `group: nothing to group
at sessions.ts[group]
fix: pass at least one operation`,
      broken: () => group([]), // [group]
      fixed(g) {
        const w = g.variable("w", []);
        return [group([assign(w, 1)])];
      },
    },
  ],
};

export const sessions: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "a placeholder that is not fed",
      text: `run: you must feed a value for placeholder x: float32[batch, 3]
  placeholder "x" was made at sessions.ts[x]
  "y", which is fetched, needs it (made at sessions.ts[y])
at sessions.ts[run]
fix: pass a value: run(…, { x: value })`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const y = x.square({ name: "y" }); // [y]
        return session.run(y); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [x.square(), { x: [[1, 2, 3]] }];
      },
    },
    {
      name: "a variable before its initializer",
      text: `run: variable "w" is not initialised in this session
  "w" was made at sessions.ts[w]
  "y", which is fetched, needs it
at sessions.ts[run]
fix: run the initializer first: session.run(graph.initializer)`,
      broken(g, session) {
        const w = g.variable("w", [2]); // [w]
        const y = w.square({ name: "y" }); // [y]
        return session.run(y); // [run]
      },
      fixed(g, session) {
        const w = g.variable("w", [2]);
        const y = w.square();
        session.run(g.initializer);
        return [y];
      },
    },
    {
      name: "a variable made after the initializer ran",
      text: `run: variable "late" is not initialised in this session
  "late" was made at sessions.ts[late]
at sessions.ts[run]
fix: others are, so it was made later: take graph.initializer after the last variable (optimizers make some too)`,
      broken(g, session) {
        g.variable("w", [2]);
        session.run(g.initializer);
        const late = g.variable("late", [2]); // [late]
        return session.run(late); // [run]
      },
      fixed(g, session) {
        g.variable("w", [2]);
        const late = g.variable("late", [2]);
        session.run(g.initializer);
        return [late];
      },
    },
    {
      name: "an initializer without variables",
      text: `graph "main" has no variables to initialise
at sessions.ts[initializer]
fix: make them first with graph.variable(…); without any, run the fetches at once`,
      broken: (g) => g.initializer, // [initializer]
      fixed(g) {
        g.variable("w", []);
        return [g.initializer];
      },
    },
    {
      name: "feed: another size",
      text: `feed: the value for "x:0" does not fit: axis 1 is 2, not 3
  wanted  float32[batch, »3«]
  fed     float32[1, »2«]
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: feed a value of shape [batch, 3], or change the shape of "x"`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return session.run(x, { x: [[1, 2]] }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [x, { x: [[1, 2, 3]] }];
      },
    },
    {
      name: "feed: one example instead of a batch",
      text: `feed: the value for "x:0" does not fit: rank 1 does not fit rank 2
  wanted  float32[batch, 3]
  fed     float32[3]
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: feed a value of shape [batch, 3], or change the shape of "x"; one example alone is fed as a list of one, [value]`,
      noAxis: "the rank is at fault",
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return session.run(x, { x: [1, 2, 3] }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [x, { x: [[1, 2, 3]] }];
      },
    },
    {
      name: "feed: a flat array that fills no rows",
      text: `feed: 4 elements do not fill "x:0", which is float32[batch, 3]
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: feed a whole number of rows, or an NDArray, which has a shape of its own`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return session.run(x, { x: new Float32Array(4) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [x, { x: new Float32Array(6) }];
      },
    },
    {
      name: "feed: a flat array for two open sizes",
      text: `feed: "x:0" is float32[batch, steps]: a flat array does not say how its 2 open sizes divide
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: feed an NDArray: NDArray.of(data, { shape: […] })`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", "steps"]); // [x]
        return session.run(x, { x: new Float32Array(6) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", "steps"]);
        return [x, { x: NDArray.of(new Float32Array(6), { shape: [2, 3] }) }];
      },
    },
    {
      name: "feed: two values for one named size",
      text: `feed: "batch" is 4 in "x:0" and 3 in "t:0"
  wanted  float32[»batch«, 3]
  fed     float32[»4«, 3]
  "x" was made at sessions.ts[x]
  wanted  float32[»batch«]
  fed     float32[»3«]
  "t" was made at sessions.ts[t]
at sessions.ts[run]
fix: feed the same batch everywhere, or give the second size a name of its own`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const t = g.placeholder("t", ["batch"]); // [t]
        return session.run([x, t], { x: zeros(4, 3), t: [1, 2, 3] }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const t = g.placeholder("t", ["batch"]);
        return [[x, t], { x: zeros(3, 3), t: [1, 2, 3] }];
      },
    },
    {
      name: "feed: an intermediate value, and what it was made from",
      text: `feed: the value for "both:0" does not fit: axis 0 is 5, but 2*batch is 4
  wanted  float32[»2*batch«, 3]
  fed     float32[»5«, 3]
  "both" was made at sessions.ts[both]
  batch is 2: axis 0 of "x:0"
at sessions.ts[run]
fix: feed a value of shape [2*batch, 3], or change the shape of "both"`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const both = concat([x, x], 0, { name: "both" }); // [both]
        return session.run(both, { x: zeros(2, 3), both: zeros(5, 3) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const both = concat([x, x], 0, { name: "both" });
        return [both, { x: zeros(2, 3), both: zeros(4, 3) }];
      },
    },
    {
      name: "concat: many parts, one of another size when it is fed",
      text: `concat "wide": axis 0 differs: batch against rows
  input 0  x: float32[»batch«, 2]  made at sessions.ts[x]
  input 1  x: float32[batch, 2]    made at sessions.ts[x]
  input 2  x: float32[batch, 2]    made at sessions.ts[x]
  input 3  x: float32[batch, 2]    made at sessions.ts[x]
  input 6  t: float32[»rows«, 2]   made at sessions.ts[t]
  … and 2 more
  batch is 2: axis 0 of "x", fed [2, 2] at sessions.ts[run]
  rows is 3: axis 0 of "t", fed [3, 2] at sessions.ts[run]
at sessions.ts[wide]
fix: feed equal sizes, or name both "batch", so that feeds are checked against each other`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 2]); // [x]
        const t = g.placeholder("t", ["rows", 2]); // [t]
        const wide = concat([x, x, x, x, x, x, t], 1, { name: "wide" }); // [wide]
        return session.run(wide, { x: zeros(2, 2), t: zeros(3, 2) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 2]);
        const t = g.placeholder("t", ["batch", 2]);
        return [concat([x, x, x, x, x, x, t], 1), { x: zeros(2, 2), t: zeros(2, 2) }];
      },
    },
    {
      name: "feed: one tensor twice",
      text: `feed: "x:0" is fed twice in one run
at sessions.ts[run]
fix: feed each tensor once`,
      broken(g, session) {
        const x = g.placeholder("x", []); // [x]
        const feeds = new Map<Tensor | string, number>([[x, 1]]).set("x", 2);
        return session.run(x, feeds); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        return [x, [[x, 1]]];
      },
    },
    {
      name: "feed: a pair that is no list of pairs",
      text: `feed: [Tensor("x:0", shape=(), dtype=float32), 1] does not say what to feed
at sessions.ts[run]
fix: give pairs in a list, [[x, 1]], a Map, or an object by name, { x: 1 }`,
      broken(g, session) {
        const x = g.placeholder("x", []); // [x]
        return session.run(x, [x, 1] as never); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        return [x, [[x, 1]]];
      },
    },
    {
      name: "feed: a ragged list",
      text: `feed: the value for "x:0": a list is ragged, 2 against 1 elements at depth 1
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: every list of the same depth must have the same length`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 2]); // [x]
        return session.run(x, { x: [[1, 2], [3]] }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 2]);
        return [x, { x: zeros(2, 2) }];
      },
    },
    {
      name: "feed: nothing",
      text: `feed: the value for "x:0" is undefined
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: feed a number, a list, a typed array or an NDArray`,
      broken(g, session) {
        const x = g.placeholder("x", []); // [x]
        const data: { x?: number } = {};
        return session.run(x, { x: data.x } as Feeds); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        return [x, { x: 1 }];
      },
    },
    {
      name: "feed: NaN, with checkFeeds",
      text: `feed: "x:0" holds NaN at [1]
  "x" was made at sessions.ts[x]
at sessions.ts[run]
fix: clean the data, or leave out checkFeeds`,
      broken(g, { graph }) {
        const x = g.placeholder("x", ["batch"]); // [x]
        const careful = new Session(graph, { checkFeeds: true });
        return careful.run(x, { x: [1, Number.NaN] }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch"]);
        const clean = [1, Number.NaN].filter((value) => !Number.isNaN(value));
        return [x, { x: clean }];
      },
    },
    {
      name: "fetch: a name with a slip",
      text: `graph "main" has no operation "totl"
at sessions.ts[run]
fix: near names: total`,
      broken(g, session) {
        g.constant(1, { name: "total" }); // [total]
        return session.run("totl"); // [run]
      },
      fixed(g) {
        g.constant(1, { name: "total" });
        return ["total"];
      },
    },
    {
      name: "fetch: undefined",
      text: `run: undefined can not be fetched
at sessions.ts[run]
fix: fetch tensors, operations, their names, or lists and objects of them`,
      broken: (_g, session) => session.run(undefined as never), // [run]
      fixed: (g) => [g.constant(1)],
    },
    {
      name: "a prepared run with too few values",
      text: `a prepared run takes 2 values, not 1
  one each for "x", "y"
at sessions.ts[step]
fix: give the values in the order in which prepare was given the tensors`,
      broken(g, session) {
        const x = g.placeholder("x", []); // [x]
        const y = g.placeholder("y", []); // [y]
        const step = session.prepare(add(x, y), [x, y]);
        return step(1); // [step]
      },
      fixed(g, session) {
        const x = g.placeholder("x", []);
        const y = g.placeholder("y", []);
        const step = session.prepare(add(x, y), [x, y]);
        return [g.constant(step(1, 2))];
      },
    },
    {
      name: "a session after close",
      text: `session: run after close
at sessions.ts[run]
fix: open a new Session on the graph`,
      broken(g, session) {
        const one = g.constant(1); // [one]
        session.close();
        return session.run(one); // [run]
      },
      fixed(g, { graph }) {
        const one = g.constant(1);
        return [g.constant(new Session(graph).run(one))];
      },
    },
    {
      name: "a memory budget that is too small",
      text: `session: 813,056 bytes of memory are needed for this, and memoryBudget is 500,000 bytes
  in use by the session: 31,360 bytes
  the largest:
    images: float32[256, 784]: 802,816 bytes, made at sessions.ts[images]
    w: float32[784, 10]: 31,360 bytes, made at sessions.ts[w]
    scores: float32[256, 10]: 10,240 bytes, made at sessions.ts[scores]
at sessions.ts[run]
fix: run with smaller batches, or raise memoryBudget`,
      broken(g, { graph }) {
        const images = g.placeholder("images", ["batch", 784]); // [images]
        const w = g.variable("w", [784, 10]); // [w]
        const scores = matmul(images, w, { name: "scores" }); // [scores]
        const small = new Session(graph, { memoryBudget: 500_000, backend: "javascript" });
        small.run(graph.initializer);
        return small.run(scores, [[images, zeros(256, 784)]]); // [run]
      },
      fixed(g, { graph }) {
        const images = g.placeholder("images", ["batch", 784]);
        const w = g.variable("w", [784, 10]);
        const scores = matmul(images, w, { name: "scores" });
        const small = new Session(graph, { memoryBudget: 500_000, backend: "javascript" });
        small.run(graph.initializer);
        small.run(scores, [[images, zeros(32, 784)]]);
        return [scores, [[images, zeros(32, 784)]]];
      },
    },
    {
      name: "a tensor larger than a kernel can count",
      text: `"distances" would have 40,000,000,000 bytes; one tensor may have 2,147,483,647 bytes
  distances: float32[100000, 100000]
at sessions.ts[distances]
fix: compute it in parts, along its first axis for example`,
      broken(g, session) {
        const points = g.placeholder("points", [100_000]);
        const distances = points.reshape([100_000, 1]).sub(points, { name: "distances" }); // [distances]
        return session.run(distances, { points: zeros(100_000) });
      },
      fixed(g) {
        const points = g.placeholder("points", [100_000]);
        const some = g.placeholder("some", ["part"]);
        return [some.reshape([-1, 1]).sub(points), { points: zeros(100_000), some: zeros(10) }];
      },
    },
    {
      name: "a result read after memory has grown",
      text: `data: the array is a view of memory that the session has moved since
  memory grew when another plan was made, or a variable was set for the first time
at sessions.ts[read]
fix: read results before the next run, or prepare without { copy: false }`,
      broken(g, session) {
        const x = g.placeholder("x", ["n"]);
        const step = session.prepare(add(x, 1), [x], { copy: false });
        const result = step(new Float32Array(10));
        step(new Float32Array(1_000_000));
        return result.toArray(); // [read]
      },
      fixed(g, session) {
        const x = g.placeholder("x", ["n"]);
        const step = session.prepare(add(x, 1), [x]);
        const result = step(new Float32Array(10));
        step(new Float32Array(1_000_000));
        return [g.constant(result.toArray() as number[])];
      },
    },
    {
      name: "feeds written after memory has grown",
      text: `a prepared run without values: feeds is a view of memory that the session has moved since
  memory grew when another plan was made, or a variable was set for the first time
at sessions.ts[step]
fix: take step.feeds again, and write the values there`,
      broken(g, session) {
        const x = g.placeholder("x", [10]);
        const y = g.placeholder("y", [1_000_000]);
        const step = session.prepare(add(x, 1), [x]);
        const [feed] = step.feeds;
        session.run(add(y, 1), { y: zeros(1_000_000) });
        feed![0] = 1;
        return step(); // [step]
      },
      fixed(g, session) {
        const x = g.placeholder("x", [10]);
        const y = g.placeholder("y", [1_000_000]);
        const step = session.prepare(add(x, 1), [x]);
        session.run(add(y, 1), { y: zeros(1_000_000) });
        step.feeds[0]!.fill(1);
        return [g.constant(step().toArray() as number[])];
      },
    },
    {
      name: "feeds of a prepared run whose sizes are open",
      text: `feeds: sizes of "x" are not known yet
  x: float32[batch, 3]
at sessions.ts[feeds]
fix: give them to prepare, { shapes: [[…], …] }, or call once with values before`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]);
        return session.prepare(add(x, 1), [x]).feeds; // [feeds]
      },
      fixed(g, session) {
        const x = g.placeholder("x", ["batch", 3]);
        const step = session.prepare(add(x, 1), [x], { shapes: [[2, 3]] });
        step.feeds[0]!.fill(1);
        return [g.constant(step().toArray() as number[][])];
      },
    },
    {
      name: "setValue: another shape",
      text: `feed: the value for "w:0" does not fit: axis 1 is 3, not 2
  wanted  float32[2, »2«]
  fed     float32[2, »3«]
  "w" was made at sessions.ts[w]
at sessions.ts[set]
fix: feed a value of shape [2, 2], or change the shape of "w"`,
      broken(g, session) {
        const w = g.variable("w", [2, 2]); // [w]
        return session.setValue(w, zeros(2, 3)); // [set]
      },
      fixed(g, session) {
        const w = g.variable("w", [2, 2]);
        session.setValue(w, NDArray.of(new Float32Array(4), { shape: [2, 2] }));
        return [w];
      },
    },
    {
      name: "a backend that does not exist",
      text: `session: there is no backend "gpu"
at sessions.ts[session]
fix: choose one of wasm, javascript, interpreter`,
      broken: (_g, { graph }) => new Session(graph, { backend: "gpu" as "javascript" }), // [session]
      fixed(g, { graph }) {
        const one = g.constant(1);
        return [g.constant(new Session(graph, { backend: "interpreter" }).run(one))];
      },
    },
  ],
};

export const tf1: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "tf.session in lower case",
      text: `tf.session: there is no such thing in any version of TensorFlow; the class has a capital letter
at sessions.ts[session]
fix: write new tf.Session()`,
      broken: () => (tf.session as never as () => never)(), // [session]
      fixed(g) {
        return [g.constant(new tf.Session(g).run(g.constant(8)))];
      },
    },
    {
      name: "running a value that was fetched",
      text: `run: 8 is a value already, there is nothing to run
at sessions.ts[run]
fix: use it as it is; graph.constant(value) makes a tensor of it that can be fetched`,
      broken(g, { graph }) {
        const c = g.constant(8, { name: "c" }); // [c]
        const sess = new tf.Session(graph);
        const value = sess.run(c);
        return sess.run(value as never); // [run]
      },
      fixed(g) {
        const value = new tf.Session(g).run(g.constant(8));
        return [g.constant(value)];
      },
    },
    {
      name: "a fetched variable of a session that was not initialised",
      text: `run: variable "weight" is not initialised in this session
  "weight" was made at sessions.ts[w]
  "z", which is fetched, needs it
at sessions.ts[run]
fix: run the initializer first: session.run(graph.initializer)`,
      broken() {
        return new tf.Graph({ name: "lecture" }).asDefault((graph) => {
          const w = tf.Variable(2, { name: "weight" }); // [w]
          const x = tf.placeholder(tf.float32, [], { name: "x" }); // [x]
          const z = tf.multiply(w, x, { name: "z" }); // [z]
          return new tf.Session(graph).run(z, { x: 1 }); // [run]
        });
      },
      fixed(g) {
        const value = new tf.Graph().asDefault((graph) => {
          const w = tf.Variable(2, { name: "weight" });
          const x = tf.placeholder(tf.float32, [], { name: "x" });
          const z = tf.multiply(w, x);
          const sess = new tf.Session(graph);
          sess.run(tf.globalVariablesInitializer());
          return sess.run(z, { x: 1 });
        });
        return [g.constant(value)];
      },
    },
    {
      name: "a whole number beside a float",
      text: `add: operands have different dtypes, int32 and float32
  left   a: int32[]    made at sessions.ts[a]
  right  b: float32[]  made at sessions.ts[b]
at sessions.ts[add]
fix: convert one: cast(x, "float32")`,
      broken() {
        return new tf.Graph({ name: "lecture" }).asDefault(() => {
          const a = tf.constant(5, { name: "a" }); // [a]
          const b = tf.constant(0.5, { name: "b" }); // [b]
          return tf.add(a, b); // [add]
        });
      },
      fixed(g) {
        const value = new tf.Graph().asDefault((graph) => {
          const sum = tf.add(tf.constant(5, tf.float32), tf.constant(0.5));
          return new tf.Session(graph).run(sum);
        });
        return [g.constant(value)];
      },
    },
    {
      name: "a session of the default graph, and tensors of another",
      text: `run: "c:0" belongs to graph "main", this session runs graph "lecture"
  "c" was made at sessions.ts[c]
at sessions.ts[run]
fix: fetch it from a session of its own graph`,
      broken(g) {
        const c = g.constant(8, { name: "c" }); // [c]
        const sess = new tf.Graph({ name: "lecture" }).asDefault(() => new tf.Session());
        return sess.run(c); // [run]
      },
      fixed(g) {
        const c = g.constant(8);
        return [g.constant(new tf.Session({ graph: g }).run(c))];
      },
    },
    {
      name: "resetDefaultGraph inside of asDefault",
      text: `resetDefaultGraph: graph "lecture" is the default here, and not to be thrown away
at sessions.ts[reset]
fix: call it outside of asDefault, or build in a new tf.Graph()`,
      broken() {
        return new tf.Graph({ name: "lecture" }).asDefault(() => {
          tf.resetDefaultGraph(); // [reset]
        });
      },
      fixed(g) {
        tf.resetDefaultGraph();
        return [g.constant(1)];
      },
    },
    {
      name: "unknown sizes that differ when they are fed",
      text: `sub "error": cannot broadcast ? with ?
  left   x: float32[»?«, 2]  made at sessions.ts[x]
  right  t: float32[»?«, 2]  made at sessions.ts[t]
  ? is 3: axis 0 of "x", fed [3, 2] at sessions.ts[run]
  ? is 4: axis 0 of "t", fed [4, 2] at sessions.ts[run]
at sessions.ts[error]
fix: feed sizes that agree, or give both one name, "batch" instead of null`,
      broken() {
        return new tf.Graph({ name: "lecture" }).asDefault((graph) => {
          const x = tf.placeholder(tf.float32, [null, 2], { name: "x" }); // [x]
          const t = tf.placeholder(tf.float32, [null, 2], { name: "t" }); // [t]
          const error = tf.subtract(x, t, { name: "error" }); // [error]
          return new tf.Session(graph).run(error, { x: zeros(3, 2), t: zeros(4, 2) }); // [run]
        });
      },
      fixed(g) {
        const value = new tf.Graph().asDefault((graph) => {
          const x = tf.placeholder(tf.float32, ["batch", 2], { name: "x" });
          const t = tf.placeholder(tf.float32, ["batch", 2], { name: "t" });
          return new tf.Session(graph).run(tf.subtract(x, t), { x: zeros(3, 2), t: zeros(3, 2) });
        });
        return [g.constant(value)];
      },
    },
  ],
};
