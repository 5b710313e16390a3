/**
 * Measures one training step of the MNIST network (batch 64, Adam, a fresh batch in, the loss out) against peers in
 * the same run: each side in a process of its own, rounds interleaved, losses compared first, the ratio of minima
 * counts. `npm run bench:install` installs the peers, `npm run bench -- --rounds 12` runs.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "10" }, steps: { type: "string", default: "20" } },
});

interface Greeting {
  readonly name: string;
  readonly version: string;
  readonly losses: readonly number[];
}

/** One measured process. */
class Contestant {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly times: number[] = [];
  greeting: Greeting = { name: "", version: "", losses: [] };

  constructor(file: string) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = spawn(process.execPath, ["--import", "tsx", path], { stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }
  async ready(): Promise<void> {
    this.greeting = await this.#answer<Greeting>();
  }
  async round(steps: number): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify({ steps })}\n`);
    this.times.push(...(await this.#answer<{ times: number[] }>()).times);
  }
  close(): void {
    this.#child.kill();
  }
  async #answer<T>(): Promise<T> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error("a measured process ended; run it alone to see why");
      // Peers greet their users in prose too.
      if (value.startsWith("{")) return JSON.parse(value) as T;
    }
  }
}

const peer = "./peers/mnist-step-tfjs.mjs";
if (!existsSync(fileURLToPath(new URL("./peers/node_modules", import.meta.url)))) {
  console.log("the peers are not installed: npm run bench:install");
  process.exit(1);
}
const [ours, theirs] = [new Contestant("./mnist-step-forerun.ts"), new Contestant(peer)];
await Promise.all([ours.ready(), theirs.ready()]);
const gaps = ours.greeting.losses.map((loss, i) => Math.abs(loss - theirs.greeting.losses[i]!));
// The same weights give the same first loss. Later ones drift apart: tfjs adds Adam's epsilon at another place.
if (gaps[0]! > 1e-5 || Math.max(...gaps) > 5e-3) {
  throw new Error(`the two sides do not compute the same: losses differ by ${gaps.join(", ")}`);
}
for (let i = 0; i < Number(options.rounds); i++) {
  await ours.round(Number(options.steps));
  await theirs.round(Number(options.steps));
}
const stats = ({ times }: Contestant) => {
  const sorted = [...times].sort((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]! };
};
console.log(
  `first loss agrees within ${gaps[0]!.toExponential(1)}, the next 19 within ${Math.max(...gaps).toExponential(1)}`,
);
for (const side of [ours, theirs]) {
  const { min, median } = stats(side);
  console.log(
    `${`${side.greeting.name} ${side.greeting.version}`.padEnd(28)} min ${min.toFixed(2)} ms  median ${median.toFixed(2)} ms`,
  );
  side.close();
}
console.log(`ratio of minima ${(stats(theirs).min / stats(ours).min).toFixed(2)}`);
