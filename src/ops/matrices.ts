import { elementCount, type ShapeContext, type Sizes } from "../core/shape.ts";
import { addSizes, isKnown, maxSizes, multiplySizes, type Size, sizeText, subtractSizes } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, and, type Expr, eq, int, le, lt, mul, sub } from "../kernel/expr.ts";
import { add as addTensors, mul as mulTensors, neg, sub as subTensors } from "./arithmetic.ts";
import { matmul } from "./contraction.ts";
import { transpose } from "./movement.ts";
import { type ReductionOptions, sum } from "./reduction.ts";
import { pad, slice } from "./slicing.ts";
import {
  anyDType,
  apply,
  bool,
  callError,
  f32,
  f64,
  floatDType,
  i32,
  type NoAttrs,
  type OpOptions,
} from "./support.ts";

/** The last two axes, which a matrix op needs. */
function matrixAxes(x: Sizes, context: ShapeContext): readonly [Size, Size] {
  if (x.length < 2) context.fail(`a matrix has rank 2 or more, not ${x.length}`, { fix: "expandDims adds an axis" });
  return x.slice(-2) as readonly Size[] as readonly [Size, Size];
}
function squareMatrix(x: Sizes, context: ShapeContext): void {
  const [rows, columns] = matrixAxes(x, context);
  context.require(rows, columns, `a square matrix is needed, not ${sizeText(rows)} by ${sizeText(columns)}`, {
    marks: [[x.length - 2, x.length - 1]],
    fix: "the last two sizes must be equal",
  });
}
const smaller = (a: Size, b: Size): Size =>
  isKnown(a) && isKnown(b) ? Math.min(a, b) : multiplySizes(-1, maxSizes(multiplySizes(-1, a), multiplySizes(-1, b)));

/** A matrix, or each of a batch of them, with rows and columns exchanged. */
function adjoint(x: Tensor): Tensor {
  const rank = x.shape!.length;
  const order = x.shape!.map((_, axis) => (axis < rank - 2 ? axis : axis === rank - 2 ? rank - 1 : rank - 2));
  return transpose(x, order);
}

const needsRank = (_inputs: readonly (Sizes | null)[], _attrs: unknown, context: ShapeContext): never =>
  context.fail("the rank of the operand must be known", { fix: "give the placeholder a shape" });

// ── diagonals ────────────────────────────────────────────────────────────────────────────────────────────────────

export const diagOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "diag",
  category: "movement",
  doc: "A square matrix with the elements of the last axis on its diagonal and zeros elsewhere.\n$y_{ij} = x_i [i = j]$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], _attrs, context) => {
    if (x!.length === 0) context.fail("a scalar has no diagonal", { fix: "reshape(x, [1]) makes a vector of it" });
    return [[...x!, x!.at(-1)!]];
  },
  gradient: ({ g }) => [diagPart(g)],
  compute: ({ in: [x], output, k }, index) => {
    const [row, column] = index.slice(-2) as [Expr, Expr];
    return k.select(k.binary("eq", row, column), x!(...index.slice(0, -1)), k.constant(0, output.dtype));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([3])], attrs: {} },
    { inputs: [f64([2, 2])], attrs: {}, note: "one matrix for each row" },
    { inputs: [i32([1])], attrs: {} },
    { inputs: [bool([2])], attrs: {} },
  ],
});

export const diagPartOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "diagPart",
  category: "movement",
  doc: "The diagonal of a matrix, or of each of a batch of them.\n$y_i = x_{ii}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], _attrs, context) => [[...x!.slice(0, -2), smaller(...matrixAxes(x!, context))]],
  shapesOfUnknown: needsRank,
  gradient: ({ x: [x], y: [y], g }) => {
    const square = diag(g);
    const rank = x!.shape!.length;
    const grows = x!.shape!.map((size, axis): readonly [Size, Size] =>
      axis < rank - 2 ? [0, 0] : [0, subtractSizes(size, y!.shape!.at(-1)!)],
    );
    return [grows.some(([, after]) => after !== 0) ? pad(square, grows) : square];
  },
  compute: ({ in: [x] }, index) => x!(...index, index.at(-1)!),
  cost: "free",
  examples: [
    { inputs: [f32([3, 3])], attrs: {} },
    { inputs: [f64([2, 3])], attrs: {} },
    { inputs: [f64([2, 4, 2])], attrs: {} },
    { inputs: [i32([1, 1])], attrs: {} },
  ],
});

