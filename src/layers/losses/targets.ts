import { isFloat } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { type Sizes, specText } from "../../core/shape.ts";
import { isKnown, sizeText } from "../../core/size.ts";
import type { Tensor } from "../../graph/operation.ts";
import { cast } from "../../ops/comparison.ts";
import { squeeze } from "../../ops/movement.ts";
import { here } from "../../runtime/reading.ts";
import { alignRanks } from "./reduction.ts";

/** Targets and predictions that go together. */
export interface Pair {
  readonly target: Tensor;
  readonly prediction: Tensor;
}

/** What a loss wants of its targets: decides on the fix of an error. */
export type TargetKind = "values" | "oneHot";

/** Numbers that a loss can be taken of: float32, unless they are floating point already. */
export const asFloat = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : cast(x, "float32"));

const fits = (a: Sizes, b: Sizes): boolean =>
  a.length === b.length && a.every((size, axis) => !isKnown(size) || !isKnown(b[axis]!) || size === b[axis]);

/**
 * A target and a prediction of the same shape and dtype, floating point. Where one has an axis of size 1 more at the end
 * than the other it is left out or added, as in Keras. Anything else is an error, since `[n]` beside `[n, 1]` would
 * broadcast to `[n, n]`, and nobody would notice.
 *
 * @param loss name for errors
 * @throws ShapeError with both shapes, and the loss that would fit
 */
export function beside(loss: string, givenTarget: Tensor, givenPrediction: Tensor, kind: TargetKind = "values"): Pair {
  const floating = asFloat(givenPrediction);
  const own = givenTarget.dtype === floating.dtype ? givenTarget : cast(givenTarget, floating.dtype);
  const areClassNumbers = kind === "oneHot" && looksLikeClassNumbers(givenTarget, givenPrediction);
  const [target, prediction] = areClassNumbers ? [own, floating] : alignRanks(own, floating);
  if (target.shape === null || prediction.shape === null) return { target, prediction };
  if (!areClassNumbers && fits(target.shape, prediction.shape)) return { target, prediction };
  const classes = sizeText(prediction.shape.at(-1) ?? 1);
  throw doNotMatch(
    loss,
    givenTarget,
    givenPrediction,
    areClassNumbers
      ? `targets that are class numbers belong to sparseCategoricalCrossentropy; or make them one-hot: oneHot(y, ${classes})`
      : kind === "oneHot"
        ? `give one row of ${classes} for each sample, as many as the last layer has units; class numbers belong to sparseCategoricalCrossentropy`
        : "targets have the shape of what the model gives: reshape them, or change the units of the last layer",
  );
}

/** One number where the prediction has a row of several: `[batch]` or `[batch, 1]` beside `[batch, classes]`. */
function looksLikeClassNumbers({ shape: target }: Tensor, { shape: prediction }: Tensor): boolean {
  if (!target || !prediction || prediction.length === 0) return false;
  const classes = prediction.at(-1)!;
  if (isKnown(classes) && classes <= 1) return false;
  return (
    target.length === prediction.length - 1 ||
    (target.length === prediction.length && target.at(-1) === 1 && classes !== 1)
  );
}

/**
 * Class numbers, int32, beside a prediction with a value for each class: `[batch]` or `[batch, 1]` beside
 * `[batch, classes]`.
 *
 * @throws ShapeError for targets that are not class numbers, with the loss that would fit
 */
export function classNumbersBeside(loss: string, givenTarget: Tensor, givenPrediction: Tensor): Pair {
  const prediction = asFloat(givenPrediction);
  const numbers = givenTarget.dtype === "int32" ? givenTarget : cast(givenTarget, "int32");
  if (numbers.shape === null || prediction.shape === null) return { target: numbers, prediction };
  const hasLastOfOne = numbers.rank === prediction.rank && numbers.shape.at(-1) === 1;
  const target = hasLastOfOne ? squeeze(numbers, -1) : numbers;
  if (fits(target.shape!, prediction.shape.slice(0, -1))) return { target, prediction };
  const looksOneHot = target.rank === prediction.rank;
  throw doNotMatch(
    loss,
    givenTarget,
    givenPrediction,
    looksOneHot
      ? "targets that are one-hot rows belong to categoricalCrossentropy; or make them class numbers: argmax(y, -1)"
      : "give one class number for each row of the prediction",
  );
}

const doNotMatch = (loss: string, target: Tensor, prediction: Tensor, fix: string): ShapeError =>
  new ShapeError({
    what: `${loss}: targets ${specText(target.spec)} do not go with predictions ${specText(prediction.spec)}`,
    details: [["target", target] as const, ["prediction", prediction] as const].map(
      ([role, { op, spec }]) =>
        `${role.padEnd(12)}${op.name}: ${specText(spec)}${op.line ? `   made at ${op.line}` : ""}`,
    ),
    at: here(),
    fix,
  });
