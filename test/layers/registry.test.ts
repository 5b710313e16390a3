/** What every built-in layer must do: be made again from JSON, take any batch, and give the same bits in both modes. */
import { describe, expect, test } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import * as activations from "../../src/layers/activations.ts";
import * as batchNormalization from "../../src/layers/batch-normalization.ts";
import { maxNorm } from "../../src/layers/constraints.ts";
import * as convolution from "../../src/layers/convolution.ts";
import * as separable from "../../src/layers/convolution-separable.ts";
import * as transposed from "../../src/layers/convolution-transpose.ts";
import { input } from "../../src/layers/core/input.ts";
import type { Layer } from "../../src/layers/core/layer.ts";
import type { TensorNest } from "../../src/layers/core/nest.ts";
import { setSeed } from "../../src/layers/core/seeds.ts";
import * as dense from "../../src/layers/dense.ts";
import { constant, heNormal, randomUniform, withSeed } from "../../src/layers/initializers.ts";
import * as merging from "../../src/layers/merging.ts";
import * as normalization from "../../src/layers/normalization.ts";
import * as adapted from "../../src/layers/normalization-adapted.ts";
import * as padding from "../../src/layers/padding.ts";
import * as pooling from "../../src/layers/pooling.ts";
import { layerKinds } from "../../src/layers/registry.ts";
import * as regularization from "../../src/layers/regularization.ts";
import { l2, orthogonalRegularizer } from "../../src/layers/regularizers.ts";
import * as shaping from "../../src/layers/shaping.ts";
import { relu } from "../../src/ops/activation.ts";

const { Activation, ELU, LeakyReLU, Maxout, PReLU, ReLU, Softmax } = activations;
const { Conv1D, Conv2D, Conv3D } = convolution;
const { DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D } = separable;
const { Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract } = merging;
const { MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D } = pooling;

type AnyLayer = Layer<TensorNest, TensorNest> & { getConfig(): Readonly<Record<string, unknown>> | null };
type Row = readonly [make: () => unknown, input: readonly number[], output: readonly number[], branches?: number];