type BandAttrs = { readonly lower: number; readonly upper: number };

export const bandPartOp: OpDef<BandAttrs> = defineOp<BandAttrs>({
  name: "bandPart",
  category: "movement",
  doc: [
    "A matrix with zeros outside of a band: `lower` diagonals below the main one and `upper` above it; -1 keeps all.",
    "$y_{ij} = x_{ij} [i - j \\le l] [j - i \\le u]$",
  ].join("\n"),
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], _attrs, context) => {
    matrixAxes(x!, context);
    return [x!];
  },
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: ({ op, g }) => [bandPart(g, op.attrs.lower, op.attrs.upper)],
  compute: ({ in: [x], attrs: { lower, upper }, output, k }, index) => {
    const [row, column] = index.slice(-2) as [Expr, Expr];
    const value = x!(...index);
    const zero = k.constant(0, output.dtype);
    const below = lower < 0 ? value : k.select(le(sub(row, column), int(lower)), value, zero);
    return upper < 0 ? below : k.select(le(sub(column, row), int(upper)), below, zero);
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([3, 4])], attrs: { lower: -1, upper: 0 }, note: "lower triangle" },
    { inputs: [f64([4, 3])], attrs: { lower: 0, upper: -1 }, note: "upper triangle" },
    { inputs: [f64([2, 4, 4])], attrs: { lower: 1, upper: 1 } },
    { inputs: [i32([3, 3])], attrs: { lower: 0, upper: 0 } },
  ],
});

// ── inverse and Cholesky ─────────────────────────────────────────────────────────────────────────────────────────

export const inverseWorkOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "inverseWork",
  category: "contraction",
  doc: [
    "Gauss-Jordan elimination with exchange of rows on [x | 1], which becomes [1 | inverse]; two more columns are work space.",
    "$y_{i, n + j} = (x^{-1})_{ij}$",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  shapes: ([x], _attrs, context) => {
    squareMatrix(x!, context);
    return [[...x!.slice(0, -1), addSizes(multiplySizes(x!.at(-1)!, 2), 2)]];
  },
  gradient: "none",
  kernel: ({ in: [x], output, k, loops }) => {
    const { dtype } = output;
    const n = x!.shape.at(-1)!;
    const width = 2 * n + 2;
    if (n === 0) return;
    const number = (value: number): Expr => k.constant(value, dtype);
    loops.loop(elementCount(x!.shape) / (n * n), (matrix) => {
      const at = (row: Expr, column: Expr): Expr => add(mul(add(mul(matrix, int(n)), row), int(width)), column);
      const best = at(int(0), int(2 * n));
      const pivotRow = at(int(0), int(2 * n + 1));
      loops.loop(n, (i) => {
        loops.loop(n, (j) => {
          loops.store(at(i, j), x!.flat(add(mul(add(mul(matrix, int(n)), i), int(n)), j)));
          loops.store(at(i, add(j, int(n))), k.select(eq(i, j), number(1), number(0)));
        });
        loops.store(at(i, int(2 * n)), number(0));
        loops.store(at(i, int(2 * n + 1)), number(0));
      });
      loops.loop(n, (c) => {
        loops.store(best, number(-1));
        loops.store(pivotRow, k.cast(c, dtype));
        loops.loop(n, (r) => {
          const size = k.unary("abs", loops.load(at(r, c)));
          const larger = k.binary("lt", loops.load(best), size);
          loops.branch(and(le(c, r), larger), () => {
            loops.store(best, size);
            loops.store(pivotRow, k.cast(r, dtype));
          });
        });
        const chosen = k.cast(loops.load(pivotRow), "int32");
        const row = k.let("row", k.binary("max", int(0), k.binary("min", chosen, int(n - 1))));
        loops.loop(2 * n, (j) => {
          const [upper, lower] = [loops.load(at(c, j)), loops.load(at(row, j))];
          loops.store(at(c, j), lower);
          loops.store(at(row, j), k.select(eq(row, c), lower, upper));
        });
        const pivot = loops.load(at(c, c));
        loops.loop(2 * n, (j) => loops.store(at(c, j), k.binary("div", loops.load(at(c, j)), pivot)));
        loops.loop(n, (r) => {
          loops.branch(k.binary("ne", r, c), () => {
            const factor = loops.load(at(r, c));
            loops.loop(2 * n, (j) => {
              const product = k.binary("mul", factor, loops.load(at(c, j)));
              loops.store(at(r, j), k.binary("sub", loops.load(at(r, j)), product));
            });
          });
        });
      });
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [f64([2, 2], { values: [0, 2, 1, 3] })], attrs: {} },
    { inputs: [f32([2, 3, 3])], attrs: {} },
  ],
});

