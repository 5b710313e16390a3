import { isFloat } from "../../core/dtype.ts";
import { add, childrenOf, type Expr, indexVariable, int, lt, mul, type VarExpr } from "../../kernel/expr.ts";
import { mostOf } from "../../kernel/extent.ts";
import {
  type Buffer,
  expressionsOf,
  type ForStmt,
  type Kernel,
  type ReduceStmt,
  type Stmt,
  walkStatements,
} from "../../kernel/statement.ts";
import { foldChunksTogether } from "./chunks.ts";
import { collapse, collapseReduce } from "./collapse.ts";
import { independentTurns } from "./independence.ts";
import { lanesUpTo, openLanes } from "./open.ts";
import { foldsAlong, reduceInLanes } from "./reduction.ts";
import { replaceIn } from "./replace.ts";
import { splitUnevenLoop, unrollByDivisor } from "./split.ts";
import { Names, renewBody } from "./statements.ts";
import { streamRows } from "./streaming.ts";
import { Strides } from "./stride.ts";
import { blockTranspose, isBlock } from "./transpose.ts";
import { MOST_TERMS, unrollFolds } from "./unroll.ts";

/** Terms from which on a fold along memory runs in lanes of its own. */
const LONG_FOLD = 2;
/**
 * What an access costs that lanes do one by one, in operations of one lane: measured against copies that run through
 * memory backwards, or at indices out of memory, and against such that take every second element.
 */
const GATHER = 2.5;
const EVEN_GATHER = 1.5;
/** What a division of whole numbers in an address costs one lane by itself, and one among others. */
const DIVISION = { alone: 3, inLanes: 5 };
/** Fewer turns than this are not worth a vector. */
const SHORTEST = 4;

/**
 * Writes loops in lanes:
 *
 *     for i < 1000: y[i] = exp(x[i])
 *     →  for i < 62: for lane < 16 in lanes: y[i*16 + lane] = exp(x[i*16 + lane])
 *        for lane < 8 in lanes: y[992 + lane] = exp(x[992 + lane])
 *
 * Loops that run through memory as one become one first. Innermost loops come first; where one is too short, or its
 * turns depend on each other, the loop around it may still run in lanes. Folds along memory keep partial results in
 * lanes; folds across it run inside of each lane, short ones term by term, long ones several chunks side by side. Loops
 * that are in lanes already are left alone. No bit changes.
 */
export function vectoriseKernel(kernel: Kernel): Kernel {
  const scratch: Buffer[] = [];
  const vectoriser = new Vectoriser(new Names(kernel), scratch);
  const body = vectoriser.block(kernel.body);
  if (!vectoriser.changed) return kernel;
  return { ...kernel, buffers: [...kernel.buffers, ...scratch], body: renewBody(body) };
}

const hasLanes = (body: readonly Stmt[]): boolean => {
  let found = false;
  walkStatements(body, (statement) => {
    found ||= statement.kind === "for" && statement.lanes !== undefined;
  });
  return found;
};

class Vectoriser {
  readonly #names: Names;
  readonly #scratch: Buffer[];
  changed = false;

  constructor(names: Names, scratch: Buffer[]) {
    this.#names = names;
    this.#scratch = scratch;
  }

