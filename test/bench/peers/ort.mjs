// Measured process: onnxruntime, its native build for Node or (argument `web`) the one in WebAssembly.
import { arrays, BATCHES, batches, cnnParametersChannelsFirst, mlpParameters, networkCase, sample } from "../cases.ts";
import { onnxModel } from "../onnx.ts";
import { CannotError, serve } from "../protocol.ts";

const web = process.argv.includes("web");

const nodeOf = (op, inputs, output, attributes) => ({ op, inputs, output, attributes });

function mlpModel(batch) {
  return onnxModel({
    inputs: [{ name: "images", shape: [batch, 784] }],
    constants: mlpParameters(),
    nodes: [
      nodeOf("Gemm", ["images", "w1", "b1"], "z1"),
      nodeOf("Relu", ["z1"], "a1"),
      nodeOf("Gemm", ["a1", "w2", "b2"], "z2"),
      nodeOf("Relu", ["z2"], "a2"),
      nodeOf("Gemm", ["a2", "w3", "b3"], "logits"),
    ],
    output: { name: "logits", shape: [batch, 10] },
  });
}

function cnnModel(batch) {
  const convolution = { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] };
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  return onnxModel({
    inputs: [{ name: "images", shape: [batch, 1, 28, 28] }],
    constants: cnnParametersChannelsFirst(),
    nodes: [
      nodeOf("Conv", ["images", "f1", "b1"], "z1", convolution),
      nodeOf("Relu", ["z1"], "a1"),
      nodeOf("MaxPool", ["a1"], "p1", pool),
      nodeOf("Conv", ["p1", "f2", "b2"], "z2", convolution),
      nodeOf("Relu", ["z2"], "a2"),
      nodeOf("MaxPool", ["a2"], "p2", pool),
      nodeOf("Flatten", ["p2"], "features", { axis: 1 }),
      nodeOf("Gemm", ["features", "w3", "b3"], "logits"),
    ],
    output: { name: "logits", shape: [batch, 10] },
  });
}

const formulas = {
  matmul: [["MatMul", ["a", "b"], "y"]],
  "chain-1m": [
    ["Mul", ["a", "b"], "t1"],
    ["Add", ["t1", "c"], "t2"],
    ["Relu", ["t2"], "t3"],
    ["Mul", ["t3", "d"], "t4"],
    ["Sub", ["t4", "a"], "y"],
  ],
  "exp-1m": [
    ["Sigmoid", ["x"], "t1"],
    ["Tanh", ["x"], "t2"],
    ["Exp", ["x"], "t3"],
    ["Add", ["t1", "t2"], "t4"],
    ["Add", ["t4", "t3"], "y"],
  ],
  "softmax-1024": [["Softmax", ["x"], "y", { axis: -1 }]],
};

const sessionOptions = ({ threads }) => ({
  executionProviders: [web ? "wasm" : "cpu"],
  graphOptimizationLevel: "all",
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
});

async function inference(ort, wanted, assignment) {
  const model = wanted.network === "mlp" ? mlpModel(wanted.batch) : cnnModel(wanted.batch);
  const shape = wanted.network === "mlp" ? [wanted.batch, 784] : [wanted.batch, 1, 28, 28];
  const session = await ort.InferenceSession.create(model, sessionOptions(assignment));
  const data = batches(wanted.batch);
  const call = async (turn) => {
    const images = new ort.Tensor("float32", data[turn % BATCHES].images, shape);
    const { logits } = await session.run({ images });
    return logits.data;
  };
  return { check: async () => [...sample(await call(0)), ...sample(await call(1))], call };
}

async function onArrays(ort, assignment) {
  const { workload, variant } = assignment;
  const operands = arrays(workload, variant);
  const nodes = formulas[workload]?.map((parts) => nodeOf(...parts));
  if (!nodes) throw new CannotError("not among the rows");
  const output = { name: "y", shape: operands[0].shape };
  const session = await ort.InferenceSession.create(
    onnxModel({ inputs: operands, nodes, output }),
    sessionOptions(assignment),
  );
  const feeds = Object.fromEntries(
    operands.map(({ name, shape, values }) => [name, new ort.Tensor("float32", values, shape)]),
  );
  // The result goes to memory given ahead; allocating it in each run takes up to a third longer.
  const result = new ort.Tensor("float32", new Float32Array(operands[0].values.length), output.shape);
  const call = () => session.run(feeds, { y: result });
  return { check: async () => sample((await call()).y.data), call };
}

await serve(async (assignment) => {
  const ort = await import(web ? "onnxruntime-web" : "onnxruntime-node");
  if (web) ort.env.wasm.numThreads = assignment.threads;
  const wanted = networkCase(assignment.workload);
  if (wanted?.task === "train") throw new CannotError("it does not train");
  const make = wanted ? await inference(ort, wanted, assignment) : await onArrays(ort, assignment);
  return { name: `onnxruntime-${web ? "web" : "node"}`, version: ort.env.versions.common, ...make };
});
