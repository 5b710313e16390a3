/** What depends on data is decided by operations: `where` picks between two values, both of which are computed. */
import {
  abs,
  add,
  div,
  Graph,
  greater,
  lessEqual,
  mul,
  neg,
  Session,
  sub,
  type Tensor,
  where,
} from "../../../src/index.ts";

/** |x| by a condition. */
const magnitude = (x: Tensor): Tensor => where(greater(x, 0), x, neg(x));

/** Newton's square root. A graph has a fixed number of steps; one that is not needed keeps the value. */
function squareRoot(a: Tensor): Tensor {
  let x = a;
  for (let step = 0; step < 12; step++) {
    const isClose = lessEqual(abs(sub(mul(x, x), a)), mul(a, 1e-6));
    x = where(isClose, x, mul(add(x, div(a, x)), 0.5));
  }
  return x;
}

const graph = new Graph();
const input = graph.placeholder("input");
const root = squareRoot(magnitude(input));
console.log(`operations: ${graph.operations.length}`);

const session = new Session(graph);
for (const value of [2, -2, 9, 1000]) console.log(`root of |${value}| = ${session.run(root, { input: value })}`);
