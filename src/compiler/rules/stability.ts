import { sameShape } from "../../core/shape.ts";
import type { Tensor } from "../../graph/operation.ts";
import { softplus } from "../../ops/activation.ts";
import { neg } from "../../ops/arithmetic.ts";
import { expm1, log1p } from "../../ops/elementary.ts";
import { logSoftmax } from "../../ops/softmax.ts";
import type { Rule } from "../../rewrite/engine.ts";
import { any, as, constantOf, op } from "../../rewrite/pattern.ts";

const numeric = (
  name: string,
  doc: string,
  pattern: Rule["pattern"],
  apply: (get: (name: string) => Tensor) => Tensor | null,
): Rule => ({
  name,
  doc,
  exactness: "numeric",
  pattern,
  apply(match, root) {
    const after = apply((wanted) => match.get(wanted)!);
    // A constant with more axes than x would have broadcast it.
    return after && sameShape(after.shape, root.outputs[0]!.shape) ? after : null;
  },
});

/** Rules that change rounding for the better: no overflow, no cancellation. Each is tested against float64. */
export const STABILITY: readonly Rule[] = [
  numeric(
    "log-of-softmax",
    "log(softmax(x)) is -Infinity where softmax underflows; logSoftmax(x) = x − logSumExp(x) is not",
    op("log", as("softmax", op("softmax", any("x")))),
    (get) => logSoftmax(get("x"), { axis: get("softmax").op.attrs.axis as number }),
  ),
  numeric(
    "log-of-sigmoid",
    "log(sigmoid(x)) is -Infinity below about -88; −softplus(−x) is not",
    op("log", op("sigmoid", any("x"))),
    (get) => neg(softplus(neg(get("x")))),
  ),
  numeric(
    "log-of-one-plus",
    "log(1 + x) loses the digits of a small x; log1p(x) keeps them",
    op("log", op("add", constantOf(1), any("x"))),
    (get) => log1p(get("x")),
  ),
  numeric(
    "log-of-plus-one",
    "log(x + 1) loses the digits of a small x; log1p(x) keeps them",
    op("log", op("add", any("x"), constantOf(1))),
    (get) => log1p(get("x")),
  ),
  numeric(
    "exp-minus-one",
    "exp(x) − 1 loses the digits of a small x; expm1(x) keeps them",
    op("sub", op("exp", any("x")), constantOf(1)),
    (get) => expm1(get("x")),
  ),
];
