/** Layers in which steps look at other steps. */
import { describe, expect, test } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import { AdditiveAttention, Attention, MultiHeadAttention } from "../../src/layers/attention.ts";
import { Embedding } from "../../src/layers/embedding.ts";
import { input, model } from "../../src/layers/index.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const { cases } = kerasFile("layers");
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(1 + i * 1.7));
const sequences = (...shape: number[]): EagerTensor =>
  tensor(numbers(shape.reduce((a, b) => a * b, 1)), { shape, dtype: "float32" }) as EagerTensor;
const bitsOf = (value: unknown): number[] => Array.from((value as EagerTensor).data);

describe("as Keras computes them", () => {
  for (const one of cases.filter(({ layer }) => layer.includes("Attention"))) test(one.name, () => checkCase(one));
});

describe("MultiHeadAttention", () => {
  test("has the weights of Keras", () => {
    const layer = new MultiHeadAttention(2, 3, { valueDim: 4 });
    layer([sequences(1, 2, 5), sequences(1, 3, 6)]);
    expect(layer.variables.map(({ op, shape }) => [op.name, ...(shape ?? [])])).toEqual([
      ["multi_head_attention/query/kernel", 5, 2, 3],
      ["multi_head_attention/query/bias", 2, 3],
      ["multi_head_attention/key/kernel", 6, 2, 3],
      ["multi_head_attention/key/bias", 2, 3],
      ["multi_head_attention/value/kernel", 6, 2, 4],
      ["multi_head_attention/value/bias", 2, 4],
      ["multi_head_attention/attention_output/kernel", 2, 4, 5],
      ["multi_head_attention/attention_output/bias", 5],
    ]);
  });

  test("with open batch and steps, causal, eagerly and traced the same", () => {
    const text = input([null, 4], { name: "text" });
    const attention = new MultiHeadAttention(2, 3, { outputShape: [2, 3] });
    const network = model(text, attention([text, text], { useCausalMask: true }), { seed: 1 });
    const traced = func((x: Tensor) => network(x), { shapes: [[null, null, 4]] });
    for (const x of [sequences(2, 3, 4), sequences(1, 5, 4)]) {
      const y = network(x);
      expect(y.shape).toEqual([...x.shape.slice(0, 2), 2, 3]);
      expect(bitsOf(traced(x))).toEqual(bitsOf(y));
    }
    traced.close();
  });

  test("what comes later makes no difference under a causal mask", () => {
    const layer = new MultiHeadAttention(1, 2);
    const x = sequences(1, 3, 2);
    const first = bitsOf(layer([x, x], { useCausalMask: true })).slice(0, 4);
    const other = tensor([[...(x.toArray() as number[][][])[0]!.slice(0, 2), [9, 9]]], { dtype: "float32" });
    expect(bitsOf(layer([other, other], { useCausalMask: true })).slice(0, 4)).toEqual(first);
  });

  test("masks of tensors: keys that are no words get no weight, queries that are none only the bias", () => {
    const words = tensor([[1, 2, 0]], { dtype: "int32" });
    const vectors = new Embedding(4, 4, { maskZero: true, embeddingsInitializer: "glorotUniform" })(words);
    const layer = new MultiHeadAttention(1, 3, { biasInitializer: "ones" });
    const [output, scores] = layer([vectors, vectors], { returnAttentionScores: true });
    const rows = (scores.toArray() as number[][][][])[0]![0]!;
    expect(rows.map((row) => row[2])).toEqual([0, 0, 0]);
    expect(rows[0]![0]! + rows[0]![1]!).toBeCloseTo(1, 6);
    expect(rows[2]).toEqual([0, 0, 0]);
    expect((output.toArray() as number[][][])[0]![2]).toEqual([1, 1, 1, 1]);
  });

  test("weights are dropped in training only", () => {
    const layer = new MultiHeadAttention(2, 3, { dropout: 0.5 });
    const x = sequences(2, 3, 4);
    const inference = bitsOf(layer([x, x]));
    expect(bitsOf(layer([x, x]))).toEqual(inference);
    expect(bitsOf(layer([x, x], { training: true }))).not.toEqual(inference);
  });

  test("what can be wrong, and its arguments", () => {
    const x = sequences(1, 2, 3);
    const layer = new MultiHeadAttention(2, 3, { dropout: 0.1, kernelInitializer: "heNormal" });
    expect(MultiHeadAttention.fromConfig(layer.getConfig()!).getConfig()).toEqual(layer.getConfig());
    expect(layer.getConfig()).toMatchObject({ numHeads: 2, keyDim: 3, valueDim: 3, kernelInitializer: "heNormal" });
    expect(messageOf(() => layer([x]))).toContain("multi_head_attention: takes a list of two or three tensors, got 1");
    expect(messageOf(() => layer(x as never))).toContain("got one that is no list");
    expect(messageOf(() => layer([sequences(2, 3), x]))).toContain("takes rank 3, got rank 2");
    expect(messageOf(() => new MultiHeadAttention(0, 3))).toContain("MultiHeadAttention: numHeads can not be 0");
  });
});

describe("attention without heads", () => {
  test("masks, order and scores", () => {
    const [query, value] = [sequences(1, 2, 3), sequences(1, 3, 3)];
    for (const layer of [
      new Attention(),
      new Attention({ scoreMode: "concat", useScale: true }),
      new AdditiveAttention(),
    ]) {
      const valueMask = tensor([[true, false, true]]);
      const [output, scores] = layer([query, value], { valueMask, useCausalMask: true, returnAttentionScores: true });
      expect(output.shape).toEqual([1, 2, 3]);
      expect((scores.toArray() as number[][][])[0]!.map((row) => row.map((weight) => weight > 0))).toEqual([
        [true, false, false],
        [true, false, false],
      ]);
      const masked = layer([query, value], { mask: tensor([[true, false]]) });
      expect(bitsOf(masked).slice(3)).toEqual([0, 0, 0]);
    }
  });

  test("tell their arguments", () => {
    expect(new Attention({ useScale: true }).getConfig()).toEqual({ useScale: true, scoreMode: "dot", dropout: 0 });
    expect(new AdditiveAttention().getConfig()).toEqual({ useScale: true, dropout: 0 });
    expect(messageOf(() => new Attention({ scoreMode: "sum" as never }))).toContain('give one of "dot", "concat"');
  });
});
