/** Any tensor can be fed, not only placeholders: the value takes its place, and what led to it is not computed. */
import { add, Graph, mul, Session } from "../../../src/index.ts";

const graph = new Graph();
const x = graph.placeholder("x");
const product = mul(x, 2, { name: "product" });
const b = graph.constant(0.7, { name: "b" });
const z = add(product, b, { name: "z" });
const session = new Session(graph);

console.log(`from the start: z = ${session.run(z, [[x, 3]])}`);
// x is not needed any more, so nobody asks for it.
console.log(`from the middle: z = ${session.run(z, [[product, 10]])}`);
// A constant is a tensor like any other.
console.log(`by name: z = ${session.run("z", { product: 10, b: 0.5 })}`);
