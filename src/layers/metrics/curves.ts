import { GraphError } from "../../core/errors.ts";
import { isKnown } from "../../core/size.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { sigmoid } from "../../ops/activation.ts";
import { add, div, maximum, minimum, mul, sub } from "../../ops/arithmetic.ts";
import { equal, greater, greaterEqual, logicalAnd, where } from "../../ops/comparison.ts";
import { log } from "../../ops/elementary.ts";
import { zerosLike } from "../../ops/movement.ts";
import { max, mean, sum } from "../../ops/reduction.ts";
import { slice } from "../../ops/slicing.ts";
import { here } from "../../runtime/reading.ts";
import { requireCount, requireOneOf } from "../built-in.ts";
import { requireShare, withName } from "../losses/loss.ts";
import { divideOrZero } from "../losses/reduction.ts";
import { EPSILON } from "../losses/regression.ts";
import { type Cell, CountingMetric, countInto, thresholdsFrom } from "./counts.ts";
import { asResult, Metric, type MetricOptions } from "./metric.ts";

/* What is read off a curve: of counts at many thresholds. */

const ALL_CELLS = ["truePositives", "falsePositives", "trueNegatives", "falseNegatives"] as const;

/** Thresholds between 0 and 1, at equal distances, without the ends. */
const between = (count: number): readonly number[] =>
  Array.from({ length: Math.max(0, count - 2) }, (_, i) => (i + 1) / (count - 1));

// ── one rate, where another is large enough ──────────────────────────────────────────────────────────────────────

export interface CurveOptions extends MetricOptions {
  /** Default 200. */
  readonly numThresholds?: number | undefined;
  /** Only this class is looked at. */
  readonly classId?: number | undefined;
}

type Counts = Readonly<Record<Cell, Tensor>>;
const rate = (part: Tensor, rest: Tensor): Tensor => divideOrZero(part, add(part, rest));
const RATES = {
  precision: (c: Counts) => rate(c.truePositives, c.falsePositives),
  /** Also called sensitivity. */
  recall: (c: Counts) => rate(c.truePositives, c.falseNegatives),
  specificity: (c: Counts) => rate(c.trueNegatives, c.falsePositives),
} as const;

/** The largest of a rate, over the thresholds at which another is at least a given value; 0 if there are none. */
abstract class LargestRate extends CountingMetric {
  readonly #wanted: keyof typeof RATES;
  readonly #constrained: keyof typeof RATES;
  readonly #least: number;
  readonly #thresholds: readonly number[];
  readonly #classId: number | undefined;

