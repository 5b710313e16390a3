import type { DType } from "../core/dtype.ts";
import { isFloat, roundTo } from "../core/dtype.ts";
import type { ShapeContext, Sizes } from "../core/shape.ts";
import type { DimOf, ShapeFrom } from "../core/shape-rules.ts";
import type { Size } from "../core/size.ts";
import { PARITY, ROTATIONS, ROUNDS, ROUNDS_PER_KEY, type Words } from "../core/threefry.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { type ComputeContext, defineOp, type KernelBuilder, type OpDef } from "../graph/define.ts";
import type { Attrs } from "../graph/operation.ts";
import { Tensor } from "../graph/operation.ts";
import { type Expr, int } from "../kernel/expr.ts";
import { extentOf } from "../kernel/extent.ts";
import * as math from "../kernel/math/index.ts";
import { flatIndex } from "./movement.ts";
import { apply, callError, constantIn, type Dims, i32, type OpOptions, sizesFrom, u32 } from "./support.ts";

/*
 * Stateless random numbers. A key is a uint32 tensor of two words. Element e (row-major) of a random tensor is made
 * from one block of two words,
 *
 *     [first, second] = threefry(key, [0, e])        core/threefry.ts; bits are `first`
 *     new key        = threefry(key, [1, data])      foldIn: another first counter word, so no key equals drawn bits
 *     further tries  = threefry(key, [2 + t, e])     where drawing one element may take several blocks
 *
 * and depends on nothing else: not on the shape around it, the order of computing, the backend or the threads.
 *
 *     float32 in [0, 1)     first >> 8, times 2^-24                                   24 bits
 *     float64 in [0, 1)     ((first >> 5) · 2^26 + (second >> 6)) · 2^-53             53 bits
 *     float32 in (0, 1)     ((first >> 9) + 1/2) · 2^-23                              for normal numbers
 *     float64 in (0, 1)     ((first >> 6) · 2^26 + (second >> 6) + 1/2) · 2^-52
 *
 * One key gives one stream: drawing twice with the same key gives the same numbers. Take a new key for each draw,
 * with `foldIn` or `splitKey`; a `RandomState` of the runtime has new ones in each step.
 */

// ── formulas ─────────────────────────────────────────────────────────────────────────────────────────────────────

const word = (k: KernelBuilder, value: number): Expr => k.constant(value, "uint32");

/** `threefry(key, counter)` as expressions. Each round is named: written out as one formula it would grow as 2^20. */
export function threefryWords(
  k: KernelBuilder,
  key: readonly [Expr, Expr],
  counter: readonly [Expr, Expr],
): [Expr, Expr] {
  const add = (a: Expr, b: Expr): Expr => k.binary("add", a, b);
  const xor = (a: Expr, b: Expr): Expr => k.binary("xor", a, b);
  const rotate = (x: Expr, bits: number): Expr =>
    k.binary("or", k.binary("shl", x, word(k, bits)), k.binary("shr", x, word(k, 32 - bits)));
  const [first, second] = [k.let("key", key[0]), k.let("key", key[1])];
  const keys = [first, second, k.let("parity", xor(xor(first, second), word(k, PARITY)))];
  let x = k.let("x", add(counter[0], first));
  let y = k.let("y", add(counter[1], second));
  for (let round = 0; round < ROUNDS; round++) {
    x = k.let("x", add(x, y));
    y = k.let("y", xor(rotate(y, ROTATIONS[round % ROTATIONS.length]!), x));
    if ((round + 1) % ROUNDS_PER_KEY !== 0) continue;
    const injection = (round + 1) / ROUNDS_PER_KEY;
    x = k.let("x", add(x, keys[injection % 3]!));
    y = k.let("y", add(add(y, keys[(injection + 1) % 3]!), word(k, injection)));
  }
  return [x, y];
}

export const keyWords = ({ in: [key] }: Pick<ComputeContext, "in">): [Expr, Expr] => [key!(int(0)), key!(int(1))];

/** The two random words of one element. */
export const blockOf = (context: Pick<ComputeContext, "in" | "k">, element: Expr): [Expr, Expr] =>
  threefryWords(context.k, keyWords(context), [word(context.k, 0), context.k.cast(element, "uint32")]);

/** The upper bits of a word as a number of a floating-point type that holds them exactly. */
const upperBits = (k: KernelBuilder, bits: Expr, count: number, type: DType): Expr =>
  k.cast(k.binary("shr", bits, word(k, 32 - count)), type);

