import { add, constant, type Expr, mul, type VarExpr, variable } from "../../../kernel/expr.ts";
import type { Buffer, Stmt } from "../../../kernel/statement.ts";
import { type Affine, affineConstant, affineVariable, coefficientOf, plus, substituteAffine } from "../affine.ts";
import { countOf, type Loop, loopOver, makeLoop, type Names } from "../statements.ts";
import { loadOf } from "./operand.ts";

/** Where each row of a tile reads the operand that is the same in all lanes. */
export interface TileRows {
  readonly buffer: Buffer;
  readonly indices: readonly Affine[];
}

/** What one register tile computes. */
export interface TileRequest {
  readonly a: TileRows;
  /** The operand read in vectors. */
  readonly b: { readonly buffer: Buffer; readonly index: Affine };
  /** True if `b` is the left factor. */
  readonly swapped: boolean;
  readonly type: VarExpr["type"];
  readonly sumName: string;
  /** The reduction's loops, outermost first. */
  readonly loops: readonly Loop[];
  /** Where each row's sum begins; null: at 0. */
  start(row: number): Expr | null;
  /** What happens to each row's sum. */
  finish(row: number, sum: Expr): readonly Stmt[];
}

/** Statements of a tile: sums in registers, the reduction's loops around one multiply-add for each, and the rest. */
export function tileBody(request: TileRequest, names: Names): Stmt[] {
  const { a, type, sumName } = request;
  const sums = a.indices.map((_, row) => variable(names.copy(sumName, row), type));
  const starts = sums.map(
    (sum, row): Stmt => ({ kind: "let", variable: sum, value: request.start(row) ?? constant(0, type), mutable: true }),
  );
  const tail = sums.flatMap((sum, row) => request.finish(row, sum));
  return [...starts, ...reduction(request, sums, names), ...tail];
}

function reduction(request: TileRequest, sums: readonly VarExpr[], names: Names): Stmt[] {
  const { a, b, swapped } = request;
  const { loops, meaning } = mergeLoops(request.loops, [...a.indices, b.index], names);

  const step = (counts: ReadonlyMap<VarExpr, Affine>): Stmt[] => {
    const at = (index: Affine): Affine => substituteAffine(substituteAffine(index, meaning), counts);
    const vectorB = variable(names.copy("b", 0), request.type);
    const statements: Stmt[] = [
      { kind: "let", variable: vectorB, value: loadOf(b.buffer, at(b.index)), mutable: false },
    ];
    sums.forEach((sum, row) => {
      const scalarA = variable(names.copy("a", row), request.type);
      const value = loadOf(a.buffer, at(a.indices[row]!));
      const product = swapped ? mul(vectorB, scalarA) : mul(scalarA, vectorB);
      statements.push({ kind: "let", variable: scalarA, value, mutable: false });
      statements.push({ kind: "set", variable: sum, value: add(sum, product) });
    });
    return statements;
  };
  const outer = loops.slice(0, -1);
  const counts = new Map<VarExpr, Affine>(outer.map((loop) => [loop.index, countOf(loop)]));
  const innermost = loops.at(-1);
  const body = innermost ? innerLoop(innermost, counts, step) : step(counts);
  return outer.reduceRight<Stmt[]>((inner, loop) => loopOver(loop, inner), body);
}

/** Turns of the innermost loop that are written out: more than this do not pay, and code grows. */
const UNROLL = 14;
/** Fewer turns than this between two tests of the loop cost time. */
const UNROLL_AT_LEAST = 5;
/** Turns written out where the extent has no good divisor. */
const UNROLL_UNEVEN = 8;

/**
 * The innermost loop with as many turns written out as divide it, up to 14: 41-46 GFLOP/s with 5, 48 with 10 or 14
 * (docs/performance.md). Where there is no such divisor the last turns come after the loop.
 */
function innerLoop(
  loop: Loop,
  counts: ReadonlyMap<VarExpr, Affine>,
  step: (counts: ReadonlyMap<VarExpr, Affine>) => Stmt[],
): Stmt[] {
  const { index, extent } = loop;
  const stretch = (start: number, length: number, unroll: number): Stmt[] => {
    if (length === 0) return [];
    const part = makeLoop(index.name, length);
    const value = plus(affineConstant(start), countOf(part));
    const how = unroll > 1 ? { unroll } : {};
    return loopOver(part, step(new Map(counts).set(index, value)), how);
  };
  let unroll = Math.min(UNROLL, extent);
  while (extent % unroll !== 0) unroll--;
  if (unroll >= UNROLL_AT_LEAST || extent <= UNROLL) return stretch(0, extent, unroll);
  const rest = extent % UNROLL_UNEVEN;
  return [...stretch(0, extent - rest, UNROLL_UNEVEN), ...stretch(extent - rest, rest, rest)];
}

/**
 * Loops that move every operand as one loop would are one: the columns of a window and its channels lie side by side
 * in the image as well as in the filters. `meaning` says what the old indices are.
 */
function mergeLoops(loops: readonly Loop[], indices: readonly Affine[], names: Names) {
  /** Runs of loops that are one, each with the index of its innermost loop. */
  const runs: { readonly index: VarExpr; extent: number }[] = [];
  const meaning = new Map<VarExpr, Affine>();
  for (const { index, extent } of [...loops].reverse()) {
    const inner = runs[0];
    const joins = (at: Affine): boolean =>
      inner !== undefined && coefficientOf(at, index) === inner.extent * coefficientOf(at, inner.index);
    meaning.set(index, affineConstant(0));
    if (extent === 1) continue;
    if (inner && indices.every(joins)) inner.extent *= extent;
    else runs.unshift({ index, extent });
  }
  const merged = runs.map(({ index, extent }) => {
    const loop = makeLoop(names.copy(index.name, 0), extent);
    meaning.set(index, affineVariable(loop.index));
    return loop;
  });
  return { loops: merged, meaning };
}
