import type { ShapeContext, Sizes } from "../core/shape.ts";
import type { ShapeFrom } from "../core/shape-rules.ts";
import type { Result, Shape } from "../core/shape-types.ts";
import type { CheckFilters, CheckImage, Convolution } from "../core/shape-windows.ts";
import { isKnown, multiplySizes, sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, div, type Expr, int, mul, rem } from "../kernel/expr.ts";
import { apply, type Dims, f32, f64, floatDType, type OpOptions, sizesFrom } from "./support.ts";
import {
  checkImage,
  checkIncoming,
  checkPadding,
  type Dimensions,
  inputsAt,
  nameOf,
  needsRank,
  outputsAt,
  type Padding,
  type Pair,
  type PerAxis,
  perAxis,
  type Single,
  type Slide,
  slideShape,
  slidesOf,
  type Triple,
  tapsFromLast,
  tapsOf,
  type WindowAttrs,
  type WindowOptions,
  WORDS,
  whenInside,
  zeroOf,
} from "./window.ts";

/*
 * Convolution over one, two or three axes, and its two gradients. Each is linear in both operands, and the gradients of
 * each are again two of the three, so that derivatives of any order need nothing else. In two dimensions:
 *
 *     y  = conv2d(x, f)        y[n,oh,ow,co] = Σ_{kh,kw,ci} x[n, oh·s + kh·d - p, …, ci] · f[kh,kw,ci,co]
 *     dx = inputGradient(g, f)                 Σ_{kh,kw,co} over the windows that read the pixel
 *     df = filterGradient(x, g)                Σ_{n,oh,ow}
 *
 * Images are NHWC, filters HWIO. With groups, channels are cut into as many parts; output part i sees input part i.
 */

export type ConvolutionAttrs = WindowAttrs & { readonly groups: number };
type ImageAttrs = ConvolutionAttrs & { readonly inputShape: Sizes };
type FilterAttrs = ConvolutionAttrs & { readonly filterShape: Sizes };

/** Checks image and filter against each other. */
function checkOperands(
  x: Sizes,
  filters: Sizes,
  { groups }: ConvolutionAttrs,
  dims: Dimensions,
  context: ShapeContext,
): void {
  checkImage(x, dims, context);
  const { axes, one } = WORDS[dims];
  const last = dims + 1;
  if (filters.length !== dims + 2) {
    const wanted = `[${axes.join(", ")}, inputs, outputs]`;
    context.fail(`filters need rank ${dims + 2} ${wanted}, not rank ${filters.length}`, {
      fix: `make them with graph.variable("filters", ${wanted})`,
    });
  }
  const [channels, inputs, outputs] = [x[last]!, filters[dims]!, filters[last]!];
  const expected = multiplySizes(inputs, groups);
  const what = groups === 1 ? sizeText(inputs) : `${groups} groups of ${sizeText(inputs)}`;
  context.require(channels, expected, `the ${one} has ${sizeText(channels)} channels, the filters take ${what}`, {
    marks: [[last], [dims]],
    fix: `axis ${dims} of the filters times the groups must be the number of channels, the last axis of the ${one}`,
  });
  if (isKnown(outputs) && outputs % groups !== 0) {
    context.fail(`${outputs} output channels do not divide into ${groups} groups`, {
      marks: [[], [last]],
      fix: "make the last axis of the filters a multiple of the groups",
    });
  }
}

interface Geometry {
  readonly slides: readonly Slide[];
  /** Input and output channels of one group. */
  readonly inputs: number;
  readonly outputs: number;
}
function geometry(
  attrs: ConvolutionAttrs,
  image: readonly number[],
  filters: readonly number[],
  result: readonly number[],
): Geometry {
  const dims = image.length - 2;
  return {
    slides: slidesOf(attrs, image, filters, result),
    inputs: filters[dims]!,
    outputs: filters[dims + 1]! / attrs.groups,
  };
}

