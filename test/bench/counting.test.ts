import { describe, expect, test } from "vitest";
import { add, Graph, matmul, relu, Session } from "../../src/functional.ts";
import { cnnParameters, cnnParametersChannelsFirst, networkCase, permute, uniform } from "./cases.ts";
import { kernelCost } from "./kernel-costs.ts";
import { smallestMemory } from "./live.ts";
import { onnxModel } from "./onnx.ts";
import { peakLoop } from "./peak.ts";

describe("the numbers of the workloads", () => {
  test("are the same in every language: anchors that peers/torch_side.py gives too", () => {
    expect([...uniform(7, 4, -1, 1)]).toEqual([
      -0.9687991142272949, 0.9755083322525024, 0.2953578233718872, 0.7752774953842163,
    ]);
  });

  test("axes are moved as numpy does it", () => {
    const values = Float32Array.of(0, 1, 2, 3, 4, 5);
    expect([...permute(values, [2, 3], [1, 0])]).toEqual([0, 3, 1, 4, 2, 5]);
    const [first] = cnnParametersChannelsFirst();
    expect(first!.shape).toEqual([8, 1, 5, 5]);
    expect(first!.values[25]).toBe(cnnParameters()[0]!.values[1]);
  });

  test("names of networks are read", () => {
    expect(networkCase("cnn-train-b64")).toEqual({ network: "cnn", task: "train", batch: 64 });
    expect(networkCase("matmul")).toBeNull();
  });
});

describe("the cost of kernels", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [8, 16]);
  const w = graph.placeholder("w", [16, 4]);
  const b = graph.placeholder("b", [4]);
  const feeds = { x: new Float32Array(128), w: new Float32Array(64), b: new Float32Array(4) };
  const planOf = (backend: "javascript") => new Session(graph, { backend }).plan(relu(add(matmul(x, w), b)), feeds);

  test("a dense layer multiplies and adds once for each weight and row, and moves its arrays once", () => {
    const { steps } = planOf("javascript");
    const costs = steps.map(({ kernel }) => kernelCost(kernel));
    const flops = costs.reduce((total, cost) => total + cost.flops, 0);
    expect(flops).toBeGreaterThanOrEqual(2 * 8 * 16 * 4);
    // The bias, the maximum, and how a fold begins: a few for each of the 32 results.
    expect(flops).toBeLessThanOrEqual(2 * 8 * 16 * 4 + 5 * 32);
    expect(costs.reduce((total, cost) => total + cost.bytes, 0)).toBe(4 * (128 + 64 + 4 + 32));
  });

  test("an arena is never smaller than what lives in it", () => {
    const plan = planOf("javascript");
    const live = smallestMemory({ ...plan });
    expect(live).toBeGreaterThan(0);
    expect(live).toBeLessThanOrEqual(plan.arenaBytes);
  });
});

describe("models for onnxruntime", () => {
  test("are protocol buffers: version, producer, graph and operator set, by field number", () => {
    const bytes = onnxModel({
      inputs: [{ name: "x", shape: [300] }],
      nodes: [{ op: "Relu", inputs: ["x"], output: "y", attributes: { axis: -1 } }],
      output: { name: "y", shape: [300] },
    });
    expect([...bytes.subarray(0, 2)]).toEqual([0x08, 8]);
    expect(bytes[2]).toBe(0x12);
    const graphAt = 2 + 2 + "forerun".length;
    expect(bytes[graphAt]).toBe(0x3a);
    // 300 as a varint, and -1 in ten bytes.
    expect(Buffer.from(bytes).includes(Buffer.of(0x08, 0xac, 0x02))).toBe(true);
    expect(Buffer.from(bytes).includes(Buffer.of(0x18, ...new Array(9).fill(0xff), 0x01))).toBe(true);
    expect([...bytes.subarray(-2)]).toEqual([0x10, 17]);
  });
});

test("the loop of the multiply-add ideal is valid WebAssembly and runs", () => {
  const { call, gflops } = peakLoop();
  call();
  expect(gflops(1)).toBeGreaterThan(0);
});
