import { type ShapeContext, type Sizes, shapeText } from "../core/shape.ts";
import { productOf, type Size, sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { mul } from "./arithmetic.ts";
import { matmul } from "./contraction.ts";
import { diagPart } from "./matrices.ts";
import { reshape, transpose } from "./movement.ts";
import { sum } from "./reduction.ts";
import { apply, callError, f32, f64, i32, numericDType, type Operand, type OpOptions, operands } from "./support.ts";

/** A label of an axis: a letter, or `.k` for the axis that `...` puts k places before its end. */
type Label = string;
interface Equation {
  readonly inputs: readonly (readonly Label[])[];
  readonly output: readonly Label[];
}

const TERM = /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/;

/** Reads `"ij,jk->ik"`; `fail` is called with what is wrong. */
function parseEquation(
  equation: string,
  ranks: readonly number[],
  fail: (problem: string, fix: string) => never,
): Equation {
  const text = equation.replace(/\s/g, "");
  const [left, right, ...more] = text.split("->");
  const terms = left!.split(",");
  const fix = 'write letters for axes, "," between operands, "->" before the result, "..." for the other axes';
  const wrong = [...terms, right ?? ""].find((term) => !TERM.test(term));
  if (more.length > 0 || wrong !== undefined) fail(`"${equation}" is not an equation`, fix);
  if (terms.length !== ranks.length) fail(`"${equation}" has ${terms.length} operands, not ${ranks.length}`, fix);
  let widest = 0;
  const inputs = terms.map((term, which) => {
    const letters = term.replace("...", "").length;
    const rest = ranks[which]! - letters;
    if (rest < 0 || (rest > 0 && !term.includes("..."))) {
      fail(`"${term}" names ${letters} axes of operand ${which}, which has rank ${ranks[which]}`, fix);
    }
    widest = Math.max(widest, rest);
    return expand(term, rest);
  });
  if (right === undefined) {
    // Without a result: all letters that occur once, in alphabetical order, behind the other axes.
    const all = inputs.flat().filter((label) => !label.startsWith("."));
    const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
    return { inputs, output: [...expand("...", widest), ...once] };
  }
  const output = expand(right, widest);
  const unknown = output.find((label) => !inputs.some((labels) => labels.includes(label)));
  if (unknown !== undefined && !unknown.startsWith(".")) fail(`"${unknown}" of the result is in no operand`, fix);
  if (new Set(output).size !== output.length) fail(`"${right}" names an axis twice`, "each axis of the result once");
  if (widest > 0 && !right.includes("...")) fail('the operands have "..." and the result has not', fix);
  return { inputs, output };
}

/** Labels of a term whose `...` stands for `rest` axes. */
function expand(term: string, rest: number): readonly Label[] {
  const [before, after] = term.split("...");
  const middle = term.includes("...") ? Array.from({ length: rest }, (_, i) => `.${rest - 1 - i}`) : [];
  return [...before!, ...middle, ...(after ?? "")];
}

/** The size of every label; those of `...` broadcast. */
function sizesOf(equation: Equation, shapes: readonly Sizes[], context: ShapeContext | null): ReadonlyMap<Label, Size> {
  const sizes = new Map<Label, Size>();
  equation.inputs.forEach((labels, which) => {
    labels.forEach((label, axis) => {
      const [known, size] = [sizes.get(label), shapes[which]![axis]!];
      const broadcasts = label.startsWith(".");
      if (known === undefined || (broadcasts && known === 1)) sizes.set(label, size);
      else if (!(broadcasts && size === 1)) {
        const marks = equation.inputs.map((own, i) =>
          i > which ? [] : own.flatMap((one, at) => (one === label ? [at] : [])),
        );
        const name = broadcasts ? "an axis of ..." : `"${label}"`;
        context?.require(known, size, `${name} is ${sizeText(known)} and ${sizeText(size)}`, {
          marks,
          fix: "axes with one letter have one size",
        });
      }
    });
  });
  return sizes;
}

type EinsumAttrs = { readonly equation: string };

export const einsumOp: OpDef<EinsumAttrs> = defineOp<EinsumAttrs>({
  name: "einsum",
  category: "contraction",
  doc: [
    "Sum of products over axes named by letters: those that the result lacks are summed, one named twice takes a diagonal.",
    "$y_{ik} = \\sum_j a_{ij} b_{jk}$ for `ij,jk->ik`",
    "Operands are contracted from left to right, each pair by one matrix product.",
  ].join("\n"),
  inputs: "many",
  dtypes: numericDType,
  shapes: (inputs, { equation }, context) => {
    const parsed = parseEquation(
      equation,
      inputs.map((shape) => shape.length),
      (problem, fix) => context.fail(problem, { fix }),
    );
    const sizes = sizesOf(parsed, inputs, context);
    return [parsed.output.map((label) => sizes.get(label) ?? 1)];
  },
  shapesOfUnknown: (_inputs, _attrs, context) =>
    context.fail("the ranks of the operands must be known", { fix: "give the placeholders shapes" }),
  gradient: "via-decompose",
  decompose: ({ inputs, attrs: { equation } }) => [contractAll(equation, inputs)],
  examples: [
    { inputs: [f32([2, 3]), f32([3, 4])], attrs: { equation: "ij,jk->ik" } },
    { inputs: [f64([2, 3, 2]), f64([2, 2, 4])], attrs: { equation: "bij,bjk->bik" } },
    { inputs: [f64([2, 3])], attrs: { equation: "ij->" } },
    { inputs: [f64([3, 3])], attrs: { equation: "ii->i" }, note: "a diagonal" },
    { inputs: [f64([3, 3])], attrs: { equation: "ii" }, note: "the trace" },
    { inputs: [f64([2]), f64([3])], attrs: { equation: "i,j->ij" } },
    { inputs: [f64([2, 3]), f64([2, 3])], attrs: { equation: "ij,ij->j" } },
    { inputs: [f64([2, 3, 4]), f64([4, 2])], attrs: { equation: "...c,cd->...d" } },
    { inputs: [f64([2, 1, 3]), f64([4, 3])], attrs: { equation: "...i,...i->..." }, note: "... broadcasts" },
    { inputs: [f64([2, 3]), f64([3, 4]), f64([4, 2])], attrs: { equation: "ij,jk,kl->li" } },
    { inputs: [f64([2, 3, 2, 3])], attrs: { equation: "abab->b" } },
    { inputs: [f64([3, 2])], attrs: { equation: "ba" }, note: "letters in alphabetical order: the transpose" },
    { inputs: [i32([2, 3]), i32([3])], attrs: { equation: "ij,j->i" } },
  ],
});

/** A tensor with a label for each axis. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly Label[];
}

function contractAll(equation: string, inputs: readonly Tensor[]): Tensor {
  const shapes = inputs.map((x) => x.shape!);
  const ranks = shapes.map((shape) => shape.length);
  const parsed = parseEquation(equation, ranks, (problem) => {
    throw callError("einsum", problem);
  });
  const later = (from: number): ReadonlySet<Label> => new Set([...parsed.output, ...parsed.inputs.slice(from).flat()]);
  const whole = inputs.map((x, which) => {
    const elsewhere = new Set([...parsed.output, ...parsed.inputs.filter((_, other) => other !== which).flat()]);
    return summed(withoutRepeats({ x, labels: parsed.inputs[which]! }), elsewhere);
  });
  const [first, ...rest] = whole;
  const result = rest.reduce((left, right, i) => contract(left, right, later(i + 2)), first!);
  // Axes of "..." that no operand has are of size 1.
  const missing = parsed.output.filter((label) => !result.labels.includes(label));
  const labels = [...missing, ...result.labels];
  const x = missing.length > 0 ? reshape(result.x, [...missing.map(() => 1), ...result.x.shape!]) : result.x;
  return permuted(
    x,
    parsed.output.map((label) => labels.indexOf(label)),
  );
}

const permuted = (x: Tensor, order: readonly number[]): Tensor =>
  order.every((axis, i) => axis === i) ? x : transpose(x, order);

/** Takes the diagonal of axes that have one label. */
function withoutRepeats({ x, labels }: Labelled): Labelled {
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis);
  if (second < 0) return { x, labels };
  const first = labels.indexOf(labels[second]!);
  const others = labels.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const diagonal = diagPart(permuted(x, [...others, first, second]));
  return withoutRepeats({ x: diagonal, labels: [...others, first].map((axis) => labels[axis]!) });
}

