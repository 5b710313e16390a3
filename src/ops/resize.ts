import { elementCount, type ShapeContext, type Sizes } from "../core/shape.ts";
import { type ComputeContext, defineOp, type KernelBuilder, type OpDef, type OpExample } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, binary, div, type Expr, int, mul, rem, sub } from "../kernel/expr.ts";
import { flatIndex } from "./movement.ts";
import { apply, callError, f32, f64, floatDType, type OpOptions } from "./support.ts";
import { checkImage, checkIncoming, nameOf, needsRank, type Pair } from "./window.ts";

/*
 * Where output pixel o of n' reads an axis of n pixels, as a fraction of whole numbers so that nothing is rounded:
 *
 *     half pixels (TensorFlow 2)     (o + 1/2) n/n' - 1/2     = ((2o + 1) n - n') / 2n'
 *     aligned corners                o (n - 1)/(n' - 1)       the first and the last pixel stay where they are
 *     neither (TensorFlow 1)         o n/n'
 *
 * Bilinear mixes the two pixels around that place. Nearest takes, as TensorFlow does, the pixel the place lies in: with
 * half pixels the one around `(o + 1/2) n/n'`, with aligned corners the closest one, otherwise the one before.
 */
type ResizeAttrs = {
  readonly size: readonly number[];
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
};
type ResizeGradientAttrs = ResizeAttrs & { readonly inputShape: Sizes };
type Method = "nearest" | "bilinear";

/** The pixel before a place, the one after it, and how far between them it lies, from 0 to 1. */
interface Place {
  readonly before: Expr;
  readonly after: Expr;
  readonly fraction: (type: "float32" | "float64") => Expr;
}

const clamped = (index: Expr, size: number): Expr => binary("max", int(0), binary("min", index, int(size - 1)));

function fractionOf(attrs: ResizeAttrs, output: Expr, size: number, outputs: number): readonly [Expr, number] {
  if (attrs.alignCorners) return outputs > 1 ? [mul(output, int(size - 1)), outputs - 1] : [int(0), 1];
  if (!attrs.halfPixelCenters) return [mul(output, int(size)), outputs];
  const doubled = mul(add(mul(output, int(2)), int(1)), int(size));
  return [binary("max", int(0), sub(doubled, int(outputs))), 2 * outputs];
}

function bilinearPlace(attrs: ResizeAttrs, k: KernelBuilder, output: Expr, size: number, outputs: number): Place {
  const [numerator, denominator] = fractionOf(attrs, output, size, outputs);
  const before = clamped(div(numerator, int(denominator)), size);
  return {
    before,
    after: clamped(add(before, int(1)), size),
    fraction: (type) => k.binary("div", k.cast(rem(numerator, int(denominator)), type), k.constant(denominator, type)),
  };
}

function nearestPlace(attrs: ResizeAttrs, output: Expr, size: number, outputs: number): Expr {
  if (attrs.alignCorners) {
    const [numerator, denominator] = fractionOf(attrs, output, size, outputs);
    return clamped(div(add(mul(numerator, int(2)), int(denominator)), int(2 * denominator)), size);
  }
  const doubled = mul(add(mul(output, int(2)), int(attrs.halfPixelCenters ? 1 : 0)), int(size));
  return clamped(div(doubled, int(2 * outputs)), size);
}

/** What output pixel `[n, i, j, c]` reads: pixels and their weights (none for a weight of 1). */
function taps(
  method: Method,
  attrs: ResizeAttrs,
  k: KernelBuilder,
  image: readonly number[],
  type: "float32" | "float64",
  [n, i, j, c]: readonly [Expr, Expr, Expr, Expr],
): readonly { readonly at: readonly Expr[]; readonly weight: Expr | null }[] {
  const [height, width] = [image[1]!, image[2]!];
  const [rows, columns] = attrs.size as Pair;
  if (method === "nearest") {
    const at = [n, nearestPlace(attrs, i, height, rows), nearestPlace(attrs, j, width, columns), c];
    return [{ at, weight: null }];
  }
  const vertical = bilinearPlace(attrs, k, i, height, rows);
  const horizontal = bilinearPlace(attrs, k, j, width, columns);
  const one = k.constant(1, type);
  const [down, right] = [k.let("down", vertical.fraction(type)), k.let("right", horizontal.fraction(type))];
  const [up, left] = [k.binary("sub", one, down), k.binary("sub", one, right)];
  return [
    { at: [n, vertical.before, horizontal.before, c], weight: k.binary("mul", up, left) },
    { at: [n, vertical.before, horizontal.after, c], weight: k.binary("mul", up, right) },
    { at: [n, vertical.after, horizontal.before, c], weight: k.binary("mul", down, left) },
    { at: [n, vertical.after, horizontal.after, c], weight: k.binary("mul", down, right) },
  ];
}
const floatType = ({ output }: Pick<ComputeContext, "output">) => output.dtype as "float32" | "float64";

