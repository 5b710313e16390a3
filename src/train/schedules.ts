/**
 * Schedules of learning rates: those of `keras.optimizers.schedules` under its names, warm-up, and PyTorch's one cycle.
 * In all formulas s is the number of updates made before: 0 in the first. They are computed in float64.
 */
import { GraphError } from "../core/errors.ts";
import { builderOf } from "../graph/builder.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, ceil, div, floor, maximum, minimum, mul, sub } from "../ops/arithmetic.ts";
import { greaterEqual, less, lessEqual, where } from "../ops/comparison.ts";
import { cos, log1p, pow } from "../ops/elementary.ts";
import { constantIn } from "../ops/support.ts";
import { here } from "../runtime/reading.ts";
import { requirePositive } from "./checks.ts";
import { Schedule } from "./schedule.ts";

/** The same rate α in each step. */
export const constantRate = (rate: number): Schedule =>
  new Schedule("constantRate", (step) => constantIn(builderOf(step), rate, "float64"));

/**
 * Shrinks by the same factor every `decaySteps` steps, smoothly or, as a `staircase`, at once:
 *
 *     α r^(s / n)         α r^⌊s / n⌋          r = decayRate, n = decaySteps
 *
 * The staircase is PyTorch's `StepLR`; n = 1 its `ExponentialLR`.
 */
export function exponentialDecay(
  initialLearningRate: number,
  options: { readonly decaySteps: number; readonly decayRate: number; readonly staircase?: boolean },
): Schedule {
  const { decayRate, staircase = false } = options;
  const decaySteps = requirePositive("exponentialDecay", "decaySteps", options.decaySteps);
  return new Schedule("exponentialDecay", (step) => {
    const periods = div(step, decaySteps);
    return mul(initialLearningRate, pow(decayRate, staircase ? floor(periods) : periods));
  });
}

/**
 * Falls as one over the step does:
 *
 *     α / (1 + r s / n)        r = decayRate, n = decaySteps; the staircase has ⌊s / n⌋
 */
export function inverseTimeDecay(
  initialLearningRate: number,
  options: { readonly decaySteps: number; readonly decayRate: number; readonly staircase?: boolean },
): Schedule {
  const { decayRate, staircase = false } = options;
  const decaySteps = requirePositive("inverseTimeDecay", "decaySteps", options.decaySteps);
  return new Schedule("inverseTimeDecay", (step) => {
    const periods = div(step, decaySteps);
    return div(initialLearningRate, add(1, mul(decayRate, staircase ? floor(periods) : periods)));
  });
}

/**
 * Falls from α to e in n steps, along a line or a curve, and stays there:
 *
 *     (α - e) (1 - min(s, n) / n)^p + e        e = endLearningRate, n = decaySteps, p = power
 *
 * With `cycle`, n becomes its first multiple that is not below s: the rate rises again, less each time.
 */
export function polynomialDecay(
  initialLearningRate: number,
  options: {
    readonly decaySteps: number;
    /** Default 0.0001. */
    readonly endLearningRate?: number;
    /** Default 1: a line. */
    readonly power?: number;
    readonly cycle?: boolean;
  },
): Schedule {
  const { endLearningRate = 0.0001, power = 1, cycle = false } = options;
  const decaySteps = requirePositive("polynomialDecay", "decaySteps", options.decaySteps);
  return new Schedule("polynomialDecay", (step) => {
    const done = cycle
      ? div(step, mul(decaySteps, maximum(1, ceil(div(step, decaySteps)))))
      : div(minimum(step, decaySteps), decaySteps);
    return add(mul(initialLearningRate - endLearningRate, pow(sub(1, done), power)), endLearningRate);
  });
}

/** From 1 to 0 along half a wave of the cosine, while `done` goes from 0 to 1. */
const halfWave = (done: Tensor): Tensor => mul(0.5, add(1, cos(mul(Math.PI, done))));