/** Sums over axes whose label is not needed any more. */
function summed({ x, labels }: Labelled, needed: ReadonlySet<Label>): Labelled {
  const gone = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  if (gone.length === 0) return { x, labels };
  return { x: sum(x, { axis: gone }), labels: labels.filter((label) => needed.has(label)) };
}

/** The product of two tensors, summed over what both have and nobody needs later. */
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<Label>): Labelled {
  const both = a.labels.filter((label) => b.labels.includes(label));
  const batch = both.filter((label) => needed.has(label));
  const inner = both.filter((label) => !needed.has(label));
  const rows = a.labels.filter((label) => !both.includes(label));
  const columns = b.labels.filter((label) => !both.includes(label));
  const sizes = (of: Labelled, labels: readonly Label[]): Sizes =>
    labels.map((label) => of.x.shape![of.labels.indexOf(label)]!);
  const arranged = (of: Labelled, order: readonly Label[], shape: Sizes): Tensor => {
    const moved = permuted(
      of.x,
      order.map((label) => of.labels.indexOf(label)),
    );
    return sameSizes(moved.shape!, shape) ? moved : reshape(moved, shape);
  };
  const labels = [...batch, ...rows, ...columns];
  if (inner.length === 0) {
    const left = arranged(a, [...batch, ...rows], [...sizes(a, [...batch, ...rows]), ...columns.map(() => 1)]);
    const right = arranged(b, [...batch, ...columns], [...sizes(b, batch), ...rows.map(() => 1), ...sizes(b, columns)]);
    return { x: mul(left, right), labels };
  }
  const depth = productOf(sizes(a, inner));
  const left = arranged(a, [...batch, ...rows, ...inner], [...sizes(a, batch), productOf(sizes(a, rows)), depth]);
  const right = arranged(
    b,
    [...batch, ...inner, ...columns],
    [...sizes(b, batch), productOf(sizes(b, inner)), productOf(sizes(b, columns))],
  );
  const product: Tensor = matmul(left, right);
  const full = [...product.shape!.slice(0, batch.length), ...sizes(a, rows), ...sizes(b, columns)];
  return { x: sameSizes(product.shape!, full) ? product : reshape(product, full), labels };
}

