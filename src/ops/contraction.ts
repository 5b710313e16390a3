import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, type ShapeContext, type Sizes, shapeText } from "../core/shape.ts";
import type {
  Broadcast,
  Differ,
  Dim,
  MatMul,
  Result,
  Shape,
  ShapeMismatch,
  Text,
  Unless,
  Unranked,
  Valid,
} from "../core/shape-types.ts";
import { equalSizes, productOf, sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import type { Expr } from "../kernel/expr.ts";
import { addOp, mulOp } from "./arithmetic.ts";
import { expandDims, reshape, squeeze } from "./movement.ts";
import { sumTo } from "./reduction.ts";
import {
  apply,
  broadcastAt,
  f32,
  f64,
  i32,
  numericDType,
  type Operand,
  type OpOptions,
  operands,
  type ShapeOf,
} from "./support.ts";

/** Which operand is read with its last two axes swapped. Reading is free: no transposed copy is made. */
export type MatmulAttrs = { readonly transposeA: boolean; readonly transposeB: boolean };

const PLAIN: MatmulAttrs = { transposeA: false, transposeB: false };

/** Axes of rows and columns as the product sees them, counted from the front. */
const matrixAxes = (rank: number, transposed: boolean) =>
  transposed ? { rows: rank - 1, columns: rank - 2 } : { rows: rank - 2, columns: rank - 1 };

function matmulShape(left: Sizes, right: Sizes, attrs: MatmulAttrs, context: ShapeContext): Sizes {
  const rankFix = "expandDims(x, 0) makes a row of a vector; affine(x, w, b) and dot(a, b) take vectors as they are";
  if (left.length < 2) context.fail(`the left operand needs rank 2 or more, not ${left.length}`, { fix: rankFix });
  if (right.length < 2) context.fail(`the right operand needs rank 2 or more, not ${right.length}`, { fix: rankFix });
  const a = matrixAxes(left.length, attrs.transposeA);
  const b = matrixAxes(right.length, attrs.transposeB);
  const [inner, other] = [left[a.columns]!, right[b.rows]!];
  context.require(inner, other, `inner sizes differ, ${sizeText(inner)} (left) against ${sizeText(other)} (right)`, {
    marks: [[a.columns], [b.rows]],
    fix: innerFix(left, right, attrs),
  });
  // Batch axes stand in front, so marks on them need no shift.
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2), context);
  return [...batch, left[a.rows]!, right[b.columns]!];
}

/** Names the transposition that would make the sizes fit, if there is one. */
function innerFix(left: Sizes, right: Sizes, { transposeA, transposeB }: MatmulAttrs): string {
  const a = matrixAxes(left.length, transposeA);
  const b = matrixAxes(right.length, transposeB);
  if (equalSizes(left[a.columns]!, right[b.columns]!)) return `transposeB: ${!transposeB} would fit`;
  if (equalSizes(left[a.rows]!, right[b.rows]!)) return `transposeA: ${!transposeA} would fit`;
  return "the columns of the left operand must be as many as the rows of the right one";
}

/** `[…, rows, columns]` as one matrix whose rows are all those of the batch. */
const stacked = (x: Tensor, shape: Sizes): Tensor =>
  reshape(x, [productOf(shape.slice(0, -1)), shape[shape.length - 1]!]);

