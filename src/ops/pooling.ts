import { rangeOf } from "../core/dtype.ts";
import type { ShapeContext, Sizes } from "../core/shape.ts";
import type { Dim, Shape } from "../core/shape-types.ts";
import { type ComputeContext, defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, binary, type Expr, int, mul, sub } from "../kernel/expr.ts";
import { scatterAddFlat } from "./indexing.ts";
import { flatIndex } from "./movement.ts";
import { apply, f32, f64, floatDType, type OpOptions } from "./support.ts";
import {
  checkPadding,
  type Guarded,
  inputAt,
  needsRank,
  outputAt,
  type Pair,
  pairOf,
  type Slide,
  slideOf,
  slideShape,
  type WindowAttrs,
  type WindowOptions,
  whenInside,
  zeroOf,
} from "./window.ts";

export type PoolingAttrs = { readonly window: Pair } & Omit<WindowAttrs, "dilations">;

/** Pooling windows have no holes. */
const slidingAttrs = (attrs: PoolingAttrs): WindowAttrs => ({ ...attrs, dilations: [1, 1] });

function pooledShape(x: Sizes, attrs: PoolingAttrs, context: ShapeContext): Sizes {
  if (x.length !== 4) {
    context.fail(`images need rank 4 [batch, height, width, channels], not rank ${x.length}`, {
      fix: "one image: expandDims(x, 0); one channel: expandDims(x, -1)",
    });
  }
  if (typeof attrs.padding !== "string") {
    attrs.padding.forEach((pads, which) => {
      // Then some window would see nothing but padding and have no value.
      const worst = Math.max(...pads);
      const window = attrs.window[which]!;
      if (worst >= window) context.fail(`padding of ${worst} with a window of ${window}`, { fix: "pad by less" });
    });
  }
  return [x[0]!, ...slideShape(x, attrs.window, slidingAttrs(attrs), context), x[3]!];
}

const pooling = {
  shapes: ([x]: readonly Sizes[], attrs: PoolingAttrs, context: ShapeContext): readonly Sizes[] => [
    pooledShape(x!, attrs, context),
  ],
  shapesOfUnknown: (inputs: readonly (Sizes | null)[], _attrs: PoolingAttrs, context: ShapeContext): never =>
    needsRank(inputs, context),
};

const slides = (attrs: PoolingAttrs, image: readonly number[], result: readonly number[]): readonly [Slide, Slide] => [
  slideOf(slidingAttrs(attrs), 0, image[1]!, attrs.window[0], result[1]!),
  slideOf(slidingAttrs(attrs), 1, image[2]!, attrs.window[1], result[2]!),
];

/** The largest value in a window. Padding is -∞ and so never wins; NaN always does. */
function largest({ in: [x], attrs, output, k }: ComputeContext<PoolingAttrs>, index: readonly Expr[]): Expr {
  const [n, i, j, c] = index as [Expr, Expr, Expr, Expr];
  const [vertical, horizontal] = slides(attrs, x!.shape, output.shape);
  return k.reduce("max", [vertical.taps, horizontal.taps], (kh, kw) => {
    const [row, column] = [inputAt(vertical, i, kh!), inputAt(horizontal, j, kw!)];
    return whenInside(k, [row, column], () => x!(n, row.at, column.at, c), k.constant(-Infinity, x!.dtype));
  });
}

const POOLS = [
  { inputs: [f32([1, 4, 4, 2])], attrs: { window: [2, 2], strides: [2, 2], padding: "valid" } },
  { inputs: [f64([2, 5, 6, 1])], attrs: { window: [2, 2], strides: [2, 2], padding: "same" } },
  { inputs: [f64([1, 5, 5, 2])], attrs: { window: [3, 2], strides: [1, 2], padding: "same" } },
  {
    inputs: [f64([1, 4, 5, 1])],
    attrs: {
      window: [3, 3],
      strides: [1, 1],
      padding: [
        [1, 1],
        [2, 0],
      ],
    },
  },
] as const;