/** `high · 2^26 + low`: more bits than one word has. */
function joined(k: KernelBuilder, [first, second]: readonly [Expr, Expr], highBits: number): Expr {
  const high = k.binary("mul", upperBits(k, first, highBits, "float64"), k.constant(2 ** 26, "float64"));
  return k.binary("add", high, upperBits(k, second, 26, "float64"));
}

/** Evenly distributed in [0, 1), as many bits as the type has. */
export function unit(k: KernelBuilder, block: readonly [Expr, Expr], type: DType): Expr {
  return type === "float32"
    ? k.binary("mul", upperBits(k, block[0], 24, type), k.constant(2 ** -24, type))
    : k.binary("mul", joined(k, block, 27), k.constant(2 ** -53, type));
}

/** Evenly distributed in (0, 1), symmetric about 1/2: neither end, where the normal quantile is infinite. */
export function openUnit(k: KernelBuilder, block: readonly [Expr, Expr], type: DType): Expr {
  const half = (x: Expr): Expr => k.binary("add", x, k.constant(0.5, type));
  return type === "float32"
    ? k.binary("mul", half(upperBits(k, block[0], 23, type)), k.constant(2 ** -23, type))
    : k.binary("mul", half(joined(k, block, 26)), k.constant(2 ** -52, type));
}

/**
 * A whole number in [0, count), as float64. `u · count` never rounds up to `count`, since u ≤ 1 - 2^-53; the bias is
 * below count · 2^-53.
 */
const wholeBelow = (k: KernelBuilder, block: readonly [Expr, Expr], count: Expr): Expr =>
  k.unary("floor", k.binary("mul", unit(k, block, "float64"), count));

// ── rules shared by the records ──────────────────────────────────────────────────────────────────────────────────

export function checkKeyDType(inputs: readonly DType[], context: { fail(problem: string, fix?: string): never }): void {
  if (inputs[0] !== "uint32") {
    context.fail(`the key is ${inputs[0]}, not uint32`, "make keys with randomKey(graph, seed), foldIn or splitKey");
  }
}
export function checkKeyShape(key: Sizes, context: ShapeContext): void {
  const fix = "make keys with randomKey(graph, seed), foldIn or splitKey";
  if (key.length !== 1) context.fail(`a key has shape [2], not rank ${key.length}`, { fix });
  context.require(key[0]!, 2, `a key has two words, not ${key[0]}`, { marks: [[0]], fix });
}

/** Ops that draw a tensor of a given shape with a key. */
export const drawing = {
  category: "random" as const,
  inputs: ["key"],
  shapes: ([key]: readonly Sizes[], attrs: { readonly shape: Sizes }, context: ShapeContext): readonly Sizes[] => {
    checkKeyShape(key!, context);
    return [attrs.shape];
  },
  shapesOfUnknown: (_inputs: readonly (Sizes | null)[], attrs: { readonly shape: Sizes }) => [attrs.shape],
  gradient: "none" as const,
  cost: "expensive" as const,
};
export const drawn =
  (dtypeOf: (attrs: Attrs) => DType, floating = false): OpDef["dtypes"] =>
  (inputs, attrs, context) => {
    checkKeyDType(inputs, context);
    const dtype = dtypeOf(attrs);
    if (floating && !isFloat(dtype)) {
      context.fail(`draws floating point, not ${dtype}`, "for whole numbers use randomUniformInt");
    }
    return [dtype];
  };

export const KEY = u32([2], { values: [0, 42] });

// ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const randomBitsOp = defineOp<{ readonly shape: Sizes }>({
  ...drawing,
  name: "randomBits",
  doc: "Random words of 32 bits: element e is the first word of a threefry block.\n$y_e = \\mathrm{threefry}(key, [0, e])_0$",
  dtypes: drawn(() => "uint32"),
  compute: (context, index) => blockOf(context, flatIndex(context.output.extents, index))[0],
  examples: [
    { inputs: [KEY], attrs: { shape: [2, 3] } },
    { inputs: [u32([2], { values: [0x13198a2e, 0x03707344] })], attrs: { shape: [5] } },
  ],
});

