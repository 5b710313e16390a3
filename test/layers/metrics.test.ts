import { describe, expect, it } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import { abs, mean, sub, type Tensor } from "../../src/index.ts";
import { setMask } from "../../src/layers/core/context.ts";
import { BinaryCrossentropy, lossNamed } from "../../src/layers/losses/index.ts";
import * as metrics from "../../src/layers/metrics/index.ts";

const item = (x: Tensor): number => (x as EagerTensor).item();
const floats = (values: Parameters<typeof tensor>[0]): EagerTensor =>
  tensor(values, { dtype: "float32" }) as EagerTensor;

describe("row 115: accuracy by loss and shape", () => {
  const resolved = (context: metrics.MetricContext, name: metrics.MetricName = "accuracy"): string =>
    metrics.metricNamed(name, context).describe();

  it("says which one it is", () => {
    expect(resolved({ targetShape: [8, 1], predictionShape: [8, 1] })).toBe("BinaryAccuracy (threshold 0.5)");
    expect(resolved({ targetShape: [8, 10], predictionShape: [8, 10] })).toBe("CategoricalAccuracy");
    expect(resolved({ targetShape: [8], predictionShape: [8, 10] })).toBe("SparseCategoricalAccuracy");
    expect(resolved({ targetShape: [8, 1], predictionShape: [8, 10] }, "acc")).toBe("SparseCategoricalAccuracy");
  });

  it("cross entropies decide before shapes: several labels a sample are binary", () => {
    const several = { targetShape: [8, 3], predictionShape: [8, 3] };
    expect(resolved({ ...several, loss: lossNamed("binary_crossentropy") })).toBe("BinaryAccuracy (threshold 0.5)");
    expect(resolved({ ...several, loss: lossNamed("categorical_crossentropy") })).toBe("CategoricalAccuracy");
    expect(resolved({ ...several, loss: lossNamed("mse") })).toBe("CategoricalAccuracy");
    const scores = new BinaryCrossentropy({ fromLogits: true });
    expect(resolved({ ...several, loss: scores })).toBe("BinaryAccuracy (threshold 0)");
    expect(resolved({ targetShape: [8], predictionShape: [8, 10] }, "crossentropy")).toBe(
      "SparseCategoricalCrossentropy",
    );
  });

  it("keeps the name that was asked for", () => {
    expect(metrics.metricNamed("acc", { predictionShape: [8, 1] }).name).toBe("acc");
    expect(metrics.metricNamed("mae").name).toBe("mae");
    expect(new metrics.MeanAbsoluteError().name).toBe("mean_absolute_error");
    for (const name of metrics.metricNames()) expect(metrics.metricNamed(name).name).toBe(name);
  });

  it("wrong names are errors for the editor and at run time", () => {
    // @ts-expect-error there is no such name
    expect(() => metrics.metricNamed("acuracy")).toThrow(
      /metric: there is none called "acuracy"[\s\S]*near names: accuracy/,
    );
  });
});

