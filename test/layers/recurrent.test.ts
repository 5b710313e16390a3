/** Recurrent layers and their cells: as Keras computes them, and what holds of them here. */
import { describe, expect, test } from "vitest";
import type { Sizes } from "../../src/core/shape.ts";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import { add, concat, matmul, mean, square, sum, type Tensor, tanh, type Variable } from "../../src/functional.ts";
import { Bidirectional } from "../../src/layers/bidirectional.ts";
import { Dense, input, Layer, model, sequential } from "../../src/layers/index.ts";
import { GRU, GRUCell, LSTM, LSTMCell, RNN, SimpleRNN, SimpleRNNCell } from "../../src/layers/recurrent/index.ts";
import { checkCase, copyWeights, giveWeights, kerasFile, layerOf, tensorOf } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const { cases, stateful } = kerasFile("recurrent");
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(1 + i * 1.7));
const sequences = (batch: number, steps: number, features: number): EagerTensor =>
  tensor(numbers(batch * steps * features), { shape: [batch, steps, features], dtype: "float32" }) as EagerTensor;
const bitsOf = (value: unknown): number[] => Array.from((value as EagerTensor).data);
function expectNear(got: readonly number[], wanted: readonly number[], digits: number): void {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(wanted[i]!, digits);
}
const KINDS = { SimpleRNN, LSTM, GRU } as const;

describe("as Keras computes them", () => {
  // A loop is never written out here: `unroll` makes no difference in what is computed.
  const isWritten = /^(Bidirectional|TimeDistributed)|unroll/;
  for (const one of cases.filter(({ name }) => !isWritten.test(name))) test(one.name, () => checkCase(one));

  for (const one of stateful) {
    test(one.name, () => {
      const layer = layerOf(one.layer, one.arguments) as unknown as LSTM;
      layer(tensorOf(one.calls[0]!.inputs));
      giveWeights(layer as never, one.weights);
      layer.resetStates();
      for (const { reset_states, inputs, outputs } of one.calls) {
        if (reset_states) layer.resetStates();
        const got = bitsOf(layer(tensorOf(inputs)));
        expectNear(got, outputs.data.map(Number), 5);
      }
    });
  }
});

