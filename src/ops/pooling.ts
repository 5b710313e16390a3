import { elementCount, type ShapeContext, type Sizes, stridesOf } from "../core/shape.ts";
import type { Dim, Result, Shape, Valid, With } from "../core/shape-types.ts";
import type { Window } from "../core/shape-windows.ts";
import {
  type ComputeContext,
  defineOp,
  type ExampleInput,
  type KernelBuilder,
  type OpDef,
  type OpExample,
} from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, and, binary, div, type Expr, int, le, lt, mul, sub } from "../kernel/expr.ts";
import { takeFlat } from "./indexing.ts";
import { flatIndex } from "./movement.ts";
import { max, mean } from "./reduction.ts";
import { apply, f32, f64, floatDType, i32, type OpOptions } from "./support.ts";
import {
  checkImage,
  checkIncoming,
  checkPadding,
  type Dimensions,
  type Guarded,
  inputsAt,
  nameOf,
  needsRank,
  type Padding,
  type Pair,
  type PerAxis,
  perAxis,
  type Single,
  type Slide,
  slideShape,
  slidesOf,
  type Triple,
  tapsOf,
  type WindowAttrs,
  type WindowOptions,
  WORDS,
  whenInside,
  zeroOf,
} from "./window.ts";

export type PoolingAttrs = { readonly window: readonly number[] } & Omit<WindowAttrs, "dilations">;
type PoolGradientAttrs = PoolingAttrs & { readonly inputShape: Sizes };

/** Pooling windows have no holes. */
const slidingAttrs = (attrs: PoolingAttrs): WindowAttrs => ({ ...attrs, dilations: attrs.window.map(() => 1) });

function pooledShape(x: Sizes, attrs: PoolingAttrs, dims: Dimensions, context: ShapeContext): Sizes {
  checkImage(x, dims, context);
  if (typeof attrs.padding !== "string") {
    attrs.padding.forEach((pads, which) => {
      // Then some window would see nothing but padding and have no value.
      const worst = Math.max(...pads);
      const window = attrs.window[which]!;
      if (worst >= window) context.fail(`padding of ${worst} with a window of ${window}`, { fix: "pad by less" });
    });
  }
  return [x[0]!, ...slideShape(x, attrs.window, slidingAttrs(attrs), dims, context), x.at(-1)!];
}

const slides = (attrs: PoolingAttrs, image: readonly number[], result: readonly number[]): readonly Slide[] =>
  slidesOf(slidingAttrs(attrs), image, attrs.window, result);

/** An index `[batch, …, channel]` in parts. */
const partsOf = (index: readonly Expr[]) => ({
  n: index[0]!,
  between: index.slice(1, -1),
  c: index.at(-1)!,
});

/** The largest value in a window. Padding is -∞ and so never wins; NaN always does. */
function largest({ in: [x], attrs, output, k }: ComputeContext<PoolingAttrs>, index: readonly Expr[]): Expr {
  const { n, between, c } = partsOf(index);
  const all = slides(attrs, x!.shape, output.shape);
  return k.reduce("max", tapsOf(all), (...taps) =>
    whenInside(k, inputsAt(all, between, taps), (at) => x!(n, ...at, c), k.constant(-Infinity, x!.dtype)),
  );
}

/** How many pixels of the image a window at `output` covers. */
function covered(slide: Slide, output: Expr): Expr {
  const first = sub(mul(output, int(slide.stride)), int(slide.before));
  const end = binary("min", add(first, int(slide.taps)), int(slide.size));
  return sub(end, binary("max", first, int(0)));
}
const countAt = (all: readonly Slide[], at: readonly Expr[]): Expr =>
  all.map((slide, axis) => covered(slide, at[axis]!)).reduce(mul);

/** How many windows along one axis can cover a pixel: one where they do not overlap. */
const coveringOf = ({ taps, stride }: Slide): number => Math.ceil(taps / stride);

/**
 * Of the windows along one axis that may cover the pixel at `input`, the one with number `which`, counted from the
 * lowest. The lowest ones may end before it where the stride does not divide the window.
 */
