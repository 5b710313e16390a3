/** What depends on data is decided by JavaScript: `if`, `while` and `for` ask values, and only what is needed is computed. */

import { tensor } from "../../../src/eager/index.ts";
import { abs, add, div, greater, mul, neg, stack, sub, type Tensor, unstack } from "../../../src/index.ts";

let built = 0;

/** |x| by a condition. `.item()` is the answer; `if (greater(x, 0))` would be true whatever that is. */
function magnitude(x: Tensor): Tensor {
  if (greater(x, 0).item()) return x;
  return neg(x);
}

/** Newton's square root, and the steps it took. The loop ends when the value is close. */
function squareRoot(a: Tensor) {
  let x = a;
  let steps = 0;
  while (greater(abs(sub(mul(x, x), a)), mul(a, 1e-6)).item()) {
    built++;
    x = mul(add(x, div(a, x)), 0.5);
    steps++;
  }
  return { x, steps };
}

/** Exponential smoothing: each value is drawn halfway to the one before. */
function smooth(values: Tensor): Tensor {
  let level: Tensor = tensor(0.5);
  const levels: Tensor[] = [];
  for (const value of unstack(values)) {
    level = add(level, mul(sub(value, level), 0.5));
    levels.push(level);
  }
  return stack(levels);
}

for (const value of [2, -2, 9, 1000]) {
  const { x, steps } = squareRoot(magnitude(tensor(value, { dtype: "float32" })));
  console.log(`root of |${value}| = ${x}`);
  console.log(`steps for ${value} = ${steps}`);
}
for (const list of [[1.5, 2], [4, 0, 4, 0, 4], [1]]) {
  console.log(`smooth [${list}] = ${smooth(tensor(list, { dtype: "float32" }))}`);
}
console.log(`steps run: ${built}`);
