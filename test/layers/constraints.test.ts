import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { recipeOf } from "../../src/core/recipe.ts";
import { type EagerTensor, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import {
  type ConstraintChoice,
  constraintFrom,
  maxNorm,
  minMaxNorm,
  nonNeg,
  unitNorm,
} from "../../src/layers/constraints.ts";
import { messageOf } from "./messages.ts";

interface Oracle {
  readonly constraint: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly weight: { readonly shape: readonly number[]; readonly data: readonly number[] };
  readonly result: readonly number[];
}
const file = readFileSync(new URL("../oracles/keras/layers.json", import.meta.url), "utf8");
const { constraints } = JSON.parse(file) as { readonly constraints: readonly Oracle[] };
const weightOf = ({ shape, data }: Oracle["weight"]): Tensor => tensor(Float32Array.from(data), { shape });

describe("as Keras computes them", () => {
  test.each(constraints.map((one) => [`${one.constraint} ${JSON.stringify(one.arguments)}`, one] as const))(
    "%s",
    (_name, one) => {
      const args = Object.fromEntries(Object.entries(one.arguments).map(([name, value]) => [camelCase(name), value]));
      const constrain = constraintFrom({ name: one.constraint, ...args } as object as ConstraintChoice);
      const result = constrain(weightOf(one.weight)) as EagerTensor;
      one.result.forEach((value, i) => void expect(result.data[i]).toBeCloseTo(value, 5));
    },
  );
});

test("made again from their recipes they are the same", () => {
  const weight = weightOf(constraints[0]!.weight);
  for (const made of [
    maxNorm({ maxValue: 1 }),
    nonNeg(),
    unitNorm({ axis: 1 }),
    minMaxNorm({ minValue: 1, rate: 0.5 }),
  ]) {
    const again = constraintFrom(JSON.parse(JSON.stringify(recipeOf(made))) as ConstraintChoice);
    expect([...(again(weight) as EagerTensor).data]).toEqual([...(made(weight) as EagerTensor).data]);
  }
});

test("weights that are all 0 stay so", () => {
  const zeros = tensor(
    [
      [0, 0],
      [0, 0],
    ],
    { dtype: "float32" },
  );
  for (const name of ["maxNorm", "unitNorm", "minMaxNorm"] as const) {
    expect([...(constraintFrom(name)(zeros) as EagerTensor).data]).toEqual([0, 0, 0, 0]);
  }
});

test("names that are none", () => {
  // @ts-expect-error: no such name
  expect(messageOf(() => constraintFrom("max_nrm"))).toBe(
    'constraint: there is none called "max_nrm"\nat test/layers/constraints.test.ts:L:C\nfix: near names: maxNorm',
  );
});