type UniformAttrs = {
  readonly shape: Sizes;
  readonly minimum: number;
  readonly maximum: number;
  readonly dtype: DType;
};
export const randomUniformOp = defineOp<UniformAttrs>({
  ...drawing,
  name: "randomUniform",
  doc: [
    "Evenly distributed numbers in [a, b): 24 random bits for float32, 53 for float64.",
    "$y = a + u (b - a)$ with $u \\in [0, 1)$. Where that rounds up to b, the number below b is taken.",
  ].join("\n"),
  dtypes: drawn((attrs) => attrs.dtype as DType, true),
  compute: (context, index) => {
    const { attrs, output, k } = context;
    const type = output.dtype;
    const [low, high] = [roundTo(type, attrs.minimum), roundTo(type, attrs.maximum)];
    const u = unit(k, blockOf(context, flatIndex(output.extents, index)), type);
    const scaled = k.binary("mul", u, k.constant(high - low, type));
    const value = k.let("value", k.binary("add", k.constant(low, type), scaled));
    // IEEE minimum keeps the result below b, whatever the rounding did.
    return k.binary("min", value, k.constant(below(high, type), type));
  },
  examples: [
    { inputs: [KEY], attrs: { shape: [2, 3], minimum: 0, maximum: 1, dtype: "float32" } },
    { inputs: [KEY], attrs: { shape: [7], minimum: -2, maximum: 3, dtype: "float64" } },
    { inputs: [KEY], attrs: { shape: [3, 5], minimum: 1, maximum: 2, dtype: "float32" } },
  ],
});

/** The largest number of a floating-point type below a finite `x`. */
function below(x: number, type: DType): number {
  const view = new DataView(new ArrayBuffer(8));
  // Floats sort like the integers with their bits, mirrored for negative ones.
  if (type === "float32") {
    view.setFloat32(0, x);
    if (x === 0) view.setUint32(0, 0x80000001);
    else view.setUint32(0, view.getUint32(0) + (x > 0 ? -1 : 1));
    return view.getFloat32(0);
  }
  view.setFloat64(0, x);
  if (x === 0) view.setBigUint64(0, 0x8000000000000001n);
  else view.setBigUint64(0, view.getBigUint64(0) + (x > 0 ? -1n : 1n));
  return view.getFloat64(0);
}

type IntegerAttrs = { readonly shape: Sizes; readonly minimum: number; readonly maximum: number };
export const randomUniformIntOp = defineOp<IntegerAttrs>({
  ...drawing,
  name: "randomUniformInt",
  doc: "Evenly distributed whole numbers in [a, b).\n$y = a + \\lfloor u (b - a) \\rfloor$ with $u \\in [0, 1)$ of 53 bits",
  dtypes: drawn(() => "int32"),
  compute: (context, index) => {
    const { attrs, output, k } = context;
    const block = blockOf(context, flatIndex(output.extents, index));
    const offset = wholeBelow(k, block, k.constant(attrs.maximum - attrs.minimum, "float64"));
    return k.cast(k.binary("add", offset, k.constant(attrs.minimum, "float64")), "int32");
  },
  examples: [
    { inputs: [KEY], attrs: { shape: [2, 3], minimum: 0, maximum: 10 } },
    { inputs: [KEY], attrs: { shape: [6], minimum: -(2 ** 31), maximum: 2 ** 31 } },
  ],
});

type NormalAttrs = {
  readonly shape: Sizes;
  readonly mean: number;
  readonly deviation: number;
  readonly dtype: DType;
};
export const randomNormalOp = defineOp<NormalAttrs>({
  ...drawing,
  name: "randomNormal",
  doc: [
    "Normally distributed numbers.",
    "$y = \\mu + \\sigma \\Phi^{-1}(u)$ with $u \\in (0, 1)$",
    "The float32 form reaches 5.4 standard deviations, the float64 form 8.2.",
  ].join("\n"),
  dtypes: drawn((attrs) => attrs.dtype as DType, true),
  compute: (context, index) => {
    const { attrs, output, k } = context;
    const type = output.dtype;
    const u = openUnit(k, blockOf(context, flatIndex(output.extents, index)), type);
    const scaled = k.binary("mul", k.constant(attrs.deviation, type), k.call(math.normalQuantile, u));
    return k.binary("add", k.constant(attrs.mean, type), scaled);
  },
  examples: [
    { inputs: [KEY], attrs: { shape: [2, 3], mean: 0, deviation: 1, dtype: "float32" } },
    { inputs: [KEY], attrs: { shape: [7], mean: 3, deviation: 0.5, dtype: "float64" } },
  ],
});

/** Φ(-2) and Φ(2) - Φ(-2): the part of the normal distribution within two standard deviations. */
const BELOW_TWO = 0.02275013194817921;
const WITHIN_TWO = 0.9544997361036416;

