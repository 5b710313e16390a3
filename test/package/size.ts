/** `npm run size`: what forerun adds to a page, minified and compressed, in kB of 1000 bytes. */
import { execFileSync } from "node:child_process";
import { SourceMap, type SourceMapPayload } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type OutputFile } from "esbuild";
import { projectRoot } from "../support/source-files.ts";

const forward = (entry: string) => `
import { Graph, matmul, relu, Session } from "${entry}";
const graph = new Graph();
const x = graph.placeholder("x", ["batch", 4]);
const y = relu(matmul(x, graph.variable("w", [4, 3])));
const session = new Session(graph);
session.run(graph.initializer);
console.log(session.run(y, { x: new Float32Array(8) }).data);
`;
const training = (entry: string) => `
import { Graph, matmul, relu, Session, sparseSoftmaxCrossEntropy } from "${entry}";
import { Adam, glorotUniform } from "./dist/train.js";
const graph = new Graph();
const x = graph.placeholder("x", ["batch", 4]);
const labels = graph.placeholder("labels", ["batch"], { dtype: "int32" });
const y = relu(matmul(x, graph.variable("w", [4, 3], { initial: glorotUniform })));
const step = new Adam(0.01).minimize(sparseSoftmaxCrossEntropy(labels, y));
const session = new Session(graph);
session.run(graph.initializer);
session.run(step, { x: new Float32Array(8), labels: [0, 1] });
`;

const layered = `
import { Dense, input, sequential } from "./dist/layers.js";
const network = sequential([input([4]), new Dense(3, { activation: "relu" }), new Dense(2)]);
network.compile({ optimizer: "adam", loss: "mse" });
await network.fit([[1, 2, 3, 4]], [[0, 1]], { verbose: 0 });
`;

const programs: readonly (readonly [name: string, text: string])[] = [
  ["all of forerun", 'export * from "./dist/index.js";'],
  ["forward program, forerun/functional", forward("./dist/functional.js")],
  ["forward program, forerun", forward("./dist/index.js")],
  ["training program, forerun/functional", training("./dist/functional.js")],
  ["a model of layers and its fit, forerun/layers", layered],
];

export interface BundleSize {
  readonly name: string;
  /** Bytes after minification, and after `gzip -9` of that. */
  readonly minified: number;
  readonly compressed: number;
  /** Minified bytes that came from each folder of src, largest first. */
  readonly folders: readonly (readonly [folder: string, bytes: number])[];
}

/** Bytes of a minified bundle, by the folder of src that its map says they came from. */
function bytesByFolder(code: string, payload: SourceMapPayload): BundleSize["folders"] {
  const map = new SourceMap(payload);
  const folders = new Map<string, number>();
  code.split("\n").forEach((line, row) => {
    for (let column = 0; column < line.length; column++) {
      const entry = map.findEntry(row, column);
      const folder = "originalSource" in entry ? /\bsrc\/(\w+)\//.exec(entry.originalSource)?.[1] : undefined;
      if (folder !== undefined) folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
  });
  return [...folders].sort(([, a], [, b]) => b - a);
}

/** Builds forerun, and bundles each program for a page from what is published. */
export async function bundleSizes(): Promise<readonly BundleSize[]> {
  execFileSync(process.execPath, [join(projectRoot, "test/scripts/build.mjs")], { stdio: "inherit" });
  const sizes: BundleSize[] = [];
  for (const [name, text] of programs) {
    const { outputFiles } = await build({
      stdin: { contents: text, resolveDir: projectRoot, loader: "ts" },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      write: false,
      outfile: "bundle.js",
      sourcemap: "external",
    });
    const [map, { contents, text: code }] = outputFiles as [OutputFile, OutputFile];
    sizes.push({
      name,
      minified: contents.length,
      compressed: gzipSync(contents, { level: 9 }).length,
      folders: bytesByFolder(code, JSON.parse(map.text) as SourceMapPayload),
    });
  }
  return sizes;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
  for (const { name, minified, compressed, folders } of await bundleSizes()) {
    console.log(`${name.padEnd(38)} ${kilobytes(minified)} ${kilobytes(compressed)} gzip`);
    const parts = folders.map(([folder, bytes]) => `${folder} ${(bytes / 1000).toFixed(1)}`);
    if (process.argv.includes("--parts")) console.log(`  minified, by folder: ${parts.join(", ")}`);
  }
}
