/** The library as it is published, and a program for Node and for a page that trains with it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { projectRoot } from "../support/source-files.ts";

/** Writes modules in JavaScript, which share chunks, to `folder/library`. */
export async function buildLibrary(folder: string): Promise<void> {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  await build({
    entryPoints: {
      index: "src/index.ts",
      train: "src/train/index.ts",
      "session-worker": "src/remote/session-worker.ts",
      worker: "src/backend/wasm/threads/worker.ts",
    },
    absWorkingDir: projectRoot,
    outdir: join(folder, "library"),
    bundle: true,
    splitting: true,
    format: "esm",
  });
  writeFileSync(join(folder, "network.js"), network);
}

/** A digit classifier, 784-128-10, and batches of noise that are the same everywhere. */
const network = `
  import { affine, Graph, mean, relu, sparseSoftmaxCrossEntropy } from "./library/index.js";
  import { Adam, glorotUniform } from "./library/train.js";

  export function classifier() {
    const graph = new Graph({ seed: 11 });
    const images = graph.placeholder("images", ["batch", 784]);
    const labels = graph.placeholder("labels", ["batch"], { dtype: "int32" });
    const w1 = graph.variable("w1", [784, 128], { initial: glorotUniform });
    const w2 = graph.variable("w2", [128, 10], { initial: glorotUniform });
    const hidden = relu(affine(images, w1, graph.variable("b1", [128])));
    const logits = affine(hidden, w2, graph.variable("b2", [10]));
    const loss = mean(sparseSoftmaxCrossEntropy(labels, logits));
    return { graph, loss, step: new Adam(0.001).minimize(loss), weights: [w1, w2] };
  }

  /** The arrays are the same ones each time. */
  export function* batches(count) {
    const images = new Float32Array(32 * 784);
    const labels = new Int32Array(32);
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    for (let at = 0; at < images.length; at++) images[at] = random();
    for (let i = 0; i < count; i++) {
      images.copyWithin(0, 32); // a shift, and little work
      for (let at = 0; at < 32; at++) {
        images[images.length - 32 + at] = random();
        labels[at] = Math.floor(10 * random());
      }
      yield { images, labels };
    }
  }

  /** FNV-1a of all bytes. */
  export function hash(arrays) {
    let value = 0x811c9dc5;
    for (const { data } of arrays)
      for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
        value = Math.imul(value ^ byte, 0x01000193);
    return (value >>> 0).toString(16);
  }
`;
