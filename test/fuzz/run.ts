/** `npm run fuzz -- --count N --seed S [--thorough]`: as many random graphs as you like, and how fast. */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { setWarningHandler } from "../../src/index.ts";
import { checkProgram, newCounts } from "./compare.ts";
import { programs } from "./random-graph.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    thorough: { type: "boolean", default: false },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];

setWarningHandler(() => {});
const counts = newCounts();
const start = performance.now();
console.log(`fuzz: ${count} graphs, seed ${seed}`);
const property = fc.property(programs, (program) => {
  checkProgram(program, counts, values.thorough);
  if (counts.programs % 1000 === 0) console.log(`fuzz: ${counts.programs} graphs`);
});
fc.assert(property, { numRuns: count, seed });
const seconds = (performance.now() - start) / 1000;
const steps = [...counts.steps].sort((a, b) => b[1] - a[1]).map(([name, times]) => `${name} ${times}`);
console.log(
  `fuzz: ${counts.programs} graphs, ${counts.runs} plans, ${(counts.programs / seconds).toFixed(0)} graphs/s`,
);
console.log(`fuzz: ${counts.named} with named sizes; steps: ${steps.join(", ")}`);