function windowOver(slide: Slide, input: Expr, which: Expr): Guarded {
  const last = div(add(input, int(slide.before)), int(slide.stride));
  const at = sub(add(last, which), int(coveringOf(slide) - 1));
  return { at, inside: and(le(int(0), at), lt(at, int(slide.outputs))) };
}

/** `windowOver`, inside only if the window does cover the pixel. */
function coveringWindow(slide: Slide, input: Expr, which: Expr): Guarded {
  const { at, inside } = windowOver(slide, input, which);
  if (slide.taps % slide.stride === 0) return { at, inside };
  const tap = sub(add(input, int(slide.before)), mul(at, int(slide.stride)));
  return { at, inside: and(inside, lt(tap, int(slide.taps))) };
}

/** The sum over all windows that may cover a pixel, in increasing order. */
function sumOverWindows(
  k: KernelBuilder,
  all: readonly Slide[],
  zero: Expr,
  share: (which: readonly Expr[]) => Expr,
): Expr {
  const covering = all.map(coveringOf);
  if (covering.some((count) => count > 1)) return k.reduce("add", covering, (...which) => share(which), "serial");
  return k.binary("add", zero, share(covering.map(() => int(0))));
}

/** Winners for an example: each window picks its first pixel that is inside of the image. `pooled` is their shape. */
function someWinners(pooled: readonly number[], attrs: PoolGradientAttrs): readonly number[] {
  const image = attrs.inputShape as readonly number[]; // those of examples are numbers
  const all = slides(attrs, image, pooled);
  const strides = stridesOf(image);
  return Array.from({ length: elementCount(pooled) }, (_, element) => {
    const at = stridesOf(pooled).map((stride, axis) => Math.floor(element / stride) % pooled[axis]!);
    const pixel = at.map((position, axis) => {
      const slide = all[axis - 1];
      return slide ? Math.max(0, position * slide.stride - slide.before) : position;
    });
    return pixel.reduce((sum, position, axis) => sum + position * strides[axis]!, 0);
  });
}

const withoutShape = ({ window, strides, padding }: PoolingAttrs): PoolingAttrs => ({ window, strides, padding });

interface Family {
  readonly largest: OpDef<PoolingAttrs>;
  readonly winners: OpDef<PoolingAttrs>;
  readonly largestGradient: OpDef<PoolGradientAttrs>;
  readonly average: OpDef<PoolingAttrs>;
  readonly averageGradient: OpDef<PoolGradientAttrs>;
}

