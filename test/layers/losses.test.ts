import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import {
  abs,
  bernoulliLogProbability,
  Graph,
  mean,
  mul,
  neg,
  oneHot,
  reshape,
  Session,
  setWarningHandler,
  sigmoid,
  softmax,
  sub,
  type Tensor,
} from "../../src/index.ts";
import { checkGradients } from "../../src/inspect/index.ts";
import * as losses from "../../src/layers/losses/index.ts";

const item = (x: Tensor): number => (x as EagerTensor).item();
const array = (x: Tensor): unknown => (x as EagerTensor).toArray();

let warnings: string[] = [];
let before: ReturnType<typeof setWarningHandler>;
beforeEach(() => {
  warnings = [];
  before = setWarningHandler((text) => void warnings.push(text));
});
afterEach(() => void setWarningHandler(before));

describe("losses", () => {
  const [target, prediction] = [tensor([1, 2], { dtype: "float32" }), tensor([0, 4], { dtype: "float32" })];
  const gradientOf = (loss: losses.Loss): unknown => {
    const tape = new GradientTape();
    tape.watch(prediction);
    return array(tape.gradient(loss(target, prediction), prediction) as Tensor);
  };

  it("row 41: mean squared error, with its gradient 2 (y - t) / n", () => {
    expect(item(new losses.MeanSquaredError()(target, prediction))).toBe(2.5);
    expect(gradientOf(losses.lossNamed("mse"))).toEqual([-1, 2]);
  });

  it("row 42: mean absolute error; at equality the derivative is 0", () => {
    expect(item(losses.lossNamed("mae")(target, prediction))).toBe(1.5);
    expect(gradientOf(new losses.MeanAbsoluteError())).toEqual([-0.5, 0.5]);
    const tape = new GradientTape();
    tape.watch(target);
    const loss = new losses.MeanAbsoluteError()(target, target);
    expect(array(tape.gradient(loss, target) as Tensor)).toEqual([0, 0]);
  });

  it("row 43: categorical cross entropy, of probabilities and of logits; a probability of 0 is clipped", () => {
    const [t, z] = [tensor([[0, 0, 1]]), tensor([[1, 2, 3]], { dtype: "float32" })];
    expect(item(new losses.CategoricalCrossentropy({ fromLogits: true })(t, z))).toBeCloseTo(0.407606, 6);
    expect(item(new losses.CategoricalCrossentropy()(t, softmax(z)))).toBeCloseTo(0.407606, 6);
    const certain = tensor([[1, 0, 0]], { dtype: "float32" });
    expect(item(new losses.CategoricalCrossentropy()(t, certain))).toBeCloseTo(-Math.log(1e-7), 4);
  });

  it("row 44: sparse targets give the bits of one-hot ones", () => {
    const z = tensor(
      [
        [1, 2, 3],
        [0.5, -1, 7],
      ],
      { dtype: "float32" },
    );
    const [numbers, rows] = [tensor([2, 1]), oneHot(tensor([2, 1]), 3)];
    for (const fromLogits of [true, false]) {
      const given = fromLogits ? z : softmax(z);
      const sparse = new losses.SparseCategoricalCrossentropy({ fromLogits, reduction: "none" });
      const categorical = new losses.CategoricalCrossentropy({ fromLogits, reduction: "none" });
      expect(array(sparse(numbers, given))).toEqual(array(categorical(rows, given)));
    }
  });

  it("row 44: warns, once, of a softmax that is applied twice, and names it", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 3]);
    const labels = graph.placeholder("labels", ["batch"], { dtype: "int32" });
    const probabilities = reshape(softmax(x, { name: "digits" }), [-1, 3]);
    const loss = new losses.SparseCategoricalCrossentropy({ fromLogits: true });
    loss(labels, probabilities);
    loss(labels, probabilities);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^SparseCategoricalCrossentropy: fromLogits is true, but the prediction comes out of the softmax "digits", which would be applied twice/,
    );
    expect(warnings[0]).toMatch(/digits made at .*losses\.test\.ts:\d+/);
    expect(warnings[0]).toMatch(/fix: leave out fromLogits, or the softmax at the end of the model/);
    new losses.BinaryCrossentropy({ fromLogits: true })(probabilities, sigmoid(x));
    expect(warnings).toHaveLength(2);
    loss(labels, x);
    new losses.SparseCategoricalCrossentropy()(labels, probabilities);
    expect(warnings).toHaveLength(2);
  });

  it("row 45: binary cross entropy is the negative log-likelihood of a Bernoulli distribution", () => {
    const [t, p] = [tensor([1, 0, 1], { dtype: "float32" }), tensor([0.9, 0.2, 0.4])];
    const likelihood = neg(mean(bernoulliLogProbability(t, p)));
    expect(item(new losses.BinaryCrossentropy()(t, p))).toBe(item(likelihood));
    const extreme = tensor([1000, -1000, 1000], { dtype: "float32" });
    expect(item(new losses.BinaryCrossentropy({ fromLogits: true })(t, extreme))).toBe(0);
  });

  it("row 46: how far a predicted distribution is from the observed one", () => {
    const [observed, predicted] = [tensor([[0.5, 0.5]]), tensor([[0.25, 0.75]])];
    const expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
    expect(item(new losses.KLDivergence()(observed, predicted))).toBeCloseTo(expected, 6);
    expect(item(new losses.KLDivergence()(observed, observed))).toBe(0);
  });

  it("row 113: by name, in both spellings; wrong names are errors for the editor and at run time", () => {
    expect(losses.lossNamed("categorical_crossentropy")).toBeInstanceOf(losses.CategoricalCrossentropy);
    expect(losses.lossNamed("sparseCategoricalCrossentropy").name).toBe("sparseCategoricalCrossentropy");
    expect(losses.lossNamed("mean_squared_error")).toBeInstanceOf(losses.MeanSquaredError);
    for (const name of losses.lossNames()) expect(losses.lossNamed(name)).toBeInstanceOf(losses.Loss);
    // @ts-expect-error there is no such name
    expect(() => losses.lossNamed("categorical_crossentrpy")).toThrow(
      /loss: there is none called "categorical_crossentrpy"[\s\S]*near names: categoricalCrossentropy/,
    );
  });

  it("row 114: options are honoured", () => {
    const [t, p] = [
      tensor(
        [
          [0, 1],
          [1, 0],
        ],
        { dtype: "float32" },
      ),
      tensor([
        [0.25, 0.75],
        [0.5, 0.5],
      ]),
    ];
    const each = array(new losses.CategoricalCrossentropy({ reduction: "none" })(t, p)) as number[];
    const total = Math.fround(each[0]! + each[1]!);
    expect(item(new losses.CategoricalCrossentropy({ reduction: "sum" })(t, p))).toBe(total);
    expect(item(new losses.CategoricalCrossentropy({ reduction: "sum_over_batch_size" })(t, p))).toBe(total / 2);
    const weights = tensor([1, 3], { dtype: "float32" });
    const weighted = (each[0]! + 3 * each[1]!) / 4;
    expect(item(new losses.CategoricalCrossentropy({ reduction: "meanWithSampleWeight" })(t, p, weights))).toBeCloseTo(
      weighted,
      6,
    );
    expect(() => new losses.Huber({ delta: 0 })).toThrow(/Huber: delta can not be 0[\s\S]*fix: give a positive number/);
    expect(() => new losses.BinaryCrossentropy({ labelSmoothing: 2 })).toThrow(/labelSmoothing can not be 2/);
    // @ts-expect-error there is no such reduction
    expect(() => new losses.Huber({ reduction: "men" })).toThrow(
      /huber_loss: there is no reduction "men"[\s\S]*near names: mean/,
    );
  });

  it("row 117: plain functions and subclasses are losses", () => {
    const plain = losses.lossFrom((t, p) => mean(abs(sub(t, p)), { axis: -1 }));
    expect(item(plain(target, prediction))).toBe(1.5);
    class Twice extends losses.Loss {
      override call(t: Tensor, p: Tensor): Tensor {
        return mul(mean(abs(sub(t, p)), { axis: -1 }), 2);
      }
    }
    const twice = new Twice({ name: "twice", reduction: "sum" });
    expect([twice.name, item(twice(target, prediction))]).toEqual(["twice", 3]);
    expect(losses.lossFrom(twice)).toBe(twice);
    // [n] beside [n, 1]: as in Keras never [n, n].
    const column = reshape(prediction, [2, 1]);
    expect(array(losses.lossFrom((t, p) => abs(sub(t, p)))(target, column))).toBe(1.5);
  });
});

