/**
 * One hundred Adam steps of a 784-64-64-10 digit classifier, computed by PyTorch in float64
 * (`training/mnist-mlp.py`), and the initial weights from which it started.
 */
import { readFileSync } from "node:fs";

export interface Parameter<Values> {
  readonly name: "w1" | "b1" | "w2" | "b2" | "w3" | "b3";
  readonly shape: readonly number[];
  /** Row by row. */
  readonly values: Values;
}

export interface MnistMlpOracle {
  readonly layers: readonly number[];
  readonly steps: number;
  /** Batch i holds the training images from `i * batchSize` on, in the order of the file. */
  readonly batchSize: number;
  readonly adam: {
    readonly learningRate: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
  };
  /** `losses[i]`: mean softmax cross entropy of batch i before the update that uses it. */
  readonly losses: readonly number[];
  readonly finalWeights: readonly Parameter<Float64Array>[];
  /** The largest distance between this run and the same run in float32. */
  readonly float32RunDeviation: { readonly losses: number; readonly weights: number };
}

interface Description extends Omit<MnistMlpOracle, "finalWeights"> {
  readonly finalWeights: {
    readonly file: string;
    readonly count: number;
    readonly tensors: readonly {
      readonly name: Parameter<never>["name"];
      readonly shape: number[];
      readonly offset: number;
    }[];
  };
}

const folder = new URL("training/", import.meta.url);

export function loadMnistMlp(): MnistMlpOracle {
  const description = JSON.parse(readFileSync(new URL("mnist-mlp.json", folder), "utf8")) as Description;
  const { file, count, tensors } = description.finalWeights;
  const bytes = readFileSync(new URL(file, folder));
  if (bytes.length !== 8 * count) throw new Error(`${file} has ${bytes.length} bytes, expected ${8 * count}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const finalWeights = tensors.map(({ name, shape, offset }) => {
    const values = new Float64Array(elementCount(shape));
    for (let i = 0; i < values.length; i++) values[i] = view.getFloat64(8 * (offset + i), true);
    return { name, shape, values };
  });
  return { ...description, finalWeights };
}

/**
 * w1, b1, w2, b2, w3, b3 before the first step. `mnist-mlp.py` has the same formula, and both give the same bits:
 * the products stay below 2⁵³, so `unit` is exact, and the multiplication by `scale` is one float64 rounding.
 */
export function initialMnistMlpWeights(): Parameter<Float32Array>[] {
  const shapes: [weights: Parameter<never>["name"], biases: Parameter<never>["name"], fanIn: number, fanOut: number][] =
    [
      ["w1", "b1", 784, 64],
      ["w2", "b2", 64, 64],
      ["w3", "b3", 64, 10],
    ];
  return shapes.flatMap(([weightsName, biasesName, fanIn, fanOut], layer) => {
    const k = 2 * layer;
    const scale = Math.fround(Math.sqrt(6 / (fanIn + fanOut)));
    const weights = Float32Array.from({ length: fanIn * fanOut }, (_, i) => {
      const unit = ((((i + 1) * 2654435761 + k * 40503) % 2 ** 32) / 2 ** 32 - 0.5) * 2;
      return unit * scale;
    });
    return [
      { name: weightsName, shape: [fanIn, fanOut], values: weights },
      { name: biasesName, shape: [fanOut], values: new Float32Array(fanOut) },
    ];
  });
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
