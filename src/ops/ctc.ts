import type { ShapeContext, Sizes } from "../core/shape.ts";
import { isKnown, type Size, sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul, neg, sub } from "./arithmetic.ts";
import { equal, less, logicalAnd, logicalOr, notEqual, where } from "./comparison.ts";
import { matmul } from "./contraction.ts";
import { range } from "./counting.ts";
import { oneHot } from "./indexing.ts";
import { type LossOptions, reduced } from "./loss.ts";
import { expandDims, fill, reshape } from "./movement.ts";
import { logSumExp } from "./reduction.ts";
import { concat, pad, slice, stack, unstack } from "./slicing.ts";
import { logSoftmax } from "./softmax.ts";
import { apply, f32, f64, i32 } from "./support.ts";

/*
 * Connectionist temporal classification (Graves et al. 2006): the probability of a label sequence, summed over all ways
 * to stretch it over the steps with blanks between. Labels l are extended to l' = _ l₁ _ l₂ _ … of 2L + 1 symbols, and
 *
 *     α₀(s) = ln p₀(l'_s) for s = 0, 1
 *     αₜ(s) = ln pₜ(l'_s) + ln(e^αₜ₋₁(s) + e^αₜ₋₁(s-1) + [l'_s is no blank and not l'_{s-2}] e^αₜ₋₁(s-2))
 *
 * It decomposes into as many copies of the second line as there are steps: ordinary ops, with derivatives of any order.
 */

/** Stands for ln 0: far below any log-probability, and its differences are 0 and not NaN. */
const NEVER = -1e30;

type CtcAttrs = { readonly blank: number };

function known(size: Size, what: string, which: number, axis: number, context: ShapeContext): number {
  if (isKnown(size)) return size;
  return context.fail(`${what}, ${sizeText(size)}, must be a number: the loss is written out step by step`, {
    marks: [...new Array<number[]>(which).fill([]), [axis]],
    fix: "give the placeholder that size, and pad shorter sequences",
  });
}

function ctcShape([labels, logits, ...lengths]: readonly Sizes[], { blank }: CtcAttrs, context: ShapeContext): Sizes {
  if (labels!.length !== 2) context.fail(`labels need rank 2 [batch, labels], not ${labels!.length}`);
  if (logits!.length !== 3) context.fail(`logits need rank 3 [batch, steps, classes], not ${logits!.length}`);
  known(labels![1]!, "the number of labels", 0, 1, context);
  const steps = known(logits![1]!, "the number of steps", 1, 1, context);
  const classes = known(logits![2]!, "the number of classes", 1, 2, context);
  if (steps === 0) context.fail("there are no steps", { marks: [[], [1]] });
  if (blank < 0 || blank >= classes) context.fail(`class ${blank}, the blank, is none of ${classes} classes`);
  const batch = logits![0]!;
  context.require(labels![0]!, batch, "labels and logits have different batch sizes", { marks: [[0], [0]] });
  ["labelLengths", "logitLengths"].forEach((name, i) => {
    const length = lengths[i]!;
    if (length.length !== 1) context.fail(`${name} needs rank 1, one length per example, not ${length.length}`);
    context.require(length[0]!, batch, `${sizeText(length[0]!)} ${name} for a batch of ${sizeText(batch)}`);
  });
  return [batch];
}

/** `_ l₁ _ l₂ _ …` for every example. */
function withBlanks(labels: Tensor, blank: number): Tensor {
  const [batch, count] = labels.shape as readonly [Size, number];
  const blanks = (columns: number): Tensor => fill(labels, [batch, columns], blank, "int32");
  const pairs: Tensor = reshape(stack([blanks(count), labels], 2), [batch, 2 * count]);
  return concat([pairs, blanks(1)], 1);
}

/** Moves columns to the right; `value` comes in from the left. */
function shifted(x: Tensor, by: number, value: number): Tensor {
  const [batch, columns] = x.shape as readonly [Size, number];
  const kept = Math.max(0, columns - by);
  return pad(
    slice(x, [0, 0], [batch, kept]),
    [
      [0, 0],
      [columns - kept, 0],
    ],
    value,
  );
}

