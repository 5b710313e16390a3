/** Losses as Keras computes them: values, reductions, weights, masks and gradients of `test/oracles/keras/losses.json`. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import { mul, sum, type Tensor } from "../../src/functional.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import { setMask } from "../../src/layers/core/context.ts";
import * as losses from "../../src/layers/losses/index.ts";
import { Graph } from "../../src/runtime/graph.ts";
import { Session } from "../../src/runtime/session.ts";
import type { KerasTensor } from "./keras-cases.ts";

interface LossCase {
  readonly name: string;
  readonly loss: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly y_true: KerasTensor;
  readonly y_pred: KerasTensor;
  readonly sample_weight?: KerasTensor;
  readonly mask?: KerasTensor;
  readonly value: KerasTensor;
  readonly coefficients?: readonly number[];
  readonly gradient: readonly number[];
}

const { cases } = JSON.parse(readFileSync(new URL("../oracles/keras/losses.json", import.meta.url), "utf8")) as {
  readonly cases: readonly LossCase[];
};

type Made = new (options: Readonly<Record<string, unknown>>) => losses.Loss;
const lossOf = ({ loss, arguments: given }: LossCase): losses.Loss => {
  const options = Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value]));
  return new (losses as unknown as Readonly<Record<string, Made>>)[loss]!(options);
};

type Numbers = "float32" | "float64";
const tensorOf = ({ shape, data, dtype }: KerasTensor, floats: Numbers): EagerTensor =>
  tensor(data.map(Number), { shape, dtype: dtype ?? floats }) as EagerTensor;

/** The loss, and what is differentiated: the loss, or its sum with coefficients. */
function objective(one: LossCase, target: Tensor, prediction: Tensor, floats: Numbers): readonly [Tensor, Tensor] {
  if (one.mask) setMask(prediction, tensorOf(one.mask, floats));
  const weight = one.sample_weight && tensorOf(one.sample_weight, floats);
  const value = lossOf(one)(target, prediction, weight);
  const { coefficients } = one;
  return [value, coefficients ? sum(mul(value, tensorOf({ ...one.value, data: coefficients }, floats))) : value];
}

function evaluated(one: LossCase, floats: Numbers): readonly [Tensor, Tensor] {
  const [target, prediction] = [tensorOf(one.y_true, floats), tensorOf(one.y_pred, floats)];
  const tape = new GradientTape();
  tape.watch(prediction);
  const [value, scalar] = objective(one, target, prediction, floats);
  return [value, tape.gradient(scalar, prediction) as Tensor];
}

/** The largest difference, relative to the larger number and to 1. */
const difference = (actual: ArrayLike<number>, expected: readonly (number | string)[]): number =>
  Math.max(...expected.map(Number).map((wish, i) => Math.abs(actual[i]! - wish) / Math.max(1, Math.abs(wish))));

/**
 * With TensorFlow behind it, Keras clips sparse predictions before they are scaled to sum to 1; with others, and for
 * one-hot targets, after that, as is done here. So only its derivative knows a 1 among others as clipped.
 */
const isClippedEarly = ({ loss, y_pred, name }: LossCase, i: number): boolean =>
  loss === "SparseCategoricalCrossentropy" && name.endsWith("a sum other than 1") && y_pred.data[i] === 1;

describe("losses of Keras", () => {
  it.each(cases)("$name", (one) => {
    const [value, gradient] = evaluated(one, "float64") as readonly [EagerTensor, EagerTensor];
    expect(value.shape).toEqual(one.value.shape);
    // TensorFlow computes this one in float32.
    const tolerance = one.loss === "CTC" ? 2e-7 : 5e-8;
    expect(difference(value.data as ArrayLike<number>, one.value.data)).toBeLessThan(tolerance);
    const found = [...(gradient.data as ArrayLike<number> & Iterable<number>)].filter(
      (_, i) => !isClippedEarly(one, i),
    );
    expect(
      difference(
        found,
        one.gradient.filter((_, i) => !isClippedEarly(one, i)),
      ),
    ).toBeLessThan(tolerance);
  });

  it("the same bits at once, traced, and in a session, in float32", () => {
    for (const one of cases.filter(({ loss }) => loss !== "CTC")) {
      const [value, gradient] = evaluated(one, "float32") as readonly [EagerTensor, EagerTensor];
      const traced = func((target: Tensor, prediction: Tensor) => {
        const tape = new GradientTape();
        tape.watch(prediction);
        const [inside, scalar] = objective(one, target, prediction, "float32");
        return [inside, tape.gradient(scalar, prediction) as Tensor] as const;
      });
      const again = traced(tensorOf(one.y_true, "float32"), tensorOf(one.y_pred, "float32"));
      expect(again[0].value.toArray(), one.name).toEqual(value.toArray());
      expect(again[1].value.toArray(), one.name).toEqual(gradient.toArray());
      if (one.mask || one.sample_weight || one.coefficients) continue;

      const graph = new Graph();
      const place = ({ shape, dtype }: KerasTensor, name: string) =>
        graph.placeholder(name, ["batch", ...shape.slice(1)], { dtype: dtype ?? "float32" });
      const [target, prediction] = [place(one.y_true, "target"), place(one.y_pred, "prediction")];
      const loss = lossOf(one)(target, prediction);
      const session = new Session(graph);
      const feeds = new Map<Tensor, EagerTensor["value"]>([
        [target, tensorOf(one.y_true, "float32").value],
        [prediction, tensorOf(one.y_pred, "float32").value],
      ]);
      expect(session.run(loss, feeds).toArray(), one.name).toEqual(value.toArray());
      session.close();
    }
  });
});
