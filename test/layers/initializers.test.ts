import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { recipeOf } from "../../src/core/recipe.ts";
import { type EagerTensor, eager } from "../../src/eager/index.ts";
import { matmul, reshape, type Tensor } from "../../src/functional.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import {
  constant,
  type InitializerChoice,
  initializerFrom,
  orthogonal,
  randomNormal,
  randomUniform,
  truncatedNormal,
  withSeed,
} from "../../src/layers/initializers.ts";
import { layerKinds } from "../../src/layers/registry.ts";
import type { Initializer } from "../../src/runtime/graph.ts";
import { fansOf } from "../../src/train/initializers.ts";
import { messageOf } from "./messages.ts";

interface Drawn {
  readonly distribution: "uniform" | "normal" | "truncated_normal";
  readonly minval?: number;
  readonly maxval?: number;
  readonly mean?: number;
  readonly stddev?: number;
}
interface Oracle {
  readonly fans: readonly { readonly shape: readonly number[]; readonly fan_in: number; readonly fan_out: number }[];
  readonly cases: readonly {
    readonly initializer: string;
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly shape: readonly number[];
    readonly drawn?: Drawn;
    readonly value?: { readonly data: readonly number[] };
  }[];
  readonly orthogonal: readonly {
    readonly shape: readonly number[];
    readonly arguments: { readonly gain?: number };
    readonly orthonormal: "rows" | "columns";
    readonly product: readonly (readonly number[])[];
  }[];
  readonly defaults: readonly {
    readonly layer: string;
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly initializers: Readonly<Record<string, string>>;
  }[];
}
const oracle: Oracle = JSON.parse(readFileSync(new URL("../oracles/keras/initializers.json", import.meta.url), "utf8"));

const draw = (initializer: Initializer, shape: readonly number[], seed = 3): EagerTensor =>
  initializer({ graph: eager, shape, dtype: "float32", seed }) as EagerTensor;
const numbers = (value: Tensor): number[] => [...(value as EagerTensor).data];

/** Arguments and their values in the spelling of this library. */
const translated = (args: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const renamed = { minval: "minimum", maxval: "maximum", stddev: "deviation" }[name] ?? camelCase(name);
      return [renamed, typeof value === "string" ? camelCase(value) : value];
    }),
  );

const drawnBy = ({ distribution, minval = 0, maxval = 1, mean = 0, stddev = 1 }: Drawn): Initializer => {
  if (distribution === "uniform") return randomUniform({ minimum: minval, maximum: maxval });
  return (distribution === "normal" ? randomNormal : truncatedNormal)({ mean, deviation: stddev });
};

test("fans as Keras counts them", () => {
  for (const { shape, fan_in, fan_out } of oracle.fans)
    expect(fansOf(shape)).toEqual({ fanIn: fan_in, fanOut: fan_out });
});

describe("as Keras draws them: the same distribution, with numbers of our own", () => {
  test.each(
    oracle.cases.map((one) => [`${one.initializer} ${JSON.stringify(one.arguments)} [${one.shape}]`, one] as const),
  )("%s", (_name, { initializer, arguments: args, shape, drawn, value }) => {
    const choice = { name: initializer, ...translated(args) } as object as InitializerChoice;
    const got = numbers(draw(initializerFrom(choice), shape));
    const wanted = value ? value.data : numbers(draw(drawnBy(drawn!), shape));
    wanted.forEach((one, i) => void expect(got[i]).toBeCloseTo(one, 6));
  });
});

