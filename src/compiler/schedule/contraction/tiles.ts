import { byteSize } from "../../../core/dtype.ts";
import { add, type Expr, type VarExpr } from "../../../kernel/expr.ts";
import type { Buffer, Stmt } from "../../../kernel/statement.ts";
import {
  type Affine,
  affineConstant,
  affineExpr,
  affineVariable,
  coefficientOf,
  plus,
  substituteAffine,
  times,
} from "../affine.ts";
import { replaceIn } from "../replace.ts";
import { countOf, extentOf, type Loop, loopOver, makeLoop, type Names, nest } from "../statements.ts";
import { coverRows, type LanePart, type RowBlock, TILE_ROWS } from "./cover.ts";
import type { Contraction } from "./nest.ts";
import { elementIndex, type LanePlace, loadOf, type Operand, positionAlong } from "./operand.ts";
import { masked } from "./packing.ts";
import type { Roles } from "./roles.ts";
import { type TileRows, tileBody } from "./tile.ts";

/** What happens to the sums of a tile besides adding to them. */
export type Ending =
  | { readonly kind: "finish" }
  /** Kept in an array, which starts at `from`, from one outer turn of the reduction to the next. */
  | { readonly kind: "keep"; readonly sums: Buffer; readonly from: Affine }
  /** Put into an array, which starts at `from`. */
  | { readonly kind: "put"; readonly sums: Buffer; readonly from: Affine }
  /** Added to the sum of the chunks before. */
  | { readonly kind: "total"; readonly sums: Buffer };

/** Bytes of the vector operand that may stay in the first-level cache (32 KiB) beside some rows of the other. */
const RESIDENT = 16 * 1024;
/** Bytes of the other operand that may stay in the second-level cache (1 MiB, but half of that on many machines). */
const BLOCK = 128 * 1024;
/** Fewest and most rows of such a block. */
const BLOCK_ROWS = [16, 128] as const;
/** Bytes from term to term, terms, and columns of the result from which copying the columns of a tile pays. */
const FAR = 128;
const TERMS_FROM = 64;
const COLUMNS_FROM = 64;

/** What all tiles of a contraction have in common. */
export interface TileContext {
  readonly contraction: Contraction;
  readonly roles: Roles;
  readonly names: Names;
  /** How the vector axis is cut into panels. */
  readonly parts: readonly LanePart[];
  /** Row and column axes whose loops are not outside of the tiles. */
  readonly rows: readonly Loop[];
  readonly columns: readonly Loop[];
  /** The operand of the rows. */
  readonly a: Operand;
  /** Elements of `a` if it has been packed. */
  readonly packed: number | null;
  newScratch(name: string, size: number): Buffer;
}

/** The operand that is read in vectors; if it is packed panel by panel, what fills one. */
export interface VectorOperand {
  readonly operand: Operand;
  readonly fillPanel?: (part: LanePart, panel: Affine) => Stmt[];
}

/**
 * Which loops run inside of which: panels inside of rows; rows inside of panels; or rows inside of panels, block by
 * block.
 */
export type LoopOrder = "rows-panels" | "panels-rows" | "blocks-panels-rows";

/** Values of indices. */
type Point = ReadonlyMap<VarExpr, Affine>;

interface TileRequest {
  readonly b: VectorOperand;
  /** The reduction's loops inside of a tile. */
  readonly loops: readonly Loop[];
  /** What the indices of loops outside are. */
  readonly around: Point;
  readonly ending: Ending;
}

/** The register tiles of a contraction and the loops around them. */
export class Tiles {
  readonly #of: TileContext;
  readonly #bytes: number;
  /** Four columns of the rows' operand, side by side. */
  #columns: Buffer | null = null;
  /** Output axes that the tiles run over, the vector axis last. */
  readonly axes: readonly Loop[];
  /** Index in an array that keeps the sum of every point of these axes. */
  readonly sumIndex: Affine;

  constructor(context: TileContext) {
    this.#of = context;
    this.#bytes = byteSize(context.contraction.sum.type);
    this.axes = [...context.rows, ...context.columns, context.roles.lane];
    this.sumIndex = this.axes.reduce(
      (index, loop) => plus(times(index, loop.extent), affineVariable(loop.index)),
      affineConstant(0),
    );
  }