export const matmulOp: OpDef<MatmulAttrs> = defineOp<MatmulAttrs>({
  name: "matmul",
  category: "contraction",
  doc: [
    "Matrix product over the last two axes; the axes in front of them broadcast.",
    "$y_{ij} = \\sum_k a_{ik} b_{kj}$",
    "k is summed in increasing order, whatever the schedule, so that the bits are the same everywhere.",
  ].join("\n"),
  inputs: ["left", "right"],
  dtypes: numericDType,
  shapes: ([left, right], attrs, context) => [matmulShape(left!, right!, attrs, context)],
  // With A' and B' for the operands as read: dA' = g B'ᵀ and dB' = A'ᵀ g; a transposed operand gets the transpose.
  gradient: ({ op, x: [a, b], g, wants }) => {
    const { transposeA, transposeB } = op.attrs;
    const ofLeft = (): Tensor =>
      transposeA
        ? matmul(b!, g, { transposeA: transposeB, transposeB: true })
        : matmul(g, b!, { transposeA: false, transposeB: !transposeB });
    const da = wants(0) ? ofLeft() : null;
    if (!wants(1)) return [da && sumTo(da, a!), null];
    if (!transposeA && b!.rank === 2 && a!.shape !== null && a!.shape.length > 2 && g.shape !== null) {
      // One matrix shared by a batch: a single long sum instead of a product per batch element and a sum of those.
      const [rows, incoming] = [stacked(a!, a!.shape), stacked(g, g.shape)];
      const db = transposeB
        ? matmul(incoming, rows, { transposeA: true })
        : matmul(rows, incoming, { transposeA: true });
      return [da, db];
    }
    const db = transposeB
      ? matmul(g, a!, { transposeA: true, transposeB: transposeA })
      : matmul(a!, g, { transposeA: !transposeA, transposeB: false });
    return [da && sumTo(da, a!), sumTo(db, b!)];
  },
  compute: ({ in: [a, b], attrs, k }, index) => {
    const batch = index.slice(0, -2);
    const [row, column] = index.slice(-2) as [Expr, Expr];
    const depth = a!.extents[matrixAxes(a!.extents.length, attrs.transposeA).columns]!;
    const term = (i: Expr): Expr =>
      k.binary(
        "mul",
        broadcastAt(a!, [...batch, ...(attrs.transposeA ? [i, row] : [row, i])]),
        broadcastAt(b!, [...batch, ...(attrs.transposeB ? [column, i] : [i, column])]),
      );
    return k.reduce("add", [depth], (i) => term(i!), "serial");
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 3]), f32([3, 4])], attrs: PLAIN, note: "[2, 3] · [3, 4] = [2, 4]" },
    { inputs: [f64([3, 2]), f64([3, 4])], attrs: { transposeA: true, transposeB: false } },
    { inputs: [f32([2, 3]), f32([4, 3])], attrs: { transposeA: false, transposeB: true } },
    { inputs: [f64([3, 2]), f64([4, 3])], attrs: { transposeA: true, transposeB: true } },
    { inputs: [f32([3, 2, 5]), f32([3, 5, 2])], attrs: PLAIN, note: "one product per batch element" },
    { inputs: [f64([2, 3, 4]), f64([4, 2])], attrs: PLAIN, note: "one matrix for the whole batch" },
    { inputs: [f64([2, 3, 4]), f64([2, 4])], attrs: { transposeA: false, transposeB: true } },
    { inputs: [f64([2, 1, 2, 3]), f64([4, 3, 2])], attrs: PLAIN, note: "batch axes broadcast" },
    { inputs: [f64([2, 1, 3, 2]), f64([4, 2, 3])], attrs: { transposeA: true, transposeB: true } },
    { inputs: [f64([4, 2]), f64([3, 2, 5])], attrs: PLAIN },
    { inputs: [f32([17, 33]), f32([33, 9])], attrs: PLAIN, note: "sizes that no tile divides" },
    { inputs: [f32([1, 7]), f32([7, 1])], attrs: PLAIN },
    { inputs: [f32([2, 0]), f32([0, 3])], attrs: PLAIN, note: "an empty sum is 0" },
    { inputs: [i32([2, 3]), i32([3, 2])], attrs: PLAIN },
  ],
});

export interface MatmulOptions extends OpOptions {
  /** Read the left operand with its last two axes swapped. */
  readonly transposeA?: boolean;
  /** Read the right operand with its last two axes swapped. */
  readonly transposeB?: boolean;
}

type Flag<O, Key extends string> = Key extends keyof O ? O[Key] : false;
/** A shape with its last two axes swapped; of no known shape if it is not known whether they are. */
type Flipped<S extends Shape, Swap> = [Swap] extends [false | undefined]
  ? S
  : [Swap] extends [true]
    ? S extends readonly [...infer Batch extends Shape, infer M extends Dim, infer N extends Dim]
      ? readonly [...Batch, N, M]
      : S
    : Shape;
type ProductOf<A, B, O> = MatMul<
  Flipped<ShapeOf<A>, Flag<O, "transposeA">>,
  Flipped<ShapeOf<B>, Flag<O, "transposeB">>
>;

/**
 * Matrix product over the last two axes; the axes in front of them broadcast.
 * @throws ShapeError when the inner sizes differ or an operand has rank below 2
 */
export function matmul<
  const A extends Operand,
  const B extends Operand,
  const O extends MatmulOptions = Record<never, never>,
>(a: A, b: B & Valid<ProductOf<A, B, O>>, options?: O): Tensor<Result<ProductOf<A, B, O>>> {
  const { transposeA = false, transposeB = false, ...named }: MatmulOptions = options ?? {};
  return apply(matmulOp, [a, b], { transposeA, transposeB }, named);
}

