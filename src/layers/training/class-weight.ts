import { GraphError } from "../../core/errors.ts";
import { elementCount } from "../../core/shape.ts";
import { type NDArray, viewArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import type { BatchArrays } from "./trainer.ts";

/**
 * Weights of classes as weights of samples: y holds class numbers, or one-hot rows.
 * @throws GraphError for several outputs, or a class without a weight
 */
export function withClassWeight(
  batch: BatchArrays,
  classWeight: Readonly<Record<number, number>> | undefined,
): BatchArrays {
  if (!classWeight) return batch;
  const [labels, second] = batch.y?.leaves ?? [];
  if (!labels || second) {
    throw new GraphError({
      what: `fit: classWeight goes with one y, here are ${batch.y?.leaves.length ?? 0}`,
      at: here(),
      fix: "give sampleWeight, for each output",
    });
  }
  const count = labels.shape[0]!;
  const weights = new Float32Array(count);
  const given = batch.weight?.leaves[0]?.data;
  for (let i = 0; i < count; i++) weights[i] = weightOf(classOf(labels, i), classWeight) * (given?.[i] ?? 1);
  const leaves = [viewArray(weights, [count], "float32")];
  return { ...batch, weight: { leaves, places: [""], rebuild: (others) => others[0] } };
}

function classOf({ data, shape }: NDArray, sample: number): number {
  const width = elementCount(shape.slice(1));
  if (width === 1) return data[sample]!;
  const row = data.subarray(sample * width, (sample + 1) * width);
  return row.indexOf(Math.max(...row));
}

function weightOf(label: number, weights: Readonly<Record<number, number>>): number {
  const weight = weights[label];
  if (weight !== undefined) return weight;
  throw new GraphError({
    what: `fit: classWeight has none for class ${label}`,
    details: [`classes: ${Object.keys(weights).join(", ")}`],
    at: here(),
    fix: "give a weight for each class, 1 for those that count as they are",
  });
}