/** Well-conditioned matrices. */
const REGULAR = { values: [4, 1, -0.5, 0.3, -3, 1, 0.7, 0.2, 2] };

export const matrixInverseOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "matrixInverse",
  category: "contraction",
  doc: "The inverse of a square matrix, or of each of a batch of them. Infinite or NaN for a singular one.\n$y = x^{-1}, \\quad dy = -y\\, dx\\, y$",
  inputs: ["x"],
  dtypes: floatDType,
  shapes: ([x], _attrs, context) => {
    inverseWorkOp.shapes([x!], {}, context);
    return [x!];
  },
  shapesOfUnknown: needsRank,
  gradient: ({ y: [y], g }) => {
    const product: Tensor = matmul(y!, g, { transposeA: true });
    return [neg(matmul(product, y!, { transposeB: true }))];
  },
  decompose: ({ inputs: [x] }) => {
    const { shape } = x!;
    const size = shape!.at(-1)!;
    const begin = shape!.map((_, axis) => (axis === shape!.length - 1 ? size : 0));
    return [slice(apply(inverseWorkOp, [x!], {}), begin, shape!)];
  },
  examples: [
    { inputs: [f64([3, 3], REGULAR)], attrs: {} },
    { inputs: [f64([2, 2, 2], { values: [2, 1, 1, 3, 0, -1, 2, 1] })], attrs: {} },
    { inputs: [f32([1, 1], { values: [4] })], attrs: {} },
  ],
});

