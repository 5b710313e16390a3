/** Graphs to write and read, and how two of them are told apart. */
import { specText } from "../../src/core/shape.ts";
import { addSizes, floorDivideSizes, maxSizes, namedSize, sizeText } from "../../src/core/size.ts";
import type { Attr } from "../../src/graph/operation.ts";
import {
  broadcastTo,
  customGradient,
  FileError,
  ForerunError,
  type Graph,
  Graph as GraphClass,
  gradients,
  matmul,
  mean,
  parseGraph,
  relu,
  serializeGraph,
  softmaxCrossEntropy,
  square,
} from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { glorotUniform } from "../../src/train/initializers.ts";

/** Everything of a graph but ids and lines, as text. Unnamed sizes are all `?`. */
export function contentsOf(graph: Graph): string {
  const attrText = (attr: Attr): string => {
    if (Array.isArray(attr)) return `[${(attr as readonly Attr[]).map(attrText).join(", ")}]`;
    if (ArrayBuffer.isView(attr)) {
      const bytes = new Uint8Array(attr.buffer, attr.byteOffset, attr.byteLength);
      return `${attr.constructor.name} ${bytes.join()}`;
    }
    if (typeof attr === "number") return Object.is(attr, -0) ? "-0" : String(attr);
    return typeof attr === "object" && attr !== null ? `size ${sizeText(attr as never)}` : JSON.stringify(attr);
  };
  const lines = graph.operations.map((op) => {
    const attrs = Object.entries(op.attrs).map(([name, attr]) => `${name}: ${attrText(attr)}`);
    const outputs = op.outputs.map((output) => `${output.constructor.name} ${specText(output.spec)}`);
    const checks = op.checks.map(({ left, right, why }) => `${sizeText(left)} = ${sizeText(right)}: ${why}`);
    const inputs = op.inputs.map((input) => input.name);
    const controls = op.controls.map((control) => `^${control.name}`);
    return [op.name, op.def.name, ...inputs, ...controls, ...attrs, ...outputs, ...checks].join(" | ");
  });
  const variables = graph
    .variables()
    .map(({ name, trainable, variable }) => `${name} ${trainable} ${variable.initializer.name}`);
  return [graph.name, graph.seed, ...lines, ...variables].join("\n");
}

/** Through text and back. */
export const roundTrip = (graph: Graph): Graph => parseGraph(JSON.stringify(serializeGraph(graph)));

/** A small classifier with gradients and an optimizer. */
export function trainingGraph() {
  const graph = new GraphClass({ name: "classifier", seed: 7 });
  const x = graph.placeholder("x", ["batch", 4]);
  const labels = graph.placeholder("labels", ["batch", 3]);
  const { loss } = graph.scope("dense", () => {
    const w = graph.variable("w", [4, 5], { initial: glorotUniform });
    const b = graph.variable("b", [5]);
    const hidden = relu(matmul(x, w).add(b));
    const v = graph.variable("v", [5, 3], { initial: glorotUniform });
    return { loss: mean(softmaxCrossEntropy(labels, matmul(hidden, v)), { name: "loss" }) };
  });
  const train = new Adam(0.05).minimize(loss, { name: "train" });
  const initializer = graph.initializer;
  return { graph, x, labels, loss, train, initializer };
}

export const trainingBatch = (step: number) => ({
  x: Float32Array.from({ length: 24 }, (_, i) => Math.fround(Math.sin(i * 1.7 + step))),
  labels: Float32Array.from({ length: 18 }, (_, i) => (i % 3 === (Math.floor(i / 3) + step) % 3 ? 1 : 0)),
});

/** A graph with what is hard to write: symbolic sizes of all sorts, numbers JSON has no digits for, several outputs. */
export function awkwardGraph(): Graph {
  const graph = new GraphClass({ name: "awkward", seed: 0xdeadbeef });
  const image = graph.placeholder("image", ["batch", "height", null, 3]);
  const unknown = graph.placeholder("unknown", null, { dtype: "float64" });
  graph.constant(new Float64Array([Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324]), { name: "special" });
  graph.constant([true, false], { name: "flags" });
  square(unknown);
  const total = mean(square(image.reshape([-1, 3])));
  gradients(total, [image]);
  const n = namedSize("n");
  broadcastTo(graph.constant(1.5), [addSizes(floorDivideSizes(n, 2), 1), maxSizes(n, 3)]);
  return graph;
}

export const withCustomGradient = () => {
  const graph = new GraphClass();
  const x = graph.placeholder("x", [2]);
  customGradient([x], square, (dy) => [dy]);
  return graph;
};

/** The message of the error that `run` throws, less what differs from machine to machine: the line of the call. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ForerunError)) throw error;
    if (!(error instanceof FileError)) return `${error.name}: ${error.message}`;
    return error.message.replace(/^at \S+\n/m, "").replace(/\S*\.test\.ts:\d+:\d+/g, "<line>");
  }
  return "no error";
}
