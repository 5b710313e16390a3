/**
 * What every side computes: the shapes and the numbers of the workloads. `peers/torch.py` repeats the formulas, so no
 * data passes between the processes.
 */

/** Numbers in [low, high), the same bits in JavaScript and Python: 24 bits of an integer hash of (seed, position). */
export function uniform(seed: number, count: number, low = 0, high = 1): Float32Array {
  const values = new Float32Array(count);
  const start = Math.imul(seed, 0x85ebca6b);
  for (let i = 0; i < count; i++)
    values[i] = low + (hash(start + Math.imul(i + 1, 0x9e3779b1)) >>> 8) * 2 ** -24 * (high - low);
  return values;
}

/** The finaliser of MurmurHash3 (Appleby). */
function hash(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

export const PIXELS = 784;
export const CLASSES = 10;
/** Distinct batches of a training run or a row of inferences; step i takes batch i mod 16. */
export const BATCHES = 16;

export interface Batch {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

export function batches(size: number, count = BATCHES): readonly Batch[] {
  return Array.from({ length: count }, (_, k) => ({
    images: uniform(100 + k, size * PIXELS),
    labels: Int32Array.from(uniform(200 + k, size, 0, CLASSES), Math.floor),
  }));
}

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function parameters(shapes: readonly (readonly [name: string, shape: readonly number[]])[]): readonly Parameter[] {
  return shapes.map(([name, shape], position) => {
    const count = countOf(shape);
    if (shape.length === 1) return { name, shape, values: uniform(10 + position, count, -0.05, 0.05) };
    const outputs = shape.at(-1)!;
    // Glorot's bound for the last two axes; the window of a convolution multiplies the inputs.
    const bound = Math.sqrt(6 / (count / outputs + outputs));
    return { name, shape, values: uniform(10 + position, count, -bound, bound) };
  });
}

/** 784-128-64-10 with relu between. */
export const mlpParameters = (): readonly Parameter[] =>
  parameters([
    ["w1", [784, 128]],
    ["b1", [128]],
    ["w2", [128, 64]],
    ["b2", [64]],
    ["w3", [64, 10]],
    ["b3", [10]],
  ]);

/** Two convolutions of 5x5, "same", each with relu and a 2x2 maximum, then a dense layer. Filters are HWIO. */
export const cnnParameters = (): readonly Parameter[] =>
  parameters([
    ["f1", [5, 5, 1, 8]],
    ["b1", [8]],
    ["f2", [5, 5, 8, 16]],
    ["b2", [16]],
    ["w3", [784, 10]],
    ["b3", [10]],
  ]);

/** The same network for peers that want channels before pixels: filters OIHW, rows of the dense layer in CHW order. */
export function cnnParametersChannelsFirst(): readonly Parameter[] {
  const [f1, b1, f2, b2, w3, b3] = cnnParameters() as [
    Parameter,
    Parameter,
    Parameter,
    Parameter,
    Parameter,
    Parameter,
  ];
  return [
    filtersFirst(f1),
    b1,
    filtersFirst(f2),
    b2,
    { ...w3, values: permute(w3.values, [7, 7, 16, 10], [2, 0, 1, 3]) },
    b3,
  ];
}

function filtersFirst({ name, shape, values }: Parameter): Parameter {
  const order = [3, 2, 0, 1];
  return { name, shape: order.map((axis) => shape[axis]!), values: permute(values, shape, order) };
}

/** Values with their axes in another order, as `numpy.transpose` copies them. */
export function permute(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  const strides = shape.map((_, axis) => countOf(shape.slice(axis + 1)));
  const index = order.map(() => 0);
  for (let i = 0; i < result.length; i++) {
    result[i] = values[order.reduce((at, axis, k) => at + index[k]! * strides[axis]!, 0)]!;
    for (let k = order.length - 1; k >= 0 && ++index[k]! === shape[order[k]!]!; k--) index[k] = 0;
  }
  return result;
}

/**
 * Sides add epsilon before or after the bias is taken out of the second moment. With the usual 1e-8 the losses of 20
 * steps would differ by 0.6 % for that alone; with one this small ten steps agree to 2e-6, and the work is the same.
 */
export const ADAM = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-12 } as const;

/** Arrays of the workloads on plain arrays, in the order in which the formula names them. */
export function arrays(workload: string, variant: string): readonly Parameter[] {
  const array = (name: string, seed: number, shape: readonly number[], low: number, high: number): Parameter => ({
    name,
    shape,
    values: uniform(seed, countOf(shape), low, high),
  });
  const million = 2 ** 20;
  switch (workload) {
    case "matmul": {
      const n = Number(variant);
      return [array("a", 1, [n, n], -0.5, 0.5), array("b", 2, [n, n], -0.5, 0.5)];
    }
    case "chain-1m":
    case "chain-1k":
    case "chain-4": {
      const length = { "chain-1m": million, "chain-1k": 1024, "chain-4": 4 }[workload];
      return ["a", "b", "c", "d"].map((name, i) => array(name, 1 + i, [length], -1, 1));
    }
    case "exp-1m":
      return [array("x", 1, [million], -3, 3)];
    case "softmax-1024":
      return [array("x", 1, [1024, 1024], -3, 3)];
    case "sum-axis0":
    case "sum-axis1":
      return [array("x", 1, [4096, 1024], 0, 1)];
    default:
      throw new Error(`no arrays are known for the workload ${workload}`);
  }
}

export interface NetworkCase {
  readonly network: "mlp" | "cnn";
  readonly task: "train" | "infer";
  readonly batch: number;
}

/** Reads `mlp-train-b32` and the like; null if the workload is not a network's. */
export function networkCase(workload: string): NetworkCase | null {
  const match = /^(mlp|cnn)-(train|infer)-b(\d+)$/.exec(workload);
  if (!match) return null;
  return { network: match[1] as "mlp" | "cnn", task: match[2] as "train" | "infer", batch: Number(match[3]) };
}

/**
 * Steps whose losses are compared before anything is timed. Later ones drift: where a gradient is nearly 0, Adam makes
 * a full step of what rounding left of it. jax-js takes a second for one step of the CNN.
 */
export const checkedSteps = ({ network }: NetworkCase): number => (network === "mlp" ? 10 : 3);

/** About 500 numbers of a large result, for comparing. */
export function sample(values: ArrayLike<number>): number[] {
  const step = Math.max(1, Math.floor(values.length / 499));
  const picked: number[] = [];
  for (let i = 0; i < values.length; i += step) picked.push(values[i]!);
  return picked;
}