export const maxPool2dOp: OpDef<PoolingAttrs> = defineOp<PoolingAttrs>({
  name: "maxPool2d",
  category: "neural",
  doc: [
    "The largest value in each window of NHWC images; padding never wins.",
    "$y_{n,i,j,c} = \\max_{k,l} x_{n,\\; s i + k - p,\\; s j + l - p,\\; c}$",
    "The gradient goes to the first of several equal maxima.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...pooling,
  gradient: ({ op, x: [x], g }) => [scatterAddFlat(apply(maxPool2dWinnersOp, [x!], op.attrs), g, x!.shape!)],
  compute: largest,
  cost: "expensive",
  examples: POOLS,
});

export const maxPool2dWinnersOp: OpDef<PoolingAttrs> = defineOp<PoolingAttrs>({
  name: "maxPool2dWinners",
  category: "neural",
  doc: [
    "Row-major element numbers of the values maxPool2d picks: of several equal maxima the first, of any NaN the first.",
    "$y_{n,i,j,c} = \\min \\{ e : x_e = \\max \\}$ over the elements e of the window",
  ].join("\n"),
  inputs: ["x"],
  dtypes: (inputs, attrs, context) => {
    floatDType(inputs, attrs, context);
    return ["int32"];
  },
  ...pooling,
  gradient: "none",
  compute: (context, index) => {
    const { attrs, output, k } = context;
    const x = context.in[0]!;
    const [n, i, j, c] = index as [Expr, Expr, Expr, Expr];
    const [vertical, horizontal] = slides(attrs, x.shape, output.shape);
    const best = k.let("best", largest(context, index));
    const none = int(rangeOf("int32").max);
    return k.reduce("min", [vertical.taps, horizontal.taps], (kh, kw) => {
      const [row, column] = [inputAt(vertical, i, kh!), inputAt(horizontal, j, kw!)];
      const candidate = (): Expr => {
        const value = x(n, row.at, column.at, c);
        // If there is a NaN, the maximum is one too, and equals nothing.
        const wins = k.binary("or", k.binary("eq", value, best), k.binary("ne", value, value));
        return k.select(wins, flatIndex(x.shape, [n, row.at, column.at, c]), none);
      };
      return whenInside(k, [row, column], candidate, none);
    });
  },
  cost: "expensive",
  examples: POOLS,
});

/** How many pixels of the image a window at `output` covers. */
function covered(slide: Slide, output: Expr): Expr {
  const first = sub(mul(output, int(slide.stride)), int(slide.before));
  const end = binary("min", add(first, int(slide.taps)), int(slide.size));
  return sub(end, binary("max", first, int(0)));
}
const countAt = ([vertical, horizontal]: readonly [Slide, Slide], i: Expr, j: Expr): Expr =>
  mul(covered(vertical, i), covered(horizontal, j));

type PoolGradientAttrs = PoolingAttrs & { readonly inputShape: Sizes };

export const averagePool2dOp: OpDef<PoolingAttrs> = defineOp<PoolingAttrs>({
  name: "averagePool2d",
  category: "neural",
  doc: [
    "The mean of each window of NHWC images; padding is not counted, as in TensorFlow.",
    "$y_{n,i,j,c} = \\frac{1}{|W|} \\sum_{(k,l) \\in W} x_{n,\\; s i + k - p,\\; s j + l - p,\\; c}$,",
    "W being the taps that lie inside of the image.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...pooling,
  gradient: ({ op, x: [x], g }) => {
    const { window, strides, padding } = op.attrs;
    return [apply(averagePool2dGradientOp, [g], { window, strides, padding, inputShape: x!.shape! })];
  },
  compute: ({ in: [x], attrs, output, k }, [n, i, j, c]) => {
    const [vertical, horizontal] = slides(attrs, x!.shape, output.shape);
    const total = k.reduce(
      "add",
      [vertical.taps, horizontal.taps],
      (kh, kw) => {
        const [row, column] = [inputAt(vertical, i!, kh!), inputAt(horizontal, j!, kw!)];
        return whenInside(k, [row, column], () => x!(n!, row.at, column.at, c!), zeroOf(x!, k));
      },
      "serial",
    );
    return k.binary("div", total, k.cast(countAt([vertical, horizontal], i!, j!), x!.dtype));
  },
  cost: "expensive",
  examples: POOLS,
});

export const averagePool2dGradientOp: OpDef<PoolGradientAttrs> = defineOp<PoolGradientAttrs>({
  name: "averagePool2dGradient",
  category: "neural",
  doc: [
    "Gradient of averagePool2d: every pixel gets its share from the windows that cover it.",
    "$y_{n,h,w,c} = \\sum_{(i,j) \\ni (h,w)} g_{n,i,j,c} / |W_{i,j}|$",
  ].join("\n"),
  inputs: ["gradient"],
  dtypes: floatDType,
  shapes: ([g], attrs, context) => {
    const expected = pooledShape(attrs.inputShape, attrs, context);
    if (g!.length !== 4) context.fail(`the incoming gradient needs rank 4, not ${g!.length}`);
    expected.forEach((size, axis) => {
      context.require(g![axis]!, size, `the incoming gradient does not fit along axis ${axis}`);
    });
    return [attrs.inputShape];
  },
  gradient: ({ op, g }) => {
    const { window, strides, padding } = op.attrs;
    return [apply(averagePool2dOp, [g], { window, strides, padding })];
  },
  compute: ({ in: [g], attrs, output, k }, [n, h, w, c]) => {
    const both = slides(attrs, output.shape, g!.shape);
    const [vertical, horizontal] = both;
    return k.reduce(
      "add",
      [vertical.taps, horizontal.taps],
      (kh, kw) => {
        const window: readonly [Guarded, Guarded] = [outputAt(vertical, h!, kh!), outputAt(horizontal, w!, kw!)];
        const [i, j] = [window[0].at, window[1].at];
        const share = (): Expr => k.binary("div", g!(n!, i, j, c!), k.cast(countAt(both, i, j), g!.dtype));
        return whenInside(k, window, share, zeroOf(g!, k));
      },
      "serial",
    );
  },
  cost: "expensive",
  examples: [
    {
      inputs: [f64([1, 2, 2, 2])],
      attrs: { window: [2, 2], strides: [2, 2], padding: "valid", inputShape: [1, 4, 4, 2] },
    },
    {
      inputs: [f64([1, 3, 2, 1])],
      attrs: { window: [3, 3], strides: [2, 2], padding: "same", inputShape: [1, 5, 4, 1] },
    },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface PoolingOptions extends OpOptions, WindowOptions {
  /** Size of the windows; one number for both axes. Default 2. */
  readonly window?: number | Pair;
}
type PooledOf<X extends Shape> = X extends readonly [infer N extends Dim, Dim, Dim, infer C extends Dim]
  ? readonly [N, number, number, C]
  : Shape;

function attributes(op: string, { window = 2, strides = window, padding = "valid" }: PoolingOptions): PoolingAttrs {
  return {
    window: pairOf(op, "window sizes", window),
    strides: pairOf(op, "strides", strides),
    padding: checkPadding(op, padding),
  };
}
const named = ({ name }: OpOptions): OpOptions => (name === undefined ? {} : { name });

/**
 * The largest value in each window. The strides are the window unless given, as in Keras.
 * @throws ShapeError when a window does not fit
 */
export const maxPool2d = <X extends Shape>(x: Tensor<X>, options: PoolingOptions = {}): Tensor<PooledOf<X>> =>
  apply<PooledOf<X>, PoolingAttrs>(maxPool2dOp, [x], attributes("maxPool2d", options), named(options));

/**
 * The mean of each window; padding is not counted. The strides are the window unless given, as in Keras.
 * @throws ShapeError when a window does not fit
 */
export const averagePool2d = <X extends Shape>(x: Tensor<X>, options: PoolingOptions = {}): Tensor<PooledOf<X>> =>
  apply<PooledOf<X>, PoolingAttrs>(averagePool2dOp, [x], attributes("averagePool2d", options), named(options));

export const POOLING_OPS = [maxPool2dOp, maxPool2dWinnersOp, averagePool2dOp, averagePool2dGradientOp] as const;