describe("targets that do not go with predictions", () => {
  const rows = tensor([
    [0.2, 0.3, 0.5],
    [0.1, 0.8, 0.1],
  ]);

  it("class numbers for a loss of one-hot rows: names the sparse one", () => {
    for (const numbers of [tensor([2, 1]), tensor([[2], [1]])]) {
      expect(() => losses.lossNamed("categorical_crossentropy")(numbers, rows)).toThrow(
        /^categorical_crossentropy: targets int32\[2.*\] do not go with predictions float32\[2, 3\][\s\S]*losses\.test\.ts[\s\S]*fix: targets that are class numbers belong to sparseCategoricalCrossentropy; or make them one-hot: oneHot\(y, 3\)/,
      );
    }
  });

  it("one-hot rows for a loss of class numbers: names the other one", () => {
    expect(() =>
      losses.lossNamed("sparse_categorical_crossentropy")(
        tensor([
          [0, 0, 1],
          [0, 1, 0],
        ]),
        rows,
      ),
    ).toThrow(
      /^sparse_categorical_crossentropy: targets int32\[2, 3\] do not go[\s\S]*fix: targets that are one-hot rows belong to categoricalCrossentropy; or make them class numbers: argmax\(y, -1\)/,
    );
  });

  it("another number of classes, and values that would broadcast", () => {
    const four = tensor([
      [0, 0, 1, 0],
      [0, 1, 0, 0],
    ]);
    expect(() => new losses.CategoricalCrossentropy()(four, rows)).toThrow(/give one row of 3 for each sample/);
    expect(() => new losses.MeanSquaredError()(tensor([1, 2]), rows)).toThrow(
      /mean_squared_error: targets int32\[2\] do not go with predictions float32\[2, 3\][\s\S]*fix: targets have the shape of what the model gives/,
    );
    expect(() => new losses.MeanSquaredError()(tensor([[1], [2]]), rows)).toThrow(/do not go with/);
  });

  it("[n] beside [n, 1] are compared one by one, as in Keras", () => {
    const [line, column] = [tensor([1, 2], { dtype: "float32" }), tensor([[0], [4]], { dtype: "float32" })];
    expect(array(new losses.MeanSquaredError({ reduction: "none" })(line, column))).toEqual([1, 4]);
    expect(array(new losses.MeanSquaredError({ reduction: "none" })(column, line))).toEqual([1, 4]);
  });

  it("weights of samples count for all steps of a sample", () => {
    const [t, p] = [
      tensor(
        [
          [[1], [2]],
          [[3], [4]],
        ],
        { dtype: "float32" },
      ),
      tensor(
        [
          [[0], [0]],
          [[0], [0]],
        ],
        { dtype: "float32" },
      ),
    ];
    const loss = new losses.MeanAbsoluteError({ reduction: "none" });
    expect(array(loss(t, p, tensor([1, 10])))).toEqual([
      [1, 2],
      [30, 40],
    ]);
    expect(() =>
      loss(
        t,
        p,
        tensor([
          [
            [1, 2],
            [3, 4],
          ],
          [
            [1, 2],
            [3, 4],
          ],
        ]),
      ),
    ).toThrow(/sample weights .* have more axes than the values/);
  });

  it("class numbers that do not count are left out of the mean", () => {
    const loss = new losses.SparseCategoricalCrossentropy({ ignoreClass: -1 });
    const alone = new losses.SparseCategoricalCrossentropy()(tensor([1]), tensor([[0.1, 0.8, 0.1]]));
    expect(item(loss(tensor([-1, 1]), rows))).toBeCloseTo(item(alone), 6);
    expect(item(loss(tensor([-1, -1]), rows))).toBe(0);
  });
});

