/**
 * `npm run fuzz:files -- [count] [first seed]`: spoils files as test/files/fuzz.test.ts does, as often as wanted, and
 * stops at the first that is not met with an error of the library.
 */
import { makeSamples, tryFile } from "../files/mutate.ts";

const count = Number(process.argv[2] ?? 100_000);
const first = Number(process.argv[3] ?? 1);
const samples = makeSamples();
let refused = 0;
let slowest = { seed: 0, milliseconds: 0 };
const started = performance.now();
for (let seed = first; seed < first + count; seed++) {
  const outcome = tryFile(samples, seed);
  if (outcome.refused) refused++;
  if (outcome.milliseconds > slowest.milliseconds) slowest = { seed, milliseconds: outcome.milliseconds };
}
const seconds = (performance.now() - started) / 1000;
console.log(`${count} files from seed ${first}: ${refused} refused, ${count - refused} read, ${seconds.toFixed(1)} s`);
console.log(`slowest: seed ${slowest.seed}, ${slowest.milliseconds.toFixed(0)} ms`);
console.log(`memory: ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