const attrsOf = ({ size, alignCorners, halfPixelCenters }: ResizeAttrs): ResizeAttrs => ({
  size,
  alignCorners,
  halfPixelCenters,
});

function resizedShape(x: Sizes, { size }: ResizeAttrs, context: ShapeContext): Sizes {
  checkImage(x, 2, context);
  if (x[1] === 0 || x[2] === 0) context.fail("the image has no pixels", { marks: [[1, 2]] });
  return [x[0]!, ...size, x[3]!];
}

const HALF = { alignCorners: false, halfPixelCenters: true };
const ALIGNED = { alignCorners: true, halfPixelCenters: false };
const LEGACY = { alignCorners: false, halfPixelCenters: false };

const EXAMPLES: readonly OpExample<ResizeAttrs>[] = [
  { inputs: [f32([1, 2, 3, 2])], attrs: { size: [4, 6], ...HALF } },
  { inputs: [f64([2, 5, 4, 1])], attrs: { size: [3, 7], ...HALF } },
  { inputs: [f64([1, 3, 4, 2])], attrs: { size: [5, 7], ...ALIGNED } },
  { inputs: [f64([1, 4, 3, 1])], attrs: { size: [6, 2], ...LEGACY }, note: "as in TensorFlow 1" },
  { inputs: [f32([1, 3, 3, 1])], attrs: { size: [1, 1], ...ALIGNED } },
];

function defineResize(method: Method, name: string, doc: string) {
  const forward: OpDef<ResizeAttrs> = defineOp<ResizeAttrs>({
    name,
    category: "neural",
    doc,
    inputs: ["x"],
    dtypes: floatDType,
    shapes: ([x], attrs, context) => [resizedShape(x!, attrs, context)],
    shapesOfUnknown: (inputs, _attrs, context) => needsRank(inputs, context),
    gradient: ({ op, x: [x], g }) => [apply(gradient, [g], { ...attrsOf(op.attrs), inputShape: x!.shape! })],
    compute: (context, index) => {
      const { attrs, k } = context;
      const x = context.in[0]!;
      return taps(method, attrs, k, x.shape, floatType(context), index as [Expr, Expr, Expr, Expr])
        .map(({ at, weight }) => (weight ? k.binary("mul", weight, x(...at)) : x(...at)))
        .reduce((sum, term) => k.binary("add", sum, term));
    },
    cost: "expensive",
    examples: EXAMPLES,
  });

  const gradient: OpDef<ResizeGradientAttrs> = defineOp<ResizeGradientAttrs>({
    name: `${name}Gradient`,
    category: "neural",
    doc: [
      `Gradient of ${name}: adds every output pixel to the pixels it read, with the same weights.`,
      "$y_q = \\sum_p w_{p,q}\\, g_p$ where $\\mathrm{resize}(x)_p = \\sum_q w_{p,q}\\, x_q$",
    ].join("\n"),
    inputs: ["gradient"],
    dtypes: floatDType,
    shapes: ([g], attrs, context) => {
      checkIncoming(g!, resizedShape(attrs.inputShape, attrs, context), context);
      return [attrs.inputShape];
    },
    gradient: ({ op, g }) => [apply(forward, [g], attrsOf(op.attrs))],
    kernel: (context) => {
      const { attrs, output, k, loops } = context;
      const g = context.in[0]!;
      const [batch, rows, columns, channels] = g.shape as readonly [number, number, number, number];
      loops.loop(elementCount(output.shape), (element) => loops.store(element, k.constant(0, output.dtype)));
      loops.loop(batch, (n) => {
        loops.loop(rows, (i) => {
          loops.loop(columns, (j) => {
            loops.loop(channels, (c) => {
              const incoming = k.let("g", g(n, i, j, c));
              for (const { at, weight } of taps(method, attrs, k, output.shape, floatType(context), [n, i, j, c])) {
                const element = flatIndex(output.shape, at);
                const share = weight ? k.binary("mul", weight, incoming) : incoming;
                loops.store(element, k.binary("add", loops.load(element), share));
              }
            });
          });
        });
      });
    },
    cost: "expensive",
    examples: [
      { inputs: [f32([1, 4, 6, 2])], attrs: { size: [4, 6], ...HALF, inputShape: [1, 2, 3, 2] } },
      { inputs: [f64([1, 5, 7, 2])], attrs: { size: [5, 7], ...ALIGNED, inputShape: [1, 3, 4, 2] } },
      { inputs: [f64([1, 6, 2, 1])], attrs: { size: [6, 2], ...LEGACY, inputShape: [1, 4, 3, 1] } },
    ],
  });
  return { forward, gradient };
}