describe("weights", () => {
  const x = sequences(2, 3, 5);
  const shapesOf = (layer: RNN<boolean>) =>
    layer.variables.map(({ op, shape }) => [op.name, ...(shape ?? [])] as const);

  test("gates side by side, in the layout of Keras", () => {
    const [lstm, gru, before, simple] = [new LSTM(4), new GRU(4), new GRU(4, { resetAfter: false }), new SimpleRNN(4)];
    for (const layer of [lstm, gru, before, simple]) layer(x);
    expect(shapesOf(lstm)).toEqual([
      ["lstm_cell/kernel", 5, 16],
      ["lstm_cell/recurrent_kernel", 4, 16],
      ["lstm_cell/bias", 16],
    ]);
    expect(shapesOf(gru).at(-1)).toEqual(["gru_cell/bias", 2, 12]);
    expect(shapesOf(before).at(-1)).toEqual(["gru_cell/bias", 12]);
    expect(shapesOf(simple)).toEqual([
      ["simple_rnn_cell/kernel", 5, 4],
      ["simple_rnn_cell/recurrent_kernel", 4, 4],
      ["simple_rnn_cell/bias", 4],
    ]);
  });

  test("the forget gate begins open, unless it is not to", () => {
    const biasOf = (layer: LSTM): number[] => {
      layer(x);
      return bitsOf(layer.variables.at(-1));
    };
    expect(biasOf(new LSTM(2))).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    expect(biasOf(new LSTM(2, { unitForgetBias: false }))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(biasOf(new LSTM(2, { biasInitializer: { name: "constant", value: 3 } }))).toEqual([3, 3, 1, 1, 3, 3, 3, 3]);
  });

  test("the recurrent kernel begins orthogonal", () => {
    const layer = new SimpleRNN(4);
    layer(x);
    const recurrent = layer.variables[1]!;
    const product = bitsOf(matmul(recurrent as Tensor, recurrent as Tensor, { transposeB: true }));
    expectNear(
      product,
      product.map((_, i) => (i % 5 === 0 ? 1 : 0)),
      5,
    );
  });

  test("row 90: cells begin with what the seed of the model says", () => {
    const make = (seed: number) => sequential([new Bidirectional(new LSTM(3)), new Dense(1)], { seed });
    const [a, b, c] = [make(4), make(4), make(5)];
    for (const each of [a, b, c]) each(x);
    const values = (each: typeof a) => each.variables.map(bitsOf);
    expect(values(a)).toEqual(values(b));
    expect(values(a)).not.toEqual(values(c));
    expect([...a.namedVariables.keys()]).toEqual([
      "bidirectional/forward_lstm/lstm_cell/kernel",
      "bidirectional/forward_lstm/lstm_cell/recurrent_kernel",
      "bidirectional/forward_lstm/lstm_cell/bias",
      "bidirectional/backward_lstm/lstm_cell/kernel",
      "bidirectional/backward_lstm/lstm_cell/recurrent_kernel",
      "bidirectional/backward_lstm/lstm_cell/bias",
      "dense/kernel",
      "dense/bias",
    ]);
  });

  test("a frozen layer has nothing to train", () => {
    const layer = new GRU(2, { trainable: false });
    layer(x);
    expect(layer.trainableVariables).toEqual([]);
    expect(layer.nonTrainableVariables.length).toBe(3);
  });
});

describe("in models", () => {
  test("batch and number of steps may be open: eagerly, traced, and for any sizes", () => {
    const text = input([null, 5], { name: "text" });
    const hidden = new GRU(4, { returnSequences: true })(text);
    const network = model(text, new Dense(2)(new LSTM(3)(hidden)));
    const traced = func((x: Tensor) => network(x), { shapes: [[null, null, 5]] });
    for (const [batch, steps] of [
      [2, 3],
      [1, 7],
      [4, 1],
    ] as const) {
      const x = sequences(batch, steps, 5);
      const y = network(x);
      expect(y.shape).toEqual([batch, 2]);
      expect(bitsOf(traced(x))).toEqual(bitsOf(y));
    }
    expect(traced.log.length).toBe(1);
    traced.close();
  });

  test("a training step is one loop forwards and one backwards", () => {
    const layer = new LSTM(4);
    const x = sequences(2, 6, 3);
    layer(x);
    const step = func((given: Tensor) => {
      const tape = new GradientTape();
      return tape.gradient(mean(square(layer(given))), layer.trainableVariables) as Tensor[];
    });
    const loops = step
      .graph(x)
      .text()
      .match(/= scan\(/g);
    expect(loops?.length).toBe(2);
    step.close();
  });

  test("encoder and decoder: states go from one to the other", () => {
    const [source, target] = [input([4, 3], { name: "source" }), input([2, 3], { name: "target" })];
    const [, hidden, cell] = new LSTM(5, { returnState: true })(source);
    const decoded = new LSTM(5, { returnSequences: true })(target, { initialState: [hidden, cell] });
    const network = model({ source, target }, decoded);
    const y = network({ source: sequences(2, 4, 3), target: sequences(2, 2, 3) });
    expect(y.shape).toEqual([2, 2, 5]);
  });

  test("a mask goes on with sequences, and ends with the last output", () => {
    const mask = tensor([[true, true, false]]);
    const x = sequences(1, 3, 2);
    const all = new SimpleRNN(3, { returnSequences: true });
    expect(bitsOf(all.outputMask(x, mask)!)).toEqual([1, 1, 0]);
    expect(new SimpleRNN(3).outputMask(x, mask)).toBe(null);
  });

  test("no steps: the states stay", () => {
    for (const Kind of Object.values(KINDS)) {
      const layer = new Kind(3);
      expect(bitsOf(layer(sequences(2, 0, 2)) as Tensor)).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });
});

describe("dropout", () => {
  const x = sequences(3, 4, 6);

  for (const [kind, Kind] of Object.entries(KINDS)) {
    test(`${kind}: only in training, drawn anew at each call, eagerly and traced the same`, () => {
      const make = () => {
        const layer = new Kind(4, { dropout: 0.5, recurrentDropout: 0.5, returnSequences: true });
        return sequential([layer], { seed: 3 });
      };
      const [a, b] = [make(), make()];
      const inference = bitsOf(a(x));
      expect(bitsOf(a(x))).toEqual(inference);
      const first = bitsOf(a(x, { training: true }));
      const second = bitsOf(a(x, { training: true }));
      expect(first).not.toEqual(inference);
      expect(second).not.toEqual(first);
      const traced = func((given: Tensor) => b(given, { training: true }) as Tensor);
      expect(bitsOf(traced(x))).toEqual(first);
      expect(bitsOf(traced(x))).toEqual(second);
      traced.close();
    });
  }

  test("the same inputs are dropped at all steps", () => {
    // One unit that adds up its inputs: what it gains in a step shows which of them got through.
    const layer = new SimpleRNN(1, {
      activation: "linear",
      kernelInitializer: "ones",
      recurrentInitializer: "ones",
      returnSequences: true,
      dropout: 0.5,
    });
    const powers = tensor(
      [[1, 2, 4, 8, 16, 32]].map((row) => [row, row, row]),
      { dtype: "float32" },
    );
    const [one, two, three] = bitsOf(layer(powers, { training: true }));
    expect([two, three]).toEqual([2 * one!, 3 * one!]);
    expect(one! % 2).toBe(0);
  });
});

describe("stateful layers", () => {
  const x = sequences(2, 6, 3);
  const half = (from: number): EagerTensor =>
    tensor(
      Array.from({ length: 2 }, (_, b) => (x.toArray() as number[][][])[b]!.slice(from, from + 3)),
      { dtype: "float32" },
    ) as EagerTensor;

  for (const [kind, Kind] of Object.entries(KINDS)) {
    test(`${kind}: two halves give what the whole gives, also traced`, () => {
      const layer = new Kind(4, { stateful: true });
      const whole = bitsOf(layer(x) as Tensor);
      layer.resetStates();
      layer(half(0));
      expect(bitsOf(layer(half(3)) as Tensor)).toEqual(whole);
      layer.resetStates();
      const traced = func((given: Tensor) => layer(given) as Tensor);
      traced(half(0));
      expect(bitsOf(traced(half(3)))).toEqual(whole);
      expect(layer.states.every(({ trainable }) => !trainable)).toBe(true);
      traced.close();
    });
  }

  test("states that are given, and what is wrong with others", () => {
    const layer = new GRU(4, { stateful: true });
    layer(x);
    layer.resetStates([tensor([numbers(4), numbers(4)], { dtype: "float32" })]);
    expect(bitsOf(layer.states[0])).toEqual([...numbers(4), ...numbers(4)].map(Math.fround));
    expect(messageOf(() => layer.resetStates([tensor([1])]))).toContain("gru: initialState is [1]");
    expect(messageOf(() => layer(sequences(3, 6, 3)))).toContain("gru: takes 2 examples, got 3");
    expect(messageOf(() => new GRU(4).resetStates())).toContain("make it with { stateful: true }");
    expect(messageOf(() => new GRU(4, { stateful: true })(input([5, 3])))).toContain(
      "the size of the batch is not known",
    );
    const drawn = new GRU(4, { stateful: true })(input([5, 3], { batchSize: 2 }));
    expect(String(drawn)).toContain("shape=(2, 4)");
  });
});

/** Keras' example of a cell of one's own. */
class MinimalCell extends Layer<readonly Tensor[], readonly Tensor[]> {
  readonly stateSize: number;
  kernel!: Variable;
  recurrent!: Variable;
  constructor(units: number) {
    super();
    this.stateSize = units;
  }
  override build([x]: readonly Sizes[]): void {
    this.kernel = this.addWeight("kernel", { shape: [x!.at(-1)!, this.stateSize], initializer: "glorotUniform" });
    this.recurrent = this.addWeight("recurrent", {
      shape: [this.stateSize, this.stateSize],
      initializer: "orthogonal",
    });
  }
  override call([x, before]: readonly Tensor[]): readonly Tensor[] {
    const next = tanh(add(matmul(x!, this.kernel), matmul(before!, this.recurrent)));
    return [next, next];
  }
}

describe("RNN", () => {
  const x = sequences(2, 5, 3);

  test("a cell of one's own computes what SimpleRNN does", () => {
    const own = new RNN(new MinimalCell(4), { returnSequences: true });
    const simple = new SimpleRNN(4, { useBias: false, returnSequences: true });
    own(x);
    simple(x);
    copyWeights(simple.variables, own.variables);
    expect(bitsOf(own(x))).toEqual(bitsOf(simple(x)));
    const derivativesOf = (layer: RNN | SimpleRNN): Tensor[] => {
      const tape = new GradientTape();
      return tape.gradient(sum(square(layer(x))), layer.trainableVariables) as Tensor[];
    };
    const [got, wanted] = [own, simple].map((layer) => derivativesOf(layer).map(bitsOf)) as [number[][], number[][]];
    expectNear(got.flat(), wanted.flat(), 4);
    const traced = func(() => derivativesOf(own));
    expect(traced().map(bitsOf)).toEqual(got);
    traced.close();
  });

  test("cells one above the other are layers one above the other", () => {
    const stacked = new RNN([new LSTMCell(4), new GRUCell(3), new SimpleRNNCell(2)], { returnSequences: true });
    const layers = [
      new LSTM(4, { returnSequences: true }),
      new GRU(3, { returnSequences: true }),
      new SimpleRNN(2, { returnSequences: true }),
    ] as const;
    stacked(x);
    const through = (): Tensor => layers.reduce<Tensor>((h, layer) => layer(h), x);
    through();
    const variables = layers.flatMap((layer) => layer.variables);
    copyWeights(variables, stacked.variables);
    const [got, wanted] = [bitsOf(stacked(x)), bitsOf(through())];
    expectNear(got, wanted, 6);
    expect(stacked.cell.stateSize).toEqual([4, 4]);
  });

  test("a cell may give more than its state, and stand below others", () => {
    class Twice extends Layer<readonly Tensor[], readonly Tensor[]> {
      readonly stateSize = 2;
      readonly outputSize = 4;
      override call([row, before]: readonly Tensor[]): readonly Tensor[] {
        const next = add(before!, sum(row!, { axis: 1, keepDims: true }));
        return [concat([next, next] as readonly Tensor[], 1), next];
      }
    }
    const [output, ...states] = new RNN([new Twice(), new GRUCell(3)], { returnState: true })(x);
    expect([output, ...states].map(({ shape }) => shape)).toEqual([
      [2, 3],
      [2, 2],
      [2, 3],
    ]);
    expect(new RNN(new Twice())(x).shape).toEqual([2, 4]);
    const layer = new RNN(new Twice(), { returnSequences: true });
    const [held] = layer(x, {
      mask: tensor([
        [true, false, true, true, false],
        [false, true, true, true, true],
      ]),
    }).toArray() as number[][][];
    expect(held![1]).toEqual(held![0]);
    expect(held![4]).toEqual(held![3]);
  });

  test("a cell alone takes one step", () => {
    const [layer, cell] = [new LSTM(3), new LSTMCell(3)];
    const row = tensor(numbers(4), { shape: [2, 2], dtype: "float32" });
    const zeros = tensor(0, { shape: [2, 3], dtype: "float32" });
    layer(sequences(2, 1, 2));
    const [hidden] = cell([row, zeros, zeros]);
    copyWeights(layer.variables, cell.variables);
    expect(hidden!.shape).toEqual([2, 3]);
    expect(bitsOf(cell([row, zeros, zeros])[0])).toEqual(bitsOf(layer(sequences(2, 1, 2))));
  });
});

describe("what can be wrong", () => {
  test("arguments", () => {
    expect(messageOf(() => new LSTM(0))).toContain("LSTMCell: units can not be 0");
    expect(messageOf(() => new GRU(2, { dropout: 1 }))).toContain("GRUCell: dropout can not be 1");
    expect(messageOf(() => new LSTM(2, { activation: "tahn" as never }))).toContain("near names: tanh");
    expect(messageOf(() => new LSTM(2, { recurrentActivation: "sigmod" as never }))).toContain("near names: sigmoid");
    expect(messageOf(() => new RNN(undefined as never))).toContain("RNN: cell can not be undefined");
    expect(messageOf(() => new RNN(new Dense(2) as never))).toContain('RNN: cell can not be "Dense"');
  });

  test("inputs", () => {
    const layer = new LSTM(3);
    expect(messageOf(() => layer(tensor([[1, 2]], { dtype: "float32" })))).toContain(
      "lstm: takes rank 3 or more, got rank 2",
    );
    layer(sequences(2, 3, 4));
    expect(messageOf(() => layer(sequences(2, 3, 5)))).toContain("lstm: takes 4 features, got 5");
    const states = [sequences(1, 2, 3)];
    expect(messageOf(() => layer(sequences(2, 3, 4), { initialState: states }))).toMatch(
      /lstm: initialState is \[1, 2, 3\][\s\S]*give a list of 2 tensors: \[batch, 3\], \[batch, 3\]/,
    );
  });
});

describe("getConfig", () => {
  const roundTrip = (layer: RNN<boolean>) => {
    const config = layer.getConfig()!;
    const made = (layer.constructor as typeof LSTM).fromConfig(JSON.parse(JSON.stringify(config)));
    expect(made.getConfig()).toEqual(config);
    return made;
  };

  test("tells all arguments, and makes the layer again", () => {
    expect(new LSTM(3, { returnSequences: true, kernelRegularizer: "l2" }).getConfig()).toMatchObject({
      units: 3,
      activation: "tanh",
      recurrentActivation: "sigmoid",
      unitForgetBias: true,
      returnSequences: true,
      goBackwards: false,
      recurrentInitializer: "orthogonal",
      kernelRegularizer: "l2",
    });
    roundTrip(new LSTM(3, { name: "memory", stateful: true }));
    roundTrip(new GRU(3, { resetAfter: false, goBackwards: true, returnState: true, zeroOutputForMask: true }));
    roundTrip(new SimpleRNN(3, { dropout: 0.2, trainable: false }));
    const stacked = roundTrip(new RNN([new LSTMCell(3), new GRUCell(2)])) as unknown as RNN;
    expect(stacked.cells.map(({ kind }) => kind)).toEqual(["LSTMCell", "GRUCell"]);
  });

  test("of functions and cells of one's own is null", () => {
    expect(new LSTM(3, { activation: (x) => tanh(x) }).getConfig()).toBe(null);
    expect(new RNN(new MinimalCell(2)).getConfig()).toBe(null);
  });

  test("that names no layer is refused", () => {
    expect(messageOf(() => RNN.fromConfig({ cell: { kind: "LSTMCel", config: { units: 2 } } }))).toContain("LSTMCell");
    expect(messageOf(() => RNN.fromConfig({ cell: 3 }))).toContain(
      "3 describes none of the layers that may stand there",
    );
  });
});