  constructor(wanted: keyof typeof RATES, constrained: keyof typeof RATES, least: number, given: CurveOptions) {
    const { numThresholds = 200, classId, ...options } = given;
    requireCount(given.name!, "numThresholds", numThresholds);
    requireShare(given.name!, constrained, least);
    const thresholds = numThresholds === 1 ? [0.5] : [0, ...between(numThresholds), 1];
    super(options, ALL_CELLS, [thresholds.length]);
    this.#wanted = wanted;
    this.#constrained = constrained;
    this.#least = least;
    this.#thresholds = thresholds;
    this.#classId = classId;
  }
  override updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void {
    const options = { thresholds: this.#thresholds, classId: this.#classId };
    countInto(this.cells, this.name, target, prediction, sampleWeight ?? null, options);
  }
  override result(): Tensor {
    const counts = this.cells as Counts;
    const wanted = RATES[this.#wanted](counts);
    const isEnough = greaterEqual(RATES[this.#constrained](counts), this.#least);
    return asResult(max(where(isEnough, wanted, 0)));
  }
}

/** The best precision at which recall is at least as given. */
export class PrecisionAtRecall extends LargestRate {
  constructor(options: CurveOptions & { readonly recall: number }) {
    super("precision", "recall", options.recall, withName("precision_at_recall", options));
  }
}
/** The best recall at which precision is at least as given. */
export class RecallAtPrecision extends LargestRate {
  constructor(options: CurveOptions & { readonly precision: number }) {
    super("recall", "precision", options.precision, withName("recall_at_precision", options));
  }
}
/** The best sensitivity at which specificity is at least as given. */
export class SensitivityAtSpecificity extends LargestRate {
  constructor(options: CurveOptions & { readonly specificity: number }) {
    super("recall", "specificity", options.specificity, withName("sensitivity_at_specificity", options));
  }
}
/** The best specificity at which sensitivity is at least as given. */
export class SpecificityAtSensitivity extends LargestRate {
  constructor(options: CurveOptions & { readonly sensitivity: number }) {
    super("specificity", "recall", options.sensitivity, withName("specificity_at_sensitivity", options));
  }
}

// ── areas ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface AUCOptions extends MetricOptions {
  /** Default 200. */
  readonly numThresholds?: number | undefined;
  /** Instead of thresholds at equal distances. 0 and 1 are added. */
  readonly thresholds?: readonly number[] | undefined;
  /** True positive rate over false positive rate (`"ROC"`, the default), or precision over recall. */
  readonly curve?: "ROC" | "PR" | undefined;
  /** How the height between two thresholds is found: the mean of both (default), the smaller, the larger. */
  readonly summationMethod?: "interpolation" | "minoring" | "majoring" | undefined;
  /** Whether each label has a curve of its own; the result is the mean of their areas. Default false. */
  readonly multiLabel?: boolean | undefined;
  /** With `multiLabel`; known from the first batch otherwise. */
  readonly numLabels?: number | undefined;
  readonly labelWeights?: readonly number[] | undefined;
  /** True if predictions are scores before a sigmoid. Default false. */
  readonly fromLogits?: boolean | undefined;
}

/**
 * Area under a curve, approximated from counts at thresholds: of ROC, the probability that a positive sample is given a
 * larger prediction than a negative one.
 */
export class AUC extends Metric {
  readonly #thresholds: readonly number[];
  readonly #options: AUCOptions;
  #cells: Readonly<Record<Cell, EagerVariable>> | null = null;

  constructor(options: AUCOptions = {}) {
    super(withName("auc", options));
    const { thresholds, numThresholds = 200, multiLabel, numLabels } = options;
    requireCount("AUC", "numThresholds", numThresholds, 2);
    requireOneOf("AUC", "curve", options.curve ?? "ROC", ["ROC", "PR"]);
    requireOneOf("AUC", "summationMethod", options.summationMethod ?? "interpolation", [
      "interpolation",
      "minoring",
      "majoring",
    ]);
    const inner = thresholds ? thresholdsFrom("AUC", thresholds).toSorted((a, b) => a - b) : between(numThresholds);
    // The ends lie outside of 0 … 1, so that there all is positive, and nothing.
    this.#thresholds = [-EPSILON, ...inner, 1 + EPSILON];
    this.#options = options;
    if (!multiLabel) this.#cells = this.#build([]);
    else if (numLabels !== undefined) this.#cells = this.#build([numLabels]);
  }
  #build(labels: readonly number[]): Readonly<Record<Cell, EagerVariable>> {
    const shape = [this.#thresholds.length, ...labels];
    return {
      truePositives: this.addVariable("true_positives", shape),
      falsePositives: this.addVariable("false_positives", shape),
      trueNegatives: this.addVariable("true_negatives", shape),
      falseNegatives: this.addVariable("false_negatives", shape),
    };
  }
  override updateState(target: Tensor, given: Tensor, sampleWeight?: Tensor | null): void {
    const { multiLabel = false, labelWeights, fromLogits = false } = this.#options;
    if (!this.#cells) {
      const labels = given.shape?.[1];
      if (given.rank !== 2 || labels === undefined || !isKnown(labels)) {
        const what = `${this.name}: with multiLabel, predictions are [batch, labels]`;
        throw new GraphError({ what, at: here(), fix: "reshape them, or leave out multiLabel" });
      }
      this.#cells = this.#build([labels]);
    }
    const prediction = fromLogits ? sigmoid(given) : given;
    const options = { thresholds: this.#thresholds, multiLabel, labelWeights: multiLabel ? undefined : labelWeights };
    countInto(this.#cells, this.name, target, prediction, sampleWeight ?? null, options);
  }
  override result(): Tensor {
    if (!this.#cells)
      throw new GraphError({
        what: `${this.name}: no batch yet`,
        at: here(),
        fix: "call updateState first, or give numLabels",
      });
    const { curve = "ROC", summationMethod = "interpolation", multiLabel = false, labelWeights } = this.#options;
    const parts =
      curve === "PR" && summationMethod === "interpolation"
        ? this.#interpolated(this.#cells)
        : this.#rectangles(this.#cells);
    if (!multiLabel) return asResult(sum(parts));
    const areas = sum(parts, { axis: 0 });
    if (!labelWeights) return asResult(mean(areas));
    const all = labelWeights.reduce((a, b) => a + b, 0);
    return asResult(all === 0 ? zerosLike(mean(areas)) : div(sum(mul(areas, labelWeights)), all));
  }

  /** All but the last threshold, and all but the first. */
  #sides(x: Tensor): readonly [Tensor, Tensor] {
    const [count, ...labels] = x.shape as readonly number[];
    const size = [count! - 1, ...labels];
    const begin = labels.map(() => 0);
    return [slice(x, [0, ...begin], size), slice(x, [1, ...begin], size)];
  }
  #rectangles(cells: Counts): Tensor {
    const { curve = "ROC", summationMethod = "interpolation" } = this.#options;
    const recall = RATES.recall(cells);
    const [x, y] =
      curve === "ROC" ? [rate(cells.falsePositives, cells.trueNegatives), recall] : [recall, RATES.precision(cells)];
    const [[left, right], [first, second]] = [this.#sides(x), this.#sides(y)];
    const heights = {
      interpolation: () => mul(add(first, second), 0.5),
      minoring: () => minimum(first, second),
      majoring: () => maximum(first, second),
    };
    return mul(sub(left, right), heights[summationMethod]());
  }
  /**
   * Between two thresholds true and predicted positives are taken to grow linearly, so that precision does not: the area
   * is `slope · (ΔTP + intercept · ln (P_A / P_B)) / positives`; Davis and Goadrich (2006), section 4.
   */
  #interpolated({ truePositives, falsePositives, falseNegatives }: Counts): Tensor {
    const [tpBefore, tp] = this.#sides(truePositives);
    const [pBefore, p] = this.#sides(add(truePositives, falsePositives));
    const [, missed] = this.#sides(falseNegatives);
    const gained = sub(tpBefore, tp);
    const slope = divideOrZero(gained, maximum(sub(pBefore, p), 0));
    const intercept = sub(tp, mul(slope, p));
    const both = logicalAnd(greater(pBefore, 0), greater(p, 0));
    const ratio = where(both, div(pBefore, where(equal(p, 0), 1, p)), 1);
    return divideOrZero(mul(slope, add(gained, mul(intercept, log(ratio)))), add(tp, missed));
  }
}
