import { GraphError } from "../core/errors.ts";
import type { Shape, Valid } from "../core/shape-types.ts";
import { nearNamesFix } from "../graph/builder.ts";
import { defineOp, type OpExample } from "../graph/define.ts";
import type { Attrs, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import * as math from "../kernel/math/index.ts";
import { abs, add, clipByValue, div, mul, sub } from "./arithmetic.ts";
import { greater, less, where } from "./comparison.ts";
import { erf } from "./elementary.ts";
import { zerosLike } from "./movement.ts";
import { sumTo } from "./reduction.ts";
import { softmax } from "./softmax.ts";
import { identity } from "./state.ts";
import {
  apply,
  type BroadcastOf,
  type BroadcastResult,
  broadcastExamples,
  defineBinary,
  defineUnary,
  f32,
  f64,
  floatDType,
  keepsShape,
  type NoAttrs,
  type Operand,
  type OpOptions,
  unaryExamples,
} from "./support.ts";

/** The seed's test vector, then random values on both sides of the kink at 0 but not near it. */
const awayFromZero = <A extends Attrs>(attrs: A): OpExample<A>[] => [
  { inputs: [f32([4], { values: [-2, -0.5, 0.5, 2] })], attrs },
  { inputs: [f32([2, 3], { domain: [0.1, 2] })], attrs },
  { inputs: [f64([2, 3], { domain: [-2, -0.1] })], attrs },
  { inputs: [f64([], { values: [-0.75] })], attrs },
];

/** `g` where `x` is positive, `otherwise` elsewhere (at 0 and for NaN too). */
const ifPositive = (x: Tensor, g: Tensor, otherwise: Tensor): Tensor => where(greater(x, 0), g, otherwise);

export const reluOp = defineUnary({
  name: "relu",
  doc: ["Rectified linear unit. The derivative at 0 is taken to be 0; NaN stays NaN.", "$y = \\max(x, 0)$"].join("\n"),
  dtypes: floatDType,
  // y > 0 where x > 0; with y the value before the activation need not be kept.
  gradient: ({ y: [y], g }) => [ifPositive(y!, g, zerosLike(g))],
  formula: (x, k) => {
    const zero = k.constant(0, x.type);
    return k.select(k.binary("lt", x, zero), zero, x);
  },
  examples: awayFromZero({}),
});

type SlopeAttrs = { readonly slope: number };
export const leakyReluOp = defineOp<SlopeAttrs>({
  name: "leakyRelu",
  category: "pointwise",
  doc: [
    "Leaky rectified linear unit: a small slope s for negative values. The derivative at 0 is taken to be s.",
    "$y = x$ for $x > 0$, $s x$ otherwise",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: ({ op, x: [x], g }) => [ifPositive(x!, g, mul(g, op.attrs.slope))],
  compute: ({ in: [x], attrs, k }, index) => {
    const value = x!(...index);
    const negative = k.binary("lt", value, k.constant(0, value.type));
    return k.select(negative, k.binary("mul", value, k.constant(attrs.slope, value.type)), value);
  },
  cost: "cheap",
  examples: [...awayFromZero({ slope: 0.1 }), { inputs: [f64([2], { values: [-1, 1] })], attrs: { slope: 0.3 } }],
});

type AlphaAttrs = { readonly alpha: number };
export const eluOp = defineOp<AlphaAttrs>({
  name: "elu",
  category: "pointwise",
  doc: [
    "Exponential linear unit. For α = 1 the derivative is continuous; at 0 it is taken to be α.",
    "$y = x$ for $x > 0$, $\\alpha (e^x - 1)$ otherwise",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  // α eˣ = y + α where x ≤ 0: no second exponential, and nothing that overflows where x is large.
  gradient: ({ op, x: [x], y: [y], g }) => [ifPositive(x!, g, mul(g, add(y!, op.attrs.alpha)))],
  compute: ({ in: [x], attrs, k }, index) => {
    const value = x!(...index);
    const negative = k.binary("lt", value, k.constant(0, value.type));
    const curve = k.binary("mul", k.constant(attrs.alpha, value.type), k.call(math.expm1, value));
    return k.select(negative, curve, value);
  },
  cost: "expensive",
  examples: [...awayFromZero({ alpha: 1 }), { inputs: [f64([2], { values: [-1, 1] })], attrs: { alpha: 0.5 } }],
});

export const sigmoidOp = defineUnary({
  name: "sigmoid",
  doc: "Logistic function, from 0 to 1.\n$y = 1 / (1 + e^{-x}), \\quad y' = y (1 - y)$",
  dtypes: floatDType,
  gradient: ({ y: [y], g }) => [mul(g, mul(y!, sub(1, y!)))],
  formula: (x, k) => k.call(math.sigmoid, x),
  cost: "expensive",
  examples: [
    { inputs: [f32([5], { values: [-2, -0.5, 0, 0.5, 2] })], attrs: {} },
    { inputs: [f32([2], { values: [-1000, 1000] })], attrs: {}, note: "finite however large x is" },
    ...unaryExamples({ domain: [-4, 4] }),
  ],
});

export const tanhOp = defineUnary({
  name: "tanh",
  doc: "Hyperbolic tangent, from -1 to 1.\n$y = \\tanh x, \\quad y' = 1 - y^2$",
  dtypes: floatDType,
  gradient: ({ y: [y], g }) => [mul(g, sub(1, mul(y!, y!)))],
  formula: (x, k) => k.call(math.tanh, x),
  cost: "expensive",
  examples: [
    { inputs: [f32([5], { values: [-2, -0.5, 0, 0.5, 2] })], attrs: {} },
    ...unaryExamples({ domain: [-3, 3] }),
  ],
});

export const softplusOp = defineUnary({
  name: "softplus",
  doc: "Smooth rectifier; its derivative is the sigmoid.\n$y = \\ln(1 + e^x)$",
  dtypes: floatDType,
  gradient: ({ x: [x], g }) => [mul(g, sigmoid(x!))],
  formula: (x, k) => k.call(math.softplus, x),
  cost: "expensive",
  examples: [{ inputs: [f32([3], { values: [-100, 0, 100] })], attrs: {} }, ...unaryExamples({ domain: [-4, 4] })],
});

/** Fixed point of the mean and variance of a deep network (Klambauer et al. 2017). */
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };
export const seluOp = defineOp<NoAttrs>({
  name: "selu",
  category: "neural",
  doc: "Scaled exponential linear unit.\n$y = \\lambda\\, \\mathrm{elu}_\\alpha(x)$ with $\\lambda = 1.0507, \\alpha = 1.67326$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [mul(elu(x!, { alpha: SELU.alpha }), SELU.scale)],
  examples: awayFromZero({}),
});

export const geluOp = defineOp<NoAttrs>({
  name: "gelu",
  category: "neural",
  doc:
    "Gaussian error linear unit: x times the probability that a standard normal value is below x.\n" +
    "$y = \\tfrac{x}{2} (1 + \\mathrm{erf}(x / \\sqrt 2))$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [mul(mul(x!, 0.5), add(1, erf(mul(x!, Math.SQRT1_2))))],
  examples: unaryExamples({ domain: [-3, 3] }),
});

export const swishOp = defineOp<NoAttrs>({
  name: "swish",
  category: "neural",
  doc: "Sigmoid-weighted linear unit, also called SiLU.\n$y = x\\, \\sigma(x)$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [mul(x!, sigmoid(x!))],
  examples: unaryExamples({ domain: [-4, 4] }),
});

/** On both sides of kinks at -3 and 3, and away from them. */
const aroundThree = (): OpExample<NoAttrs>[] => [
  { inputs: [f32([6], { values: [-5, -2.5, -0.5, 0.5, 2.5, 5] })], attrs: {} },
  { inputs: [f64([2, 3], { domain: [-2.8, 2.8] })], attrs: {} },
  { inputs: [f64([], { values: [4.5] })], attrs: {} },
];

export const hardSigmoidOp = defineOp<NoAttrs>({
  name: "hardSigmoid",
  category: "neural",
  doc: "Straight lines in the place of the sigmoid: 0 up to -3, 1 from 3 on.\n$y = \\min(\\max(x / 6 + 1/2, 0), 1)$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [clipByValue(add(div(x!, 6), 0.5), 0, 1)],
  examples: aroundThree(),
});

export const hardSwishOp = defineOp<NoAttrs>({
  name: "hardSwish",
  category: "neural",
  doc: "Swish with straight lines in the place of the sigmoid; Keras also calls it hard SiLU.\n$y = x \\min(\\max(x / 6 + 1/2, 0), 1)$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [mul(x!, clipByValue(add(div(x!, 6), 0.5), 0, 1))],
  examples: aroundThree(),
});

export const relu6Op = defineOp<NoAttrs>({
  name: "relu6",
  category: "neural",
  doc: "Rectified linear unit that goes no higher than 6.\n$y = \\min(\\max(x, 0), 6)$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [clipByValue(x!, 0, 6)],
  examples: [
    { inputs: [f32([5], { values: [-2, -0.5, 0.5, 5, 7] })], attrs: {} },
    { inputs: [f64([2, 2], { domain: [0.2, 5.5] })], attrs: {} },
  ],
});

export const softsignOp = defineOp<NoAttrs>({
  name: "softsign",
  category: "neural",
  doc: "From -1 to 1 as tanh, but slowly.\n$y = x / (1 + |x|)$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [div(x!, add(abs(x!), 1))],
  examples: awayFromZero({}),
});

export const mishOp = defineOp<NoAttrs>({
  name: "mish",
  category: "neural",
  doc: "Smooth, without bound above and with a shallow valley below 0.\n$y = x \\tanh(\\ln(1 + e^x))$",
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: "via-decompose",
  decompose: ({ inputs: [x] }) => [mul(x!, tanh(softplus(x!)))],
  examples: unaryExamples({ domain: [-4, 4] }),
});

export const maxoutOp = defineBinary({
  name: "maxout",
  doc: [
    "The larger of two branches, element by element; only the branch that wins receives a gradient.",
    "$y = \\max(a, b)$. A tie goes to the first branch.",
  ].join("\n"),
  dtypes: floatDType,
  gradient: ({ x: [a, b], g }) => {
    const second = less(a!, b!);
    return [sumTo(where(second, zerosLike(g), g), a!), sumTo(where(second, g, zerosLike(g)), b!)];
  },
  formula: (a, b, k) => k.binary("max", a, b),
  // Two domains that do not meet, so that no random draw comes near a tie.
  examples: [
    ...broadcastExamples({ domain: [-1, -0.1] }, { domain: [0.1, 1] }),
    { inputs: [f64([2, 2], { domain: [0.5, 1] }), f64([2, 2], { domain: [-1, 0.3] })], attrs: {} },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** `max(x, 0)`. */
export const relu = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(reluOp, [x], {}, options);

export interface LeakyReluOptions extends OpOptions {
  /** Slope for negative values; 0.1 as in the lecture (Keras and PyTorch have other defaults). */
  readonly slope?: number;
}
/** `x` where it is positive, `slope · x` elsewhere. */
export const leakyRelu = <S extends Shape>(
  x: Tensor<S>,
  { slope = 0.1, ...options }: LeakyReluOptions = {},
): Tensor<S> => apply<S>(leakyReluOp, [x], { slope }, options);

export interface EluOptions extends OpOptions {
  /** Minus the limit for x → -∞; default 1. */
  readonly alpha?: number;
}
/** `x` where it is positive, `alpha · (eˣ - 1)` elsewhere. */
export const elu = <S extends Shape>(x: Tensor<S>, { alpha = 1, ...options }: EluOptions = {}): Tensor<S> =>
  apply<S>(eluOp, [x], { alpha }, options);

/** `1 / (1 + e⁻ˣ)`. */
export const sigmoid = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(sigmoidOp, [x], {}, options);

/** Hyperbolic tangent. */
export const tanh = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(tanhOp, [x], {}, options);

/** `ln(1 + eˣ)`. */
export const softplus = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(softplusOp, [x], {}, options);

/** Scaled exponential linear unit. */
export const selu = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(seluOp, [x], {}, options);

/** Gaussian error linear unit. */
export const gelu = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(geluOp, [x], {}, options);

/** `x · sigmoid(x)`. */
export const swish = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(swishOp, [x], {}, options);

/** TensorFlow's other name for `swish`. */
export const silu = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => swish(x, options);

/** `x / 6 + 1/2`, but nowhere below 0 or above 1. */
export const hardSigmoid = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(hardSigmoidOp, [x], {}, options);

/** `x · hardSigmoid(x)`. */
export const hardSwish = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(hardSwishOp, [x], {}, options);

/** `max(x, 0)`, but nowhere above 6. */
export const relu6 = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(relu6Op, [x], {}, options);

/** `x / (1 + |x|)`. */
export const softsign = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(softsignOp, [x], {}, options);

/** `x · tanh(softplus(x))`. */
export const mish = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(mishOp, [x], {}, options);

/**
 * The larger of the branches, element by element: `maxout(affine(x, w1, b1), affine(x, w2, b2))`. Only the branch
 * that wins receives a gradient; a tie goes to the first.
 */
export function maxout<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  ...more: Operand[]
): BroadcastResult<A, B> {
  const first: Tensor = apply(maxoutOp, [a, b], {});
  return more.reduce<Tensor>((best, branch) => apply(maxoutOp, [best, branch], {}), first) as BroadcastResult<A, B>;
}

// ── by name ──────────────────────────────────────────────────────────────────────────────────────────────────────

export type Activation = <S extends Shape>(x: Tensor<S>) => Tensor<S>;

/** A function, since this file may load before those whose functions stand here. */
const activationsByName = () => ({
  linear: <S extends Shape>(x: Tensor<S>) => identity(x),
  relu: <S extends Shape>(x: Tensor<S>) => relu(x),
  leakyRelu: <S extends Shape>(x: Tensor<S>) => leakyRelu(x),
  elu: <S extends Shape>(x: Tensor<S>) => elu(x),
  selu: <S extends Shape>(x: Tensor<S>) => selu(x),
  gelu: <S extends Shape>(x: Tensor<S>) => gelu(x),
  swish: <S extends Shape>(x: Tensor<S>) => swish(x),
  silu: <S extends Shape>(x: Tensor<S>) => silu(x),
  mish: <S extends Shape>(x: Tensor<S>) => mish(x),
  relu6: <S extends Shape>(x: Tensor<S>) => relu6(x),
  hardSigmoid: <S extends Shape>(x: Tensor<S>) => hardSigmoid(x),
  hardSwish: <S extends Shape>(x: Tensor<S>) => hardSwish(x),
  softsign: <S extends Shape>(x: Tensor<S>) => softsign(x),
  sigmoid: <S extends Shape>(x: Tensor<S>) => sigmoid(x),
  tanh: <S extends Shape>(x: Tensor<S>) => tanh(x),
  softplus: <S extends Shape>(x: Tensor<S>) => softplus(x),
  softmax: <S extends Shape>(x: Tensor<S>) => softmax(x),
});

/** Names `activation` knows; the editor completes them. */
export type ActivationName = keyof ReturnType<typeof activationsByName>;

/** Every name `activation` knows. */
export const activationNames = (): readonly ActivationName[] => Object.keys(activationsByName()) as ActivationName[];

/**
 * An activation by name, as Keras' `activations.get`. A function is handed back as it is, so that options may take
 * either.
 * @throws GraphError listing near names
 */
export function activation(name: ActivationName | Activation): Activation {
  if (typeof name === "function") return name;
  const table: Readonly<Record<string, Activation>> = activationsByName();
  if (Object.hasOwn(table, name)) return table[name]!;
  throw new GraphError({
    what: `activation: there is none called "${name}"`,
    at: lineOf(captureStack()),
    fix: nearNamesFix(name, Object.keys(table), `names: ${Object.keys(table).join(", ")}`),
  });
}

export const ACTIVATION_OPS = [
  reluOp,
  leakyReluOp,
  eluOp,
  sigmoidOp,
  tanhOp,
  softplusOp,
  seluOp,
  geluOp,
  swishOp,
  hardSigmoidOp,
  hardSwishOp,
  relu6Op,
  softsignOp,
  mishOp,
  maxoutOp,
] as const;
