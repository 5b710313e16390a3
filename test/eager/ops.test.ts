/** Every op of the registry, run at once: the bits are those of a session, and so are those of its derivatives. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isFloat } from "../../src/core/dtype.ts";
import { configureEager, GradientTape, tensor } from "../../src/eager/index.ts";
import { gradients, NDArray, setWarningHandler, type Tensor } from "../../src/index.ts";
import { OPS } from "../../src/ops/registry.ts";
import { RandomStream } from "../support/random.ts";
import { buildOp, EXAMPLE_CASES, type ExampleCase, exampleValues, expectSameBits, runOnce } from "../support/run-op.ts";
import { valuesOf } from "./support.ts";

/** What a session gives for an example: outputs, and gradients of the inputs for random gradients of the outputs. */
interface Wanted {
  readonly values: readonly NDArray[];
  readonly outputs: readonly NDArray[];
  /** By output: what flows in; null for outputs that are no floating point. */
  readonly seeds: readonly (NDArray | null)[];
  /** Of inputs that are floating point; null where nothing flows. Null as a whole if there is nothing to derive. */
  readonly gradients: readonly (NDArray | null)[] | null;
}

const floating = (tensors: readonly Tensor[]): readonly Tensor[] => tensors.filter(({ dtype }) => isFloat(dtype));

function seedFor({ shape, dtype }: Tensor, number: number): NDArray | null {
  if (!isFloat(dtype)) return null;
  const random = new RandomStream(number + 1);
  const sizes = shape as readonly number[];
  const data = new (dtype === "float64" ? Float64Array : Float32Array)(sizes.reduce((a, b) => a * b, 1));
  return new NDArray(
    data.map(() => random.between(-2, 2)),
    sizes,
    dtype,
  );
}

function bySession(example: ExampleCase): Wanted {
  const built = buildOp(example.def, example.example);
  const values = exampleValues(example);
  const { outputs } = built.op;
  const seeds = outputs.map(seedFor);
  const [ys, xs] = [floating(outputs), floating(built.inputs)];
  const gradYs = seeds.flatMap((seed) => (seed ? [built.graph.constant(seed)] : []));
  const found = ys.length * xs.length === 0 ? null : gradients(ys, xs, { gradYs, unconnected: "none" });
  const fetched = runOnce(built, [...outputs, ...(found ?? []).flatMap((x) => x ?? [])], values);
  let next = outputs.length;
  return {
    values,
    outputs: fetched.slice(0, next),
    seeds,
    gradients: found?.map((gradient) => (gradient ? fetched[next++]! : null)) ?? null,
  };
}

/** The same at once, compared. @returns how many gradients there were */
function checkAtOnce({ def, example, name }: ExampleCase, wanted: Wanted): number {
  const inputs = wanted.values.map((value) => tensor(value));
  using tape = new GradientTape();
  tape.watch(inputs);
  const { outputs } = inputs.length === 0 ? applied(def, example) : inputs[0]!.graph.apply(def, inputs, example.attrs);
  expectSameBits(valuesOf(outputs), wanted.outputs, name);
  if (!wanted.gradients) return 0;
  const gradYs = wanted.seeds.flatMap((seed) => (seed ? [tensor(seed)] : []));
  const found = tape.gradient(floating(outputs), floating(inputs), { gradYs, unconnected: "none" });
  const [given, expected] = [found, wanted.gradients].map((list) => list.map((gradient) => gradient !== null));
  expect(given, `${name}: where gradients flow`).toEqual(expected);
  const flowing = (found as readonly (Tensor | null)[]).flatMap((gradient) => gradient ?? []);
  expectSameBits(
    valuesOf(flowing),
    wanted.gradients.flatMap((gradient) => gradient ?? []),
    `gradient of ${name}`,
  );
  return flowing.length;
}
const applied = (def: ExampleCase["def"], { attrs }: ExampleCase["example"]) => tensor(0).graph.apply(def, [], attrs);

const restore = setWarningHandler(() => {});
afterAll(() => {
  setWarningHandler(restore);
  configureEager({});
});

const cases = EXAMPLE_CASES.filter(({ def }) => def.effect === undefined);
const known = new Map<string, Wanted>();
const wantedOf = (example: ExampleCase): Wanted => {
  const found = known.get(example.name) ?? bySession(example);
  known.set(example.name, found);
  return found;
};

describe.each(["wasm", "javascript", "interpreter"] as const)("on %s", (backend) => {
  let derivatives = 0;
  beforeAll(() => configureEager({ backend, compile: { verify: true } }));

  test.each(OPS.filter(({ effect }) => effect === undefined).map((def) => ({ name: def.name, def })))(
    "$name",
    ({ def }) => {
      for (const example of cases) {
        if (example.def === def) derivatives += checkAtOnce(example, wantedOf(example));
      }
    },
  );

  test("most have derivatives, which were compared", () => {
    expect(derivatives).toBeGreaterThan(cases.length / 2);
  });
});
