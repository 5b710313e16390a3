/**
 * The event file of the tests, with fixed times: `npx tsx test/tensorboard/example.ts` writes it to `example.v2` beside
 * what TensorFlow read in it (see read-events.py).
 */
import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { cond, Graph, matmul, relu, type Tensor } from "../../src/index.ts";
import { EventWriter, MemorySink } from "../../src/tensorboard/index.ts";

export const oracles = fileURLToPath(new URL("../oracles/tensorboard/", import.meta.url));

/** Two PNG files, 2 wide and 1 high: red and green, blue and white. */
export const PNG_FILES = [
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGP4z8DA8J8BAAf/Af8Bf4mnAAAAAElFTkSuQmCC",
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR4nGNgYPgPBAAJ/QP95gUUCAAAAABJRU5ErkJggg==",
].map((text) => new Uint8Array(Buffer.from(text, "base64")));

/** `length` numbers in [-0.5, 0.5): element i of series k. read-events.py has the same formula. */
export const series = (k: number, length: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => ((((i + 1) * 40503 + k * 9973) * 65537) % 2 ** 32) / 2 ** 32 - 0.5);

/** Two layers, each in its scope, a branch, and a group: what graphs consist of. */
export function exampleGraph(): Graph {
  const graph = new Graph({ name: "example" });
  const x = graph.placeholder("x", ["batch", 4]);
  const training = graph.placeholder("training", [], { dtype: "bool" });
  const dense = (input: Tensor, from: number, to: number): Tensor =>
    graph.scope("dense", () => {
      const kernel = graph.variable("kernel", [from, to], { initial: 0.5 });
      const bias = graph.variable("bias", [to]);
      return matmul(input, kernel).add(bias);
    });
  const hidden = relu(dense(x, 4, 3));
  const noisy = cond(
    training,
    () => hidden.mul(2),
    () => hidden,
  );
  dense(noisy, 3, 2).mean({ axis: 0, keepDims: true });
  graph.initializer;
  return graph;
}

export function exampleEvents(): Uint8Array {
  const sink = new MemorySink();
  let seconds = 1_700_000_000;
  const writer = new EventWriter(sink, { clock: () => (seconds += 0.5) });
  writer.graph(exampleGraph());
  for (let step = 0; step < 3; step++) {
    writer.scalar("epoch_loss", 1 / (step + 1), step, { description: "mean over the epoch" });
    writer.histogram("dense/kernel", series(step, 100), step);
  }
  writer.scalar("epoch_loss", Number.NaN, 2 ** 40);
  writer.scalar("evaluation/loss", Number.POSITIVE_INFINITY, 3);
  writer.histogram("few", [1, 2, 4], 0, { buckets: 4 });
  writer.histogram("constant", Float32Array.of(0.1, 0.1), 0, { buckets: 3 });
  writer.histogram("nothing", [], 0, { buckets: 2 });
  writer.text("notes", "**learning rate** 0.001, η → 0", 1);
  writer.image("digits", PNG_FILES, 2);
  writer.close();
  return sink.bytes;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(`${oracles}example.v2`, exampleEvents());