function logarithms([labels, logits, labelLengths, logitLengths]: readonly Tensor[], blank: number): Tensor {
  const [, , classes] = logits!.shape as readonly [Size, number, number];
  const symbols = withBlanks(labels!, blank);
  const hot = oneHot(symbols, classes, { dtype: logits!.dtype });
  const emissions = unstack(matmul(logSoftmax(logits!), hot, { transposeB: true }) as Tensor, 1);
  const maySkip = logicalAnd(notEqual(symbols, blank), notEqual(symbols, shifted(symbols, 2, blank)));
  const places: Tensor = range(labels!, symbols.shape![1]!);
  const last: Tensor = mul(expandDims(labelLengths!, 1), 2);

  let alpha: Tensor = where(less(places, 2), emissions[0]!, NEVER);
  emissions.slice(1).forEach((emission, i) => {
    const from = [alpha, shifted(alpha, 1, NEVER), where(maySkip, shifted(alpha, 2, NEVER), NEVER)];
    const next: Tensor = add(logSumExp(stack(from, 0), { axis: 0 }), emission);
    alpha = where(less(i + 1, expandDims(logitLengths!, 1)), next, alpha);
  });
  const isEnd = logicalOr(equal(places, last), equal(places, sub(last, 1)));
  return logSumExp(where(isEnd, alpha, NEVER), { axis: 1 });
}

export const ctcLossOp: OpDef<CtcAttrs> = defineOp<CtcAttrs>({
  name: "ctcLoss",
  category: "loss",
  doc: [
    "Minus the log-probability of label sequences, over all ways to align them with the steps (CTC); one per example.",
    "$y = -\\ln \\sum_{\\pi \\in B^{-1}(l)} \\prod_t \\mathrm{softmax}(z_t)_{\\pi_t}$",
    "B removes repetitions, then blanks. Written out step by step: the graph grows with their number. Labels that do not",
    "fit into the steps cost about $10^{30}$. Steps and labels beyond the lengths of an example do not count.",
  ].join("\n"),
  inputs: ["labels", "logits", "labelLengths", "logitLengths"],
  dtypes: ([labels, logits, ...lengths], _attrs, context) => {
    const wrong = [labels!, ...lengths].find((dtype) => dtype !== "int32");
    if (wrong) context.fail(`labels and lengths are int32, not ${wrong}`, 'convert them: cast(x, "int32")');
    if (logits !== "float32" && logits !== "float64") context.fail(`logits are ${logits}, not floating point`);
    return [logits!];
  },
  shapes: (inputs, attrs, context) => [ctcShape(inputs, attrs, context)],
  shapesOfUnknown: (_inputs, _attrs, context) => context.fail("the ranks of all operands must be known"),
  gradient: "via-decompose",
  decompose: ({ inputs, attrs: { blank } }) => [neg(logarithms(inputs, blank))],
  examples: [
    {
      inputs: [
        i32([2, 2], { values: [1, 2, 1, 1] }),
        f32([2, 5, 3]),
        i32([2], { values: [2, 2] }),
        i32([2], { values: [5, 4] }),
      ],
      attrs: { blank: 0 },
    },
    {
      inputs: [i32([1, 2], { values: [0, 9] }), f64([1, 3, 2]), i32([1], { values: [1] }), i32([1], { values: [3] })],
      attrs: { blank: 1 },
      note: "what stands behind the end does not matter",
    },
  ],
});

export interface CtcOptions extends LossOptions {
  /** The class that stands for no label. Default 0. */
  readonly blankIndex?: number;
}

/**
 * Connectionist temporal classification: the mean over the examples of minus the log-probability of their labels.
 *
 * @param labels class numbers `[batch, labels]`, int32, padded at the end
 * @param logits scores before the softmax, `[batch, steps, classes]`; the number of steps must be known
 * @param labelLengths how many labels count, `[batch]`, int32
 * @param logitLengths how many steps count, `[batch]`, int32
 * @throws ShapeError when the sizes do not go together or are not known
 */
export const ctcLoss = (
  labels: Tensor,
  logits: Tensor,
  labelLengths: Tensor,
  logitLengths: Tensor,
  { blankIndex = 0, ...options }: CtcOptions = {},
): Tensor =>
  reduced(options, (named) =>
    apply(ctcLossOp, [labels, logits, labelLengths, logitLengths], { blank: blankIndex }, named),
  );

export const CTC_OPS: readonly OpDef[] = [ctcLossOp];