function defineFamily(
  dims: Dimensions,
  examples: readonly OpExample<PoolingAttrs>[],
  gradientExamples: readonly OpExample<PoolGradientAttrs>[],
): Family {
  const { many, layout, positions, taps, pixels } = WORDS[dims];
  const [position, tap, pixel] = [positions.join(","), taps.join(","), pixels.join(",")];
  const read = positions.map((at, axis) => `s ${at} + ${taps[axis]} - p`).join(",\\; ");
  const several = (names: string): string => (dims === 1 ? names : `(${names})`);
  const pooling = {
    category: "neural" as const,
    inputs: ["x"],
    dtypes: floatDType,
    shapes: ([x]: readonly Sizes[], attrs: PoolingAttrs, context: ShapeContext): readonly Sizes[] => [
      pooledShape(x!, attrs, dims, context),
    ],
    shapesOfUnknown: (inputs: readonly (Sizes | null)[], _attrs: PoolingAttrs, context: ShapeContext): never =>
      needsRank(inputs, context),
    cost: "expensive" as const,
    examples,
  };

  const winners: OpDef<PoolingAttrs> = defineOp<PoolingAttrs>({
    ...pooling,
    name: `maxPool${dims}dWinners`,
    doc: [
      `Row-major element numbers of the values maxPool${dims}d picks: of several equal maxima the first, of any NaN the first.`,
      `$y_{n,${position},c} = \\min \\{ e : x_e = \\max \\}$ over the elements e of the window`,
    ].join("\n"),
    dtypes: (inputs, attrs, context) => {
      floatDType(inputs, attrs, context);
      return ["int32"];
    },
    gradient: "none",
    compute: (context, index) => {
      const { attrs, output, k } = context;
      const x = context.in[0]!;
      const { n, between, c } = partsOf(index);
      const all = slides(attrs, x.shape, output.shape);
      const best = k.let("best", largest(context, index));
      // Elements are counted from where the window begins, which may be outside of the image. Some element wins, so the
      // last one needs no test.
      const begin = between.map((at, axis) => sub(mul(at, int(all[axis]!.stride)), int(all[axis]!.before)));
      const fromBegin = (tapIndex: readonly Expr[]): Expr => flatIndex(x.shape, [int(0), ...tapIndex, int(0)]);
      const last = fromBegin(all.map(({ taps }) => int(taps - 1)));
      const winner = k.reduce("min", tapsOf(all), (...tapIndex) => {
        const candidate = (at: readonly Expr[]): Expr => {
          const value = x(n, ...at, c);
          // If there is a NaN, the maximum is one too, and equals nothing.
          const wins = k.binary("or", k.binary("eq", value, best), k.binary("ne", value, value));
          return k.select(wins, fromBegin(tapIndex), last);
        };
        return whenInside(k, inputsAt(all, between, tapIndex), candidate, last);
      });
      return add(flatIndex(x.shape, [n, ...begin, c]), winner);
    },
  });

  const largestGradient: OpDef<PoolGradientAttrs> = defineOp<PoolGradientAttrs>({
    name: `maxPool${dims}dGradient`,
    category: "neural",
    doc: [
      `Gradient of maxPool${dims}d: every pixel gets what comes in for the windows it won, added in increasing order.`,
      `$y_{n,${pixel},c} = \\sum_{${several(position)} \\ni ${several(pixel)}} [\\mathrm{winner}_{n,${position},c} = (n,${pixel},c)]\\; g_{n,${position},c}$`,
    ].join("\n"),
    inputs: ["winners", "gradient"],
    dtypes: ([winner, g], attrs, context) =>
      winner === "int32" ? floatDType([g!], attrs, context) : context.fail(`winners are ${winner}, not int32`),
    shapes: ([winner, g], attrs, context) => {
      const pooled = pooledShape(attrs.inputShape, attrs, dims, context);
      checkIncoming(winner!, pooled, context);
      checkIncoming(g!, pooled, context);
      return [attrs.inputShape];
    },
    gradient: ({ x: [winner], g }) => [null, takeFlat(g, winner!)],
    compute: ({ in: [winner, g], attrs, output, k }, index) => {
      const { n, between, c } = partsOf(index);
      const all = slides(attrs, output.shape, g!.shape);
      const pixelNumber = flatIndex(output.shape, index);
      const zero = zeroOf(g!, k);
      return sumOverWindows(k, all, zero, (which) => {
        const windows = all.map((slide, axis) => windowOver(slide, between[axis]!, which[axis]!));
        const won = (at: readonly Expr[]): Expr =>
          k.select(k.binary("eq", winner!(n, ...at, c), pixelNumber), g!(n, ...at, c), zero);
        return whenInside(k, windows, won, zero);
      });
    },
    cost: "cheap",
    examples: gradientExamples.map(({ inputs: [g], attrs }) => ({
      inputs: [i32(g!.shape, { values: someWinners(g!.shape, attrs) }), g!] as const,
      attrs,
    })),
  });

  const average: OpDef<PoolingAttrs> = defineOp<PoolingAttrs>({
    ...pooling,
    name: `averagePool${dims}d`,
    doc: [
      `The mean of each window of ${layout} ${many}; padding is not counted, as in TensorFlow.`,
      `$y_{n,${position},c} = \\frac{1}{|W|} \\sum_{${several(tap)} \\in W} x_{n,\\; ${read},\\; c}$,`,
      "W being the taps that lie inside of the image.",
    ].join("\n"),
    gradient: ({ op, x: [x], g }) => [
      apply(averageGradient, [g], { ...withoutShape(op.attrs), inputShape: x!.shape! }),
    ],
    compute: ({ in: [x], attrs, output, k }, index) => {
      const { n, between, c } = partsOf(index);
      const all = slides(attrs, x!.shape, output.shape);
      const total = k.reduce(
        "add",
        tapsOf(all),
        (...tapIndex) => whenInside(k, inputsAt(all, between, tapIndex), (at) => x!(n, ...at, c), zeroOf(x!, k)),
        "serial",
      );
      return k.binary("div", total, k.cast(countAt(all, between), x!.dtype));
    },
  });

  const averageGradient: OpDef<PoolGradientAttrs> = defineOp<PoolGradientAttrs>({
    name: `averagePool${dims}dGradient`,
    category: "neural",
    doc: [
      `Gradient of averagePool${dims}d: every pixel gets its share from the windows that cover it.`,
      `$y_{n,${pixel},c} = \\sum_{${several(position)} \\ni ${several(pixel)}} g_{n,${position},c} / |W_{${position}}|$`,
    ].join("\n"),
    inputs: ["gradient"],
    dtypes: floatDType,
    shapes: ([g], attrs, context) => {
      checkIncoming(g!, pooledShape(attrs.inputShape, attrs, dims, context), context);
      return [attrs.inputShape];
    },
    gradient: ({ op, g }) => [apply(average, [g], withoutShape(op.attrs))],
    compute: ({ in: [g], attrs, output, k }, index) => {
      const { n, between, c } = partsOf(index);
      const all = slides(attrs, output.shape, g!.shape);
      return sumOverWindows(k, all, zeroOf(g!, k), (which) => {
        const windows = all.map((slide, axis) => coveringWindow(slide, between[axis]!, which[axis]!));
        const share = (at: readonly Expr[]): Expr =>
          k.binary("div", g!(n, ...at, c), k.cast(countAt(all, at), g!.dtype));
        return whenInside(k, windows, share, zeroOf(g!, k));
      });
    },
    cost: "expensive",
    examples: gradientExamples,
  });

  return {
    largest: defineOp<PoolingAttrs>({
      ...pooling,
      name: `maxPool${dims}d`,
      doc: [
        `The largest value in each window of ${layout} ${many}; padding never wins.`,
        `$y_{n,${position},c} = \\max_{${tap}} x_{n,\\; ${read},\\; c}$`,
        "The gradient goes to the first of several equal maxima.",
      ].join("\n"),
      gradient: ({ op, x: [x], g }) => [
        apply(largestGradient, [apply(winners, [x!], op.attrs), g], {
          ...withoutShape(op.attrs),
          inputShape: x!.shape!,
        }),
      ],
      compute: largest,
    }),
    winners,
    largestGradient,
    average,
    averageGradient,
  };
}

