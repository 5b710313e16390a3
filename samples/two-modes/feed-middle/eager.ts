/** Without a graph there is no middle to get at, unless the program has a function that begins there. */

import { tensor } from "../../../src/eager/index.ts";
import { add, mul, type Tensor } from "../../../src/index.ts";

const fromProduct = (product: Tensor, bias = 0.7): Tensor => add(product, bias);
const fromStart = (x: Tensor): Tensor => fromProduct(mul(x, 2));

console.log(`from the start: z = ${fromStart(tensor(3, { dtype: "float32" }))}`);
console.log(`from the middle: z = ${fromProduct(tensor(10, { dtype: "float32" }))}`);
console.log(`by name: z = ${fromProduct(tensor(10, { dtype: "float32" }), 0.5)}`);
