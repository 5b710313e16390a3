import type { Sizes } from "../../core/shape.ts";
import { isKnown } from "../../core/size.ts";

/** What a layer takes: checked at each call, before anything is computed. */
export interface InputSpec {
  readonly rank?: number;
  readonly minRank?: number;
  /** Sizes of axes, counted from the end if negative. */
  readonly axes?: Readonly<Record<number, number>>;
  /** How the axes are called in messages, `{ [-1]: "features" }`. */
  readonly names?: Readonly<Record<number, string>>;
}

/** What is wrong with a shape: in words, at which axes, and what to do about it. Null if nothing is. */
export function specProblem(
  { rank, minRank, axes = {}, names = {} }: InputSpec,
  shape: Sizes,
): { readonly text: string; readonly marks: readonly number[]; readonly fix: string } | null {
  const wanted = rank ?? minRank ?? 0;
  if (rank !== undefined ? shape.length !== rank : shape.length < wanted) {
    const text = `takes rank ${wanted}${rank === undefined ? " or more" : ""}, got rank ${shape.length}`;
    return { text, marks: [], fix: rankFix(wanted, shape.length) };
  }
  for (const [axis, size] of Object.entries(axes)) {
    const at = Number(axis) < 0 ? shape.length + Number(axis) : Number(axis);
    const got = shape[at]!;
    if (!isKnown(got) || got === size) continue;
    const what = names[Number(axis)] ?? `elements along axis ${at}`;
    return {
      text: `takes ${size} ${what}, got ${got}`,
      marks: [at],
      fix: `a layer keeps the sizes it was built for; make another one for ${got} ${what}`,
    };
  }
  return null;
}

const rankFix = (wanted: number, got: number): string =>
  got === wanted - 1
    ? "the first axis is the batch: expandDims(x, 0) makes a batch of one, or add the axis that is missing"
    : got > wanted
      ? "new Flatten() makes one axis of all but the batch"
      : "add the axes that are missing: new Reshape([…])";
