/** The same function, traced at its first call, compiled, and run as one plan from then on. */
import { func } from "../../../src/eager/index.ts";
import { trainStep, w2, x, y } from "./model.ts";

const compiled = func(trainStep);
for (let step = 1; step <= 5; step++) {
  console.log(`loss ${step} = ${compiled(x, y)}`);
}
console.log(`w2 = ${w2.value}`);
console.log(`traces: ${compiled.log.length}`);
compiled.close();
