import type { TypedArray } from "../../core/dtype.ts";
import { GraphError } from "../../core/errors.ts";
import { elementCount } from "../../core/shape.ts";
import { RandomIndices } from "../../data/transforms.ts";
import { type NDArray, viewArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import type { ArrayNest } from "./structure.ts";
import type { BatchArrays } from "./trainer.ts";

/** The arrays of all samples, cut into batches. Rows are copied to where they are needed, and nowhere else. */
export class SampleSource {
  readonly samples: BatchArrays;
  readonly count: number;

  /** @throws GraphError for no samples, or arrays of different lengths */
  constructor(what: string, samples: BatchArrays) {
    this.samples = samples;
    this.count = countOf(what, samples);
  }

  /**
   * The first and the last samples.
   * @param share of the last ones
   * @throws GraphError unless both have some
   */
  split(share: number): readonly [SampleSource, SampleSource] {
    const at = Math.floor(this.count * (1 - share));
    if (!(share > 0 && share < 1) || at === 0 || at === this.count) {
      throw new GraphError({
        what: `fit: validationSplit is ${share}, of ${this.count} samples`,
        at: here(),
        fix: "give a share between 0 and 1 that leaves samples on both sides; or validationData",
      });
    }
    return [new SampleSource("fit", this.batch(0, at)), new SampleSource("fit", this.batch(at, this.count))];
  }

  /** Samples `from … to - 1`, in the order they stand in: views. */
  batch(from: number, to: number): BatchArrays {
    return mapArrays(this.samples, ({ data, shape, dtype }) => {
      const row = elementCount(shape.slice(1));
      return viewArray(data.subarray(from * row, to * row) as TypedArray, [to - from, ...shape.slice(1)], dtype);
    });
  }

  /** Writes samples `from … to - 1` of an order to arrays, in the order of a step's arguments. */
  write(order: Int32Array | null, from: number, to: number, into: readonly TypedArray[]): void {
    leavesOf(this.samples).forEach((array, i) => void gatherRows(array, order, from, to, into[i]!));
  }
}

const leavesOf = ({ x, y, weight }: BatchArrays): readonly NDArray[] => [
  ...x.leaves,
  ...(y?.leaves ?? []),
  ...(weight?.leaves ?? []),
];

/** The order of samples in an epoch: a permutation that seed and epoch decide, so training may go on at any epoch. */
export function shuffledOrder(count: number, seed: number, epoch: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const random = new RandomIndices(seed, epoch);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

function gatherRows(
  { data, shape }: NDArray,
  order: Int32Array | null,
  from: number,
  to: number,
  into: TypedArray,
): void {
  const row = elementCount(shape.slice(1));
  if (!order) {
    into.set(data.subarray(from * row, to * row));
    return;
  }
  if (row === 1) {
    for (let i = from; i < to; i++) into[i - from] = data[order[i]!]!;
    return;
  }
  for (let i = from; i < to; i++) {
    const sample = order[i]! * row;
    into.set(data.subarray(sample, sample + row), (i - from) * row);
  }
}

function mapArrays({ x, y, weight }: BatchArrays, replace: (array: NDArray) => NDArray): BatchArrays {
  const map = (nest: ArrayNest): ArrayNest => ({ ...nest, leaves: nest.leaves.map(replace) });
  return { x: map(x), y: y && map(y), weight: weight && map(weight) };
}

function countOf(what: string, { x, y, weight }: BatchArrays): number {
  const named = [
    ...x.leaves.map((array, i) => [`x${x.places[i]}`, array] as const),
    ...(y?.leaves ?? []).map((array, i) => [`y${y!.places[i]}`, array] as const),
    ...(weight?.leaves ?? []).map((array, i) => [`sampleWeight${weight!.places[i]}`, array] as const),
  ];
  for (const [name, { shape }] of named) {
    if (shape.length > 0) continue;
    throw new GraphError({
      what: `${what}: ${name} is one number, not a list of samples`,
      at: here(),
      fix: "the first axis counts samples: [[1, 2], [3, 4]] are two",
    });
  }
  const [, first] = named[0]!;
  const count = first.shape[0]!;
  if (count === 0) {
    throw new GraphError({ what: `${what}: there are no samples`, at: here(), fix: "give at least one" });
  }
  const other = named.find(([, { shape }]) => shape[0] !== count);
  if (!other) return count;
  throw new GraphError({
    what: `${what}: ${named[0]![0]} has ${count} samples, ${other[0]} has ${other[1].shape[0]}`,
    details: named.map(([name, { dtype, shape }]) => `${name}: ${dtype}[${shape.join(", ")}]`),
    at: here(),
    fix: "the first axis counts samples, and is as long in all arrays",
  });
}
