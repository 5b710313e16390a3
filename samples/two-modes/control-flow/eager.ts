/** What depends on data is decided by JavaScript: `if` and `while` ask a value, and only what is needed is computed. */

import { tensor } from "../../../src/eager/index.ts";
import { abs, add, div, mul, neg, sub, type Tensor } from "../../../src/index.ts";

/** |x| by a condition. `Number(x)` is the number in it; `if (x)` would be true whatever that is. */
const magnitude = (x: Tensor): Tensor => (Number(x) > 0 ? x : neg(x));

/** Newton's square root. The loop ends when the value is close. */
function squareRoot(a: Tensor): Tensor {
  let x = a;
  let steps = 0;
  while (Number(abs(sub(mul(x, x), a))) > Number(mul(a, 1e-6))) {
    x = mul(add(x, div(a, x)), 0.5);
    steps++;
  }
  console.log(`steps: ${steps}`);
  return x;
}

for (const value of [2, -2, 9, 1000]) {
  const root = squareRoot(magnitude(tensor(value, { dtype: "float32" })));
  console.log(`root of |${value}| = ${root}`);
}