/**
 * Falls from α to a share of it along half a wave of the cosine, slowly at first and last (Loshchilov and Hutter, 2016),
 * and stays there:
 *
 *     α ((1 - a) (1 + cos(π min(s, n) / n)) / 2 + a)       a = alpha, n = decaySteps
 *
 * With `warmupTarget` w, the first `warmupSteps` steps rise in a line from α to w, and the decay begins there, from w:
 * see `warmUp`. PyTorch's `CosineAnnealingLR` is the same, without a warm-up and with `eta_min` = a α.
 */
export function cosineDecay(
  initialLearningRate: number,
  options: {
    readonly decaySteps: number;
    /** What is left in the end, as a share of the highest rate. Default 0. */
    readonly alpha?: number;
    readonly warmupTarget?: number;
    readonly warmupSteps?: number;
  },
): Schedule {
  const { alpha = 0, warmupTarget, warmupSteps = 0 } = options;
  const decaySteps = requirePositive("cosineDecay", "decaySteps", options.decaySteps);
  const highest = warmupTarget ?? initialLearningRate;
  const decay = new Schedule("cosineDecay", (step) => {
    const wave = halfWave(div(minimum(step, decaySteps), decaySteps));
    return mul(highest, add(mul(1 - alpha, wave), alpha));
  });
  if (warmupTarget === undefined || warmupSteps === 0) return decay;
  return warmUp(decay, { steps: warmupSteps, from: initialLearningRate });
}

/**
 * `cosineDecay` again and again (SGDR: Loshchilov and Hutter, 2016): period i = 0, 1 … takes n kⁱ steps and begins with
 * mⁱ times the rate.
 *
 *     α ((1 - a) mⁱ (1 + cos(π q)) / 2 + a)        q: how much of the period is over
 *     a = alpha, n = firstDecaySteps, k = tMul, m = mMul
 *
 * PyTorch's `CosineAnnealingWarmRestarts` is the same with m = 1, `T_0` = n, `T_mult` = k, `eta_min` = a α.
 */
export function cosineDecayRestarts(
  initialLearningRate: number,
  options: {
    readonly firstDecaySteps: number;
    /** Default 2. */
    readonly tMul?: number;
    /** Default 1. */
    readonly mMul?: number;
    /** Default 0. */
    readonly alpha?: number;
  },
): Schedule {
  const { tMul = 2, mMul = 1, alpha = 0 } = options;
  const firstDecaySteps = requirePositive("cosineDecayRestarts", "firstDecaySteps", options.firstDecaySteps);
  if (!(tMul >= 1)) throw bad("cosineDecayRestarts", `tMul is ${tMul}`, "periods can not get shorter: give 1 or more");
  /** Where period i begins, in first periods: 1 + k + … + kⁱ⁻¹. */
  const begin = (i: Tensor): Tensor => (tMul === 1 ? i : div(sub(pow(tMul, i), 1), tMul - 1));
  const periodOf = (passed: Tensor): Tensor => {
    if (tMul === 1) return floor(passed);
    const i = floor(div(log1p(mul(passed, tMul - 1)), Math.log(tMul)));
    // The logarithm is not exact: where a period begins it may be just below a whole number.
    return where(greaterEqual(passed, begin(add(i, 1))), add(i, 1), i);
  };
  return new Schedule("cosineDecayRestarts", (step) => {
    const passed = div(step, firstDecaySteps);
    const i = periodOf(passed);
    const wave = halfWave(div(sub(passed, begin(i)), pow(tMul, i)));
    return mul(initialLearningRate, add(mul(1 - alpha, mul(pow(mMul, i), wave)), alpha));
  });
}

/**
 * One rate up to each boundary, that step included, and the last after all of them. As Keras' `PiecewiseConstantDecay`;
 * PyTorch's `MultiStepLR` changes the rate one step earlier.
 *
 *     piecewiseConstant([100, 200], [0.1, 0.01, 0.001])
 */
