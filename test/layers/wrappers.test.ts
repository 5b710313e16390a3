/** Layers made of another layer: both directions, and each step by itself. */
import { describe, expect, test } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import { reverse, type Tensor, tanh } from "../../src/functional.ts";
import { Bidirectional } from "../../src/layers/bidirectional.ts";
import { Dense, input, model } from "../../src/layers/index.ts";
import { GRU, LSTM, SimpleRNN } from "../../src/layers/recurrent/index.ts";
import { TimeDistributed } from "../../src/layers/time-distributed.ts";
import { checkCase, copyWeights, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const { cases } = kerasFile("recurrent");
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(1 + i * 1.7));
const sequences = (...shape: number[]): EagerTensor =>
  tensor(numbers(shape.reduce((a, b) => a * b, 1)), { shape, dtype: "float32" }) as EagerTensor;
const bitsOf = (value: unknown): number[] => Array.from((value as EagerTensor).data);

describe("as Keras computes them", () => {
  for (const one of cases.filter(({ name }) => /^(Bidirectional|TimeDistributed)/.test(name))) {
    test(one.name, () => checkCase(one));
  }
});

describe("Bidirectional", () => {
  test("each direction sees the sequence from its end", () => {
    const x = sequences(1, 4, 3);
    const both = new Bidirectional(new SimpleRNN(2, { returnSequences: true }), { mergeMode: null });
    const [forward, backward] = both(x);
    expect(bitsOf(forward)).toEqual(bitsOf(both.forwardLayer(x)));
    const turned = new SimpleRNN(2, { returnSequences: true });
    turned(x);
    copyWeights(both.backwardLayer.variables, turned.variables);
    expect(bitsOf(backward)).toEqual(bitsOf(reverse(turned(reverse(x, 1)), 1)));
  });

  test("in a model with open sizes, eagerly and traced the same", () => {
    const text = input([null, 3], { name: "text" });
    const network = model(text, new Dense(1)(new Bidirectional(new LSTM(2))(text)), { seed: 1 });
    const traced = func((x: Tensor) => network(x), { shapes: [[null, null, 3]] });
    for (const x of [sequences(2, 3, 3), sequences(1, 5, 3)]) expect(bitsOf(traced(x))).toEqual(bitsOf(network(x)));
    traced.close();
  });

  test("stateful: both directions go on, and begin anew", () => {
    const both = new Bidirectional(new GRU(2, { stateful: true }));
    const x = sequences(2, 3, 3);
    const first = bitsOf(both(x));
    expect(bitsOf(both(x))).not.toEqual(first);
    both.resetStates();
    expect(bitsOf(both(x))).toEqual(first);
  });

  test("what can be wrong", () => {
    expect(messageOf(() => new Bidirectional(new Dense(2) as never))).toContain(
      'Bidirectional: layer can not be "Dense"',
    );
    expect(messageOf(() => new Bidirectional(new LSTM(2), { mergeMode: "add" as never }))).toContain(
      'give one of "concat", "sum", "mul", "ave"',
    );
    expect(messageOf(() => new Bidirectional(new LSTM(2, { goBackwards: true })))).toContain("layer runs backwards");
    expect(messageOf(() => new Bidirectional(new LSTM(2), { backwardLayer: new LSTM(2) }))).toContain(
      "backwardLayer runs forwards",
    );
    const sequence = new LSTM(2, { goBackwards: true, returnSequences: true });
    expect(messageOf(() => new Bidirectional(new LSTM(2), { backwardLayer: sequence }))).toContain(
      "returnSequences is false in one direction and true in the other",
    );
    expect(messageOf(() => new Bidirectional(new LSTM(2, { activation: (x) => tanh(x) })))).toContain(
      'Bidirectional: "lstm" can not be made a second time',
    );
  });

  test("tells its arguments", () => {
    const both = new Bidirectional(new LSTM(2), {
      backwardLayer: new GRU(3, { goBackwards: true }),
      mergeMode: "concat",
    });
    const config = JSON.parse(JSON.stringify(both.getConfig()));
    expect(config).toMatchObject({
      mergeMode: "concat",
      layer: { kind: "LSTM", config: { units: 2 } },
      backwardLayer: { kind: "GRU", config: { units: 3, goBackwards: true } },
    });
    expect(Bidirectional.fromConfig(config).getConfig()).toEqual(both.getConfig());
  });
});

describe("TimeDistributed", () => {
  test("is the layer at each step, with one set of weights", () => {
    const layer = new TimeDistributed(new Dense(2));
    const x = sequences(2, 3, 4);
    const y = layer(x);
    expect(y.shape).toEqual([2, 3, 2]);
    expect(layer.variables.map(({ op }) => op.name)).toEqual(["dense/kernel", "dense/bias"]);
    expect(bitsOf(y)).toEqual(bitsOf(layer.layer(x)));
  });

  test("batch and steps may be open", () => {
    const frames = input([null, 4], { name: "frames" });
    const network = model(frames, new TimeDistributed(new Dense(2))(frames));
    expect(network(sequences(2, 3, 4)).shape).toEqual([2, 3, 2]);
    const traced = func((x: Tensor) => network(x), { shapes: [[null, null, 4]] });
    const x = sequences(3, 5, 4);
    expect(bitsOf(traced(x))).toEqual(bitsOf(network(x)));
    traced.close();
  });

  test("what can be wrong, and its arguments", () => {
    expect(messageOf(() => new TimeDistributed("dense" as never))).toContain(
      'TimeDistributed: layer can not be "dense"',
    );
    expect(messageOf(() => new TimeDistributed(new Dense(2))(sequences(2, 3)))).toContain(
      "time_distributed: takes rank 3 or more, got rank 2",
    );
    const layer = new TimeDistributed(new Dense(2, { activation: "relu" }));
    expect(TimeDistributed.fromConfig(layer.getConfig()!, { Dense }).getConfig()).toEqual(layer.getConfig());
    expect(messageOf(() => TimeDistributed.fromConfig(layer.getConfig()!))).toContain("fromConfig(config, { Dense })");
    expect(layer.getConfig()).toMatchObject({ layer: { kind: "Dense", config: { units: 2, activation: "relu" } } });
  });
});