  block(body: readonly Stmt[]): Stmt[] {
    return body.flatMap((statement) => this.#statement(statement));
  }

  #statement(statement: Stmt): Stmt[] {
    switch (statement.kind) {
      case "for":
        return statement.lanes ? [statement] : this.#for(statement);
      case "if":
      case "while":
        return [{ ...statement, body: this.block(statement.body) }];
      case "reduce": {
        const lanes = reduceInLanes(collapseReduce(statement), this.#names, this.#scratch);
        if (lanes) this.changed = true;
        return lanes ?? [statement];
      }
      default:
        return [statement];
    }
  }

  #for(given: ForStmt): Stmt[] {
    let loop = given;
    for (let merged = collapse(loop); merged; merged = collapse(loop)) {
      loop = merged;
      this.changed = true;
    }
    const better =
      streamRows(loop, this.#names, this.#scratch) ??
      blockTranspose(loop, this.#names) ??
      splitUnevenLoop(loop, this.#names);
    if (better) {
      this.changed = true;
      return this.block(better);
    }
    // Without loops inside, the loop itself should run in lanes, rather than a fold in it; else those inside come first.
    const inner = loop.body.some((statement) => statement.kind === "for" && !isBlock(statement));
    let lanes = inner ? 0 : this.#lanesFor(loop);
    if (lanes === 0) {
      const body = this.block(loop.body);
      if (inner && !hasLanes(body)) lanes = this.#lanesFor(loop);
      if (lanes === 0) {
        const loops = body.filter((statement) => statement.kind === "for");
        const around = loops.length > 0 && loops.every((statement) => statement.lanes);
        return (around && unrollByDivisor({ ...loop, body }, this.#names)) || [{ ...loop, body }];
      }
    }
    this.changed = true;
    return this.#inLanes(loop, lanes);
  }

  /**
   * How many lanes a loop should have; 0 if it should have none. Several vectors side by side keep the units busy (16
   * lanes are four vectors), but what is live must fit into 16 registers: the more a body computes, the fewer.
   */
  #lanesFor({ index, extent, body }: ForStmt): number {
    if (extent.max < SHORTEST || !independentTurns(index, body)) return 0;
    const look = lookAt(index, body);
    if (!look.storesAlong || look.ordered || !pays(look)) return 0;
    const alone = look.narrow === 1 && look.calls === 1 && look.nodes <= 20 ? 32 : 16;
    const sums = look.folds > 0 ? (look.nodes > 12 || look.terms <= MOST_TERMS ? 8 : 32) : alone;
    let lanes = look.heavy > 1 || look.nodes > 100 ? 4 : look.calls > 3 || look.nodes > 60 ? 8 : sums;
    if (look.wide) lanes = Math.max(4, lanes / 2);
    if (extent.kind !== "const") return lanesUpTo(lanes, extent.max);
    while (lanes > extent.value) lanes -= 4;
    return lanes;
  }

  #inLanes({ index, extent, body }: ForStmt, lanes: number): Stmt[] {
    if (extent.kind !== "const") {
      return openLanes(index.name, extent, lanes, this.#names, (at, width) => {
        const placed = replaceIn(body, new Map([[index, at]]));
        return width > 1 ? this.#folds(placed, width) : placed;
      });
    }
    const count = extent.value;
    const blocks = Math.floor(count / lanes);
    const rest = count - blocks * lanes;
    const put = (at: Expr): Stmt[] => this.#folds(replaceIn(body, new Map([[index, at]])), lanes);
    const over = (lane: VarExpr, inner: Stmt[]): Stmt => {
      const width = lane.max + 1;
      return { kind: "for", index: lane, extent: int(width), lanes: width, body: inner };
    };
    const lane = indexVariable(this.#names.fresh("lane"), lanes);
    const out: Stmt[] = [];
    if (blocks === 1) out.push(over(lane, put(lane)));
    else {
      const turn = indexVariable(index.name, blocks);
      const inner = over(lane, put(add(mul(turn, int(lanes)), lane)));
      out.push({ kind: "for", index: turn, extent: int(blocks), body: [inner] });
    }
    if (rest > 0) {
      const width = Math.ceil(rest / 4) * 4;
      const last = indexVariable(this.#names.fresh("lane"), width);
      const tail = put(add(last, int(blocks * lanes)));
      out.push(over(last, rest === width ? tail : [{ kind: "if", test: lt(last, int(rest)), body: tail }]));
    }
    return out;
  }

  /** Folds inside of lanes, as they run best there. */
  #folds(body: readonly Stmt[], lanes: number): Stmt[] {
    return unrollFolds(foldChunksTogether(body, lanes, this.#names), this.#names);
  }
}

/** What matters of a body for running its loop in lanes. */
interface Look {
  /** True if some store moves by one element from turn to turn. */
  storesAlong: boolean;
  /** Loads and stores that move by one element. Those that do not move at all are done once. */
  along: number;
  /** What the others cost in lanes, and how many they are. */
  gathers: number;
  across: number;
  /** Divisions of whole numbers in addresses. */
  divisions: number;
  /** Calls of float functions; those of which 4 lanes are enough to keep the machine busy. */
  calls: number;
  heavy: number;
  /** Calls of which 32 lanes are better than 16. */
  narrow: number;
  /** Folds inside, and the most terms one of them has. */
  folds: number;
  terms: number;
  /** Operations and values; what is the same in all lanes counts as one. */
  nodes: number;
  /** Operations of each lane. */
  work: number;
  /** True if some value is float64. */
  wide: boolean;
  /** True if a fold inside keeps partial results in an array, which the lanes can not share, or goes along memory. */
  ordered: boolean;
}

/** True if lanes cost less than turns one by one. */
function pays({ work, along, across, gathers, divisions, wide }: Look): boolean {
  const alone = work + along + across + DIVISION.alone * divisions;
  return (work + along) / (wide ? 2 : 4) + gathers + DIVISION.inLanes * divisions <= alone;
}

/** All others go through float64, or are long. */
const LIGHT: ReadonlySet<string> = new Set([
  "exp",
  "expNonPositive",
  "log",
  "tanh",
  "sigmoid",
  "expm1",
  "log1p",
  "erf",
]);
/** Functions of which eight vectors side by side run faster than four, where there is little besides. */
const NARROW: ReadonlySet<string> = new Set(["exp", "expNonPositive", "tanh", "sigmoid"]);

function lookAt(index: VarExpr, body: readonly Stmt[]): Look {
  const look: Look = {
    storesAlong: false,
    along: 0,
    gathers: 0,
    across: 0,
    divisions: 0,
    calls: 0,
    heavy: 0,
    narrow: 0,
    folds: 0,
    terms: 0,
    nodes: 0,
    work: 0,
    wide: false,
    ordered: false,
  };
  const strides = new Strides(index);
  const access = (at: Expr): number | null => {
    const stride = strides.of(at);
    if (stride === 1) look.along++;
    else if (stride !== 0) {
      look.across++;
      look.gathers += stride !== null && stride > 0 ? EVEN_GATHER : GATHER;
    }
    return stride;
  };
  const seen = new Set<Expr>();
  const visit = (expr: Expr, address: boolean): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    const stride = strides.of(expr);
    if (!address) {
      look.nodes++;
      look.wide ||= expr.type === "float64";
      if (stride === 0) return; // computed once for all lanes
    }
    if (expr.kind === "load") {
      // An address that moves evenly costs nothing.
      if (access(expr.at) === null) visit(expr.at, true);
      return;
    }
    if (address && stride !== null) return;
    if (expr.kind === "binary" && (expr.op === "div" || expr.op === "rem") && !isFloat(expr.type)) look.divisions++;
    else if (expr.kind !== "var") look.work++;
    if (expr.kind === "call") {
      look.calls++;
      look.nodes += 6;
      look.work += 20;
      if (!LIGHT.has(expr.fn.name)) look.heavy += 2;
      if (NARROW.has(expr.fn.name)) look.narrow++;
    }
    for (const child of childrenOf(expr)) visit(child, address);
  };
  let alongMemory = false;
  walkStatements(body, (statement) => {
    if (statement.kind === "store") {
      if (access(statement.at) === 1) look.storesAlong = true;
      visit(statement.value, false);
    } else for (const expr of expressionsOf(statement)) visit(expr, false);
    strides.define(statement);
    if (statement.kind === "reduce") {
      look.folds++;
      look.work++;
      look.terms = Math.max(look.terms, termsOf(statement));
      if (statement.order === "interleaved" && termsOf(statement) >= LONG_FOLD) look.ordered = true;
      alongMemory ||= foldsAlong(statement);
    }
  });
  // A fold along memory is better off in lanes itself, unless these read memory in order as well.
  look.ordered ||= alongMemory && look.across > 0;
  return look;
}

const termsOf = (reduce: ReduceStmt): number =>
  reduce.loops.reduce((product, loop) => product * mostOf(loop.extent), 1);
