/** Without a graph the function runs at each call, its `console.log` and its counting too: there is one time only. */

import { func, tensor } from "../../../src/eager/index.ts";
import { add, mul, type Tensor, tap } from "../../../src/index.ts";

let calls = 0;
function affine(x: Tensor): Tensor {
  calls++;
  console.log(`call ${calls}: x is ${x}`);
  tap(x, (value) => console.log(`at run time x is ${value}`));
  return add(mul(x, 2), calls); // the number of this call, whichever it is
}

const first = affine(tensor(1));
for (const value of [2, 3]) console.log(`z(${value}): ${affine(tensor(value))}`);
console.log(`calls: ${calls}`);
console.log(`first z = ${first}`);

// A traced function is a graph again: `console.log` prints while it is traced, a tap whenever it runs.
const traced = func(affine);
for (const value of [1, 2, 3]) console.log(`z(${value}): ${traced(tensor(value))}`);
console.log(`calls: ${calls}, traces: ${traced.log.length}`);
