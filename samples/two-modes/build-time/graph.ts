/**
 * A function that builds a graph runs once. Its JavaScript is over when the session starts; only operations remain, a
 * `tap` among them.
 */
import { add, Graph, mul, Session, type Tensor, tap } from "../../../src/index.ts";
import { explain } from "../../../src/inspect/index.ts";

let calls = 0;
function affine(x: Tensor): Tensor {
  calls++;
  console.log(`call ${calls}: x is ${x}`); // when it is built
  tap(x, (value) => console.log(`at run time x is ${value}`)); // when it runs
  return add(mul(x, 2), calls); // the number of this call becomes a constant
}

const graph = new Graph();
const x = graph.placeholder("x");
const z = affine(x);
console.log(`built: ${explain(z)}`);

const session = new Session(graph);
for (const value of [1, 2, 3]) console.log(`z(${value}): ${session.run(z, { x: value })}`);
console.log(`calls: ${calls}`);

console.log(`first z = ${session.run(z, { x: 1 })}`);