describe("gradients of losses", () => {
  const all: readonly (readonly [losses.LossName, "numbers" | "positive" | "shares" | "rows" | "classes"])[] = [
    ["meanSquaredError", "numbers"],
    ["meanAbsoluteError", "numbers"],
    ["meanAbsolutePercentageError", "numbers"],
    ["meanSquaredLogarithmicError", "positive"],
    ["huber", "numbers"],
    ["logCosh", "numbers"],
    ["cosineSimilarity", "numbers"],
    ["hinge", "shares"],
    ["squaredHinge", "shares"],
    ["categoricalHinge", "rows"],
    ["klDivergence", "rows"],
    ["poisson", "positive"],
    ["binaryCrossentropy", "shares"],
    ["binaryFocalCrossentropy", "shares"],
    ["categoricalCrossentropy", "rows"],
    ["categoricalFocalCrossentropy", "rows"],
    ["sparseCategoricalCrossentropy", "classes"],
    ["categoricalGeneralizedCrossEntropy", "classes"],
    ["dice", "shares"],
    ["tversky", "shares"],
  ];
  const values = [
    [0.15, 0.35, 0.5],
    [0.62, 0.28, 0.1],
  ];
  const targets = {
    numbers: [
      [0.3, -0.4, 1.5],
      [-2, 0.7, 0.2],
    ],
    positive: [
      [0.3, 0.4, 1.5],
      [2, 0.7, 0.2],
    ],
    shares: [
      [1, 0, 1],
      [0, 0, 1],
    ],
    rows: [
      [0, 1, 0],
      [1, 0, 0],
    ],
    classes: [1, 0],
  };

  it.each(all)("%s: finite differences agree, in float64", (name, kind) => {
    const graph = new Graph();
    const dtype = kind === "classes" ? "int32" : "float64";
    const target = graph.constant(targets[kind], { dtype });
    const prediction = graph.placeholder("prediction", ["batch", 3], { dtype: "float64" });
    const weights = graph.constant([1, 0.5], { dtype: "float64" });
    const given = name === "dice" || name === "tversky" ? undefined : weights;
    const report = checkGradients(
      losses.lossNamed(name)(target, prediction, given),
      [prediction],
      [[prediction, values]],
    );
    expect(report.passed, String(report)).toBe(true);
  });

  it("a mask that leaves nothing gives 0, and no NaN in gradients", () => {
    const [t, p] = [
      tensor([-1, -1]),
      tensor([
        [0.2, 0.8],
        [0.5, 0.5],
      ]),
    ];
    const tape = new GradientTape();
    tape.watch(p);
    const loss = new losses.SparseCategoricalCrossentropy({ ignoreClass: -1 })(t, p);
    expect(array(tape.gradient(loss, p) as Tensor)).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe("one formula in all modes", () => {
  it("the same bits at once, traced, and in a session", () => {
    const [labels, scores] = [
      tensor([2, 0]),
      tensor(
        [
          [1, 2, 3],
          [0.5, -1, 7],
        ],
        { dtype: "float32" },
      ),
    ];
    const loss = new losses.SparseCategoricalCrossentropy();
    const traced = func((t: Tensor, z: Tensor) => loss(t, softmax(z)));
    const graph = new Graph();
    const t = graph.placeholder("t", ["batch"], { dtype: "int32" });
    const z = graph.placeholder("z", ["batch", 3]);
    const session = new Session(graph);
    const inGraph = session.run(
      loss(t, softmax(z)),
      new Map<Tensor, unknown>([
        [t, labels.value],
        [z, scores.value],
      ]) as never,
    );
    const atOnce = item(loss(labels, softmax(scores)));
    expect([item(traced(labels, scores)), (inGraph as { item(): number }).item()]).toEqual([atOnce, atOnce]);
    session.close();
  });
});