/** Channel number from the group of one channel and a number within that group. */
const inGroupOf = (channel: Expr, perGroup: number, within: Expr, size: number): Expr =>
  add(mul(div(channel, int(perGroup)), int(size)), within);

/** An index `[batch, …, channel]` or the loops of a reduction `[…, channel]` in parts. */
const partsOf = (index: readonly Expr[]) => ({
  batch: index[0]!,
  between: index.slice(1, -1),
  taps: index.slice(0, -1),
  last: index.at(-1)!,
});

/** Attributes of the convolution itself: those of a gradient op hold a shape besides. */
const windowOf = ({ strides, padding, dilations, groups }: ConvolutionAttrs): ConvolutionAttrs => ({
  strides,
  padding,
  dilations,
  groups,
});

interface Family {
  readonly forward: OpDef<ConvolutionAttrs>;
  readonly inputGradient: OpDef<ImageAttrs>;
  readonly filterGradient: OpDef<FilterAttrs>;
}
interface FamilyExamples {
  readonly forward: OpDef<ConvolutionAttrs>["examples"];
  readonly inputGradient: OpDef<ImageAttrs>["examples"];
  readonly filterGradient: OpDef<FilterAttrs>["examples"];
}

function defineFamily(dims: Dimensions, adjective: string, examples: FamilyExamples): Family {
  const name = `conv${dims}d`;
  const { many, layout, positions, taps, pixels } = WORDS[dims];
  const filterLayout = `${layout.slice(1, -1)}IO`;
  const [position, tap, pixel] = [positions.join(","), taps.join(","), pixels.join(",")];
  const read = positions.map((at, axis) => `s ${at} + d ${taps[axis]} - p`).join(",\\; ");
  const written = pixels.map((at, axis) => `(${at} + p - d ${taps[axis]})/s`).join(",\\; ");

  const outputShape = (x: Sizes, filters: Sizes, attrs: ConvolutionAttrs, context: ShapeContext): Sizes => {
    checkOperands(x, filters, attrs, dims, context);
    return [x[0]!, ...slideShape(x, filters, attrs, dims, context), filters[dims + 1]!];
  };
  const shared = {
    category: "contraction" as const,
    dtypes: floatDType,
    shapesOfUnknown: (inputs: readonly (Sizes | null)[], _attrs: ConvolutionAttrs, context: ShapeContext) =>
      needsRank(inputs, context),
    cost: "expensive" as const,
  };
  const ofInput = (g: Tensor, filters: Tensor, attrs: ConvolutionAttrs, inputShape: Sizes): Tensor =>
    apply(inputGradient, [g, filters], { ...attrs, inputShape });
  const ofFilters = (x: Tensor, g: Tensor, attrs: ConvolutionAttrs, filterShape: Sizes): Tensor =>
    apply(filterGradient, [x, g], { ...attrs, filterShape });

  const forward: OpDef<ConvolutionAttrs> = defineOp<ConvolutionAttrs>({
    ...shared,
    name,
    doc: [
      `${adjective}-dimensional convolution (as in every such library, really a correlation) of ${layout} ${many} with ${filterLayout} filters.`,
      `$y_{n,${position},o} = \\sum_{${tap},c} x_{n,\\; ${read},\\; c}\\; f_{${tap},c,o}$`,
      'Pixels outside of the image count as 0. `"same"` pads the odd pixel at the end, as TensorFlow does.',
    ].join("\n"),
    inputs: ["x", "filters"],
    shapes: ([x, filters], attrs, context) => [outputShape(x!, filters!, attrs, context)],
    gradient: ({ op, x: [x, filters], g, wants }) => [
      wants(0) ? ofInput(g, filters!, windowOf(op.attrs), x!.shape!) : null,
      wants(1) ? ofFilters(x!, g, windowOf(op.attrs), filters!.shape!) : null,
    ],
    compute: ({ in: [x, filters], attrs, output, k }, index) => {
      const { slides, inputs, outputs } = geometry(attrs, x!.shape, filters!.shape, output.shape);
      const { batch, between, last: co } = partsOf(index);
      return k.reduce(
        "add",
        [...tapsOf(slides), inputs],
        (...loops) => {
          const { taps: tapIndex, last: c } = partsOf(loops);
          const channel = inGroupOf(co, outputs, c, inputs);
          const places = inputsAt(slides, between, tapIndex);
          const value = whenInside(k, places, (at) => x!(batch, ...at, channel), zeroOf(x!, k));
          return k.binary("mul", value, filters!(...tapIndex, c, co));
        },
        "serial",
      );
    },
    examples: examples.forward,
  });

  const inputGradient: OpDef<ImageAttrs> = defineOp<ImageAttrs>({
    ...shared,
    name: `${name}InputGradient`,
    doc: [
      `Gradient of ${name} in its ${many}: spreads every output position over the pixels its window read.`,
      "As an op of its own it is the transposed convolution.",
      `$y_{n,${pixel},c} = \\sum_{${tap},o} g_{n,\\; ${written},\\; o}\\; f_{${tap},c,o}$,`,
      `over those ${taps.join(", ")} for which the indices of g are whole numbers inside of it.`,
    ].join("\n"),
    inputs: ["gradient", "filters"],
    shapes: ([g, filters], attrs, context) => {
      checkIncoming(g!, outputShape(attrs.inputShape, filters!, attrs, context), context);
      return [attrs.inputShape];
    },
    gradient: ({ op, x: [outer, filters], g }) => {
      const attrs = windowOf(op.attrs);
      return [apply(forward, [g, filters!], attrs), ofFilters(g, outer!, attrs, filters!.shape!)];
    },
    compute: ({ in: [g, filters], attrs, output, k }, index) => {
      const { slides, inputs, outputs } = geometry(attrs, output.shape, filters!.shape, g!.shape);
      const { batch, between, last: ci } = partsOf(index);
      const within = rem(ci, int(inputs));
      return k.reduce(
        "add",
        [...tapsOf(slides), outputs],
        (...loops) => {
          // From the last tap to the first: then the outputs they were read for come in increasing order.
          const { taps: fromLast, last: o } = partsOf(loops);
          const channel = inGroupOf(ci, inputs, o, outputs);
          const places = outputsAt(slides, between, fromLast);
          const incoming = whenInside(k, places, (at) => g!(batch, ...at, channel), zeroOf(g!, k));
          return k.binary("mul", incoming, filters!(...tapsFromLast(slides, fromLast), within, channel));
        },
        "serial",
      );
    },
    examples: examples.inputGradient,
  });

  const filterGradient: OpDef<FilterAttrs> = defineOp<FilterAttrs>({
    ...shared,
    name: `${name}FilterGradient`,
    doc: [
      `Gradient of ${name} in its filters: correlates the ${many} with the incoming gradient.`,
      `$y_{${tap},c,o} = \\sum_{n,${position}} x_{n,\\; ${read},\\; c}\\; g_{n,${position},o}$`,
    ].join("\n"),
    inputs: ["x", "gradient"],
    shapes: ([x, g], attrs, context) => {
      checkIncoming(g!, outputShape(x!, attrs.filterShape, attrs, context), context);
      return [attrs.filterShape];
    },
    gradient: ({ op, x: [x, outer], g }) => {
      const attrs = windowOf(op.attrs);
      return [ofInput(outer!, g, attrs, x!.shape!), apply(forward, [x!, g], attrs)];
    },
    compute: ({ in: [x, g], attrs, output, k }, index) => {
      const { slides, inputs, outputs } = geometry(attrs, x!.shape, output.shape, g!.shape);
      const tapIndex = index.slice(0, dims);
      const [ci, co] = index.slice(dims) as [Expr, Expr];
      const channel = inGroupOf(co, outputs, ci, inputs);
      return k.reduce(
        "add",
        [x!.shape[0]!, ...slides.map((slide) => slide.outputs)],
        (n, ...at) => {
          const places = inputsAt(slides, at, tapIndex);
          const value = whenInside(k, places, (there) => x!(n!, ...there, channel), zeroOf(x!, k));
          return k.binary("mul", value, g!(n!, ...at, co));
        },
        "serial",
      );
    },
    examples: examples.filterGradient,
  });
  return { forward, inputGradient, filterGradient };
}

// ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────

const plain = (dims: Dimensions): ConvolutionAttrs => ({
  strides: perAxis("conv", "strides", 1, dims),
  padding: "valid",
  dilations: perAxis("conv", "dilations", 1, dims),
  groups: 1,
});
const [PLAIN1, PLAIN, PLAIN3] = [plain(1), plain(2), plain(3)];

const conv1 = defineFamily(1, "One", {
  forward: [
    { inputs: [f32([1, 6, 1]), f32([3, 1, 1])], attrs: PLAIN1 },
    { inputs: [f64([2, 7, 2]), f64([3, 2, 3])], attrs: { ...PLAIN1, padding: "same", strides: [2] } },
    { inputs: [f64([1, 7, 2]), f64([2, 1, 4])], attrs: { ...PLAIN1, dilations: [3], groups: 2 } },
    { inputs: [f64([1, 4, 1]), f64([3, 1, 1])], attrs: { ...PLAIN1, padding: [[2, 0]] }, note: "causal" },
  ],
  inputGradient: [
    {
      inputs: [f64([2, 4, 3]), f64([3, 2, 3])],
      attrs: { ...PLAIN1, strides: [2], padding: "same", inputShape: [2, 7, 2] },
    },
    {
      inputs: [f32([1, 4, 4]), f32([2, 1, 4])],
      attrs: { ...PLAIN1, dilations: [3], groups: 2, inputShape: [1, 7, 2] },
    },
  ],
  filterGradient: [
    {
      inputs: [f64([2, 7, 2]), f64([2, 4, 3])],
      attrs: { ...PLAIN1, strides: [2], padding: "same", filterShape: [3, 2, 3] },
    },
    {
      inputs: [f32([1, 7, 2]), f32([1, 4, 4])],
      attrs: { ...PLAIN1, dilations: [3], groups: 2, filterShape: [2, 1, 4] },
    },
  ],
});

