import { gradients } from "../autodiff/gradients.ts";
import { isFloat } from "../core/dtype.ts";
import { GradientError } from "../core/errors.ts";
import { describeTensor, type Tensor } from "../graph/operation.ts";
import { mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduction.ts";
import type { Feeds } from "../runtime/feeds.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { here } from "../runtime/reading.ts";
import { Session } from "../runtime/session.ts";
import { shadowOf } from "./shadow.ts";

export interface CheckGradientsOptions {
  /** Where variables have their values. Default: their initial ones. */
  readonly session?: Session;
  /** `"float64"` (default) computes all of it in float64, whatever the graph says; `"graph"` as the graph says. */
  readonly precision?: "float64" | "graph";
  /** Elements of each x that are tried, spread evenly over it. Default 16. */
  readonly samples?: number;
  /** How far x is moved to both sides, relative to its size. Default 1e-5, with float32 1e-2. */
  readonly step?: number;
  /** How far the two may differ, relative to the larger of them and 1. Default 1e-6, with float32 2e-2. */
  readonly tolerance?: number;
}

/** One derivative, computed in both ways. */
export interface GradientCheckEntry {
  /** Name of x. */
  readonly x: string;
  /** Which element of it, in row-major order. */
  readonly element: number;
  /** What `gradients` says. */
  readonly gradient: number;
  /** What moving the element to both sides gives. */
  readonly difference: number;
  /** How far they are apart, relative to the larger of them and 1. */
  readonly error: number;
}

export interface GradientReport {
  readonly passed: boolean;
  /** Largest error first. */
  readonly entries: readonly GradientCheckEntry[];
  readonly tolerance: number;
  /** The verdict, and the worst entries. */
  toString(): string;
}

/**
 * Compares gradients with finite differences. A y of several elements is first folded into one number with fixed
 * uneven weights, so that no error hides in a sum that does not change.
 *
 * The graph is left as it was: all of it happens in a copy.
 *
 * @param xs variables, placeholders or anything between: what an x itself is computed from is held still
 * @throws GradientError where there is no derivative to compare: y or an x that is not floating point
 */
export function checkGradients(
  y: Tensor,
  xs: readonly Tensor[],
  feeds: Feeds = [],
  options: CheckGradientsOptions = {},
): GradientReport {
  for (const tensor of [y, ...xs]) {
    if (isFloat(tensor.dtype)) continue;
    throw new GradientError({
      what: `checkGradients: ${describeTensor(tensor)} has no derivatives`,
      at: here(),
      fix: "give tensors of floating point",
    });
  }
  const inFloat64 = (options.precision ?? "float64") === "float64";
  const shadow = shadowOf([y, ...xs], feeds, { session: options.session, float64: inFloat64 });
  const session = new Session(shadow.graph);
  const [copy, places] = [shadow.of(y), xs.map(shadow.of)];
  const first = session.run([copy, ...places], shadow.feeds) as readonly NDArray[];
  const weights = first[0]!.data.slice();
  for (let i = 0; i < weights.length; i++) weights[i] = 1 + ((i * 0.618) % 1);
  const weightsOf = shadow.graph.constant(new NDArray(weights, first[0]!.shape, copy.dtype));
  const loss = sum(mul(copy, weightsOf));
  const found = session.run(gradients(loss, places, { unconnected: "zero" }), shadow.feeds) as readonly NDArray[];

  const entries: GradientCheckEntry[] = [];
  xs.forEach((x, i) => {
    const place = places[i]!;
    const wide = place.dtype === "float64";
    const { data, shape } = first[i + 1]!;
    const { step = wide ? 1e-5 : 1e-2, samples = 16 } = options;
    for (const element of spread(data.length, samples)) {
      const valueAt = (moved: number): number => {
        const changed = data.slice();
        changed[element] = moved;
        const all = new Map(shadow.feeds).set(place, new NDArray(changed, shape, place.dtype));
        return (session.run(loss, all) as NDArray).item();
      };
      const at = data[element]!;
      const width = step * Math.max(1, Math.abs(at));
      // What was really moved, after rounding to the dtype.
      const [low, high] = wide ? [at - width, at + width] : [Math.fround(at - width), Math.fround(at + width)];
      const difference = (valueAt(high) - valueAt(low)) / (high - low);
      const gradient = found[i]!.data[element]!;
      const scale = Math.max(1, Math.abs(gradient), Math.abs(difference));
      const error = Object.is(gradient, difference) ? 0 : Math.abs(gradient - difference) / scale;
      entries.push({ x: x.op.name, element, gradient, difference, error });
    }
  });
  const tolerance = options.tolerance ?? (places.every((place) => place.dtype === "float64") ? 1e-6 : 2e-2);
  // NaN is the largest error of all.
  const rank = ({ error }: GradientCheckEntry): number => (Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  entries.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
  const passed = entries.every(({ error }) => error <= tolerance);
  const result = { passed, entries, tolerance };
  return { ...result, toString: () => reportText(result, y) };
}

/** Up to `count` numbers below `length`, evenly spread, both ends included. */
function spread(length: number, count: number): readonly number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  if (count <= 1) return [0];
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}

const SHOWN = 5;
function reportText({ passed, entries, tolerance }: Omit<GradientReport, "toString">, y: Tensor): string {
  const wrong = entries.filter(({ error }) => !(error <= tolerance));
  const worst = entries[0];
  const verdict = passed
    ? `gradients of "${y.op.name}" agree with finite differences at ${entries.length} elements, to ${worst?.error.toExponential(1) ?? 0}`
    : `gradients of "${y.op.name}" differ from finite differences at ${wrong.length} of ${entries.length} elements`;
  const lines = wrong.slice(0, SHOWN).map(({ x, element, gradient, difference, error }) => {
    const numbers = `gradient ${gradient.toPrecision(8)}, difference ${difference.toPrecision(8)}`;
    return `  ${x}[${element}]: ${numbers}, error ${error.toExponential(1)}`;
  });
  if (wrong.length > SHOWN) lines.push(`  … and ${wrong.length - SHOWN} more`);
  if (!passed) lines.push("where a function has a kink (relu at 0) or a jump, the two differ and neither is wrong");
  return [verdict, ...lines].join("\n");
}