const pool1 = defineFamily(
  1,
  [
    { inputs: [f32([1, 6, 2])], attrs: { window: [2], strides: [2], padding: "valid" } },
    { inputs: [f64([2, 7, 1])], attrs: { window: [3], strides: [2], padding: "same" } },
    { inputs: [f64([1, 5, 2])], attrs: { window: [3], strides: [1], padding: [[2, 0]] } },
  ],
  [{ inputs: [f64([2, 4, 1])], attrs: { window: [3], strides: [2], padding: "same", inputShape: [2, 7, 1] } }],
);

const pool2 = defineFamily(
  2,
  [
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
  ],
  [
    {
      inputs: [f64([1, 2, 2, 2])],
      attrs: { window: [2, 2], strides: [2, 2], padding: "valid", inputShape: [1, 4, 4, 2] },
    },
    {
      inputs: [f64([1, 3, 2, 1])],
      attrs: { window: [3, 3], strides: [2, 2], padding: "same", inputShape: [1, 5, 4, 1] },
    },
  ],
);

const pool3 = defineFamily(
  3,
  [
    { inputs: [f32([1, 2, 4, 2, 2])], attrs: { window: [2, 2, 1], strides: [1, 2, 1], padding: "valid" } },
    { inputs: [f64([2, 3, 4, 3, 1])], attrs: { window: [2, 3, 2], strides: [2, 2, 1], padding: "same" } },
  ],
  [
    {
      inputs: [f64([2, 2, 2, 3, 1])],
      attrs: { window: [2, 3, 2], strides: [2, 2, 1], padding: "same", inputShape: [2, 3, 4, 3, 1] },
    },
  ],
);

