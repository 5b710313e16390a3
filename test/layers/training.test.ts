/** compile, fit, evaluate, predict; one batch at a time; and the four ways to train, which end in the same bits. */
import { describe, expect, test } from "vitest";
import { dataset, fromTensorSlices } from "../../src/data/index.ts";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import { add, matmul, mean, mul, NDArray, square, sub, type Tensor } from "../../src/functional.ts";
import {
  Callback,
  Dense,
  Dropout,
  Embedding,
  input,
  Layer,
  type Logs,
  LSTM,
  MeanSquaredError,
  type Model,
  model,
  SparseCategoricalCrossentropy,
  sequential,
} from "../../src/layers/index.ts";
import { Adam, Optimizer, SGD, type Update, type UpdateContext } from "../../src/train/index.ts";

/** Points of three clouds, and which one each is of. */
function clouds(count: number): { readonly x: NDArray; readonly y: NDArray } {
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
  const centres = [
    [1, 0, -1, 2],
    [-1, 1, 0, -2],
    [0, -1, 1, 0],
  ];
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const points = Float32Array.from({ length: 4 * count }, (_, i) => centres[labels[i >> 2]!]![i & 3]! + random() - 0.5);
  return { x: new NDArray(points, [count, 4], "float32"), y: new NDArray(labels, [count], "int32") };
}
const { x, y } = clouds(100);

const classifier = (seed = 5) =>
  sequential([input([4]), new Dense(8, { activation: "relu" }), new Dropout(0.2), new Dense(3)], { seed });
const loss = () => new SparseCategoricalCrossentropy({ fromLogits: true });
const bitsOf = (network: { readonly variables: readonly { readonly data: ArrayLike<number> }[] }) =>
  network.variables.map(({ data }) => Array.from(data));
const rowsOf = ({ data, shape, dtype }: NDArray, from: number, to: number): NDArray => {
  const row = data.length / shape[0]!;
  return new NDArray(data.slice(from * row, to * row), [to - from, ...shape.slice(1)], dtype);
};
const batches = (size: number) =>
  Array.from({ length: Math.ceil(100 / size) }, (_, i) => {
    const [from, to] = [i * size, Math.min(100, (i + 1) * size)];
    return [rowsOf(x, from, to), rowsOf(y, from, to)] as const;
  });

