import { add, constant, type Expr, type VarExpr } from "../../../kernel/expr.ts";
import type { Buffer, Kernel, Stmt } from "../../../kernel/statement.ts";
import { variablesIn } from "../../expressions.ts";
import { type Affine, affineConstant, affineExpr, affineVariable, plus, substituteAffine, times } from "../affine.ts";
import { replaceIn } from "../replace.ts";
import { countOf, extentOf, type Loop, loopOver, makeLoop, Names, nest } from "../statements.ts";
import { coverLanes, type LanePart, TILE_ROWS } from "./cover.ts";
import { type Coordinate, coordinatesOf } from "./grid.ts";
import { type Contraction, contractionsOf } from "./nest.ts";
import { loadOf, type Operand, plainOperand } from "./operand.ts";
import { gridSize, type Packing, pack } from "./packing.ts";
import { chooseRoles, isContiguous, type Roles } from "./roles.ts";
import { type Ending, Tiles, type VectorOperand } from "./tiles.ts";

/**
 * The schedule of a contraction (matrix product, convolution, either gradient of one) for a target with vectors:
 * register tiles of four rows by eight lanes, operands packed where they do not lie well. Every sum keeps its order,
 * so no bit changes.
 *
 *     for m < 32: for n < 128: y[m*128 + n] = relu(Σ_k a[m*784 + k]·b[k*128 + n] + bias[n])
 *     →  b in panels of 8 columns;
 *        for panel < 16: for m < 8: for lane < 8 in lanes: 4 sums side by side over k, then bias and relu
 *
 * Returns the kernel itself where it is no contraction, or a small one. Expressions must be built inside one
 * `withFreshExpressions`.
 */
export function contractKernel(kernel: Kernel): Kernel {
  const names = new Names(kernel);
  const found = contractionsOf(kernel, names);
  if (!found) return kernel;
  const scratch = [...found.scratch];
  const body = [...found.head];
  for (const contraction of found.steps) {
    const roles = chooseRoles(contraction);
    const scheduled = roles && new Schedule(contraction, roles, names).run();
    if (!scheduled) return kernel;
    scratch.push(...scheduled.scratch);
    body.push(...scheduled.body);
  }
  return { ...kernel, buffers: [...kernel.buffers, ...scratch], body };
}

/** An operand before it is known how it is read. */
interface Source {
  readonly formula: Expr;
  readonly name: string;
  readonly coordinates: readonly Coordinate[];
  /** Loops that may run outside: rows for the one operand, columns for the other. */
  readonly movable: readonly Loop[];
  readonly plain: Operand | null;
}

/** Elements of a packed array that may stay in the first-level cache with all else (16 KiB of float32). */
const SMALL = 4096;
/** Elements up to which the vector operand is packed at once: its panels are read one after the other anyway. */
const LARGE = 2 ** 20;
/** Rows that must be left inside of the packing for tiles. */
const ROWS_INSIDE = 16;
/** Terms that must be left to a tile when the rest of the sum moves outside. */
const TERMS_INSIDE = 16;
/** Elements that the sums of all chunks may take together, each with an array of its own. */
const MOST_PARTS = 2 ** 18;
/** Rows from which on packing the vector operand pays, if only to have its panels in one piece. */
const PACK_FROM = 4 * TILE_ROWS;

class Schedule {
  readonly #contraction: Contraction;
  readonly #roles: Roles;
  readonly #names: Names;
  readonly #scratch: Buffer[] = [];
  readonly #parts: readonly LanePart[];
  /** Output axes whose loops run outside of everything else, and the reduction's first loop if it does. */
  readonly #outer: Loop[];
  #outerTerm: Loop | null = null;
  readonly #once: Stmt[] = [];
  /** Statements that pack, by how many of the outer loops they stand in. */
  readonly #fills: Stmt[][] = [];
  #tiles!: Tiles;
  #b!: VectorOperand;