export const maxPool2dWinnersOp = pool2.winners;

// ── the whole image as one window ────────────────────────────────────────────────────────────────────────────────

type GlobalAttrs = { readonly keepDims: boolean };

/** Axes between batch and channels. */
const middleAxes = (rank: number): readonly number[] => Array.from({ length: rank - 2 }, (_, axis) => axis + 1);

const GLOBALS: readonly { readonly inputs: readonly ExampleInput[]; readonly attrs: GlobalAttrs }[] = [
  { inputs: [f32([2, 3, 4, 2])], attrs: { keepDims: false } },
  { inputs: [f64([2, 5, 3])], attrs: { keepDims: true } },
  { inputs: [f64([1, 2, 2, 2, 2])], attrs: { keepDims: false } },
];

const globalPooling = {
  category: "neural" as const,
  inputs: ["x"],
  dtypes: floatDType,
  shapes: ([x]: readonly Sizes[], { keepDims }: GlobalAttrs, context: ShapeContext): readonly Sizes[] => {
    if (x!.length < 3) context.fail(`there is nothing between batch and channels in rank ${x!.length}`);
    return [[x![0]!, ...(keepDims ? x!.slice(1, -1).map(() => 1) : []), x!.at(-1)!]];
  },
  shapesOfUnknown: (inputs: readonly (Sizes | null)[], _attrs: GlobalAttrs, context: ShapeContext): never =>
    needsRank(inputs, context),
  gradient: "via-decompose" as const,
  examples: GLOBALS,
};

export const globalAveragePoolOp: OpDef<GlobalAttrs> = defineOp<GlobalAttrs>({
  ...globalPooling,
  name: "globalAveragePool",
  doc: "The mean over all axes between batch and channels.\n$y_{n,c} = \\frac{1}{|P|} \\sum_{p \\in P} x_{n,p,c}$",
  decompose: ({ inputs: [x], attrs: { keepDims } }) => [mean(x!, { axis: middleAxes(x!.rank!), keepDims })],
});

