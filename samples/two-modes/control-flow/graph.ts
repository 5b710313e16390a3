/** What depends on data is decided by operations: branches and loops are functions, built once, that the plan runs. */
import {
  abs,
  add,
  cond,
  div,
  Graph,
  greater,
  mul,
  neg,
  Session,
  scan,
  sub,
  type Tensor,
  whileLoop,
} from "../../../src/index.ts";

let built = 0;

/** |x| by a condition. One of the two functions runs; `where(greater(x, 0), x, neg(x))` would compute both values. */
const magnitude = (x: Tensor): Tensor =>
  cond(
    greater(x, 0),
    () => x,
    () => neg(x),
  );

/** Newton's square root, and the steps it took. The loop ends when the value is close. */
function squareRoot(a: Tensor) {
  return whileLoop(
    ({ x }) => greater(abs(sub(mul(x, x), a)), mul(a, 1e-6)),
    ({ x, steps }) => {
      built++;
      return { x: mul(add(x, div(a, x)), 0.5), steps: add(steps, 1) };
    },
    { x: a, steps: graph.constant(0) },
  );
}

/** Exponential smoothing: each value is drawn halfway to the one before. */
function smooth(values: Tensor): Tensor {
  const step = (level: Tensor, value: Tensor) => {
    const next = add(level, mul(sub(value, level), 0.5));
    return [next, next] as const;
  };
  const [, levels] = scan(step, graph.constant(0.5), values);
  return levels;
}

const graph = new Graph();
const input = graph.placeholder("input");
const root = squareRoot(magnitude(input));
const values = graph.placeholder("values", ["count"]);
const levels = smooth(values);
console.log(`operations: ${graph.operations.length}, steps built: ${built}`);

const session = new Session(graph);
for (const value of [2, -2, 9, 1000]) {
  const { x, steps } = session.run(root, { input: value });
  console.log(`root of |${value}| = ${x}`);
  console.log(`steps for ${value} = ${steps}`);
}
// As many turns as there are values.
for (const list of [[1.5, 2], [4, 0, 4, 0, 4], [1]]) {
  console.log(`smooth [${list}] = ${session.run(levels, { values: list })}`);
}
