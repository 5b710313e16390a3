import fc from "fast-check";
import { DTYPES, type DType, isFloat, isInteger } from "../../src/core/dtype.ts";
import type { Expr, VarExpr } from "../../src/kernel/expr.ts";
import * as k from "../../src/kernel/expr.ts";
import * as math from "../../src/kernel/math/index.ts";
import { printKernel } from "../../src/kernel/print.ts";
import type { Buffer, Kernel, LetStmt, ReduceOp, ReduceStmt, Stmt } from "../../src/kernel/statement.ts";
import { type Case, type Pick, randomArrays, randomValue } from "../kernel/random-kernel.ts";
import { buffer, loop, store } from "../kernel/sample-kernels.ts";

/*
 * Loop nests as kernels have them, over matrices of `rows` x `columns` elements: point by point, folds along rows and
 * down columns, running sums, transposes, guarded shifts, gathers. Sizes lie around multiples of the lanes. Some nests
 * can not run in lanes, since a turn reads what another writes.
 */

/** Choices from a list of numbers, 0 once they are used up: shorter lists make simpler kernels. */
function chooser(choices: readonly number[]): Pick {
  let at = 0;
  return (n) => (at < choices.length ? choices[at++]! % n : 0);
}

export const randomLoops: fc.Arbitrary<Case> = fc
  .array(fc.nat(), { minLength: 5, maxLength: 400, size: "max" })
  .map((choices) => {
    const pick = chooser(choices);
    const kernel = k.withFreshExpressions(() => new Builder(pick).kernel());
    const random = chooser(choices.map((choice) => Math.imul(choice, 0x9e3779b1) >>> 3));
    let turn = 0;
    const arrays = randomArrays(kernel, (n) => (random(n) + 7 * turn++) % n);
    return { kernel, arrays, [fc.toStringMethod]: () => printKernel(kernel) };
  });

/** A place in a nest: indices of a row and of a column. */
interface Place {
  readonly row: Expr;
  readonly column: Expr;
}

class Builder {
  readonly #pick: Pick;
  readonly #rows: number;
  readonly #columns: number;
  readonly #inputs: readonly Buffer[];
  readonly #outputs: readonly Buffer[];
  readonly #totals: readonly Buffer[];
  /** True if results of this nest lie column after column. */
  #turned = false;
  #variables: readonly VarExpr[] = [];
  #count = 0;