export const truncatedNormalOp = defineOp<NormalAttrs>({
  ...drawing,
  name: "truncatedNormal",
  doc: [
    "Normally distributed numbers, none further than two standard deviations from the mean.",
    "$y = \\mu + \\sigma \\Phi^{-1}(\\Phi(-2) + u (\\Phi(2) - \\Phi(-2)))$ with $u \\in (0, 1)$",
    "What is left has 0.8796 times the standard deviation σ.",
  ].join("\n"),
  dtypes: drawn((attrs) => attrs.dtype as DType, true),
  compute: (context, index) => {
    const { attrs, output, k } = context;
    const type = output.dtype;
    const u = openUnit(k, blockOf(context, flatIndex(output.extents, index)), type);
    const part = k.binary("mul", k.constant(WITHIN_TWO, type), u);
    const z = k.call(math.normalQuantile, k.binary("add", k.constant(BELOW_TWO, type), part));
    return k.binary("add", k.constant(attrs.mean, type), k.binary("mul", k.constant(attrs.deviation, type), z));
  },
  examples: [
    { inputs: [KEY], attrs: { shape: [2, 3], mean: 0, deviation: 1, dtype: "float32" } },
    { inputs: [KEY], attrs: { shape: [7], mean: 3, deviation: 0.5, dtype: "float64" } },
  ],
});