const conv2 = defineFamily(2, "Two", {
  forward: [
    { inputs: [f32([1, 5, 5, 1]), f32([3, 3, 1, 1])], attrs: PLAIN },
    { inputs: [f64([2, 4, 5, 2]), f64([3, 2, 2, 3])], attrs: { ...PLAIN, padding: "same" } },
    { inputs: [f64([1, 6, 7, 2]), f64([3, 3, 2, 2])], attrs: { ...PLAIN, padding: "same", strides: [2, 3] } },
    { inputs: [f64([1, 6, 7, 1]), f64([2, 2, 1, 2])], attrs: { ...PLAIN, dilations: [2, 3] } },
    { inputs: [f64([1, 4, 4, 4]), f64([3, 3, 2, 6])], attrs: { ...PLAIN, padding: "same", groups: 2 } },
    { inputs: [f64([1, 4, 4, 3]), f64([2, 2, 1, 3])], attrs: { ...PLAIN, groups: 3 }, note: "one filter per channel" },
    {
      inputs: [f64([1, 3, 4, 1]), f64([2, 3, 1, 1])],
      attrs: {
        ...PLAIN,
        padding: [
          [2, 1],
          [0, 3],
        ],
      },
    },
    {
      inputs: [f32([1, 7, 7, 1]), f32([2, 2, 1, 1])],
      attrs: { ...PLAIN, strides: [3, 3] },
      note: "gaps between windows",
    },
    { inputs: [f32([2, 6, 6, 8]), f32([3, 3, 8, 4])], attrs: { ...PLAIN, padding: "same" } },
  ],
  inputGradient: [
    { inputs: [f64([1, 3, 3, 2]), f64([3, 3, 1, 2])], attrs: { ...PLAIN, inputShape: [1, 5, 5, 1] } },
    {
      inputs: [f64([2, 3, 2, 2]), f64([3, 3, 2, 2])],
      attrs: { ...PLAIN, padding: "same", strides: [2, 2], inputShape: [2, 5, 4, 2] },
      note: "upsamples",
    },
    {
      inputs: [f32([1, 3, 3, 4]), f32([2, 2, 1, 4])],
      attrs: { ...PLAIN, groups: 2, dilations: [2, 1], inputShape: [1, 5, 4, 2] },
    },
  ],
  filterGradient: [
    { inputs: [f64([2, 5, 5, 1]), f64([2, 3, 3, 2])], attrs: { ...PLAIN, filterShape: [3, 3, 1, 2] } },
    {
      inputs: [f64([2, 5, 4, 2]), f64([2, 3, 2, 2])],
      attrs: { ...PLAIN, padding: "same", strides: [2, 2], filterShape: [3, 3, 2, 2] },
    },
    {
      inputs: [f32([1, 5, 4, 2]), f32([1, 3, 3, 4])],
      attrs: { ...PLAIN, groups: 2, dilations: [2, 1], filterShape: [2, 2, 1, 4] },
    },
  ],
});