/** A layer of each kind, the shape of one example, and that of what comes out. */
const rows: readonly Row[] = [
  [() => new dense.Dense(3, { activation: relu, kernelRegularizer: l2(0.1), biasConstraint: maxNorm() }), [4], [3]],
  [
    () => new dense.Dense(2, { kernelInitializer: withSeed(heNormal, 3), trainable: false, useBias: false }),
    [5, 4],
    [5, 2],
  ],
  [() => new Activation("tanh"), [4], [4]],
  [() => new ReLU({ maxValue: 1, negativeSlope: 0.1, threshold: 0.2 }), [4], [4]],
  [() => new LeakyReLU(), [4], [4]],
  [() => new ELU({ alpha: 2 }), [4], [4]],
  [() => new PReLU({ sharedAxes: [1], alphaInitializer: constant(0.2) }), [3, 4], [3, 4]],
  [() => new Softmax({ axis: [1, 2] }), [2, 3], [2, 3]],
  [() => new Maxout(3, { pieces: 3, kernelInitializer: randomUniform({ minimum: -1, maximum: 1 }) }), [4], [3]],
  [() => new shaping.Flatten(), [2, 3, 4], [24]],
  [() => new shaping.Reshape([-1, 4]), [2, 3, 2], [3, 4]],
  [() => new shaping.Permute([2, 1]), [2, 3], [3, 2]],
  [() => new shaping.RepeatVector(3), [2], [3, 2]],
  [() => new shaping.Identity(), [2], [2]],
  [() => new shaping.Rescaling(0.5, { offset: 1 }), [2], [2]],
  [() => new padding.ZeroPadding1D([1, 2]), [3, 2], [6, 2]],
  [
    () =>
      new padding.ZeroPadding2D([
        [1, 0],
        [0, 2],
      ]),
    [3, 2, 1],
    [4, 4, 1],
  ],
  [() => new padding.Cropping1D(1), [3, 2], [1, 2]],
  [() => new padding.Cropping2D([1, 0]), [3, 2, 1], [1, 2, 1]],
  [() => new padding.UpSampling1D(3), [2, 2], [6, 2]],
  [() => new padding.UpSampling2D([2, 3], { interpolation: "bilinear" }), [2, 2, 1], [4, 6, 1]],
  [() => new Conv1D(2, 3, { padding: "causal", dilationRate: 2 }), [6, 2], [6, 2]],
  [() => new Conv2D(4, 3, { strides: 2, padding: "same", groups: 2, activation: "relu" }), [5, 5, 2], [3, 3, 4]],
  [() => new Conv3D(2, [1, 2, 2], { kernelRegularizer: "l2" }), [2, 3, 3, 1], [2, 2, 2, 2]],
  [() => new DepthwiseConv1D(2, { depthMultiplier: 2 }), [4, 2], [3, 4]],
  [() => new DepthwiseConv2D(2, { depthMultiplier: 2, useBias: false }), [4, 3, 2], [3, 2, 4]],
  [() => new SeparableConv1D(3, 2), [4, 2], [3, 3]],
  [() => new SeparableConv2D(3, 2, { padding: "same" }), [4, 4, 2], [4, 4, 3]],
  [() => new transposed.Conv1DTranspose(3, 3, { strides: 2 }), [4, 2], [9, 3]],
  [() => new transposed.Conv2DTranspose(2, 3, { strides: 2, padding: "same" }), [2, 3, 2], [4, 6, 2]],
  [() => new MaxPooling1D(), [5, 2], [2, 2]],
  [() => new MaxPooling2D(2, { padding: "same" }), [5, 4, 2], [3, 2, 2]],
  [() => new AveragePooling1D(3, { strides: 1 }), [5, 2], [3, 2]],
  [() => new AveragePooling2D([2, 1]), [4, 3, 2], [2, 3, 2]],
  [() => new pooling.GlobalMaxPooling1D(), [4, 2], [2]],
  [() => new pooling.GlobalMaxPooling2D({ keepdims: true }), [4, 3, 2], [1, 1, 2]],
  [() => new pooling.GlobalAveragePooling1D({ keepdims: true }), [4, 2], [1, 2]],
  [() => new pooling.GlobalAveragePooling2D(), [4, 3, 2], [2]],
  [() => new batchNormalization.BatchNormalization({ axis: 1, momentum: 0.5 }), [3, 2], [3, 2]],
  [() => new normalization.LayerNormalization({ axis: [1, 2] }), [3, 2], [3, 2]],
  [() => new normalization.GroupNormalization({ groups: 2 }), [3, 4], [3, 4]],
  [() => new normalization.UnitNormalization(), [3], [3]],
  [() => new adapted.Normalization({ mean: [1, 2, 3], variance: [1, 4, 9] }), [3], [3]],
  [() => new adapted.Normalization({ axis: null }), [3], [3]],
  [() => new Concatenate({ axis: 1 }), [3, 2], [6, 2], 2],
  [() => new Add(), [3], [3], 3],
  [() => new Subtract(), [3], [3], 2],
  [() => new Multiply(), [3], [3], 2],
  [() => new Average(), [3], [3], 3],
  [() => new Maximum(), [3], [3], 2],
  [() => new Minimum(), [3], [3], 2],
  [() => new Dot([2, 2], { normalize: true }), [3, 2], [3, 3], 2],
  [() => new regularization.Dropout(0.5), [6], [6]],
  [() => new regularization.Dropout(0.5, { noiseShape: [null, 1, null] }), [3, 2], [3, 2]],
  [() => new regularization.SpatialDropout1D(0.5), [3, 4], [3, 4]],
  [() => new regularization.SpatialDropout2D(0.5), [3, 2, 4], [3, 2, 4]],
  [() => new regularization.GaussianNoise(0.1), [4], [4]],
  [() => new regularization.GaussianDropout(0.3), [4], [4]],
  [() => new regularization.AlphaDropout(0.3), [4], [4]],
  [() => new regularization.ActivityRegularization({ l1: 0.1 }), [4], [4]],
];

const modules = [
  ...[activations, batchNormalization, convolution, separable, transposed, dense, merging, normalization],
  ...[adapted, padding, pooling, regularization, shaping],
];