const nearest = defineResize(
  "nearest",
  "resizeNearestNeighbor",
  [
    "Images of another size; every pixel takes the value of the one it lies in.",
    "$y_{n,i,j,c} = x_{n,\\; \\lfloor (i + 1/2)\\, H/H' \\rfloor,\\; \\lfloor (j + 1/2)\\, W/W' \\rfloor,\\; c}$",
    "That is for centres at half pixels; with aligned corners the closest pixel of $i (H - 1)/(H' - 1)$.",
  ].join("\n"),
);
const bilinear = defineResize(
  "bilinear",
  "resizeBilinear",
  [
    "Images of another size; every pixel mixes the four around the place where it lies.",
    "$y_{i,j} = (1 - a)(1 - b)\\, x_{k,l} + (1 - a) b\\, x_{k,l+1} + a (1 - b)\\, x_{k+1,l} + a b\\, x_{k+1,l+1}$",
    "with $k + a = (i + 1/2)\\, H/H' - 1/2$ and l + b likewise; places outside of the image count as its border.",
  ].join("\n"),
);

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface ResizeOptions extends OpOptions {
  /** Corner pixels of the result are those of the image. Default false. */
  readonly alignCorners?: boolean;
  /** Pixels are squares and their places the centres, as in TensorFlow 2. Default true unless corners are aligned. */
  readonly halfPixelCenters?: boolean;
}

function attributes(op: string, size: Pair, options: ResizeOptions): ResizeAttrs {
  const { alignCorners = false, halfPixelCenters = !alignCorners } = options;
  if (size.length !== 2 || !size.every((n) => Number.isInteger(n) && n >= 1)) {
    throw callError(op, `${JSON.stringify(size)} is not a size`, "give [height, width], whole numbers from 1 on");
  }
  if (alignCorners && halfPixelCenters) {
    throw callError(op, "pixels have either aligned corners or centres at halves", "give one of the two options");
  }
  return { size, alignCorners, halfPixelCenters };
}

/**
 * Images `[batch, height, width, channels]` of another size, every pixel a copy of the one it lies in.
 * @throws ShapeError for something that is not a batch of images
 */
export const resizeNearestNeighbor = (x: Tensor, size: Pair, options: ResizeOptions = {}): Tensor =>
  apply(nearest.forward, [x], attributes("resizeNearestNeighbor", size, options), nameOf(options));

/**
 * Images `[batch, height, width, channels]` of another size, every pixel a mix of the four around it.
 * @throws ShapeError for something that is not a batch of images
 */
export const resizeBilinear = (x: Tensor, size: Pair, options: ResizeOptions = {}): Tensor =>
  apply(bilinear.forward, [x], attributes("resizeBilinear", size, options), nameOf(options));

export const RESIZE_OPS: readonly OpDef[] = [nearest.forward, nearest.gradient, bilinear.forward, bilinear.gradient];