const conv3 = defineFamily(3, "Three", {
  forward: [
    { inputs: [f32([1, 3, 3, 3, 1]), f32([2, 2, 2, 1, 1])], attrs: PLAIN3 },
    {
      inputs: [f64([2, 3, 4, 3, 2]), f64([2, 3, 1, 2, 2])],
      attrs: { ...PLAIN3, padding: "same", strides: [1, 2, 2] },
    },
    { inputs: [f64([1, 3, 3, 4, 2]), f64([2, 1, 2, 1, 2])], attrs: { ...PLAIN3, dilations: [2, 1, 3], groups: 2 } },
  ],
  inputGradient: [
    {
      inputs: [f64([2, 3, 2, 2, 2]), f64([2, 3, 1, 2, 2])],
      attrs: { ...PLAIN3, padding: "same", strides: [1, 2, 2], inputShape: [2, 3, 4, 3, 2] },
    },
  ],
  filterGradient: [
    {
      inputs: [f64([2, 3, 4, 3, 2]), f64([2, 3, 2, 2, 2])],
      attrs: { ...PLAIN3, padding: "same", strides: [1, 2, 2], filterShape: [2, 3, 1, 2, 2] },
    },
  ],
});

export const conv2dOp = conv2.forward;

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface ConvolutionOptions<N extends PerAxis = Pair> extends OpOptions, WindowOptions<N> {
  /** Distance between neighbouring taps of a filter; default 1. */
  readonly dilations?: number | N;
  /** Parts into which the channels are cut; default 1. */
  readonly groups?: number;
}

/** Options whose literals the editor follows. */
export interface Sliding<N extends PerAxis, St, P, D, G> extends OpOptions {
  /** Steps between windows; one number for all axes, or one each. */
  readonly strides?: St;
  /** Default `"valid"`. */
  readonly padding?: P & Padding<N>;
  /** Distance between neighbouring taps of a filter; default 1. */
  readonly dilations?: D;
  /** Parts into which the channels are cut; default 1. */
  readonly groups?: G;
}
type Convolve<Dims extends Dimensions, N extends PerAxis, Op extends string> = <
  X extends Shape,
  F extends Shape,
  const St extends number | N = 1,
  const P extends Padding<N> = "valid",
  const D extends number | N = 1,
  const G extends number = 1,
>(
  x: Tensor<X> & CheckImage<Dims, Op, X>,
  filters: Tensor<F> & CheckFilters<Dims, Op, X, F, G, Convolution<Dims, Op, X, F, St, P, D>>,
  options?: Sliding<N, St, P, D, G>,
) => Tensor<Result<Convolution<Dims, Op, X, F, St, P, D>>>;

