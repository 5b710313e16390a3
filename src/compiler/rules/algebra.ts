import { sameShape } from "../../core/shape.ts";
import type { Tensor } from "../../graph/operation.ts";
import { reshape, transpose } from "../../ops/movement.ts";
import type { Rule } from "../../rewrite/engine.ts";
import { any, as, constantOf, type Match, op } from "../../rewrite/pattern.ts";

const exact = (
  name: string,
  doc: string,
  pattern: Rule["pattern"],
  apply: (get: (name: string) => Tensor, root: Tensor, match: Match) => Tensor | null,
): Rule => ({
  name,
  doc,
  exactness: "exact",
  pattern,
  apply: (match, root) => apply((wanted) => match.get(wanted)!, root.outputs[0]!, match),
});

/** `x` in the place of `root`, if it has its shape (a scalar constant never broadcasts it). */
const ifSame = (x: Tensor, root: Tensor): Tensor | null => (sameShape(x.shape, root.shape) ? x : null);
const samePermutation = (permutation: readonly number[]): boolean => permutation.every((axis, i) => axis === i);
/** Axes of a transpose; none given means all of them backwards. */
function permutationOf(tensor: Tensor): readonly number[] {
  const rank = tensor.shape?.length ?? 0;
  const given = tensor.op.attrs.permutation as readonly number[] | null;
  return given ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

/**
 * Rules that keep every bit. `x + 0` is not one of them: -0 + 0 is 0. Nor is `x * 0`: NaN stays NaN. Nor `x - x`.
 */
export const ALGEBRA: readonly Rule[] = [
  exact("multiply-by-one", "x · 1 = x", op("mul", any("x"), constantOf(1)), (get, root) => ifSame(get("x"), root)),
  exact("one-times", "1 · x = x", op("mul", constantOf(1), any("x")), (get, root) => ifSame(get("x"), root)),
  exact("divide-by-one", "x / 1 = x", op("div", any("x"), constantOf(1)), (get, root) => ifSame(get("x"), root)),
  exact("subtract-zero", "x − 0 = x, also for −0", op("sub", any("x"), constantOf(0)), (get, root) =>
    ifSame(get("x"), root),
  ),
  exact("add-negative-zero", "x + (−0) = x", op("add", any("x"), constantOf(-0)), (get, root) =>
    ifSame(get("x"), root),
  ),
  exact("negate-twice", "−(−x) = x", op("neg", op("neg", any("x"))), (get) => get("x")),
  exact("identity", "identity(x) = x", op("identity", any("x")), (get) => get("x")),
  exact("stop-gradient", "stopGradient(x) = x once gradients are built", op("stopGradient", any("x")), (get) =>
    get("x"),
  ),
  exact(
    "transpose-twice",
    "two permutations are one",
    op("transpose", as("inner", op("transpose", any("x")))),
    (get, root) => {
      const inner = permutationOf(get("inner"));
      const both = permutationOf(root).map((axis) => inner[axis]!);
      return samePermutation(both) ? get("x") : transpose(get("x"), both);
    },
  ),
  exact("transpose-nothing", "a permutation that moves nothing", op("transpose", any("x")), (get, root) =>
    samePermutation(permutationOf(root)) ? get("x") : null,
  ),
  exact("reshape-twice", "only the last shape counts", op("reshape", op("reshape", any("x"))), (get, root) =>
    reshape(get("x"), root.shape!),
  ),
  exact("reshape-nothing", "a reshape to the same shape", op("reshape", any("x")), (get, root) =>
    ifSame(get("x"), root),
  ),
  exact("broadcast-nothing", "a broadcast to the same shape", op("broadcastTo", any("x")), (get, root) =>
    ifSame(get("x"), root),
  ),
  exact("sum-nothing", "a sum over no axes", op("sum", any("x")), (get, root) => {
    const axes = root.op.attrs.axes as readonly number[] | null;
    return axes?.length === 0 ? ifSame(get("x"), root) : null;
  }),
  exact("cast-nothing", "a cast to the same dtype", op("cast", any("x")), (get, root) =>
    get("x").dtype === root.dtype ? get("x") : null,
  ),
  exact("where-same", "both branches are the same", op("where", any("c"), any("x"), any("x")), (get, root) =>
    ifSame(get("x"), root),
  ),
];