export const globalMaxPoolOp: OpDef<GlobalAttrs> = defineOp<GlobalAttrs>({
  ...globalPooling,
  name: "globalMaxPool",
  doc: "The largest value over all axes between batch and channels; equal maxima share the gradient, as those of `max`.\n$y_{n,c} = \\max_p x_{n,p,c}$",
  decompose: ({ inputs: [x], attrs: { keepDims } }) => [max(x!, { axis: middleAxes(x!.rank!), keepDims })],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface PoolingOptions<N extends PerAxis = Pair> extends OpOptions, WindowOptions<N> {
  /** Size of the windows; one number for all axes, or one each. Default 2. */
  readonly window?: number | N;
}

/** Options whose literals the editor follows. Without strides they are the window. */
interface PoolingWindow<N extends PerAxis, W, St, P> extends OpOptions {
  /** Size of the windows; one number for all axes, or one each. Default 2. */
  readonly window?: W;
  /** Steps between windows; one number for all axes, or one each. */
  readonly strides?: St;
  /** Default `"valid"`. */
  readonly padding?: P & Padding<N>;
}
type Pool<Dims extends Dimensions, N extends PerAxis, Op extends string> = <
  X extends Shape,
  const W extends number | N = 2,
  const St extends number | N = W,
  const P extends Padding<N> = "valid",
>(
  x: Tensor<X> & Valid<Window<Dims, Op, X, W, St, P>>,
  options?: PoolingWindow<N, W, St, P>,
) => Tensor<Result<Window<Dims, Op, X, W, St, P>>>;

function attributes<N extends PerAxis>(op: string, options: PoolingOptions<N>, dims: Dimensions): PoolingAttrs {
  const { window = 2, strides = window, padding = "valid" } = options;
  return {
    window: perAxis(op, "window sizes", window, dims),
    strides: perAxis(op, "strides", strides, dims),
    padding: checkPadding(op, padding, dims),
  };
}

/** As `maxPool2d`, for sequences `[batch, width, channels]`. */
export const maxPool1d: Pool<1, Single, "maxPool1d"> = (x, options = {}) =>
  apply(pool1.largest, [x], attributes<Single>("maxPool1d", options, 1), nameOf(options));

/**
 * The largest value in each window of images `[batch, height, width, channels]`. The strides are the window unless
 * given, as in Keras.
 * @throws ShapeError when a window does not fit
 */
export const maxPool2d: Pool<2, Pair, "maxPool2d"> = (x, options = {}) =>
  apply(pool2.largest, [x], attributes<Pair>("maxPool2d", options, 2), nameOf(options));

/** As `maxPool2d`, for volumes `[batch, depth, height, width, channels]`. */
export const maxPool3d: Pool<3, Triple, "maxPool3d"> = (x, options = {}) =>
  apply(pool3.largest, [x], attributes<Triple>("maxPool3d", options, 3), nameOf(options));

/** As `averagePool2d`, for sequences `[batch, width, channels]`. */
export const averagePool1d: Pool<1, Single, "averagePool1d"> = (x, options = {}) =>
  apply(pool1.average, [x], attributes<Single>("averagePool1d", options, 1), nameOf(options));

/**
 * The mean of each window of images `[batch, height, width, channels]`; padding is not counted. The strides are the
 * window unless given, as in Keras.
 * @throws ShapeError when a window does not fit
 */
export const averagePool2d: Pool<2, Pair, "averagePool2d"> = (x, options = {}) =>
  apply(pool2.average, [x], attributes<Pair>("averagePool2d", options, 2), nameOf(options));

/** As `averagePool2d`, for volumes `[batch, depth, height, width, channels]`. */
export const averagePool3d: Pool<3, Triple, "averagePool3d"> = (x, options = {}) =>
  apply(pool3.average, [x], attributes<Triple>("averagePool3d", options, 3), nameOf(options));

export interface GlobalPoolingOptions<KeepDims extends boolean = boolean> extends OpOptions {
  /** Keep the axes that went, with size 1. Default false. */
  readonly keepDims?: KeepDims;
}
type PooledAway<S extends Shape, KeepDims extends boolean> = S extends readonly [
  infer N extends Dim,
  Dim,
  ...infer Rest extends Shape,
  infer C extends Dim,
]
  ? [KeepDims] extends [true]
    ? readonly [N, 1, ...With<Rest, number, 1>, C]
    : [KeepDims] extends [false]
      ? readonly [N, C]
      : Shape
  : Shape;

/**
 * The mean over all axes between batch and channels: `[N, H, W, C]` becomes `[N, C]`.
 * @throws ShapeError for a rank below 3
 */
export const globalAveragePool = <S extends Shape, KeepDims extends boolean = false>(
  x: Tensor<S>,
  { keepDims, ...options }: GlobalPoolingOptions<KeepDims> = {},
): Tensor<PooledAway<S, KeepDims>> => apply(globalAveragePoolOp, [x], { keepDims: keepDims ?? false }, options);

/**
 * The largest value over all axes between batch and channels: `[N, H, W, C]` becomes `[N, C]`.
 * @throws ShapeError for a rank below 3
 */
export const globalMaxPool = <S extends Shape, KeepDims extends boolean = false>(
  x: Tensor<S>,
  { keepDims, ...options }: GlobalPoolingOptions<KeepDims> = {},
): Tensor<PooledAway<S, KeepDims>> => apply(globalMaxPoolOp, [x], { keepDims: keepDims ?? false }, options);

const recordsOf = (family: Family): readonly OpDef[] => [
  family.largest,
  family.winners,
  family.largestGradient,
  family.average,
  family.averageGradient,
];
export const POOLING_OPS: readonly OpDef[] = [
  ...recordsOf(pool1),
  ...recordsOf(pool2),
  ...recordsOf(pool3),
  globalAveragePoolOp,
  globalMaxPoolOp,
];
