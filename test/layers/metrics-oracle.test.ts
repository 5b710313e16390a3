/** Metrics as Keras computes them, over several batches: `test/oracles/keras/metrics.json`. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import * as metrics from "../../src/layers/metrics/index.ts";
import type { KerasTensor } from "./keras-cases.ts";

interface MetricCase {
  readonly name: string;
  readonly metric: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly updates: readonly {
    readonly values?: KerasTensor;
    readonly y_true?: KerasTensor;
    readonly y_pred?: KerasTensor;
    readonly sample_weight?: KerasTensor;
  }[];
  /** Before the first batch, and after each. */
  readonly results: readonly (number | null | KerasTensor)[];
}

interface ConfusionCase {
  readonly name: string;
  readonly labels: readonly number[];
  readonly predictions: readonly number[];
  readonly num_classes: number | null;
  readonly weights: readonly number[] | null;
  readonly matrix: KerasTensor;
}

const file = JSON.parse(readFileSync(new URL("../oracles/keras/metrics.json", import.meta.url), "utf8")) as {
  readonly cases: readonly MetricCase[];
  readonly confusion_matrix: readonly ConfusionCase[];
};

type Made = new (options: Readonly<Record<string, unknown>>) => metrics.Metric;
function metricOf({ metric, arguments: given }: MetricCase): metrics.Metric {
  const options = Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value]));
  return new (metrics as unknown as Readonly<Record<string, Made>>)[metric]!(options);
}

type Numbers = "float32" | "float64";
const tensorOf = ({ shape, data, dtype }: KerasTensor, floats: Numbers): EagerTensor =>
  tensor(data.map(Number), { shape, dtype: dtype ?? floats }) as EagerTensor;

/** Arguments of each update, in order. */
const updatesOf = ({ updates }: MetricCase, floats: Numbers): readonly (readonly EagerTensor[])[] =>
  updates.map(({ values, y_true, y_pred, sample_weight }) =>
    [values, y_true, y_pred, sample_weight].flatMap((given) => (given ? [tensorOf(given, floats)] : [])),
  );

type Update = (...given: readonly Tensor[]) => void;
const updateOf = (metric: metrics.Metric): Update => (metric.updateState as Update).bind(metric);

function expectNear(actual: Tensor, wish: number | KerasTensor, what: string): void {
  const [shape, data] = typeof wish === "number" ? [[], [wish]] : [wish.shape, wish.data.map(Number)];
  expect((actual as EagerTensor).shape, what).toEqual(shape);
  data.forEach((value, i) => {
    const error = Math.abs(Number((actual as EagerTensor).data[i]) - value) / Math.max(1, Math.abs(value));
    expect(error, `${what}: ${(actual as EagerTensor).data[i]}, wanted ${value}`).toBeLessThan(2e-7);
  });
}

describe("metrics of Keras", () => {
  it.each(file.cases)("$name", (one) => {
    const metric = metricOf(one);
    const [before, ...after] = one.results;
    if (before !== null) expectNear(metric.result(), before!, "before the first batch");
    updatesOf(one, "float64").forEach((given, i) => {
      updateOf(metric)(...given);
      expectNear(metric.result(), after[i]!, `batch ${i}`);
    });
    const last = (metric.result() as EagerTensor).toArray();
    metric.reset();
    expect(metric.variables.every(({ data }) => data.every((x) => Number(x) === 0))).toBe(true);
    for (const given of updatesOf(one, "float64")) updateOf(metric)(...given);
    expect((metric.result() as EagerTensor).toArray()).toEqual(last);
  });

  it("the same bits at once and in a traced function, in float32", { timeout: 60_000 }, () => {
    for (const one of file.cases) {
      const [atOnce, traced] = [metricOf(one), metricOf(one)];
      const step = func((...given: Tensor[]) => {
        updateOf(traced)(...given);
        return traced.result();
      });
      for (const given of updatesOf(one, "float32")) {
        updateOf(atOnce)(...given);
        const result = step(...given) as EagerTensor;
        expect(result.toArray(), one.name).toEqual((atOnce.result() as EagerTensor).toArray());
      }
      expect(traced.variables.map((state) => state.toArray())).toEqual(
        atOnce.variables.map((state) => state.toArray()),
      );
    }
  });

  it.each(file.confusion_matrix)("confusion matrix: $name", ({ labels, predictions, num_classes, weights, matrix }) => {
    const classes = num_classes ?? Math.max(...labels, ...predictions) + 1;
    const [given, predicted] = [tensor([...labels]), tensor([...predictions])];
    const options = weights ? { weights: tensor([...weights], { dtype: "float64" }) } : {};
    expectNear(metrics.confusionMatrix(given, predicted, classes, options), matrix, "matrix");
  });
});