const kinds = modules.flatMap((module) =>
  Object.values(module as Record<string, { kind?: unknown }>).flatMap(({ kind }) =>
    typeof kind === "string" ? [kind] : [],
  ),
);

test("every layer is tried here, and can be made by its kind: all but Lambda", () => {
  const tried = rows.map(([make]) => (make() as AnyLayer).kind);
  const wanted = kinds.filter((kind) => kind !== "Lambda").sort();
  expect([...new Set(tried)].sort()).toEqual(wanted);
  expect(Object.keys(layerKinds())).toEqual(expect.arrayContaining(wanted));
});

describe.each(rows.map((row) => [(row[0]() as AnyLayer).kind, row] as const))("%s", (kind, row) => {
  const [make, shape, output, branches = 0] = row;
  const made = (): AnyLayer => make() as AnyLayer;
  /** Numbers from -1 to 1, all different. */
  const values = (branch: number, batch = 2): EagerTensor => {
    const count = shape.reduce((product, size) => product * size, batch);
    const data = Float32Array.from({ length: count }, (_, i) => (((i * 37 + branch * 11) % 101) - 50) / 50);
    return tensor(data, { shape: [batch, ...shape] }) as EagerTensor;
  };
  const nest = (one: (branch: number) => Tensor): TensorNest =>
    branches === 0 ? one(0) : Array.from({ length: branches }, (_, i) => one(i));

  test("made again from JSON it has the same configuration", () => {
    const config = made().getConfig()!;
    expect(config).not.toBeNull();
    const again = layerKinds()[kind]!.fromConfig(JSON.parse(JSON.stringify(config))) as AnyLayer;
    expect(again.getConfig()).toEqual(config);
    expect(again).toBeInstanceOf(made().constructor);
  });

  test("the batch may be any", () => {
    const y = made().apply(nest(() => input(shape))) as Tensor;
    expect(y.shape!.map(String)).toEqual(["batch", ...output.map(String)]);
    const [two, three] = [2, 3].map((batch) => made().apply(nest((i) => values(i, batch))) as EagerTensor);
    expect([two!.shape, three!.shape]).toEqual([
      [2, ...output],
      [3, ...output],
    ]);
  });

  test.each([false, true])(
    "step by step and traced it gives the same bits, twice in a row; training: %s",
    (training) => {
      const inBoth = [false, true].map((isTraced) => {
        setSeed(5);
        const layer = made();
        const call = (...given: Tensor[]) =>
          layer.apply(
            nest((i) => given[i]!),
            { training },
          ) as Tensor;
        const run = isTraced ? func(call) : call;
        const given = Array.from({ length: Math.max(1, branches) }, (_, i) => values(i));
        const results = [run(...given), run(...given), ...layer.variables] as readonly Tensor[];
        return results.map((result) => [...(result as EagerTensor).data]);
      });
      expect(inBoth[1]).toEqual(inBoth[0]);
    },
  );
});

test("functions of one's own can not be written, choices that have a name can", () => {
  const own = new dense.Dense(2, { activation: (x) => relu(x) });
  expect(own.getConfig()).toBeNull();
  expect(new shaping.Lambda((x) => relu(x)).getConfig()).toBeNull();
  const named = new dense.Dense(2, {
    name: "head",
    activation: relu,
    kernelInitializer: withSeed(randomUniform({ maximum: 1 }), 7),
    kernelRegularizer: orthogonalRegularizer({ factor: 0.5 }),
    biasConstraint: "nonNeg",
  });
  named.trainable = false;
  expect(named.getConfig()).toEqual({
    units: 2,
    activation: "relu",
    useBias: true,
    kernelInitializer: { name: "randomUniform", minimum: -0.05, maximum: 1, seed: 7 },
    biasInitializer: "zeros",
    kernelRegularizer: { name: "orthogonalRegularizer", factor: 0.5, mode: "rows" },
    biasConstraint: "nonNeg",
    name: "head",
    trainable: false,
  });
});

test("row 16: the slope of LeakyReLU is that of the lecture, and can be read", () => {
  expect(new LeakyReLU().getConfig()).toEqual({ negativeSlope: 0.1 });
});
