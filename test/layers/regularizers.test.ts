import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { recipeOf } from "../../src/core/recipe.ts";
import type { Sizes } from "../../src/core/shape.ts";
import { type EagerTensor, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import { mul, type Tensor, type Variable } from "../../src/functional.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import { Conv2D } from "../../src/layers/convolution.ts";
import { input } from "../../src/layers/core/input.ts";
import { Layer } from "../../src/layers/core/layer.ts";
import { Dense } from "../../src/layers/dense.ts";
import {
  l1,
  l1l2,
  l2,
  orthogonalRegularizer,
  type RegularizerChoice,
  regularizerFrom,
} from "../../src/layers/regularizers.ts";
import { messageOf } from "./messages.ts";

interface Oracle {
  readonly regularizer: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly weight: { readonly shape: readonly number[]; readonly data: readonly number[] };
  readonly penalty: number;
  readonly gradient: readonly number[];
}
const file = readFileSync(new URL("../oracles/keras/layers.json", import.meta.url), "utf8");
const { regularizers } = JSON.parse(file) as { readonly regularizers: readonly Oracle[] };
const weightOf = ({ shape, data }: Oracle["weight"]) => variable(tensor(Float32Array.from(data), { shape }));

describe("as Keras computes them", () => {
  test.each(regularizers.map((one) => [`${one.regularizer} ${JSON.stringify(one.arguments)}`, one] as const))(
    "%s",
    (_name, one) => {
      // L1L2 without arguments is 0; by its name alone it has both factors.
      const isBare = one.regularizer === "L1L2" && Object.keys(one.arguments).length === 0;
      const choice = { name: one.regularizer, ...one.arguments } as object as RegularizerChoice;
      const penalise = isBare ? l1l2() : regularizerFrom(choice);
      const weight = weightOf(one.weight);
      const tape = new GradientTape();
      const penalty = penalise(weight) as EagerTensor;
      expect(penalty.item()).toBeCloseTo(one.penalty, 5);
      const gradient = tape.gradient(penalty, weight, { unconnected: "zero" }) as EagerTensor;
      one.gradient.forEach((value, i) => void expect(gradient.data[i]).toBeCloseTo(value, 5));
    },
  );
});

test("made again from their recipes they are the same", () => {
  const weight = variable(
    tensor(
      [
        [1, 2],
        [-3, 0.5],
      ],
      { dtype: "float32" },
    ),
  );
  for (const made of [l1(0.2), l2(0.3), l1l2({ l2: 0.1 }), orthogonalRegularizer({ mode: "columns" })]) {
    const again = regularizerFrom(JSON.parse(JSON.stringify(recipeOf(made))) as RegularizerChoice);
    expect((again(weight) as EagerTensor).item()).toBe((made(weight) as EagerTensor).item());
  }
  expect(camelCase("l1_l2")).toBe("l1L2");
  expect((regularizerFrom("l1_l2")(weight) as EagerTensor).item()).toBe(
    (l1l2({ l1: 0.01, l2: 0.01 })(weight) as EagerTensor).item(),
  );
});

test("penalties on outputs are those of one example", () => {
  const layer = new Dense(2, { useBias: false, kernelInitializer: "ones", activityRegularizer: l1(1) });
  layer(
    tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "float32" },
    ),
  );
  // (3 + 3 + 7 + 7) / 2
  expect((layer.losses[0] as EagerTensor).item()).toBe(10);
});

test("layers of one's own choose by name, too", () => {
  class Scale extends Layer {
    w!: Variable;
    override build(shape: Sizes): void {
      this.w = this.addWeight("w", {
        shape: [shape.at(-1)!],
        initializer: "ones",
        regularizer: "l2",
        constraint: "non_neg",
      });
    }
    call(x: Tensor): Tensor {
      return mul(x, this.w);
    }
  }
  const layer = new Scale();
  layer(input([3]));
  expect((layer.losses[0] as EagerTensor).item()).toBeCloseTo(0.03, 6);
  class Wrong extends Layer {
    override build(): void {
      // @ts-expect-error: no such name
      this.addWeight("w", { shape: [1], regularizer: "L7" });
    }
    call(x: Tensor): Tensor {
      return x;
    }
  }
  expect(messageOf(() => new Wrong()(input([3])))).toContain('regularizer: there is none called "L7"');
});

describe("what is wrong", () => {
  test("names and factors", () => {
    // @ts-expect-error: no such name
    expect(messageOf(() => regularizerFrom("l3"))).toContain('regularizer: there is none called "l3"');
    // @ts-expect-error: no such name
    expect(messageOf(() => regularizerFrom("l3"))).toContain("fix: near names: l1, l2");
    expect(messageOf(() => l2(-1))).toBe(
      "l2: -1 is not a factor\nat test/layers/regularizers.test.ts:L:C\nfix: give a number from 0 on: 0.01",
    );
  });
  test("an orthogonal kernel of a convolution", () => {
    const layer = new Conv2D(2, 3, { kernelRegularizer: "orthogonalRegularizer" });
    layer(input([8, 8, 1]));
    expect(messageOf(() => layer.losses)).toContain(
      'weight "conv2d/kernel" has rank 4: only matrices have rows and columns',
    );
  });
});
