import { GraphError } from "../core/errors.ts";
import type { ShapeContext, Sizes } from "../core/shape.ts";
import { addSizes, floorDivideSizes, isKnown, type Size, sizeText } from "../core/size.ts";
import type { IndexFunction, KernelBuilder } from "../graph/define.ts";
import { add, and, div, type Expr, eq, int, le, lt, mul, rem, sub } from "../kernel/expr.ts";

/*
 * Windows that slide over the two middle axes of NHWC images, for convolution and pooling alike. Tap k of the window
 * at output position o reads input position o·stride + k·dilation - before, where `before` is the padding in front.
 */

export type Pair = readonly [number, number];
/**
 * - `"valid"`: windows lie inside the image;
 * - `"same"`: the output has ceil(size / stride) positions; an odd pixel of padding goes to the end, as in TensorFlow;
 * - `[[top, bottom], [left, right]]`.
 */
export type Padding = "valid" | "same" | readonly [Pair, Pair];

export type WindowAttrs = { readonly strides: Pair; readonly padding: Padding; readonly dilations: Pair };

export interface WindowOptions {
  /** Steps between windows; one number for both axes. */
  readonly strides?: number | Pair;
  /** Default `"valid"`. */
  readonly padding?: Padding;
}

/** One number for both axes, or one each. All must be whole and at least 1. */
export function pairOf(op: string, what: string, value: number | Pair): Pair {
  const pair: Pair = typeof value === "number" ? [value, value] : value;
  if (pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 1)) return pair;
  throw new GraphError({
    what: `${op}: ${what} ${JSON.stringify(value)} are not whole numbers from 1 on`,
    fix: `give one number, or [vertical, horizontal]`,
  });
}

export function checkPadding(op: string, padding: Padding): Padding {
  if (padding === "valid" || padding === "same") return padding;
  const flat: readonly unknown[] = Array.isArray(padding) ? padding.flat() : [];
  if (flat.length === 4 && flat.every((n) => Number.isInteger(n) && (n as number) >= 0)) return padding;
  throw new GraphError({
    what: `${op}: padding ${JSON.stringify(padding)} is not a padding`,
    fix: '"valid", "same" or [[top, bottom], [left, right]]',
  });
}

/** Pixels a window spans along one axis. */
const spanOf = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

const AXES = ["height", "width"] as const;

/** Sizes of the two output axes. `taps` are the sizes of the window. */
export function slideShape(
  image: Sizes,
  taps: Sizes,
  attrs: WindowAttrs,
  context: ShapeContext,
): readonly [Size, Size] {
  const along = (which: 0 | 1): Size => {
    const size = image[which + 1]!;
    const stride = attrs.strides[which];
    if (attrs.padding === "same") return floorDivideSizes(addSizes(size, stride - 1), stride);
    const [before, after] = attrs.padding === "valid" ? [0, 0] : attrs.padding[which];
    const window = taps[which]!;
    if (!isKnown(window)) {
      return context.fail(`the ${AXES[which]} of the window, ${sizeText(window)}, is not known`, {
        fix: "give the window a size that is a number",
      });
    }
    const span = spanOf(window, attrs.dilations[which]);
    const padded = addSizes(size, before + after);
    if (isKnown(padded) && padded < span) {
      context.fail(`a window of ${span} does not fit into ${AXES[which]} ${padded}`, {
        marks: [[which + 1]],
        fix: 'make the window smaller, the image larger, or use padding: "same"',
      });
    }
    return addSizes(floorDivideSizes(addSizes(padded, -span), stride), 1);
  };
  return [along(0), along(1)];
}

/** How one axis is walked, once sizes are known. */
export interface Slide {
  readonly size: number;
  readonly taps: number;
  readonly outputs: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding in front of the first pixel. */
  readonly before: number;
}

export function slideOf(attrs: WindowAttrs, which: 0 | 1, size: number, taps: number, outputs: number): Slide {
  const stride = attrs.strides[which];
  const dilation = attrs.dilations[which];
  let before = 0;
  if (attrs.padding === "same") {
    before = Math.floor(Math.max(0, (outputs - 1) * stride + spanOf(taps, dilation) - size) / 2);
  } else if (attrs.padding !== "valid") {
    before = attrs.padding[which][0];
  }
  return { size, taps, outputs, stride, dilation, before };
}

/** An index that may lie outside, and the test that it does not. */
export interface Guarded {
  readonly at: Expr;
  /** The constant true where the bounds alone prove it: without padding no test is left. */
  readonly inside: Expr;
}

/** The input position that tap `tap` reads at output position `output`. */
export function inputAt(slide: Slide, output: Expr, tap: Expr): Guarded {
  const at = sub(add(mul(output, int(slide.stride)), mul(tap, int(slide.dilation))), int(slide.before));
  return { at, inside: and(le(int(0), at), lt(at, int(slide.size))) };
}

/** The output position whose tap `tap` reads input position `input`, if there is one: `inputAt` solved for it. */
export function outputAt(slide: Slide, input: Expr, tap: Expr): Guarded {
  const steps = sub(add(input, int(slide.before)), mul(tap, int(slide.dilation)));
  const at = div(steps, int(slide.stride));
  const whole = and(le(int(0), steps), eq(rem(steps, int(slide.stride)), int(0)));
  return { at, inside: and(whole, lt(at, int(slide.outputs))) };
}

/** `value()` where both positions are inside, `otherwise` elsewhere. */
export function whenInside(
  k: KernelBuilder,
  [vertical, horizontal]: readonly [Guarded, Guarded],
  value: () => Expr,
  otherwise: Expr,
): Expr {
  const inside = and(vertical.inside, horizontal.inside);
  return inside.kind === "const" && inside.value === 1 ? value() : k.when(inside, value, otherwise);
}

/** Zero of an operand's dtype. */
export const zeroOf = (x: IndexFunction, k: KernelBuilder): Expr => k.constant(0, x.dtype);

/** Without the rank nothing can be said of the result, and the gradients could not be built either. */
export function needsRank(inputs: readonly (Sizes | null)[], context: ShapeContext): never {
  const which = inputs.indexOf(null);
  return context.fail(`the rank of operand ${which + 1} is not known`, {
    fix: 'give its placeholder a shape such as ["batch", 28, 28, 1], or reshape it',
  });
}