describe("row 116: metrics as objects", () => {
  const targets = [
    [0, 1, 0],
    [1, 0, 0],
    [0, 0, 1],
    [0, 1, 0],
  ];
  const predictions = [
    [0.1, 0.8, 0.1],
    [0.2, 0.7, 0.1],
    [0.2, 0.2, 0.6],
    [0.3, 0.6, 0.1],
  ];

  it("over batches the same as at once; reset begins anew", () => {
    const inBatches = new metrics.CategoricalAccuracy();
    inBatches.updateState(floats(targets.slice(0, 3)), floats(predictions.slice(0, 3)));
    expect(item(inBatches.result())).toBeCloseTo(2 / 3, 6);
    inBatches.updateState(floats(targets.slice(3)), floats(predictions.slice(3)));
    const atOnce = new metrics.CategoricalAccuracy();
    atOnce.updateState(floats(targets), floats(predictions));
    expect(item(inBatches.result())).toBe(0.75);
    expect(item(atOnce.result())).toBe(0.75);
    inBatches.reset();
    expect(item(inBatches.result())).toBe(0);
  });

  it("the state is not trained, and counts beyond 2^24", () => {
    const count = new metrics.Sum();
    expect(count.variables.map(({ dtype, trainable }) => [dtype, trainable])).toEqual([["float64", false]]);
    count.updateState(tensor(2 ** 24, { dtype: "float32" }));
    count.updateState(tensor(1, { dtype: "float32" }));
    expect(count.variables[0]!.item()).toBe(2 ** 24 + 1);
  });

  it("in a traced function: a batch at a time, with a reset between and inside", () => {
    const metric = new metrics.Precision();
    const step = func((t: Tensor, p: Tensor) => {
      metric.updateState(t, p);
      return metric.result();
    });
    const alone = func((t: Tensor, p: Tensor) => {
      metric.reset();
      metric.updateState(t, p);
      return metric.result();
    });
    const [right, wrong] = [floats([1, 1]), floats([0, 0])];
    const high = floats([0.9, 0.8]);
    expect(item(step(right, high))).toBe(1);
    expect(item(step(wrong, high))).toBe(0.5);
    metric.reset();
    expect(item(step(wrong, high))).toBe(0);
    expect(item(alone(right, high))).toBe(1);
    expect(item(step(wrong, high))).toBe(0.5);
  });

  it("steps that a mask leaves out do not count", () => {
    const metric = new metrics.SparseCategoricalAccuracy();
    const prediction = floats([
      [
        [0.9, 0.1],
        [0.9, 0.1],
      ],
      [
        [0.9, 0.1],
        [0.9, 0.1],
      ],
    ]);
    setMask(
      prediction,
      tensor(
        [
          [true, false],
          [true, true],
        ],
        { dtype: "bool" },
      ) as EagerTensor,
    );
    metric.updateState(
      tensor([
        [0, 1],
        [0, 1],
      ]),
      prediction,
    );
    expect(item(metric.result())).toBeCloseTo(2 / 3, 6);
  });

  it("targets that do not fit are an error that names the metric", () => {
    const metric = new metrics.CategoricalAccuracy();
    expect(() => metric.updateState(tensor([1, 0]), floats(predictions.slice(0, 2)))).toThrow(
      /^categorical_accuracy: targets int32\[2\] do not go with predictions float32\[2, 3\][\s\S]*oneHot\(y, 3\)/,
    );
    expect(() => new metrics.AUC({ numThresholds: 1 })).toThrow(/AUC: numThresholds can not be 1/);
    expect(() => new metrics.Precision({ thresholds: 2 })).toThrow(/precision: thresholds can not be 2/);
    // @ts-expect-error there is no such curve
    expect(() => new metrics.AUC({ curve: "PRC" })).toThrow(
      /AUC: curve can not be "PRC"[\s\S]*fix: give one of "ROC", "PR"/,
    );
    expect(() => new metrics.MeanIoU({ numClasses: 0 })).toThrow(/mean_io_u: numClasses can not be 0/);
    // @ts-expect-error there is no such average
    expect(() => new metrics.F1Score({ average: "mean" })).toThrow(/f1_score: average can not be "mean"/);
    expect(() => new metrics.F1Score().result()).toThrow(/f1_score: no batch yet/);
  });
});

describe("row 117: plain functions are metrics", () => {
  it("the mean over all samples so far, weighted", () => {
    const bias = metrics.metricFrom(function bias(target, prediction) {
      return mean(sub(prediction, target), { axis: -1 });
    });
    expect(bias.name).toBe("bias");
    bias.updateState(floats([[1], [2]]), floats([[2], [5]]));
    expect(item(bias.result())).toBe(2);
    bias.updateState(floats([[0]]), floats([[8]]), floats([3]));
    expect(item(bias.result())).toBeCloseTo((1 + 3 + 24) / 5, 6);
  });

  it("[n] beside [n, 1] are compared one by one; a loss is a metric too", () => {
    const error = metrics.metricFrom((target, prediction) => abs(sub(target, prediction)));
    error.updateState(floats([1, 2]), floats([[1], [4]]));
    expect(item(error.result())).toBe(1);
    const loss = metrics.metricFrom(lossNamed("mse"));
    loss.updateState(floats([1, 2]), floats([[0], [4]]));
    expect([loss.name, item(loss.result())]).toEqual(["mse", 2.5]);
  });
});