describe("orthogonal", () => {
  test.each(oracle.orthogonal.map((one) => [String(one.shape), one] as const))(
    "[%s]: the product with itself is the identity",
    (_name, { shape, arguments: args, orthonormal, product }) => {
      const made = draw(orthogonal(args), shape);
      expect(made.shape).toEqual(shape);
      const matrix = reshape(made, [-1, shape.at(-1)!]);
      const own = orthonormal === "columns" ? { transposeA: true } : { transposeB: true };
      const got = numbers(matmul(matrix, matrix, own));
      product.flat().forEach((value, i) => void expect(got[i]).toBeCloseTo(value, 5));
    },
  );
  test("large matrices are as exact, and every seed gives another one", () => {
    const made = draw(orthogonal(), [128, 128]);
    const product = numbers(matmul(made, made, { transposeA: true }));
    product.forEach((value, i) => void expect(Math.abs(value - (i % 129 === 0 ? 1 : 0))).toBeLessThan(2e-6));
    expect(numbers(draw(orthogonal(), [4, 4], 1))).not.toEqual(numbers(draw(orthogonal(), [4, 4], 2)));
    expect(numbers(draw(orthogonal(), [4, 4], 1))).toEqual(numbers(draw(orthogonal(), [4, 4], 1)));
  });
  test("vectors have no columns", () => {
    expect(messageOf(() => draw(orthogonal(), [4]))).toBe(
      "initializer orthogonal: takes a variable of rank 2 or more, got [4]\n" +
        "at test/layers/initializers.test.ts:L:C\nfix: use another one for this variable: glorotUniform, zeros",
    );
  });
});

describe("defaults of layers are those of Keras", () => {
  const mine = oracle.defaults.filter(({ layer }) => layer in layerKinds());
  test.each(mine.map((one) => [one.layer, one] as const))("%s", (_name, { layer, arguments: args, initializers }) => {
    const made = layerKinds()[layer]!.fromConfig(translated(args)) as { getConfig(): Record<string, unknown> };
    const config = made.getConfig();
    for (const [option, keras] of Object.entries(initializers)) {
      const own = config[camelCase(option)];
      const described = (choice: unknown) => recipeOf(initializerFrom(choice as InitializerChoice));
      if (own !== undefined) expect([option, described(own)]).toEqual([option, described(keras)]);
    }
  });
});

describe("by name", () => {
  test("in Keras' spellings too, with options and a seed", () => {
    expect(initializerFrom("glorot_uniform")).toBe(initializerFrom("glorotUniform"));
    expect(numbers(draw(initializerFrom({ name: "constant", value: 2 }), [2]))).toEqual([2, 2]);
    const seeded = initializerFrom({ name: "heNormal", seed: 9 });
    expect(numbers(draw(seeded, [3, 2], 1))).toEqual(numbers(draw(seeded, [3, 2], 2)));
    expect(recipeOf(seeded)).toEqual({ name: "heNormal", seed: 9 });
  });
  test("what was made is made again from its recipe", () => {
    const all = [constant(3), randomUniform({ maximum: 2 }), randomNormal({ mean: 1 }), withSeed(truncatedNormal(), 4)];
    for (const made of [...all, orthogonal({ gain: 2 }), initializerFrom("lecunNormal"), initializerFrom("identity")]) {
      const again = initializerFrom(JSON.parse(JSON.stringify(recipeOf(made))) as InitializerChoice);
      expect(numbers(draw(again, [3, 3]))).toEqual(numbers(draw(made, [3, 3])));
    }
  });
  test("names that are none", () => {
    // @ts-expect-error: no such name
    expect(messageOf(() => initializerFrom("glorot"))).toBe(
      'initializer: there is none called "glorot"\n' +
        "at test/layers/initializers.test.ts:L:C\n" +
        "fix: names: zeros, ones, constant, uniform, randomUniform, normal, randomNormal, truncatedNormal, glorotUniform, " +
        "glorotNormal, heUniform, heNormal, lecunUniform, lecunNormal, varianceScaling, orthogonal, identity",
    );
    // @ts-expect-error: no such name
    expect(messageOf(() => initializerFrom("he_norml"))).toContain("fix: near names: heNormal");
  });
});

test("random initial values are floating point", () => {
  const { graph, seed } = { graph: eager, seed: 1 };
  expect(messageOf(() => initializerFrom("lecunUniform")({ graph, shape: [2], dtype: "int32", seed }))).toContain(
    "random initial values are floating point, the variable is int32",
  );
});