  constructor(contraction: Contraction, roles: Roles, names: Names) {
    this.#contraction = contraction;
    this.#roles = roles;
    this.#names = names;
    this.#outer = [...roles.shared];
    const rows = extentOf(roles.rows);
    const full = contraction.sum.type === "float64" ? 4 : 8;
    const widest = rows < 3 ? full * 2 : full;
    this.#parts = coverLanes(roles.lane.extent, widest, 4);
  }

  /** Null if an operand can not be laid out. */
  run(): { readonly body: readonly Stmt[]; readonly scratch: readonly Buffer[] } | null {
    const { rows, columns, a, b } = this.#roles;
    const sources = [this.#source(a, "a_packed", rows), this.#source(b, "b_packed", columns)] as const;
    const wanted = [!sources[0].plain || this.#mustLie(a), this.#shouldPack(sources[1])];
    sources.forEach((source, i) => {
      if (wanted[i]) this.#moveOut(source, i === 0 ? SMALL : LARGE);
    });
    const packedA = wanted[0] ? this.#pack(sources[0], false)?.operand : sources[0].plain;
    if (!packedA) return null;
    const inside = (list: readonly Loop[]): Loop[] => list.filter((loop) => !this.#outer.includes(loop));
    this.#tiles = new Tiles({
      contraction: this.#contraction,
      roles: this.#roles,
      names: this.#names,
      parts: this.#parts,
      rows: inside(rows),
      columns: inside(columns),
      a: packedA,
      packed: wanted[0] ? packedA.buffer.size : null,
      newScratch: (name, size) => this.#newScratch(name, size),
    });
    const packedB = wanted[1] ? this.#pack(sources[1], true) : sources[1].plain && { operand: sources[1].plain };
    if (!packedB) return null;
    this.#b = packedB;
    return { body: [...this.#once, ...this.#outerLoops(0)], scratch: this.#scratch };
  }

  /**
   * True if the vector operand may be packed panel by panel, each just before it is used: then the panel is still in
   * the first-level cache, and no second copy of the whole operand is needed. Not if that would be done again and again.
   */
  #mayPackOneByOne(level: number): boolean {
    const { chunk, loops } = this.#contraction;
    const columns = this.#roles.columns.filter((loop) => !this.#outer.includes(loop));
    if (level < this.#around().length || columns.length > 0 || (chunk !== null && !this.#outerTerm)) return false;
    return this.#tiles.orderFor(this.#outerTerm ? loops.slice(1) : loops) === "panels-rows";
  }

  #source(formula: Expr, name: string, movable: readonly Loop[]): Source {
    const { axes, loops } = this.#contraction;
    const plain = plainOperand(formula);
    return { formula, name, movable, plain, coordinates: coordinatesOf(formula, axes, loops) };
  }

  /** True if an operand is read in vectors but does not lie along them. */
  #mustLie(formula: Expr): boolean {
    const { lane } = this.#roles;
    return variablesIn([formula]).has(lane.index) && !isContiguous(formula, lane.index);
  }

  /**
   * The vector operand is packed where it is no plain load or not contiguous; and where several tiles read the same
   * panel, its rows lie far apart, and it would fill the first-level cache with halves of lines it does not use.
   */
  #shouldPack({ plain, formula }: Source): boolean {
    if (!plain || this.#mustLie(formula)) return true;
    const { rows, lane, columns } = this.#roles;
    const terms = extentOf(this.#contraction.loops) * extentOf(columns);
    return extentOf(rows) >= PACK_FROM && lane.extent > 16 && terms >= 64;
  }

  // ── what runs outside ──────────────────────────────────────────────────────────────────────────────────────────

  /** Moves loops outside, the one with the longest way through memory first, until what is packed inside is small. */
  #moveOut({ coordinates, movable }: Source, wanted: number): void {
    for (const form of coordinates) {
      if (gridSize(coordinates, this.#fixed()) <= wanted) return;
      const [index] = form.size === 1 ? [...form.keys()] : [];
      const inside = movable.filter((loop) => !this.#outer.includes(loop));
      const loop = inside.find((candidate) => candidate.index === index);
      const [first, ...others] = this.#contraction.loops;
      if (loop && extentOf(inside) / loop.extent >= ROWS_INSIDE) this.#outer.push(loop);
      else if (first && first.index === index && extentOf(others) >= TERMS_INSIDE) this.#outerTerm = first;
    }
  }

  #fixed(): ReadonlySet<VarExpr> {
    return new Set(this.#around().map((loop) => loop.index));
  }

  /** All loops that run outside of the tiles. */
  #around(): readonly Loop[] {
    return [...this.#outer, ...(this.#outerTerm ? [this.#outerTerm] : [])];
  }

  #pack(source: Source, alongLane: boolean): Packing | null {
    const { lane } = this.#roles;
    const { formula, coordinates, name } = source;
    const used = variablesIn([formula]);
    const around = this.#around();
    const level = around.findLastIndex((loop) => used.has(loop.index)) + 1;
    const fixed = new Set(around.slice(0, level).map((loop) => loop.index));
    const along = alongLane || used.has(lane.index) ? { index: lane.index, parts: this.#parts } : null;
    const oneByOne = alongLane && this.#mayPackOneByOne(level);
    const packing = pack({ name, formula, coordinates, fixed, lane: along, oneByOne }, this.#names);
    if (!packing) return null;
    this.#scratch.push(packing.operand.buffer);
    this.#once.push(...packing.once);
    this.#fills[level] = [...(this.#fills[level] ?? []), ...packing.fill];
    return packing;
  }

  /** The outer loops from number `level` on, each after what is packed outside of it. */
  #outerLoops(level: number): Stmt[] {
    const fills = this.#fills[level] ?? [];
    const loop = this.#outer[level];
    if (!loop) return [...fills, ...this.#inside()];
    return [...fills, ...nest([loop], this.#outerLoops(level + 1))];
  }

  #inside(): Stmt[] {
    const { chunk, loops } = this.#contraction;
    if (chunk === null && !this.#outerTerm) return this.#tiles.all(this.#b, loops, new Map(), { kind: "finish" });
    return this.#longSum(chunk);
  }

  // ── sums that are added up piece by piece ──────────────────────────────────────────────────────────────────────

  /**
   * A long sum: chunk by chunk, and within a chunk perhaps image by image, over all tiles. Sums that are not done lie
   * in an array; what is added to what, and in which order, is as `kernel/reduce.ts` says. Where there is room, each
   * chunk has an array of its own: then chunks need nothing of each other, and threads may share them.
   */
  #longSum(chunk: number | null): Stmt[] {
    const [first] = this.#contraction.loops as [Loop, ...Loop[]];
    if (chunk === null) {
      const part = this.#sumArray("part");
      return [...this.#stretch(affineConstant(0), first.extent, part), ...this.#finishAll([loadFrom(part, 0)])];
    }
    const full = makeLoop(this.#names.fresh("chunk"), Math.floor(first.extent / chunk));
    const rest = first.extent - full.extent * chunk;
    const start = plus(affineConstant(0), countOf(full), chunk);
    const end = affineConstant(full.extent * chunk);
    const size = extentOf(this.#tiles.axes);
    const count = full.extent + (rest > 0 ? 1 : 0);
    if (count * size <= MOST_PARTS) {
      const parts = this.#newScratch("parts", count * size);
      return [
        ...(full.extent > 0 ? loopOver(full, this.#stretch(start, chunk, parts, times(countOf(full), size))) : []),
        ...(rest > 0 ? this.#stretch(end, rest, parts, affineConstant(full.extent * size)) : []),
        ...this.#finishAll(Array.from({ length: count }, (_, i) => loadFrom(parts, i * size))),
      ];
    }
    const total = this.#sumArray("total");
    const part = this.#outerTerm ? this.#sumArray("part") : null;
    const added = (from: Affine, length: number): Stmt[] =>
      part
        ? [...this.#stretch(from, length, part), ...this.#addTo(total, part)]
        : this.#tilesOf(from, length, { kind: "total", sums: total });
    return [
      ...this.#clear(total, total.size),
      ...(full.extent > 0 ? loopOver(full, added(start, chunk)) : []),
      ...(rest > 0 ? added(end, rest) : []),
      ...this.#finishAll([loadFrom(total, 0)]),
    ];
  }

  /** Sums of the terms whose first index is `start … start + length - 1`, in `sums`, from element `from` on. */
  #stretch(start: Affine, length: number, sums: Buffer, from: Affine = affineConstant(0)): Stmt[] {
    if (!this.#outerTerm) return this.#tilesOf(start, length, { kind: "put", sums, from });
    const [first, ...others] = this.#contraction.loops as [Loop, ...Loop[]];
    const offset = makeLoop(this.#names.fresh(first.index.name), length);
    const place = new Map([[first.index, plus(start, countOf(offset))]]);
    const expressions = new Map<Expr, Expr>([...place].map(([index, value]) => [index, affineExpr(value)]));
    const fills = replaceIn(this.#fills[this.#outer.length + 1] ?? [], expressions);
    const tiles = this.#tiles.all(this.#b, others, place, { kind: "keep", sums, from });
    return [...this.#clear(sums, extentOf(this.#tiles.axes), from), ...loopOver(offset, [...fills, ...tiles])];
  }

  /** All tiles over the terms whose first index is `start … start + length - 1`. */
  #tilesOf(start: Affine, length: number, ending: Ending): Stmt[] {
    const [first, ...others] = this.#contraction.loops as [Loop, ...Loop[]];
    const inner = makeLoop(this.#names.fresh(first.index.name), length);
    const place = new Map([[first.index, plus(start, affineVariable(inner.index))]]);
    return this.#tiles.all(this.#b, [inner, ...others], place, ending);
  }

  #sumArray(name: string): Buffer {
    return this.#newScratch(name, extentOf(this.#tiles.axes));
  }

  #newScratch(name: string, size: number): Buffer {
    const dtype = this.#contraction.sum.type;
    const buffer: Buffer = { name: this.#names.fresh(name), dtype, size, role: "scratch" };
    this.#scratch.push(buffer);
    return buffer;
  }

  #each(size: number, body: (at: Affine) => Stmt): Stmt[] {
    const loop = makeLoop(this.#names.fresh("z"), size);
    return loopOver(loop, [body(countOf(loop))]);
  }

  #clear(buffer: Buffer, size: number, from: Affine = affineConstant(0)): Stmt[] {
    const value = constant(0, buffer.dtype);
    return this.#each(size, (at) => ({ kind: "store", buffer, at: affineExpr(plus(at, from)), value }));
  }

  #addTo(total: Buffer, part: Buffer): Stmt[] {
    return this.#each(total.size, (at) => {
      const value = add(loadOf(total, at), loadOf(part, at));
      return { kind: "store", buffer: total, at: affineExpr(at), value };
    });
  }

  /** What is left to do once all sums are known: each is the sum of these values, from 0 on, where there are several. */
  #finishAll(values: readonly ((at: Affine) => Expr)[]): Stmt[] {
    const { sum, finish } = this.#contraction;
    const { axes, sumIndex } = this.#tiles;
    const place = new Map<Expr, Expr>(axes.map((loop) => [loop.index, affineExpr(countOf(loop))]));
    const at = substituteAffine(sumIndex, new Map(axes.map((loop) => [loop.index, countOf(loop)])));
    place.set(sum, sum);
    const [only, ...more] = values.map((value) => value(at)) as [Expr, ...Expr[]];
    const all = more.length === 0 ? only : [only, ...more].reduce(add, constant(0, sum.type));
    const value: Stmt = { kind: "let", variable: sum, value: all, mutable: false };
    return nest(axes, [value, ...replaceIn(finish, place)]);
  }
}

/** Elements of an array from `from` on. */
const loadFrom =
  (buffer: Buffer, from: number) =>
  (at: Affine): Expr =>
    loadOf(buffer, plus(at, affineConstant(from)));