  constructor(pick: Pick) {
    this.#pick = pick;
    this.#rows = 1 + pick(pick(3) === 0 ? 70 : 12);
    this.#columns = 1 + pick(pick(4) === 0 ? 150 : 40);
    const size = this.#rows * this.#columns;
    const longer = Math.max(this.#rows, this.#columns);
    this.#inputs = DTYPES.map((type) => buffer(`x_${type}`, size, "in", type));
    this.#outputs = DTYPES.map((type) => buffer(`y_${type}`, size, "out", type));
    this.#totals = DTYPES.map((type) => buffer(`total_${type}`, longer, "out", type));
  }

  kernel(): Kernel {
    const body = Array.from({ length: 1 + this.#pick(2) }, () => this.#nest());
    return { name: "loops", buffers: [...this.#outputs, ...this.#totals, ...this.#inputs], body };
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#pick(list.length)]!;
  }
  #index = (name: string, extent: number): VarExpr => k.indexVariable(`${name}${this.#count++}`, extent);
  #type = (): DType => this.#one(DTYPES);

  #nest(): Stmt {
    this.#variables = [];
    this.#turned = this.#pick(4) === 0;
    const kind = this.#pick(5);
    if (kind === 0) return this.#flat();
    const row = this.#index("row", this.#rows);
    const column = this.#index("column", this.#columns);
    const byRows = this.#pick(3) > 0;
    const [outer, inner] = byRows ? [row, column] : [column, row];
    const [many, few] = byRows ? [this.#rows, this.#columns] : [this.#columns, this.#rows];
    const place = { row, column };
    if (kind === 1) return loop(outer, many, this.#folds(outer, inner, few, place));
    if (kind === 2) return loop(outer, many, this.#running(inner, few, place));
    return loop(outer, many, [loop(inner, few, this.#points(place))]);
  }

  /** All elements in one loop. */
  #flat(): Stmt {
    const index = this.#index("i", this.#rows * this.#columns);
    this.#turned = false;
    return loop(index, index.max + 1, this.#points({ row: k.int(0), column: index }));
  }

  #points(place: Place): Stmt[] {
    const out: Stmt[] = [];
    if (this.#pick(2) > 0) out.push(this.#let(this.#value(this.#type(), 2, place), this.#pick(3) === 0));
    if (this.#pick(5) === 0) out.push(this.#set(place));
    out.push(this.#store(place));
    if (this.#pick(3) === 0) out.push(this.#store(place));
    if (this.#pick(5) === 0) {
      const [before, test] = [this.#variables, this.#value("bool", 2, place)];
      out.push({ kind: "if", test, body: [this.#set(place), this.#store(place)] });
      this.#variables = before;
    }
    return out;
  }

  /** Something known of each row (or column), and perhaps a loop that uses it. */
  #folds(outer: VarExpr, inner: VarExpr, extent: number, place: Place): Stmt[] {
    const out: Stmt[] = [];
    for (let i = 1 + this.#pick(2); i > 0; i--) out.push(this.#fold(inner, extent, place));
    const outside = outer === place.row ? { ...place, column: k.int(0) } : { ...place, row: k.int(0) };
    const total = this.#one(this.#totals);
    out.push(store(total, outer, this.#value(total.dtype, 2, outside)));
    if (this.#pick(2) > 0) out.push(loop(inner, extent, this.#points(place)));
    return out;
  }

  #fold(inner: VarExpr, extent: number, place: Place): ReduceStmt {
    const index = this.#index("r", extent);
    const at = place.row === inner ? { ...place, row: index } : { ...place, column: index };
    const type = this.#type();
    const ops: readonly ReduceOp[] =
      type === "bool" ? ["or", "and"] : isFloat(type) ? ["add", "max", "min", "mul"] : ["add", "max", "min", "or"];
    const variable = k.variable(`fold${this.#count++}`, type);
    const loops = [{ index, extent }];
    if (this.#pick(4) === 0) {
      const second = this.#pick(4);
      loops.push({ index: this.#index("r", second), extent: second });
    }
    const order = this.#pick(2) > 0 ? "serial" : "interleaved";
    const value = this.#value(type, 2, at);
    this.#variables = [...this.#variables, variable];
    return { kind: "reduce", variable, op: this.#one(ops), order, loops, body: [], value };
  }

  /** Every element needs the one before it. */
  #running(inner: VarExpr, extent: number, place: Place): Stmt[] {
    const start = this.#let(k.constant(0, this.#one(["float32", "int32", "float64"] as const)), true);
    const { variable } = start;
    const set: Stmt = { kind: "set", variable, value: k.add(variable, this.#value(variable.type, 2, place)) };
    return [start, loop(inner, extent, [set, this.#store(place)])];
  }

  #let(value: Expr, mutable: boolean): LetStmt {
    const variable = k.variable(`t${this.#count++}`, value.type);
    this.#variables = [...this.#variables, variable];
    return { kind: "let", variable, value, mutable };
  }

  /** Declares a variable in a block of its own and sets it there. */
  #set(place: Place): Stmt {
    const before = this.#variables;
    const test = this.#value("bool", 1, place);
    const start = this.#let(this.#value(this.#type(), 1, place), true);
    const again: Stmt = { kind: "set", variable: start.variable, value: this.#value(start.variable.type, 2, place) };
    const body = [start, again, this.#store(place)];
    this.#variables = before;
    return { kind: "if", test, body };
  }

  /** Where a result belongs. */
  #own({ row, column }: Place): Expr {
    return this.#turned
      ? k.add(k.mul(column, k.int(this.#rows)), row)
      : k.add(k.mul(row, k.int(this.#columns)), column);
  }

  #store(place: Place): Stmt {
    const target = this.#one(this.#outputs);
    return store(target, this.#own(place), this.#value(target.dtype, 3, place));
  }

  #load(type: DType, { row, column }: Place): Expr {
    const source = this.#inputs.find((input) => input.dtype === type)!;
    const output = this.#outputs.find((candidate) => candidate.dtype === type)!;
    const size = source.size;
    const straight = k.add(k.mul(row, k.int(this.#columns)), column);
    switch (this.#pick(11)) {
      case 0: {
        const period = k.int(this.#one([this.#columns, this.#rows, 4, 8, 10]));
        return k.load(source, this.#pick(2) > 0 ? k.rem(straight, period) : k.div(straight, period));
      }
      case 1:
        return k.load(source, k.rem(row, k.int(size)));
      case 2: {
        const turned = k.add(k.mul(column, k.int(this.#rows)), row);
        return turned.max < size ? k.load(source, turned) : k.load(source, straight);
      }
      case 3:
        return k.load(source, k.sub(k.int(size - 1), straight));
      case 4: {
        const at = k.add(straight, k.int(this.#pick(9) - 4));
        const inside = k.and(k.le(k.int(0), at), k.lt(at, k.int(size)));
        return k.select(inside, k.load(source, at), k.constant(0, type));
      }
      case 5: {
        const index = k.load(this.#inputs.find(({ dtype }) => dtype === "int32")!, straight);
        return k.load(source, k.binary("min", k.binary("max", index, k.int(0)), k.int(size - 1)));
      }
      case 6: {
        // Its own result so far, or that of another turn: the loop can not run in lanes then.
        if (this.#pick(4) > 0) return k.load(output, this.#own({ row, column }));
        const at = k.sub(straight, k.int(1));
        return k.select(k.le(k.int(0), at), k.load(output, at), k.constant(0, type));
      }
      case 7: {
        const rolled = k.rem(k.add(column, k.int(this.#pick(this.#columns))), k.int(this.#columns));
        const at = k.add(k.mul(row, k.int(this.#columns)), rolled);
        return at.max < size ? k.load(source, at) : k.load(source, straight);
      }
      default:
        return k.load(source, straight);
    }
  }

  #value(type: DType, depth: number, place: Place): Expr {
    const again = (other = type) => this.#value(other, depth - 1, place);
    if (depth === 0) {
      const known = this.#variables.filter((variable) => variable.type === type);
      const kind = this.#pick(6);
      if (kind === 0) return k.constant(randomValue(type, this.#pick), type);
      if (kind === 1 && type === "int32") return this.#one([place.row, place.column]);
      return kind < 4 && known.length > 0 ? this.#one(known) : this.#load(type, place);
    }
    const kind = this.#pick(8);
    if (kind === 0) return this.#load(type, place);
    if (kind === 1) return k.select(again("bool"), again(), again());
    if (kind === 2) return k.cast(again(this.#type()), type);
    if (type === "bool") {
      const other = this.#type();
      if (kind < 5) return k.binary(this.#one(["lt", "le", "eq", "ne"] as const), again(other), again(other));
      return kind === 5
        ? k.unary("not", again())
        : k.binary(this.#one(["and", "or", "xor"] as const), again(), again());
    }
    if (kind === 3 && isFloat(type)) return k.call(this.#one([math.exp, math.tanh, math.log]), again());
    if (kind === 3 && isInteger(type))
      return k.binary(this.#one(["and", "shl", "shr", "rem"] as const), again(), again());
    if (kind === 4) return k.unary(this.#one(["neg", "abs"] as const), again());
    return k.binary(this.#one(["add", "sub", "mul", "div", "min", "max"] as const), again(), again());
  }
}