export function convolutionAttrs<N extends PerAxis>(
  op: string,
  options: ConvolutionOptions<N>,
  dims: Dimensions,
): ConvolutionAttrs {
  const { strides = 1, padding = "valid", dilations = 1, groups = 1 } = options;
  return {
    strides: perAxis(op, "strides", strides, dims),
    padding: checkPadding(op, padding, dims),
    dilations: perAxis(op, "dilations", dilations, dims),
    groups: perAxis(op, "groups", groups, 1)[0]!,
  };
}

/**
 * One-dimensional convolution.
 *
 * @param x sequences `[batch, width, channels]`
 * @param filters `[width, inputs, outputs]`, where inputs · groups = channels
 * @throws ShapeError when the channels do not go together or a window does not fit
 */
export const conv1d: Convolve<1, Single, "conv1d"> = (x, filters, options = {}) =>
  apply(conv1.forward, [x, filters], convolutionAttrs<Single>("conv1d", options, 1), nameOf(options));

/**
 * Two-dimensional convolution.
 *
 * @param x images `[batch, height, width, channels]`
 * @param filters `[height, width, inputs, outputs]`, where inputs · groups = channels
 * @throws ShapeError when the channels do not go together or a window does not fit
 */
export const conv2d: Convolve<2, Pair, "conv2d"> = (x, filters, options = {}) =>
  apply(conv2.forward, [x, filters], convolutionAttrs<Pair>("conv2d", options, 2), nameOf(options));

/**
 * Three-dimensional convolution.
 *
 * @param x volumes `[batch, depth, height, width, channels]`
 * @param filters `[depth, height, width, inputs, outputs]`, where inputs · groups = channels
 * @throws ShapeError when the channels do not go together or a window does not fit
 */
export const conv3d: Convolve<3, Triple, "conv3d"> = (x, filters, options = {}) =>
  apply(conv3.forward, [x, filters], convolutionAttrs<Triple>("conv3d", options, 3), nameOf(options));

function transposed<N extends PerAxis, const To extends Dims>(
  { inputGradient }: Family,
  dims: Dimensions,
  [x, filters]: readonly [Tensor, Tensor],
  shape: To,
  options: ConvolutionOptions<N>,
): Tensor<ShapeFrom<To>> {
  const op = `conv${dims}dTranspose`;
  const attrs = { ...convolutionAttrs(op, options, dims), inputShape: sizesFrom(op, shape) };
  return apply(inputGradient, [x, filters], attrs, nameOf(options));
}

/** As `conv2dTranspose`, for sequences `[batch, width, outputs]` and filters `[width, inputs, outputs]`. */
export const conv1dTranspose = <const To extends Dims>(
  x: Tensor,
  filters: Tensor,
  shape: To,
  options: ConvolutionOptions<Single> = {},
): Tensor<ShapeFrom<To>> => transposed(conv1, 1, [x, filters], shape, options);

/**
 * Transposed convolution: the map from outputs back to images that `conv2d` with these filters and options has as its
 * gradient. Upsamples by the strides.
 *
 * @param x `[batch, height, width, outputs]`
 * @param filters those of the convolution, `[height, width, inputs, outputs]`
 * @param shape of the result, `[batch, height, width, inputs]`: several sizes would convolve to that of `x`
 */
export const conv2dTranspose = <const To extends Dims>(
  x: Tensor,
  filters: Tensor,
  shape: To,
  options: ConvolutionOptions = {},
): Tensor<ShapeFrom<To>> => transposed(conv2, 2, [x, filters], shape, options);

/** As `conv2dTranspose`, for volumes and filters `[depth, height, width, inputs, outputs]`. */
export const conv3dTranspose = <const To extends Dims>(
  x: Tensor,
  filters: Tensor,
  shape: To,
  options: ConvolutionOptions<Triple> = {},
): Tensor<ShapeFrom<To>> => transposed(conv3, 3, [x, filters], shape, options);

const recordsOf = ({ forward, inputGradient, filterGradient }: Family) => [forward, inputGradient, filterGradient];
export const CONVOLUTION_OPS: readonly OpDef[] = [conv1, conv2, conv3].flatMap(recordsOf);
