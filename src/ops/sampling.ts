import type { DType } from "../core/dtype.ts";
import { elementCount, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { Shape } from "../core/shape-types.ts";
import { type DTypeContext, defineOp, type KernelBuilder, type OpDef } from "../graph/define.ts";
import { type Attrs, Tensor } from "../graph/operation.ts";
import { add as addIndex, type Expr, int, mul as mulIndex } from "../kernel/expr.ts";
import * as math from "../kernel/math/index.ts";
import { add, div, mul, neg } from "./arithmetic.ts";
import { cast, where } from "./comparison.ts";
import { log } from "./elementary.ts";
import { gather } from "./indexing.ts";
import { broadcastTo, expandDims, fill, flatIndex, squeeze } from "./movement.ts";
import {
  blockOf,
  checkKeyDType,
  checkKeyShape,
  drawing,
  drawn,
  KEY,
  keyWords,
  openUnit,
  randomPermutation,
  randomUniform,
  threefryWords,
  unit,
} from "./random.ts";
import { argmax } from "./reduction.ts";
import { apply, callError, type Dims, f32, f64, type Operand, type OpOptions, sizesFrom } from "./support.ts";
import { needsRank } from "./window.ts";

/*
 * Random numbers whose distribution depends on a tensor. Keys and streams are those of `random.ts`. None of them has a
 * derivative: to learn the parameters of a normal distribution write `mean + deviation · randomNormal(…)`.
 */

/** Dtype rule: a key, and parameters in floating point. */
const keyed =
  <A extends Attrs>(output: (parameter: DType, attrs: A) => DType) =>
  (inputs: readonly DType[], attrs: A, context: DTypeContext): readonly DType[] => {
    checkKeyDType(inputs, context);
    const parameter = inputs[1]!;
    if (parameter !== "float32" && parameter !== "float64") {
      context.fail(`parameters are ${parameter}, not floating point`, 'convert them: cast(x, "float32")');
    }
    return [output(parameter, attrs)];
  };

/** One draw for each element of the second operand. */
const perElement = {
  category: "random" as const,
  shapes: ([key, parameters]: readonly Sizes[], _attrs: unknown, context: ShapeContext): readonly Sizes[] => {
    checkKeyShape(key!, context);
    return [parameters!];
  },
  shapesOfUnknown: ([, parameters]: readonly (Sizes | null)[]): readonly (Sizes | null)[] => [parameters ?? null],
  gradient: "none" as const,
  cost: "expensive" as const,
};

// ── Bernoulli and categorical ────────────────────────────────────────────────────────────────────────────────────

export const randomBernoulliOp: OpDef<{ readonly dtype: DType }> = defineOp<{ readonly dtype: DType }>({
  ...perElement,
  name: "randomBernoulli",
  doc: "1 with a given probability, else 0, for each element.\n$y = [u < p]$ with $u \\in [0, 1)$",
  inputs: ["key", "probabilities"],
  dtypes: keyed((_parameter, { dtype }: { readonly dtype: DType }) => dtype),
  compute: (context, index) => {
    const { in: operands, output, k } = context;
    const p = operands[1]!(...index);
    return k.cast(k.binary("lt", unit(k, blockOf(context, flatIndex(output.extents, index)), p.type), p), output.dtype);
  },
  examples: [
    { inputs: [KEY, f32([2, 3], { domain: [0, 1] })], attrs: { dtype: "float32" } },
    { inputs: [KEY, f64([5], { values: [0, 0.25, 0.5, 0.75, 1] })], attrs: { dtype: "int32" } },
    { inputs: [KEY, f32([4], { domain: [0, 1] })], attrs: { dtype: "bool" } },
  ],
});

type CategoricalAttrs = { readonly count: number };
export const randomCategoricalOp: OpDef<CategoricalAttrs> = defineOp<CategoricalAttrs>({
  name: "randomCategorical",
  category: "random",
  doc: [
    "Class numbers drawn from the softmax of logits along the last axis, several for each row.",
    "$y_{r,s} = \\arg\\max_k (z_{r,k} - \\ln(-\\ln u_{r,s,k}))$ with $u \\in [0, 1)$ of 53 bits (the Gumbel trick)",
    "The logits need not be normalised; a class with logit -∞ is never drawn.",
  ].join("\n"),
  inputs: ["key", "logits"],
  dtypes: keyed(() => "int32"),
  shapes: ([key, logits], { count }, context) => {
    checkKeyShape(key!, context);
    if (logits!.length === 0) context.fail("a scalar has no axis of classes", { fix: "give one logit per class" });
    return [[...logits!.slice(0, -1), count]];
  },
  shapesOfUnknown: (inputs, _attrs, context) => needsRank(inputs, context),
  gradient: "none",
  decompose: ({ inputs: [key, logits], attrs: { count } }) => {
    const shape = logits!.shape!;
    const noise = randomUniform(key!, [...shape.slice(0, -1), count, shape.at(-1)!], { dtype: "float64" });
    const scores = expandDims(cast(logits!, "float64"), -2);
    return [argmax(add(scores, neg(log(neg(log(noise))))), -1)];
  },
  examples: [
    { inputs: [KEY, f32([2, 3], { domain: [-2, 2] })], attrs: { count: 4 } },
    { inputs: [KEY, f64([3], { values: [-Infinity, 0, 1] })], attrs: { count: 6 }, note: "class 0 is impossible" },
  ],
});

// ── gamma ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each succeeds with a probability above 0.95, so that the chance of running out is below 10^-41. */
const GAMMA_TRIES = 32;

/** `d` and `c` of the method, for a concentration of 1 or more. */
function gammaConstants(k: KernelBuilder, concentration: Expr): { readonly d: Expr; readonly c: Expr } {
  const one = k.constant(1, "float64");
  const small = k.binary("lt", concentration, one);
  const raised = k.select(small, k.binary("add", concentration, one), concentration);
  const d = k.let("d", k.binary("sub", raised, k.constant(1 / 3, "float64")));
  const c = k.binary("div", one, k.unary("sqrt", k.binary("mul", k.constant(9, "float64"), d)));
  return { d, c: k.let("c", c) };
}

export const randomGammaOp: OpDef<Record<never, never>> = defineOp<Record<never, never>>({
  ...perElement,
  name: "randomGamma",
  doc: [
    "Gamma distributed numbers of a given concentration α and rate 1, one for each element (Marsaglia and Tsang 2000).",
    "$p(y) = y^{\\alpha - 1} e^{-y} / \\Gamma(\\alpha)$",
    "For t = 0, 1, …: $v = (1 + c\\, z_t)^3$ is taken if $\\ln u_t < \\tfrac12 z_t^2 + d - d v + d \\ln v$, then $y = d v$, with",
    "$d = \\alpha - \\tfrac13, c = 1 / \\sqrt{9 d}$. Below α = 1, y for α + 1 is multiplied by $u^{1/\\alpha}$.",
    "After 32 failures, of probability below $10^{-41}$, y = d. Computed in float64.",
  ].join("\n"),
  inputs: ["key", "concentration"],
  dtypes: keyed((parameter) => parameter),
  kernel: (context) => {
    const { in: operands, output, k, loops } = context;
    const [zero, one] = [k.constant(0, "float64"), k.constant(1, "float64")];
    const key = keyWords(context);
    const block = (first: Expr, element: Expr): [Expr, Expr] =>
      threefryWords(k, key, [k.cast(first, "uint32"), k.cast(element, "uint32")]);
    const product = (...factors: Expr[]): Expr => factors.reduce((a, b) => k.binary("mul", a, b));
    loops.loop(elementCount(output.shape), (e) => {
      const concentration = k.let("concentration", k.cast(operands[1]!.flat(e), "float64"));
      const { d, c } = gammaConstants(k, concentration);
      // 0 means that no try has succeeded yet: what is drawn is positive.
      loops.store(e, k.constant(0, output.dtype));
      loops.loop(GAMMA_TRIES, (t) => {
        loops.branch(k.binary("eq", loops.load(e), k.constant(0, output.dtype)), () => {
          const first = addIndex(mulIndex(t, int(2)), int(2));
          const z = k.let("z", k.call(math.normalQuantile, openUnit(k, block(first, e), "float64")));
          const u = openUnit(k, block(addIndex(first, int(1)), e), "float64");
          const root = k.let("root", k.binary("add", one, k.binary("mul", c, z)));
          const v = k.let("v", product(root, root, root));
          // Where v is not positive its logarithm is NaN or -∞, and nothing is below that.
          const growth = k.binary("mul", d, k.binary("add", k.binary("sub", one, v), k.call(math.log, v)));
          const bound = k.binary("add", product(k.constant(0.5, "float64"), z, z), growth);
          loops.branch(k.binary("lt", k.call(math.log, u), bound), () => {
            loops.store(e, k.cast(k.binary("mul", d, v), output.dtype));
          });
        });
      });
      const found = k.let("found", k.cast(loops.load(e), "float64"));
      const settled = k.select(k.binary("eq", found, zero), d, found);
      const u = openUnit(k, blockOf(context, e), "float64");
      const boost = k.call(math.exp, k.binary("div", k.call(math.log, u), concentration));
      const scale = k.select(k.binary("lt", concentration, one), boost, one);
      const valid = k.binary("lt", zero, concentration);
      const value = k.select(valid, k.binary("mul", settled, scale), k.constant(Number.NaN, "float64"));
      loops.store(e, k.cast(value, output.dtype));
    });
  },
  examples: [
    { inputs: [KEY, f32([2, 3], { domain: [0.5, 4] })], attrs: {} },
    { inputs: [KEY, f64([4], { values: [0.1, 1, 10, 1000] })], attrs: {} },
    { inputs: [KEY, f64([2], { values: [0, -1] })], attrs: {}, note: "NaN: there is no such distribution" },
  ],
});

// ── dropout ──────────────────────────────────────────────────────────────────────────────────────────────────────

type MaskAttrs = { readonly shape: Sizes; readonly rate: number };
export const dropoutMaskOp: OpDef<MaskAttrs> = defineOp<MaskAttrs>({
  ...drawing,
  name: "dropoutMask",
  doc: "True for elements that dropout keeps.\n$y = [u \\ge r]$ with $u \\in [0, 1)$ of 53 bits and r the rate",
  dtypes: drawn(() => "bool"),
  compute: (context, index) => {
    const { attrs, output, k } = context;
    const u = unit(k, blockOf(context, flatIndex(output.extents, index)), "float64");
    return k.binary("le", k.constant(attrs.rate, "float64"), u);
  },
  examples: [
    { inputs: [KEY], attrs: { shape: [2, 3], rate: 0.5 } },
    { inputs: [KEY], attrs: { shape: [8], rate: 0.25 } },
  ],
});

type DropoutAttrs = { readonly rate: number };
export const dropoutOp: OpDef<DropoutAttrs> = defineOp<DropoutAttrs>({
  name: "dropout",
  category: "neural",
  doc: [
    "Sets elements to 0 with probability r, the rate, and divides the others by 1 - r, so that the mean stays.",
    "$y = [u \\ge r]\\, x / (1 - r)$",
    "The gradient is dropout with the same key: its mask is the same operation, and is drawn once for both.",
  ].join("\n"),
  inputs: ["x", "key"],
  dtypes: ([x, key], _attrs, context) => {
    checkKeyDType([key!], context);
    if (x !== "float32" && x !== "float64") context.fail(`takes floating point, not ${x}`);
    return [x!];
  },
  shapes: ([x, key], _attrs, context) => {
    checkKeyShape(key!, context);
    return [x!];
  },
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: ({ op, x: [, key], g }) => [apply(dropoutOp, [g, key!], op.attrs), null],
  decompose: ({ inputs: [x, key], attrs: { rate } }) => {
    const mask = apply(dropoutMaskOp, [key!], { shape: x!.shape!, rate });
    return [where(mask, mul(x!, 1 / (1 - rate)), 0)];
  },
  examples: [
    { inputs: [f32([2, 3]), KEY], attrs: { rate: 0.5 } },
    { inputs: [f64([8]), KEY], attrs: { rate: 0.25 } },
    { inputs: [f64([4]), KEY], attrs: { rate: 0 } },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface DrawOptions extends OpOptions {
  /** Shape of the result, to which the parameters broadcast. Default: their own. */
  readonly shape?: Dims;
}
type FloatType = "float32" | "float64";

/** Parameters as a tensor of the shape that is drawn. */
function parametersOf(
  op: string,
  key: Tensor,
  value: Tensor | number,
  shape: Dims | undefined,
  dtype: FloatType,
): Tensor {
  const wanted = shape && sizesFrom(op, shape);
  if (value instanceof Tensor) return wanted ? broadcastTo(value, wanted) : value;
  return fill(key, wanted ?? [], value, dtype);
}

/**
 * 1 with the given probability, else 0, for each element of `probabilities` (or of `shape`).
 * @throws DTypeError when the key is none
 */
export function randomBernoulli(
  key: Tensor,
  probabilities: Tensor | number,
  { shape, dtype = "float32", ...options }: DrawOptions & { readonly dtype?: DType } = {},
): Tensor {
  const each = parametersOf("randomBernoulli", key, probabilities, shape, "float32");
  return apply(randomBernoulliOp, [key, each], { dtype }, options);
}

/**
 * Class numbers (int32) drawn from the softmax of `logits` along their last axis: one for each row, or with `count` a
 * further axis of as many.
 * @throws GraphError when the count is not a whole number
 */
export function randomCategorical(
  key: Tensor,
  logits: Tensor,
  { count, ...options }: OpOptions & { readonly count?: number } = {},
): Tensor {
  if (count === undefined) return squeeze(apply(randomCategoricalOp, [key, logits], { count: 1 }), -1, options);
  if (!Number.isInteger(count) || count < 0) throw callError("randomCategorical", `${count} is not a number of draws`);
  return apply(randomCategoricalOp, [key, logits], { count }, options);
}

/**
 * Gamma distributed numbers: concentration (shape parameter) for each element, and a common rate, default 1. Their mean
 * is concentration / rate. No derivative flows through the draw.
 */
export function randomGamma(
  key: Tensor,
  concentration: Tensor | number,
  {
    shape,
    rate,
    dtype = "float32",
    ...options
  }: DrawOptions & { readonly rate?: Operand; readonly dtype?: FloatType } = {},
): Tensor {
  const each = parametersOf("randomGamma", key, concentration, shape, dtype);
  if (rate === undefined) return apply(randomGammaOp, [key, each], {}, options);
  return div(apply(randomGammaOp, [key, each], {}), rate, options);
}

/**
 * The slices of `x` along an axis in random order; the same order for equal keys.
 * @throws GraphError when the rank is not known
 */
export function shuffle(x: Tensor, key: Tensor, axis = 0, options?: OpOptions): Tensor {
  const size = x.shape?.at(axis);
  if (size === undefined) {
    throw callError("shuffle", `axis ${axis} of ${x.op.name} is not known`, "give its placeholder a shape");
  }
  return gather(x, randomPermutation(key, size), axis, options);
}

/**
 * Sets elements to 0 with probability `rate` and divides the others by 1 - rate. Use a new key in each step.
 * @throws GraphError unless 0 ≤ rate < 1
 */
export function dropout<S extends Shape>(x: Tensor<S>, key: Tensor, rate: number, options?: OpOptions): Tensor<S> {
  if (!(rate >= 0 && rate < 1)) throw callError("dropout", `${rate} is not a rate`, "give a number from 0 on, below 1");
  return apply<S, DropoutAttrs>(dropoutOp, [x, key], { rate }, options);
}

export const SAMPLING_OPS: readonly OpDef[] = [
  randomBernoulliOp,
  randomCategoricalOp,
  randomGammaOp,
  dropoutMaskOp,
  dropoutOp,
];