  /**
   * If all of the vector operand stays in the first-level cache, panels run innermost, so that a few rows serve all of
   * them. Otherwise one panel stays there while rows run; block by block, if it takes that for the other operand to
   * stay in the second-level cache from panel to panel.
   */
  orderFor(loops: readonly Loop[]): LoopOrder {
    const { rows, roles, packed, parts } = this.#of;
    const terms = extentOf(loops);
    if (this.#isColumnwise(loops) || roles.lane.extent * terms * this.#bytes <= RESIDENT) return "rows-panels";
    // Windows overlap: a packed image is smaller than its rows one by one.
    const footprint = Math.min(packed ?? Infinity, extentOf(rows) * terms) * this.#bytes;
    const panels = parts.reduce((count, part) => count + part.panels, 0);
    if (footprint <= BLOCK || panels < 2 || (rows[0]?.extent ?? 1) < 2 * this.#blockSize(terms)) return "panels-rows";
    return "blocks-panels-rows";
  }

  /** All tiles inside of the outer loops. `place`: what indices of loops outside are. */
  all(b: VectorOperand, loops: readonly Loop[], place: ReadonlyMap<VarExpr, Affine>, ending: Ending): Stmt[] {
    const { rows, columns } = this.#of;
    const around = new Map(place);
    for (const loop of columns) around.set(loop.index, countOf(loop));
    const request: TileRequest = { b, loops, around, ending };
    const order = this.orderFor(loops);
    if (order === "rows-panels") return nest(columns, this.#panelsInside(request));
    if (order === "blocks-panels-rows") return nest(columns, this.#rowBlocks(request));
    const extents = rows.map((loop) => loop.extent);
    return nest(columns, this.#panelsOutside(request, extents, new Map()));
  }

  /** Panels run inside of the loops over rows. */
  #panelsInside(request: TileRequest): Stmt[] {
    const { rows } = this.#of;
    const columnwise = this.#isColumnwise(request.loops);
    return coverRows(rows.map((loop) => loop.extent)).flatMap((block) => {
      const counters = this.#counters(block);
      const points = this.#points(block, counters, request.around, new Map());
      const copied = columnwise ? this.#copyColumns(points, request.loops) : null;
      const tiles = this.#panels((part, panel) =>
        this.#tile(request, { points, part, panel, a: copied?.rows ?? null }),
      );
      return nest(counters, [...(copied?.fill ?? []), ...tiles]);
    });
  }

  /** Rows, as many as `extents` says from `start` on, run inside of the loops over panels. */
  #panelsOutside(request: TileRequest, extents: readonly number[], start: Point): Stmt[] {
    const { b, around } = request;
    const known = new Map<Expr, Expr>([...around].map(([index, form]) => [index, affineExpr(form)]));
    return this.#panels((part, panel) => [
      ...replaceIn(b.fillPanel?.(part, panel) ?? [], known),
      ...coverRows(extents).flatMap((block) => {
        const counters = this.#counters(block);
        const points = this.#points(block, counters, around, start);
        return nest(counters, this.#tile(request, { points, part, panel, a: null }));
      }),
    ]);
  }

  #panels(body: (part: LanePart, panel: Affine) => Stmt[]): Stmt[] {
    return this.#of.parts.flatMap((part) => {
      const panel = makeLoop(this.#of.names.copy("panel", 0), part.panels);
      return loopOver(panel, body(part, countOf(panel)));
    });
  }

  /** Rows of a block along the first row axis, so that the block stays in the second-level cache. */
  #blockSize(terms: number): number {
    const wanted = Math.floor(BLOCK / (terms * this.#bytes));
    const inBlock = Math.min(BLOCK_ROWS[1], Math.max(BLOCK_ROWS[0], wanted));
    return Math.max(1, Math.floor(inBlock / extentOf(this.#of.rows.slice(1)) / TILE_ROWS)) * TILE_ROWS;
  }

  /** All rows, block by block. */
  #rowBlocks(request: TileRequest): Stmt[] {
    const [first, ...others] = this.#of.rows as [Loop, ...Loop[]];
    const size = this.#blockSize(extentOf(request.loops));
    const block = makeLoop(this.#of.names.copy("block", 0), Math.floor(first.extent / size));
    const done = block.extent * size;
    const rest = first.extent - done;
    const over = (start: Affine, extent: number): Stmt[] =>
      this.#panelsOutside(request, [extent, ...others.map((loop) => loop.extent)], new Map([[first.index, start]]));
    const blocks = loopOver(block, over(plus(affineConstant(0), countOf(block), size), size));
    return [...blocks, ...(rest > 0 ? over(affineConstant(done), rest) : [])];
  }

  #counters(block: RowBlock): readonly Loop[] {
    return block.axes.map(({ count }, i) => makeLoop(this.#of.rows[i]!.index.name, count));
  }

  /** For each row of a tile the values of all indices but those of the vector axis and of the sum. */
  #points(block: RowBlock, counters: readonly Loop[], around: Point, start: Point): readonly Point[] {
    const { rows } = this.#of;
    return block.rows.map((offsets) => {
      const point = new Map(around);
      offsets.forEach((offset, i) => {
        const { start: begin, step } = block.axes[i]!;
        const { index } = rows[i]!;
        const first = plus(start.get(index) ?? affineConstant(0), affineConstant(begin + offset));
        point.set(index, plus(first, countOf(counters[i]!), step));
      });
      return point;
    });
  }

  /** A tile for some points of the rows, along one panel. `a`: the rows' operand, if it has been copied. */
  #tile(
    { b: { operand: b }, loops, ending }: TileRequest,
    where: { readonly points: readonly Point[]; readonly part: LanePart; readonly panel: Affine; a: TileRows | null },
  ): Stmt[] {
    const { part, panel } = where;
    const { a, names, roles, contraction } = this.#of;
    const { lane, swapped } = roles;
    const { sum } = contraction;
    const within = makeLoop(names.copy("lane", 0), part.lanes);
    const place: LanePlace = { part, panel, lane: affineVariable(within.index) };
    const along = positionAlong(place);
    const points = where.points.map((point) => new Map(point).set(lane.index, along));
    const indexOf = (operand: Operand, row: number): Affine =>
      substituteAffine(elementIndex(operand, lane.index, place), points[row]!);
    const body = tileBody(
      {
        a: where.a ?? { buffer: a.buffer, indices: points.map((_, row) => indexOf(a, row)) },
        b: { buffer: b.buffer, index: indexOf(b, 0) },
        swapped,
        type: sum.type,
        sumName: sum.name,
        loops,
        start: (row) => (ending.kind === "keep" ? loadOf(ending.sums, this.#sumAt(points[row]!, ending.from)) : null),
        finish: (row, value) => this.#end(ending, row, value, points[row]!),
      },
      names,
    );
    return loopOver(within, masked(part, within, body), { lanes: part.lanes });
  }

  /**
   * True if the rows' operand lies side by side from row to row, with a long way from term to term, as in the
   * transposed product of a gradient. Then a tile reads 16 bytes each of many lines of the cache, and those soon
   * drive each other out.
   */
  #isColumnwise(loops: readonly Loop[]): boolean {
    const { a, rows, roles } = this.#of;
    const { index, panels } = a;
    const inner = loops.findLast((loop) => loop.extent > 1);
    if (panels || !inner || index.terms.has(roles.lane.index)) return false;
    if (roles.lane.extent < COLUMNS_FROM || extentOf(loops) < TERMS_FROM) return false;
    const step = Math.abs(coefficientOf(index, inner.index)) * this.#bytes;
    return step >= FAR && rows.some((row) => coefficientOf(index, row.index) === 1);
  }

  /** Copies the four columns that a tile reads to `[term][row]`; null if they do not lie side by side. */
  #copyColumns(points: readonly Point[], loops: readonly Loop[]) {
    const { a, names, newScratch } = this.#of;
    const count = points.length;
    const places = points.map((point) => substituteAffine(a.index, point));
    const apart = places.map((place) => plus(place, places[0]!, -1));
    if (count !== TILE_ROWS || apart.some(({ terms, constant: step }, row) => terms.size > 0 || step !== row))
      return null;
    this.#columns ??= newScratch("a_columns", extentOf(loops) * count);
    const counters = loops.map((loop) => makeLoop(names.copy(loop.index.name, 1), loop.extent));
    const place = new Map(loops.map((loop, i) => [loop.index, countOf(counters[i]!)]));
    const rowMajor = (indices: readonly Affine[]): Affine =>
      indices.reduce((sum, at, i) => plus(times(sum, loops[i]!.extent), at), affineConstant(0));
    const term = rowMajor(loops.map((loop) => affineVariable(loop.index)));
    const within = makeLoop(names.copy("lane", 0), count);
    const store: Stmt = {
      kind: "store",
      buffer: this.#columns,
      at: affineExpr(plus(times(rowMajor(counters.map(countOf)), count), affineVariable(within.index))),
      value: loadOf(a.buffer, plus(substituteAffine(places[0]!, place), affineVariable(within.index))),
    };
    const indices = points.map((_, row) => plus(times(term, count), affineConstant(row)));
    const copied: TileRows = { buffer: this.#columns, indices };
    return { rows: copied, fill: nest(counters, loopOver(within, [store], { lanes: count })) };
  }

  #sumAt(point: Point, from: Affine): Affine {
    return plus(substituteAffine(this.sumIndex, point), from);
  }

  #end(ending: Ending, row: number, value: Expr, point: Point): readonly Stmt[] {
    const { contraction, names } = this.#of;
    if (ending.kind === "finish") {
      const place = new Map<Expr, Expr>([...point].map(([index, form]) => [index, affineExpr(form)]));
      place.set(contraction.sum, value);
      return replaceIn(contraction.finish, place, (name) => names.copy(name, row));
    }
    const at = this.#sumAt(point, ending.kind === "total" ? affineConstant(0) : ending.from);
    const sum = ending.kind === "total" ? add(loadOf(ending.sums, at), value) : value;
    return [{ kind: "store", buffer: ending.sums, at: affineExpr(at), value: sum }];
  }
}