/** A vector counts as a single row, which the result loses again. */
type RowOf<S extends Shape> = S extends readonly [infer K extends Dim] ? readonly [1, K] : S;
type AffineOf<X extends Shape, W extends Shape> = number extends X["length"]
  ? Shape
  : MatMul<RowOf<X>, W, "affine"> extends infer Product
    ? Product extends readonly [infer First extends Dim, ...infer Rest extends Shape]
      ? X extends readonly [Dim]
        ? Rest
        : readonly [First, ...Rest]
      : Product
    : never;
/** With the bias. Of a product that does not fit, nothing is said again. */
type ShiftedOf<Product, B extends Shape> = Product extends Shape ? Broadcast<Product, B> : Shape;

/**
 * The affine function `x w + b`: what a layer computes before its activation. `x` may be one vector.
 *
 * @param x `[inputs]` or `[…, inputs]`
 * @param w `[inputs, outputs]`
 * @param b `[outputs]`
 * @throws ShapeError when the sizes do not go together
 */
export function affine<const X extends Operand, const W extends Operand, const B extends Operand>(
  x: X,
  w: W & Valid<AffineOf<ShapeOf<X>, ShapeOf<W>>>,
  b: B & Valid<ShiftedOf<AffineOf<ShapeOf<X>, ShapeOf<W>>, ShapeOf<B>>>,
  options?: OpOptions,
): Tensor<Result<ShiftedOf<AffineOf<ShapeOf<X>, ShapeOf<W>>, ShapeOf<B>>>> {
  const [input, weights, bias] = operands("affine", [x, w, b]) as [Tensor, Tensor, Tensor];
  const product: Tensor = input.rank === 1 ? squeeze(matmul(expandDims(input, 0), weights), 0) : matmul(input, weights);
  return apply(addOp, [product, bias], {}, options);
}

type CheckVector<Op extends string, S extends Shape> =
  Unranked<S> extends true
    ? unknown
    : S extends readonly [Dim]
      ? unknown
      : ShapeMismatch<`${Op}: takes two vectors, not rank ${S["length"]}`>;
type DotConflict<A extends Shape, B extends Shape> = [A, B] extends [readonly [infer N], readonly [infer M]]
  ? Differ<N, M> extends true
    ? ShapeMismatch<`dot: lengths differ, ${Text<N>} (left) against ${Text<M>} (right)`>
    : never
  : never;
type OuterOf<A extends Shape, B extends Shape> = [A, B] extends [
  readonly [infer N extends Dim],
  readonly [infer M extends Dim],
]
  ? readonly [N, M]
  : Shape;

function checkVectors(name: string, vectors: readonly Tensor[]): void {
  const wrong = vectors.find((vector) => vector.rank !== null && vector.rank !== 1);
  if (wrong === undefined) return;
  throw new ShapeError({
    what: `${name}: takes two vectors, not ${wrong.op.name}: ${shapeText(wrong.shape)}`,
    details: [`"${wrong.op.name}" was made at ${wrong.op.line ?? "an unknown line"}`],
    at: lineOf(captureStack()),
    fix: "use matmul for matrices",
  });
}

/** Inner product of two vectors, a scalar: `Σ aᵢ bᵢ`. */
export function dot<const A extends Operand, const B extends Operand>(
  a: A & CheckVector<"dot", ShapeOf<A>>,
  b: B & CheckVector<"dot", ShapeOf<B>> & Unless<DotConflict<ShapeOf<A>, ShapeOf<B>>>,
  options?: OpOptions,
): Tensor<readonly []> {
  const vectors = operands("dot", [a, b]) as [Tensor, Tensor];
  checkVectors("dot", vectors);
  const product: Tensor = matmul(expandDims(vectors[0], 0), expandDims(vectors[1], 1));
  return reshape(product, [], options) as Tensor<readonly []>;
}

/** Outer product of two vectors, a matrix: `aᵢ bⱼ`. */
export function outer<const A extends Operand, const B extends Operand>(
  a: A & CheckVector<"outer", ShapeOf<A>>,
  b: B & CheckVector<"outer", ShapeOf<B>>,
  options?: OpOptions,
): Tensor<OuterOf<ShapeOf<A>, ShapeOf<B>>> {
  const vectors = operands("outer", [a, b]) as [Tensor, Tensor];
  checkVectors("outer", vectors);
  const [column, row]: readonly Tensor[] = [expandDims(vectors[0], 1), expandDims(vectors[1], 0)];
  return apply(mulOp, [column!, row!], {}, options);
}

export const CONTRACTION_OPS = [matmulOp] as const;