export function piecewiseConstant(boundaries: readonly number[], values: readonly number[]): Schedule {
  if (values.length !== boundaries.length + 1 || values.length < 2) {
    throw bad(
      "piecewiseConstant",
      `${boundaries.length} boundaries have ${boundaries.length + 1} values between and around them, not ${values.length}`,
      "piecewiseConstant([100, 200], [0.1, 0.01, 0.001])",
    );
  }
  if (boundaries.some((boundary, i) => i > 0 && boundary <= boundaries[i - 1]!)) {
    throw bad("piecewiseConstant", `boundaries do not rise: ${boundaries.join(", ")}`, "give them in order");
  }
  return new Schedule("piecewiseConstant", (step) => {
    const last = constantIn(builderOf(step), values.at(-1)!, "float64");
    return boundaries.reduceRight<Tensor>(
      (rest, boundary, i) => where(lessEqual(step, boundary), values[i]!, rest),
      last,
    );
  });
}

/**
 * Rises in a line for some steps, and then does what comes after, which begins with its first step:
 *
 *     f + (α₀ - f) s / n        while s < n        f = from, n = steps, α₀ = first rate of what comes after
 *     after(s - n)              from then on
 *
 * @param after a rate that stays, or a schedule
 */
export function warmUp(
  after: number | Schedule,
  options: {
    readonly steps: number;
    /** Default 0. */
    readonly from?: number;
  },
): Schedule {
  const { from = 0 } = options;
  const steps = requirePositive("warmUp", "steps", options.steps);
  const next = typeof after === "number" ? constantRate(after) : after;
  return new Schedule(`warmUp(${next.name})`, (step) => {
    // Before it begins, what comes after stays at its first rate, which is the one to rise to.
    const target = next.rate(maximum(sub(step, steps), 0));
    const rising = add(from, mul(sub(target, from), div(step, steps)));
    return where(less(step, steps), rising, target);
  });
}

/**
 * Rises to the highest rate and falls to almost nothing, in one cycle (Smith and Topin, 2018): PyTorch's `OneCycleLR`,
 * with two phases and without the momentum it changes along with the rate.
 *
 *     h / d → h        until step p n - 1         h = the highest rate, d = divFactor, n = totalSteps, p = pctStart
 *     h → h / (d f)    until step n - 1           f = finalDivFactor; then it stays
 *
 * each along half a wave of the cosine, or in a line.
 */
export function oneCycle(
  highest: number,
  options: {
    readonly totalSteps: number;
    /** Share of the steps that rise. Default 0.3. */
    readonly pctStart?: number;
    /** Default 25. */
    readonly divFactor?: number;
    /** Default 10,000. */
    readonly finalDivFactor?: number;
    /** Default `cos`. */
    readonly annealStrategy?: "cos" | "linear";
  },
): Schedule {
  const { totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4, annealStrategy = "cos" } = options;
  const top = pctStart * totalSteps - 1;
  const end = totalSteps - 1;
  if (!(top > 0 && top < end)) {
    throw bad(
      "oneCycle",
      `of ${totalSteps} steps a share of ${pctStart} can not rise`,
      "give more steps, or a pctStart farther from 0 and 1",
    );
  }
  const initial = highest / divFactor;
  const anneal = (from: number, to: number, done: Tensor): Tensor =>
    annealStrategy === "cos" ? add(to, mul(from - to, halfWave(done))) : add(from, mul(to - from, done));
  return new Schedule("oneCycle", (step) => {
    const rising = anneal(initial, highest, div(step, top));
    const falling = anneal(highest, initial / finalDivFactor, div(sub(minimum(step, end), top), end - top));
    return where(lessEqual(step, top), rising, falling);
  });
}

const bad = (schedule: string, what: string, fix: string): GraphError =>
  new GraphError({ what: `${schedule}: ${what}`, at: here(), fix });