describe("fit", () => {
  test("row 100: the loss falls, and the classes are told apart", async () => {
    const network = classifier();
    network.compile({ optimizer: new Adam(0.02), loss: loss(), metrics: ["accuracy"] });
    const { history } = await network.fit(x, y, { epochs: 20, verbose: 0 });
    expect(history.loss!.at(-1)).toBeLessThan(history.loss![0]! / 3);
    expect((await network.evaluate(x, y)).accuracy).toBeGreaterThan(0.95);
  });

  test("row 143: fit, fit with callbacks, trainOnBatch and a tape end with the same weights", async () => {
    const epochs = 3;
    const trained = async (train: (network: ReturnType<typeof classifier>) => unknown) => {
      const network = classifier();
      network.compile({ optimizer: new Adam(0.01), loss: loss(), metrics: ["accuracy"] });
      await train(network);
      return bitsOf(network);
    };
    const options = { epochs, batchSize: 32, shuffle: false, verbose: 0 } as const;
    const byFit = await trained((network) => network.fit(x, y, options));
    const seen: string[] = [];
    const byCallbacks = await trained((network) =>
      network.fit(x, y, { ...options, callbacks: [{ onEpochEnd: (epoch) => void seen.push(`epoch ${epoch}`) }] }),
    );
    const byBatches = await trained((network) => {
      for (let epoch = 0; epoch < epochs; epoch++) for (const [bx, by] of batches(32)) network.trainOnBatch(bx, by);
    });
    const tapes = [(step: (bx: Tensor, by: Tensor) => void) => step, func];
    const byTape = tapes.map((wrap) => {
      const network = classifier();
      const optimizer = new Adam(0.01);
      const crossEntropy = loss();
      const step = (wrap as typeof func)((bx: Tensor, by: Tensor): void => {
        const tape = new GradientTape();
        const error = crossEntropy(by, network(bx, { training: true }));
        const weights = network.trainableVariables;
        const gradients = tape.gradient(error, weights) as readonly Tensor[];
        optimizer.applyGradients(gradients.map((gradient, i) => [gradient, weights[i]!] as const));
      });
      for (let epoch = 0; epoch < epochs; epoch++) for (const [bx, by] of batches(32)) step(tensor(bx), tensor(by));
      return bitsOf(network);
    });
    expect(seen).toEqual(["epoch 0", "epoch 1", "epoch 2"]);
    for (const other of [byCallbacks, byBatches, ...byTape]) expect(other).toEqual(byFit);
    // And all of that did something.
    expect(byFit).not.toEqual(bitsOf(classifier()));
  });

  test("the same bits on JavaScript, WebAssembly and two threads", async () => {
    const trained = async (session: { readonly backend?: "javascript" | "wasm"; readonly threads?: number }) => {
      const network = classifier();
      network.compile({ optimizer: "adam", loss: loss(), session });
      await network.fit(x, y, { epochs: 2, verbose: 0 });
      const bits = bitsOf(network);
      network.compile(); // lets go of the threads
      return bits;
    };
    const bits = await trained({ backend: "wasm" });
    expect(await trained({ backend: "javascript" })).toEqual(bits);
    expect(await trained({ backend: "wasm", threads: 2 })).toEqual(bits);
  });

  test("row 118: the last, smaller batch has a plan of its own, compiled once", async () => {
    const network = classifier();
    network.compile({ optimizer: "sgd", loss: loss() });
    const numbers: number[] = [];
    await network.fit(x, y, {
      epochs: 2,
      verbose: 0,
      callbacks: [{ onTrainBatchEnd: (number) => void numbers.push(number) }],
    });
    expect(numbers).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  });

  test("row 119: in an epoch each sample comes once; seed and epoch decide the order", async () => {
    class Spy extends Layer {
      readonly seen: number[] = [];
      call(given: Tensor): Tensor {
        return given;
      }
    }
    const first = new NDArray(
      Float32Array.from({ length: 50 }, (_, i) => i),
      [50, 1],
      "float32",
    );
    const orders = async (seed: number) => {
      const network = sequential([input([1]), new Spy(), new Dense(1)], { seed });
      const order: number[][] = [];
      network.compile({
        optimizer: new SGD(0),
        loss: (target, prediction) => mean(mul(sub(target, prediction), 0), { axis: -1 }),
        metrics: [sumOfTargets],
      });
      await network.fit(first, first, {
        epochs: 2,
        batchSize: 1,
        verbose: 0,
        callbacks: [
          {
            onEpochBegin: () => void order.push([]),
            onTrainBatchEnd: (batch, logs) => void order.at(-1)!.push(Math.round(logs.sumOfTargets! * (batch + 1))),
          },
        ],
      });
      // Running means of 0 … n: their differences are the samples.
      return order.map((sums) => sums.map((sum, i) => sum - (sums[i - 1] ?? 0)));
    };
    const [one, two] = await orders(1);
    expect([...one!].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(two).not.toEqual(one);
    expect(await orders(1)).toEqual([one, two]);
    expect((await orders(2))[0]).not.toEqual(one);
  });

  test("row 120: the split takes the last samples; 0 and 1 are refused", async () => {
    const network = classifier();
    network.compile({ optimizer: "sgd", loss: loss() });
    const { history } = await network.fit(x, y, { epochs: 1, validationSplit: 0.25, shuffle: false, verbose: 0 });
    const after = await network.evaluate(rowsOf(x, 75, 100), rowsOf(y, 75, 100));
    expect(history.val_loss![0]).toBe(after.loss);
    for (const validationSplit of [0, 1, -0.5]) {
      await expect(network.fit(x, y, { validationSplit, verbose: 0 })).rejects.toThrow("give a share between 0 and 1");
    }
  });

  test("a generator, and a dataset, give the batches of arrays", async () => {
    const trained = async (source: (network: Model) => Promise<unknown>) => {
      const network = classifier();
      network.compile({ optimizer: "adam", loss: loss() });
      await source(network);
      return bitsOf(network);
    };
    const options = { epochs: 2, verbose: 0 } as const;
    const arrays = await trained((network) => network.fit(x, y, { ...options, shuffle: false }));
    const list = {
      *[Symbol.iterator]() {
        yield* batches(32);
      },
    };
    expect(await trained((network) => network.fit(list, options))).toEqual(arrays);
    const asynchronous = {
      async *[Symbol.asyncIterator]() {
        yield* batches(32);
      },
    };
    expect(await trained((network) => network.fit(asynchronous, options))).toEqual(arrays);
    const slices = fromTensorSlices([x, y] as const)
      .batch(32)
      .prefetch(2);
    expect(await trained((network) => network.fit(slices, options))).toEqual(arrays);
    expect(dataset).toBeDefined();
  });

  test("batches of many lengths are learnt from with the bits of a tape", () => {
    const make = () =>
      sequential([
        input([null], { dtype: "int32" }),
        new Embedding(9, 4),
        new LSTM(6, { returnSequences: true }),
        new Dense(9),
      ]);
    const texts = [5, 7, 11, 4, 9, 6, 13, 3].map((length, k) => {
      const letters = Int32Array.from({ length: 4 * length }, (_, i) => (i * i + k) % 9);
      return new NDArray(letters, [4, length], "int32");
    });
    const [network, other] = [make(), make()];
    network.compile({ optimizer: "adam", loss: loss() });
    const optimizer = new Adam();
    const crossEntropy = loss();
    for (const text of texts) {
      network.trainOnBatch(text, text);
      const tape = new GradientTape();
      const error = crossEntropy(tensor(text), other(tensor(text), { training: true }));
      const weights = other.trainableVariables;
      const gradients = tape.gradient(error, weights) as readonly Tensor[];
      optimizer.applyGradients(gradients.map((gradient, i) => [gradient, weights[i]!] as const));
    }
    expect(bitsOf(network)).toEqual(bitsOf(other));
  });

  test("class and sample weights", async () => {
    const trained = async (options: object) => {
      const network = classifier();
      network.compile({ optimizer: new SGD(0.1), loss: loss() });
      await network.fit(x, y, { epochs: 1, verbose: 0, shuffle: false, ...options });
      return bitsOf(network);
    };
    const weights = Float32Array.from(y.data, (label) => [1, 3, 0.5][label]!);
    const bySamples = await trained({ sampleWeight: weights });
    expect(await trained({ classWeight: { 0: 1, 1: 3, 2: 0.5 } })).toEqual(bySamples);
    expect(bySamples).not.toEqual(await trained({}));
  });

  test("an aborted fit keeps the weights of the last whole step", async () => {
    const network = classifier();
    network.compile({ optimizer: "adam", loss: loss() });
    const controller = new AbortController();
    const stop = network.fit(x, y, {
      epochs: 5,
      verbose: 0,
      shuffle: false,
      signal: controller.signal,
      callbacks: [{ onTrainBatchEnd: (batch) => void (batch === 1 && controller.abort(new Error("enough"))) }],
    });
    await expect(stop).rejects.toThrow("enough");
    const other = classifier();
    other.compile({ optimizer: "adam", loss: loss() });
    for (const [bx, by] of batches(32).slice(0, 2)) other.trainOnBatch(bx, by);
    expect(bitsOf(network)).toEqual(bitsOf(other));
  });

  test("it lets others have their turn", async () => {
    const network = classifier();
    network.compile({ optimizer: "adam", loss: loss() });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await network.fit(x, y, { epochs: 200, verbose: 0 });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });
});

const sumOfTargets = (target: Tensor): Tensor => mean(target, { axis: -1 });

describe("evaluate, predict, one batch", () => {
  test("row 124: evaluate is the mean over batches, weighted by their sizes", async () => {
    const network = classifier();
    network.compile({ optimizer: "sgd", loss: loss() });
    const whole = await network.evaluate(x, y, { batchSize: 32 });
    let sum = 0;
    for (const [bx, by] of batches(32)) sum += network.testOnBatch(bx, by).loss! * bx.shape[0]!;
    expect(whole.loss).toBeCloseTo(sum / 100, 6);
  });

  test("rows 125, 133: predict gives what a call gives; its plan has no gradients", async () => {
    const network = classifier();
    const called = (network(tensor(x)) as EagerTensor).data;
    const predicted = await network.predict(x, { batchSize: 32 });
    expect(predicted.shape).toEqual([100, 3]);
    expect([...predicted.data]).toEqual([...called]);
    expect([...network.predictOnBatch(x).data]).toEqual([...called]);
    const { graph, inputs, outputs } = network.graph();
    expect(inputs.length + outputs.length).toBe(2);
    expect(graph.operations.some(({ origin }) => origin.kind === "gradient")).toBe(false);
  });

  test("row 131: one step is one batch of fit; row 132: a test changes nothing", async () => {
    const [network, other] = [classifier(), classifier()];
    for (const each of [network, other]) each.compile({ optimizer: "adam", loss: loss() });
    const [bx, by] = batches(32)[0]!;
    const before = bitsOf(network);
    network.testOnBatch(bx, by);
    network.predictOnBatch(bx);
    expect(bitsOf(network)).toEqual(before);
    network.trainOnBatch(bx, by);
    await other.fit(bx, by, { verbose: 0, shuffle: false });
    expect(bitsOf(network)).toEqual(bitsOf(other));
    expect(bitsOf(network)).not.toEqual(before);
  });

  test("row 105: several outputs, with losses, weights and metrics of their own", async () => {
    const given = input([4], { name: "given" });
    const hidden = new Dense(6, { activation: "tanh" })(given);
    const network = model(given, [new Dense(1, { name: "size" })(hidden), new Dense(3, { name: "kind" })(hidden)]);
    network.compile({
      optimizer: "sgd",
      loss: { size: "mse", kind: loss() },
      lossWeights: { size: 0.5, kind: 2 },
      metrics: { kind: ["accuracy"] },
    });
    const sizes = new NDArray(Float32Array.from(y.data), [100, 1], "float32");
    const logs = await network.evaluate(x, { size: sizes, kind: y } as never);
    expect(Object.keys(logs).sort()).toEqual(["kind_accuracy", "kind_loss", "loss", "size_loss"]);
    expect(logs.loss).toBeCloseTo(0.5 * logs.size_loss! + 2 * logs.kind_loss!, 5);
    const [size, kind] = (await network.predict(x)) as readonly NDArray[];
    expect([size!.shape, kind!.shape]).toEqual([
      [100, 1],
      [100, 3],
    ]);
  });

  test("row 104: several inputs by name; one that is missing is named", async () => {
    const a = input([4], { name: "a" });
    const b = input([1], { name: "b" });
    const network = model({ a, b }, add(new Dense(1)(a), b));
    network.compile({ optimizer: "sgd", loss: "mse" });
    const ones = new NDArray(new Float32Array(100).fill(1), [100, 1], "float32");
    await network.fit({ a: x, b: ones } as never, ones, { verbose: 0 });
    await expect(network.predict({ a: x } as never)).rejects.toThrow(/b/);
  });
});

describe("compile", () => {
  test("row 88: a frozen layer is not updated", () => {
    const network = classifier();
    network.layers[0]!.trainable = false;
    network.compile({ optimizer: "sgd", loss: loss() });
    const before = bitsOf(network);
    const [bx, by] = batches(32)[0]!;
    network.trainOnBatch(bx, by);
    const after = bitsOf(network);
    const names = network.variables.map(({ op }) => op.name);
    const changed = names.filter((_, i) => String(after[i]) !== String(before[i]));
    expect(changed.filter((name) => name.startsWith("dense/"))).toEqual([]);
    expect(changed).toContain("dense_1/kernel");
  });

  test("what is frozen when a model is compiled stays frozen in it, as one network of two wants it", () => {
    const critic = sequential([input([3]), new Dense(1, { name: "judge" })], { name: "critic" });
    critic.compile({ optimizer: "sgd", loss: "mse" });
    critic.trainable = false;
    const maker = sequential([input([4]), new Dense(3, { name: "make" })], { name: "maker" });
    const given = input([4]);
    const chain = model(given, critic(maker(given)));
    chain.compile({ optimizer: "sgd", loss: "mse" });
    critic.trainable = true;
    const ones = new NDArray(new Float32Array(32).fill(1), [32, 1], "float32");
    const [bx] = batches(32)[0]!;
    const [made, judged] = [bitsOf(maker), bitsOf(critic)];
    chain.trainOnBatch(bx, ones);
    expect(bitsOf(critic)).toEqual(judged);
    expect(bitsOf(maker)).not.toEqual(made);
    const after = bitsOf(maker);
    critic.trainOnBatch(maker.predictOnBatch(bx), ones);
    expect(bitsOf(maker)).toEqual(after);
    expect(bitsOf(critic)).not.toEqual(judged);
  });

  test("row 62: an optimizer by name and as an object", () => {
    const trained = (optimizer: "adam" | Adam) => {
      const network = classifier();
      network.compile({ optimizer, loss: loss() });
      for (const [bx, by] of batches(32)) network.trainOnBatch(bx, by);
      return bitsOf(network);
    };
    expect(trained("adam")).toEqual(trained(new Adam()));
  });

  test("row 112: an optimizer trains one model", () => {
    const optimizer = new Adam();
    const [one, two] = [classifier(), classifier()];
    one.compile({ optimizer, loss: loss() });
    two.compile({ optimizer, loss: loss() });
    const [bx, by] = batches(32)[0]!;
    one.trainOnBatch(bx, by);
    expect(() => two.trainOnBatch(bx, by)).toThrow(/adam/);
  });

  test("rows 102, 117: a layer, a loss and a metric of one's own", async () => {
    class Scale extends Layer {
      w!: ReturnType<Layer["addWeight"]>;
      override build(): void {
        this.w = this.addWeight("scale", { shape: [], initializer: "ones" });
      }
      call(given: Tensor): Tensor {
        return mul(given, this.w);
      }
    }
    const given = input([4]);
    const network = model(given, new Scale()(new Dense(1)(given)));
    const cubic = (target: Tensor, prediction: Tensor): Tensor => mean(square(sub(target, prediction)), { axis: -1 });
    const bias = (target: Tensor, prediction: Tensor): Tensor => mean(sub(prediction, target), { axis: -1 });
    network.compile({ optimizer: new SGD(0.05), loss: cubic, metrics: [bias] });
    const target = new NDArray(Float32Array.from(y.data), [100, 1], "float32");
    const { history } = await network.fit(x, target, { epochs: 10, verbose: 0 });
    expect(Object.keys(history).sort()).toEqual(["bias", "loss"]);
    expect(history.loss!.at(-1)).toBeLessThan(history.loss![0]!);
    expect(new MeanSquaredError()).toBeDefined();
  });

  test("row 139: an optimizer of one's own", async () => {
    class SignDescent extends Optimizer {
      constructor(rate = 0.01) {
        super("sign", rate, {});
      }
      protected override update({ variable, gradient, learningRate }: UpdateContext): Update {
        return { variable: sub(variable, mul(learningRate, div0(gradient))) };
      }
    }
    const network = classifier();
    network.compile({ optimizer: new SignDescent(), loss: loss() });
    const { history } = await network.fit(x, y, { epochs: 5, verbose: 0 });
    expect(history.loss!.at(-1)).toBeLessThan(history.loss![0]!);
  });

  test("what layers add is part of the loss, and reported", async () => {
    class Watched extends Layer {
      call(given: Tensor): Tensor {
        this.addLoss(mul(mean(square(given)), 0.25));
        this.addMetric("power", mean(square(given)));
        return given;
      }
    }
    const network = sequential([input([4]), new Dense(3), new Watched()]);
    network.compile({ optimizer: new SGD(0), loss: loss() });
    const plain = sequential([input([4]), new Dense(3)]);
    plain.compile({ optimizer: new SGD(0), loss: loss() });
    const [with_, without] = [await network.evaluate(x, y), await plain.evaluate(x, y)];
    expect(with_.loss).toBeCloseTo(without.loss! + 0.25 * with_.power!, 5);
  });
});

const div0 = (gradient: Tensor): Tensor => mul(gradient, 1);

describe("what is wrong", () => {
  const failing = async (run: () => unknown): Promise<string> => {
    try {
      await run();
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("nothing was thrown");
  };

  test("a model that is not compiled", async () => {
    expect(await failing(() => classifier().fit(x, y))).toContain("sequential: fit before compile");
    expect(await failing(() => classifier().trainOnBatch(x, y))).toContain("sequential: trainOnBatch before compile");
  });

  test("data that do not go together", async () => {
    const network = classifier();
    network.compile({ optimizer: "sgd", loss: loss() });
    expect(await failing(() => network.fit(x, rowsOf(y, 0, 90), { verbose: 0 }))).toContain(
      "fit: x has 100 samples, y has 90",
    );
    expect(
      await failing(() => network.fit(new NDArray(new Float32Array(0), [0, 4], "float32"), y, { verbose: 0 })),
    ).toContain("fit: there are no samples");
    const narrow = new NDArray(new Float32Array(300), [100, 3], "float32");
    expect(await failing(() => network.fit(narrow, y, { verbose: 0 }))).toContain("dense: takes 4 features, got 3");
    expect(await failing(() => network.fit("cats" as never, y, { verbose: 0 }))).toContain("fit: x: string is no data");
  });

  test("labels of the other kind: the loss that fits is named", async () => {
    const network = sequential([input([4]), new Dense(3, { activation: "softmax" })]);
    network.compile({ optimizer: "sgd", loss: "categoricalCrossentropy" });
    expect(await failing(() => network.fit(x, y, { verbose: 0 }))).toMatch(/sparseCategoricalCrossentropy/i);
  });

  test("names that do not exist list near ones", async () => {
    const network = classifier();
    expect(await failing(() => network.compile({ optimizer: "adm" as never }))).toContain("adam");
    expect(
      await failing(() => {
        network.compile({ loss: "meanSquareError" as never });
        return network.fit(x, y, { verbose: 0 });
      }),
    ).toContain("meanSquaredError");
  });

  test("a callback of one's own that throws ends the training, and is told", async () => {
    class Careful extends Callback {
      ended = false;
      override onTrainBatchEnd(_batch: number, _logs: Logs): void {
        throw new Error("stop here");
      }
      override onTrainEnd(): void {
        this.ended = true;
      }
    }
    const careful = new Careful();
    const network = classifier();
    network.compile({ optimizer: "sgd", loss: loss() });
    expect(await failing(() => network.fit(x, y, { verbose: 0, callbacks: [careful] }))).toBe("stop here");
    expect(careful.ended).toBe(true);
    expect(matmul).toBeDefined();
  });
});