export const choleskyOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "cholesky",
  category: "contraction",
  doc: [
    "The lower triangle L with $x = L L^T$ of a symmetric positive definite matrix, or of each of a batch of them.",
    "$y_{jj} = \\sqrt{x_{jj} - \\sum_k y_{jk}^2}, \\quad y_{ij} = (x_{ij} - \\sum_k y_{ik} y_{jk}) / y_{jj}$",
    "The mean of $x_{ij}$ and $x_{ji}$ is taken, so the gradient is symmetric. NaN if not positive definite.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  shapes: ([x], _attrs, context) => {
    squareMatrix(x!, context);
    return [x!];
  },
  shapesOfUnknown: needsRank,
  // Murray 2016: S = L^-T phi(L^T dL) L^-1, phi taking the lower triangle and half of the diagonal; (S + S^T)/2.
  gradient: ({ y: [y], g }) => {
    const product: Tensor = matmul(y!, bandPart(g, -1, 0), { transposeA: true });
    const half = subTensors(bandPart(product, -1, 0), mulTensors(bandPart(product, 0, 0), 0.5));
    const inverse = matrixInverse(y!);
    const left: Tensor = matmul(inverse, half, { transposeA: true });
    const full: Tensor = matmul(left, inverse);
    return [mulTensors(addTensors(full, adjoint(full)), 0.5)];
  },
  kernel: ({ in: [x], output, k, loops }) => {
    const n = output.shape.at(-1)!;
    if (n === 0) return;
    loops.loop(elementCount(output.shape) / (n * n), (matrix) => {
      const at = (row: Expr, column: Expr): Expr => add(mul(add(mul(matrix, int(n)), row), int(n)), column);
      loops.loop(n, (i) => {
        loops.loop(n, (j) => {
          const own = k.let("own", at(i, j));
          const mean = k.binary("mul", k.binary("add", x!.flat(own), x!.flat(at(j, i))), k.constant(0.5, output.dtype));
          loops.store(own, k.select(le(j, i), mean, k.constant(0, output.dtype)));
          loops.branch(le(j, i), () => {
            loops.loop(n, (m) => {
              loops.branch(lt(m, j), () => {
                const product = k.binary("mul", loops.load(at(i, m)), loops.load(at(j, m)));
                loops.store(own, k.binary("sub", loops.load(own), product));
              });
            });
            const rest = loops.load(own);
            const diagonal = loops.load(at(j, j));
            loops.store(own, k.select(eq(i, j), k.unary("sqrt", rest), k.binary("div", rest, diagonal)));
          });
        });
      });
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [f64([3, 3], { values: [4, 1, 0.5, 1, 3, -0.3, 0.5, -0.3, 2] })], attrs: {} },
    { inputs: [f64([2, 2, 2], { values: [2, 0.5, 0.5, 1, 3, 1, 1, 2] })], attrs: {} },
    { inputs: [f32([1, 1], { values: [4] })], attrs: {} },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A matrix with the elements of the last axis of `x` on its diagonal and zeros elsewhere.
 * @throws ShapeError for a scalar
 */
export const diag = (x: Tensor, options?: OpOptions): Tensor => apply(diagOp, [x], {}, options);

/**
 * The diagonal of a matrix, or of each of a batch of them.
 * @throws ShapeError for a rank below 2
 */
export const diagPart = (x: Tensor, options?: OpOptions): Tensor => apply(diagPartOp, [x], {}, options);

/**
 * `x` with zeros outside of a band of its last two axes: `lower` diagonals below the main one and `upper` above it; -1
 * keeps all of them.
 * @throws ShapeError for a rank below 2
 */
export function bandPart(x: Tensor, lower: number, upper: number, options?: OpOptions): Tensor {
  const wrong = [lower, upper].find((count) => !Number.isInteger(count));
  if (wrong !== undefined) throw callError("bandPart", `${wrong} diagonals`, "use whole numbers, or -1 for all");
  return apply(bandPartOp, [x], { lower, upper }, options);
}

/** The lower triangle of the last two axes, zeros above the diagonal. */
export const tril = (x: Tensor, options: OpOptions = {}): Tensor => bandPart(x, -1, 0, { name: "tril", ...options });

/** The upper triangle of the last two axes, zeros below the diagonal. */
export const triu = (x: Tensor, options: OpOptions = {}): Tensor => bandPart(x, 0, -1, { name: "triu", ...options });

/**
 * Sum of the diagonal of a matrix, or of each of a batch of them.
 * @throws ShapeError for a rank below 2
 */
export const trace = (x: Tensor, options: Pick<ReductionOptions, "name"> = {}): Tensor =>
  sum(diagPart(x), { axis: -1, name: "trace", ...options });

/**
 * The inverse of a square matrix, or of each of a batch of them; infinite or NaN for a singular one.
 * @throws ShapeError unless the last two sizes are equal
 */
export const matrixInverse = (x: Tensor, options?: OpOptions): Tensor => apply(matrixInverseOp, [x], {}, options);

/**
 * The lower triangle L with `x = L Lᵀ` of a symmetric positive definite matrix, or of each of a batch of them.
 * @throws ShapeError unless the last two sizes are equal
 */
export const cholesky = (x: Tensor, options?: OpOptions): Tensor => apply(choleskyOp, [x], {}, options);

export const MATRIX_OPS = [diagOp, diagPartOp, bandPartOp, inverseWorkOp, matrixInverseOp, choleskyOp] as const;
