/** Data for the programs of the slides: digits with one-hot labels, and a plane with noise. */
import { NDArray } from "../../src/index.ts";
import { classCount, type LabelledImages, loadMnist, pixelsPerImage, seededRandom } from "../mnist/data.ts";

export interface Samples {
  readonly data: NDArray;
  readonly labels: NDArray;
}

/** The first digits of MNIST: data [count, 784] in [0, 1]; labels [count, 10], a row with a 1 for the class. */
export function loadDigits(trainCount = 1000, testCount = 500): { readonly train: Samples; readonly test: Samples } {
  const { train, test } = loadMnist();
  return { train: firstOf(train, trainCount), test: firstOf(test, testCount) };
}

function firstOf({ images, labels }: LabelledImages, count: number): Samples {
  const oneHot = new Float32Array(count * classCount);
  for (let i = 0; i < count; i++) oneHot[i * classCount + labels[i]!] = 1;
  return {
    data: new NDArray(images.slice(0, count * pixelsPerImage), [count, pixelsPerImage]),
    labels: new NDArray(oneHot, [count, classCount]),
  };
}

/** Points [count, 4] between -1 and 1, and what a plane through them gives, with noise: labels [count, 1]. */
export function makePlane(count = 200, seed = 1): Samples {
  const random = seededRandom(seed);
  const slopes = [1, -2, 0.5, 3];
  const data = Float32Array.from({ length: count * slopes.length }, () => 2 * random() - 1);
  const labels = Float32Array.from({ length: count }, (_, i) => {
    const height = slopes.reduce((sum, slope, j) => sum + slope * data[i * slopes.length + j]!, 0.5);
    return height + 0.1 * (random() - 0.5);
  });
  return { data: new NDArray(data, [count, slopes.length]), labels: new NDArray(labels, [count, 1]) };
}

/** `loss=0.2893, accuracy=0.9150` */
export const formatLogs = (logs: Readonly<Record<string, number>>): string =>
  Object.entries(logs)
    .map(([name, value]) => `${name}=${value.toFixed(4)}`)
    .join(", ");