const sameSizes = (a: Sizes, b: Sizes): boolean => a.length === b.length && a.every((size, axis) => size === b[axis]);

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Sum of products over axes named by letters: `einsum("bij,bjk->bik", a, b)` is a product of matrices for each b. Axes
 * that the result lacks are summed; a letter twice in one operand takes the diagonal; `...` stands for the other axes,
 * which broadcast; without `->` the result has the letters that occur once, in alphabetical order.
 * @throws ShapeError if equation and shapes do not go together
 */
export function einsum(equation: string, ...tensors: readonly Operand[]): Tensor {
  return apply(einsumOp, operands("einsum", tensors), { equation });
}

/** How many of the last axes of the first operand meet the first of the second, or which ones meet which. */
export type ContractedAxes = number | readonly [number | readonly number[], number | readonly number[]];

/**
 * Sum of products over pairs of axes: the last `axes` of `a` with the first of `b` (0 gives the outer product), or
 * `[axesOfA, axesOfB]`.
 * @throws GraphError if a rank is not known or the axes do not pair up, ShapeError if their sizes differ
 */
export function tensordot(a: Operand, b: Operand, axes: ContractedAxes, options: OpOptions = {}): Tensor {
  const op = "tensordot";
  const [left, right] = operands(op, [a, b]) as [Tensor, Tensor];
  if (left.shape === null || right.shape === null) throw callError(op, "the ranks of both operands must be known");
  const pairs = pairedAxes(left.shape, right.shape, axes);
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (left.shape.length + right.shape.length > letters.length) throw callError(op, "the operands have too many axes");
  const first = Array.from(left.shape, (_, axis) => letters[axis]!);
  const second = Array.from(right.shape, (_, axis) => letters[left.shape!.length + axis]!);
  for (const [own, other] of pairs) second[other] = first[own]!;
  const met = new Set(pairs.map(([own]) => first[own]!));
  const output = [...first, ...second].filter((label) => !met.has(label));
  const equation = `${first.join("")},${second.join("")}->${output.join("")}`;
  return apply(einsumOp, [left, right], { equation }, { name: op, ...options });
}

function pairedAxes(a: Sizes, b: Sizes, axes: ContractedAxes): readonly (readonly [number, number])[] {
  const op = "tensordot";
  if (typeof axes === "number") {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(a.length, b.length)) {
      throw callError(op, `${axes} axes of ${shapeText(a)} and ${shapeText(b)}`, "at most the lower rank");
    }
    return Array.from({ length: axes }, (_, i) => [a.length - axes + i, i] as const);
  }
  const [own, other] = axes.map((list, which) => {
    const rank = which === 0 ? a.length : b.length;
    return [list].flat().map((axis) => {
      const at = axis < 0 ? axis + rank : axis;
      if (!Number.isInteger(at) || at < 0 || at >= rank)
        throw callError(op, `axis ${axis} does not exist in rank ${rank}`);
      return at;
    });
  });
  if (own!.length !== other!.length)
    throw callError(op, `${own!.length} axes against ${other!.length}`, "name as many");
  if (new Set(own).size !== own!.length || new Set(other).size !== other!.length) {
    throw callError(op, "an axis is named twice", "name each axis once");
  }
  return own!.map((axis, i) => [axis, other![i]!] as const);
}

export const EINSUM_OPS = [einsumOp] as const;