export const randomPermutationOp = defineOp<{ readonly length: Size }>({
  name: "randomPermutation",
  category: "random",
  doc: [
    "The numbers 0 … n-1 in random order (Fisher and Yates, inside out).",
    "For i = 0 … n-1: i is put at a random place j ≤ i, and what stood there moves to place i.",
  ].join("\n"),
  inputs: ["key"],
  dtypes: drawn(() => "int32"),
  shapes: ([key], { length }, context) => {
    checkKeyShape(key!, context);
    return [[length]];
  },
  gradient: "none",
  kernel: (context) => {
    const { attrs, k, loops } = context;
    loops.loop(extentOf(attrs.length), (i) => {
      const count = k.cast(k.binary("add", i, int(1)), "float64");
      const drawnPlace = k.cast(wholeBelow(k, blockOf(context, i), count), "int32");
      // Already true; said once more so that the bounds of every access can be proved.
      const j = k.let("j", k.binary("min", k.binary("max", drawnPlace, int(0)), i));
      loops.store(i, i);
      loops.store(i, loops.load(j));
      loops.store(j, i);
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [KEY], attrs: { length: 7 } },
    { inputs: [KEY], attrs: { length: 1 } },
  ],
});

export const foldInOp = defineOp<Record<never, never>>({
  name: "foldIn",
  category: "random",
  doc: "A new key from a key and a number, such as the index of a layer or step.\n$y = \\mathrm{threefry}(key, [1, data])$",
  inputs: ["key", "data"],
  dtypes: (inputs, _attrs, context) => {
    checkKeyDType(inputs, context);
    const data = inputs[1]!;
    if (data !== "int32" && data !== "uint32") context.fail(`folds in whole numbers, not ${data}`, "give a number");
    return ["uint32"];
  },
  shapes: ([key, data], _attrs, context) => {
    checkKeyShape(key!, context);
    if (data!.length !== 0) context.fail(`folds in one number, not rank ${data!.length}`, { fix: "give a scalar" });
    return [[2]];
  },
  shapesOfUnknown: () => [[2]],
  gradient: "none",
  compute: (context, [element]) => {
    const { k } = context;
    const data = k.cast(context.in[1]!(), "uint32");
    const [first, second] = threefryWords(k, keyWords(context), [word(k, 1), data]);
    return k.select(k.binary("eq", element!, int(0)), first, second);
  },
  cost: "expensive",
  examples: [
    { inputs: [KEY, u32([], { values: [3] })], attrs: {} },
    { inputs: [KEY, i32([], { values: [-1] })], attrs: {} },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** @throws GraphError when the seed is not a whole number from 0 to 2^53 - 1 */
export function seedWords(op: string, seed: number): Words {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw callError(op, `${seed} is not a seed`, "use a whole number from 0 to 2^53 - 1");
  }
  return [Math.floor(seed / 2 ** 32), seed >>> 0];
}

/**
 * The key of a seed: its upper and lower 32 bits.
 * @throws GraphError when the seed is not a whole number from 0 to 2^53 - 1
 */
export const randomKey = (graph: GraphBuilder, seed: number): Tensor<readonly [2]> =>
  constantIn(graph, seedWords("randomKey", seed), "uint32") as Tensor<readonly [2]>;

/**
 * A new key from a key and a number; different numbers give independent streams.
 * @param data a whole number, or a scalar tensor (int32 or uint32), such as a step counter
 */
export function foldIn(key: Tensor, data: number | Tensor, options?: OpOptions): Tensor<readonly [2]> {
  if (!(data instanceof Tensor) && !(Number.isInteger(data) && data >= -(2 ** 31) && data < 2 ** 32)) {
    throw callError("foldIn", `${data} is not a whole number of 32 bits`);
  }
  return apply<readonly [2]>(foldInOp, [key, data], {}, options);
}

/**
 * `count` new keys. Do not use the old one any more.
 * @throws GraphError when the count is not a whole number
 */
export function splitKey(key: Tensor, count = 2): readonly Tensor<readonly [2]>[] {
  if (!Number.isInteger(count) || count < 0) throw callError("splitKey", `${count} is not a number of keys`);
  return Array.from({ length: count }, (_, i) => foldIn(key, i));
}

/** Random words of 32 bits. */
export const randomBits = <const To extends Dims>(key: Tensor, shape: To, options?: OpOptions): Tensor<ShapeFrom<To>> =>
  apply(randomBitsOp, [key], { shape: sizesFrom("randomBits", shape) }, options);

/** Refuses bounds between which there is no number to draw. */
function checkBounds(op: string, minimum: number, maximum: number, dtype: DType): void {
  const [low, high] = [roundTo(dtype, minimum), roundTo(dtype, maximum)];
  if (low < high && Number.isFinite(roundTo(dtype, high - low))) return;
  throw callError(op, `no number lies in [${minimum}, ${maximum})`, "give finite bounds, minimum below maximum");
}

export interface UniformOptions extends OpOptions {
  /** Default 0. */
  readonly minimum?: number;
  /** Not drawn itself. Default 1. */
  readonly maximum?: number;
  readonly dtype?: "float32" | "float64";
}
/**
 * Evenly distributed numbers in [minimum, maximum).
 * @throws GraphError when no number of the dtype lies in the interval
 */
export function randomUniform<const To extends Dims>(
  key: Tensor,
  shape: To,
  options: UniformOptions = {},
): Tensor<ShapeFrom<To>> {
  const { minimum = 0, maximum = 1, dtype = "float32", ...named } = options;
  checkBounds("randomUniform", minimum, maximum, dtype);
  return apply(randomUniformOp, [key], { shape: sizesFrom("randomUniform", shape), minimum, maximum, dtype }, named);
}

/**
 * Evenly distributed whole numbers in [minimum, maximum), int32.
 * @throws GraphError when the interval is empty or leaves int32
 */
export function randomUniformInt<const To extends Dims>(
  key: Tensor,
  shape: To,
  { minimum, maximum, ...named }: OpOptions & { readonly minimum: number; readonly maximum: number },
): Tensor<ShapeFrom<To>> {
  checkBounds("randomUniformInt", minimum, maximum, "float64");
  const whole = Number.isInteger(minimum) && Number.isInteger(maximum);
  if (!whole || minimum < -(2 ** 31) || maximum > 2 ** 31) {
    throw callError("randomUniformInt", `[${minimum}, ${maximum}) are not bounds of int32`, "give whole numbers");
  }
  return apply(randomUniformIntOp, [key], { shape: sizesFrom("randomUniformInt", shape), minimum, maximum }, named);
}

export interface NormalOptions extends OpOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation; default 1. */
  readonly deviation?: number;
  readonly dtype?: "float32" | "float64";
}
/** Normally distributed numbers. */
export function randomNormal<const To extends Dims>(
  key: Tensor,
  shape: To,
  options: NormalOptions = {},
): Tensor<ShapeFrom<To>> {
  const { mean = 0, deviation = 1, dtype = "float32", ...named } = options;
  return apply(randomNormalOp, [key], { shape: sizesFrom("randomNormal", shape), mean, deviation, dtype }, named);
}

/** Normally distributed numbers, none further than two deviations from the mean. */
export function truncatedNormal<const To extends Dims>(
  key: Tensor,
  shape: To,
  options: NormalOptions = {},
): Tensor<ShapeFrom<To>> {
  const { mean = 0, deviation = 1, dtype = "float32", ...named } = options;
  return apply(truncatedNormalOp, [key], { shape: sizesFrom("truncatedNormal", shape), mean, deviation, dtype }, named);
}

/** The numbers 0 … length - 1 in random order, int32. */
export const randomPermutation = <const N extends Size | string>(
  key: Tensor,
  length: N,
  options?: OpOptions,
): Tensor<readonly [DimOf<N>]> =>
  apply(randomPermutationOp, [key], { length: sizesFrom("randomPermutation", [length])[0]! }, options);

export const RANDOM_OPS = [
  randomBitsOp,
  randomUniformOp,
  randomUniformIntOp,
  randomNormalOp,
  truncatedNormalOp,
  randomPermutationOp,
  foldInOp,
] as const;
