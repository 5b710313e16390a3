/** The same step, operation by operation: a tape remembers what ran, and goes back through it. */
import { trainStep, w2, x, y } from "./model.ts";

for (let step = 1; step <= 5; step++) {
  console.log(`loss ${step} = ${trainStep(x, y)}`);
}
console.log(`w2 = ${w2.value}`);
