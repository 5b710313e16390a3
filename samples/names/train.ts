/**
 * Trains a long short-term memory on first names, letter by letter, and lets it write new ones:
 * `npx tsx samples/names/train.ts`. Options: `--epochs 25`, `--units 128`, `--threads 1`, `--seed 1`,
 * `--temperature 0.7`.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { seededRandom } from "../mnist/data.ts";
import { writeSvg } from "../support/graphviz.ts";
import { judge, LetterCounts } from "./counts.ts";
import { loadNames, type Names } from "./data.ts";
import { NameWriter } from "./writer.ts";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "25" },
    units: { type: "string", default: "128" },
    threads: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    temperature: { type: "string", default: "0.7" },
  },
});
const epochs = Number(options.epochs);
const names = loadNames();
const writer = new NameWriter(names, {
  units: Number(options.units),
  threads: Number(options.threads),
  seed: Number(options.seed),
});

const parameters = writer.model.graph.variables().filter((variable) => variable.trainable);
const count = parameters.reduce((sum, variable) => sum + variable.count, 0);
console.log(
  `${count.toLocaleString("en")} parameters, ${names.train.length.toLocaleString("en")} names to learn from, ` +
    `${names.heldOut.length} held out`,
);

for (let epoch = 0; epoch < epochs; epoch++) train(epoch);
compare(writer, names);
show(writer.write(Number(options.temperature)).slice(0, 20));
await drawPictures(writer);
writer.session.close();

function train(epoch: number): void {
  const rate = 0.005 * (1 - epoch / epochs);
  const bar = new SingleBar({ format: `epoch ${epoch + 1}/${epochs} {bar} {value}/{total}  loss {loss}` });
  bar.start(writer.steps, 0, { loss: "" });
  const start = performance.now();
  const loss = writer.learn(rate, (steps, mean) => bar.update(steps, { loss: mean.toFixed(4) }));
  const seconds = (performance.now() - start) / 1000;
  bar.stop();
  const heldOut = writer.lossOf(names.heldOut);
  console.log(
    `epoch ${String(epoch + 1).padStart(2)}  loss ${loss.toFixed(4)}  held-out loss ${heldOut.toFixed(4)}  ` +
      `perplexity ${Math.exp(heldOut).toFixed(2)}  ${seconds.toFixed(2)} s, ` +
      `${Math.round(writer.steps / seconds)} steps/s, ${writer.plans} plans`,
  );
}

/** What the network knows of names beyond the counts of letters, and whether counts take its names for real ones. */
function compare(trained: NameWriter, { train: learned, heldOut, vocabulary }: Names): void {
  const models = ["single letters", "pairs", "triples", "fours", "fives", "sixes"].map(
    (what, i) => [what, new LetterCounts(learned, vocabulary, i + 1)] as const,
  );
  console.log("\nperplexity of held-out names");
  for (const [what, counts] of models) console.log(line(`counts of ${what}`, counts.perplexity(heldOut).toFixed(2)));
  console.log(line("network", Math.exp(trained.lossOf(heldOut)).toFixed(2)));

  const triples = models[2]![1];
  console.log("\n500 written names     new  never seen, yet real  distinct  perplexity for triples");
  const report = (what: string, written: readonly string[]): void => {
    const { fresh, real, distinct, perplexity } = judge(written, names, triples);
    const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
    console.log(
      `${line(what, percent(fresh))}${percent(real).padStart(22)}${percent(distinct).padStart(10)}` +
        perplexity.toFixed(2).padStart(24),
    );
  };
  for (const [what, counts] of models.slice(0, 3)) report(`by ${what}`, counts.write(500, seededRandom(1)));
  for (const temperature of [1, 0.7, 0.4]) report(`network at ${temperature}`, trained.write(temperature));
  report("held-out names", heldOut);
}

function line(label: string, value: string): string {
  return `${label.padEnd(19)}${value.padStart(6)}`;
}

function show(written: readonly string[]): void {
  const known = new Set(names.train);
  const marked = written.map((name) => {
    const capitalised = name.slice(0, 1).toUpperCase() + name.slice(1);
    return known.has(name) ? capitalised : `${capitalised}*`;
  });
  console.log(`\n${marked.join(", ")}\n* not among the names learned from\n`);
}

/** The graph of the loss, whose scan is one operation, and the kernels that write: those of a turn among them. */
async function drawPictures({ model, session }: NameWriter): Promise<void> {
  const folder = fileURLToPath(new URL("output", import.meta.url));
  const [learn, write] = [join(folder, "loss.svg"), join(folder, "write.svg")];
  await writeSvg(learn, model.graph, { fetches: [model.testLoss] });
  await writeSvg(write, session.plan(model.written, [[model.temperature, 1]]));
  console.log(`the graph of the loss: ${relative(process.cwd(), learn)}`);
  console.log(`the plan that writes:  ${relative(process.cwd(), write)}`);
}
