/**
 * Random programs over named sizes. As in the other fuzz tests a program is a list of numbers, each of which chooses
 * from what there is, so that any list is a program and fast-check can shrink one.
 */
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { productOf } from "../../src/core/size.ts";
import type { NDArray, Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import { bitsOf, feedsFor, PLACES, reasons, sessionAt, type Values } from "./support.ts";

const [COUNT, SEED] = [Number(process.env.SIZES_COUNT ?? 120), Number(process.env.SIZES_SEED ?? 20261124)];
/** What the two sizes are, run by run; some need a larger capacity, some are below the smallest run-time size. */
const VALUES: readonly Values[] = [
  [
    ["n", 5],
    ["m", 9],
  ],
  [
    ["n", 7],
    ["m", 4],
  ],
  [
    ["n", 4],
    ["m", 16],
  ],
  [
    ["n", 13],
    ["m", 6],
  ],
  [
    ["n", 8],
    ["m", 2],
  ],
  [
    ["n", 6],
    ["m", 33],
  ],
  [
    ["n", 5],
    ["m", 5],
  ],
];

const t = (value: unknown): Tensor => value as Tensor; // shapes are checked as the program is built
const isFloat = ({ dtype }: Tensor): boolean => dtype === "float32";
const rank = (x: Tensor): number => x.shape!.length;

type Step = (choose: (from: number) => number, tensors: readonly Tensor[]) => Tensor | null;

const pick = (choose: (from: number) => number, tensors: readonly Tensor[], fits: (x: Tensor) => boolean) => {
  const some = tensors.filter((x) => isFloat(x) && fits(x));
  return some.length === 0 ? null : some[choose(some.length)]!;
};
/** A step on one tensor of at least so many axes, with one of them. */
const along =
  (least: number, build: (x: Tensor, axis: number) => unknown): Step =>
  (choose, tensors) => {
    const x = pick(choose, tensors, (one) => rank(one) >= least);
    return x && t(build(x, rank(x) === 0 ? 0 : choose(rank(x))));
  };
const onTwo =
  (fits: (a: Tensor, b: Tensor) => boolean, build: (a: Tensor, b: Tensor) => unknown): Step =>
  (choose, tensors) => {
    const a = pick(choose, tensors, () => true);
    const b = a && pick(choose, tensors, (one) => fits(a, one));
    return a && b && t(build(a, b));
  };
const sameShape = (a: Tensor, b: Tensor): boolean => String(a.shape) === String(b.shape);
const swapped = (x: Tensor, axis: number): number[] => {
  const order = x.shape!.map((_, i) => i);
  [order[0], order[axis]] = [order[axis]!, order[0]!];
  return order;
};

const STEPS: readonly Step[] = [
  along(0, (x) => fr.tanh(x)),
  along(0, (x) => fr.exp(fr.mul(x, 0.1))),
  onTwo(sameShape, (a, b) => fr.add(a, b)),
  onTwo(sameShape, (a, b) => fr.mul(a, fr.sigmoid(b))),
  onTwo(
    (a, b) => rank(a) > rank(b) && String(a.shape!.slice(rank(a) - rank(b))) === String(b.shape),
    (a, b) => fr.sub(a, b),
  ),
  onTwo(
    (a, b) => rank(a) === 2 && rank(b) === 2 && a.shape![1] === b.shape![0],
    (a, b) => fr.matmul(a as never, b as never),
  ),
  onTwo(
    (a, b) => rank(a) === 2 && rank(b) === 2 && a.shape![0] === b.shape![0],
    (a, b) => fr.matmul(a as never, b as never, { transposeA: true }),
  ),
  along(1, (x, axis) => fr.sum(x, { axis })),
  along(1, (x, axis) => fr.mean(x, { axis, keepDims: true })),
  along(1, (x, axis) => fr.max(x, { axis })),
  along(2, (x) => fr.sum(x)),
  along(2, (x, axis) => fr.transpose(x, swapped(x, axis))),
  along(2, (x) => fr.reshape(x, [-1])),
  along(3, (x) => fr.reshape(x, [productOf(x.shape!.slice(0, -1)), x.shape!.at(-1)!])),
  along(1, (x, axis) => fr.expandDims(x, axis)),
  along(1, (x, axis) => fr.softmax(x, { axis } as never)),
  along(1, (x, axis) => fr.concat([x, x], axis)),
  along(1, (x, axis) => fr.stack([x, fr.neg(x)], axis)),
  along(1, (x, axis) => fr.reverse(x, [axis])),
  along(1, (x, axis) => fr.cumsum(x, axis)),
  along(2, (x, axis) =>
    fr.slice(
      x,
      x.shape!.map((_, i) => (i === axis ? 1 : 0)),
      x.shape!.map(() => -1),
    ),
  ),
  along(1, (x, axis) =>
    fr.pad(
      x,
      x.shape!.map((_, i) => (i === axis ? [2, 1] : [0, 0]) as never),
    ),
  ),
  along(1, (x, axis) => fr.cast(fr.argmax(x, axis) as never, "float32")),
  along(1, (x) => fr.where(fr.greater(x, 0) as never, x as never, 0.5)),
  along(1, (x) => fr.map((row: Tensor) => fr.square(row) as never, x as never)),
  along(1, (x) => {
    const start = fr.sum(fr.mul(x, 0), { axis: 0 });
    return fr.scan((h: Tensor, row: Tensor) => [fr.add(fr.mul(h, 0.5), row), h], start, x as never, {
      reverse: rank(x) > 1,
    }) as never;
  }),
].map(
  (step): Step =>
    (choose, tensors) => {
      const made = step(choose, tensors) as Tensor | readonly Tensor[] | null;
      return Array.isArray(made) ? (made[choose(2)] as Tensor) : (made as Tensor | null);
    },
);

function build(steps: readonly (readonly number[])[], differentiate: boolean) {
  const graph = new fr.Graph();
  const feeds = [
    t(graph.placeholder("x", ["n", "m"])),
    t(graph.placeholder("y", ["m", 3])),
    t(graph.placeholder("z", ["n", 3, "m"])),
  ];
  const tensors = [...feeds];
  for (const numbers of steps) {
    let next = 1;
    const choose = (from: number): number => (numbers[next++ % numbers.length] ?? 0) % from;
    const made = STEPS[numbers[0]! % STEPS.length]!(choose, tensors);
    // Arrays of a few thousand elements, so that many programs can be tried.
    if (made && rank(made) < 4 && !/\*.*\*.*\*/.test(String(made.shape))) tensors.push(made);
  }
  const leaves = tensors.filter((tensor) => !tensors.some(({ op }) => op.inputs.includes(tensor))).slice(-3);
  const fetches = leaves.length > 0 ? leaves : tensors.slice(-1);
  if (differentiate) {
    const total = fetches
      .filter(isFloat)
      .reduce((sum, leaf) => fr.add(sum, fr.sum(fr.square(leaf))) as Tensor, t(fr.sum(feeds[0]!)));
    fetches.push(...(fr.gradients(total, [feeds[0]!]) as Tensor[]));
  }
  return { graph, feeds, fetches };
}

const restore = fr.setWarningHandler(() => {});
afterAll(() => void fr.setWarningHandler(restore));

test(`${COUNT} random graphs give the bits of exact plans at every size`, () => {
  const number = fc.nat(0xffff);
  const steps = fc.array(fc.array(number, { minLength: 2, maxLength: 5, size: "max" }), {
    minLength: 1,
    maxLength: 9,
    size: "max",
  });
  let plans = 0;
  let exactSizes = 0;
  fc.assert(
    fc.property(steps, fc.boolean(), fc.nat(PLACES.length - 3), (program, differentiate, place) => {
      const { graph, feeds, fetches } = build(program, differentiate);
      const exact = sessionAt(graph, "wasm", { sizes: "exact" });
      const many = sessionAt(graph, PLACES[place]!, { sizes: "run-time" });
      try {
        VALUES.forEach((values, seed) => {
          const fed = feedsFor(feeds, values, seed);
          const [wanted, found] = [exact, many].map((session) =>
            bitsOf(session.run(fetches, fed) as unknown as NDArray[]),
          );
          expect(found, `${values.map(([name, value]) => `${name} = ${value}`)}`).toEqual(wanted);
        });
        plans += many.plansCompiled;
        exactSizes += reasons(many, fetches, feedsFor(feeds, VALUES[0]!)).length;
      } finally {
        exact.close();
        many.close();
      }
    }),
    { numRuns: COUNT, seed: SEED },
  );
  // The property would hold if all plans were exact.
  expect(plans).toBeLessThan(COUNT * 6);
  expect(exactSizes).toBeLessThan(COUNT / 10);
}, 300_000);
