import { allocate, dtypeOfArray, isFloat, roundTo, type TypedArray } from "../core/dtype.ts";
import { CompileError } from "../core/errors.ts";
import { type Expr, type VarExpr, withFreshExpressions } from "./expr.ts";
import { type MathFunction, mathFunctionOf } from "./math/define.ts";
import { printExpr, printHead } from "./print.ts";
import { expandReductions } from "./reduce.ts";
import { applyBinary, applyUnary, convert, reinterpret } from "./scalar.ts";
import { Scope } from "./scope.ts";
import type { Buffer, Kernel, Stmt } from "./statement.ts";
import { statementProblem, typeProblem } from "./verify.ts";

/**
 * The definition of LoopIR: what this does is what a kernel means. It checks everything as it goes (bounds, types,
 * scopes, ranges) and throws CompileError naming kernel and statement.
 *
 * Arrays come in the order of `kernel.buffers`; scratch arrays may be left out.
 */
export function interpretKernel(kernel: Kernel, arrays: readonly TypedArray[]): void {
  const run = kernels.get(kernel) ?? prepareKernel(kernel);
  kernels.set(kernel, run);
  run(arrays);
}

/** The value of a function of `kernel/math`. */
export function interpretMath(fn: MathFunction, args: readonly number[]): number {
  const run = functions.get(fn) ?? prepareMath(fn);
  functions.set(fn, run);
  return run(args);
}

const kernels = new WeakMap<Kernel, (arrays: readonly TypedArray[]) => void>();
const functions = new WeakMap<MathFunction, (args: readonly number[]) => number>();

function prepareKernel(original: Kernel): (arrays: readonly TypedArray[]) => void {
  const kernel = withFreshExpressions(() => expandReductions(original));
  const preparation = new Preparation(`kernel ${kernel.name}`, kernel.buffers);
  const run = preparation.block(kernel.body);
  return (arrays) => {
    preparation.bind(arrays);
    run();
  };
}

function prepareMath(fn: MathFunction): (args: readonly number[]) => number {
  const preparation = new Preparation(`function ${fn.name} (${fn.type})`, []);
  const params = fn.params.map((param) => preparation.define(param, false));
  const run = preparation.statements(fn.body);
  const result = preparation.expression(fn.result);
  return (args) => {
    for (let i = 0; i < params.length; i++) params[i]!.value = roundTo(fn.type, args[i]!);
    run();
    return result();
  };
}

/** Trees are turned into closures once, so that a kernel may be run many times. */
type Value = () => number;
type Action = () => void;
/** Where a variable lives. Scopes are resolved beforehand; a kernel does not call itself, so one cell each is enough. */
interface Cell {
  value: number;
  readonly variable: VarExpr;
  readonly mutable: boolean;
}

class Preparation {
  readonly #where: string;
  readonly #buffers: readonly Buffer[];
  readonly #slots = new Map<string, { readonly buffer: Buffer; array: TypedArray }>();
  readonly #scope = new Scope<Cell>();
  /** The statement being prepared or run, for messages. */
  #current: Stmt | null = null;

  constructor(where: string, buffers: readonly Buffer[]) {
    this.#where = where;
    this.#buffers = buffers;
    for (const buffer of buffers) {
      if (this.#slots.has(buffer.name)) this.#fail(`two buffers are named ${buffer.name}`);
      this.#slots.set(buffer.name, { buffer, array: allocate(buffer.dtype, 0) });
    }
  }

  bind(arrays: readonly TypedArray[]): void {
    this.#current = null;
    this.#buffers.forEach((buffer, i) => {
      const given = arrays[i];
      if (!given && buffer.role !== "scratch") this.#fail(`no array for ${buffer.name}`);
      const array = given ?? allocate(buffer.dtype, buffer.size);
      const dtype = dtypeOfArray(array);
      if (dtype !== buffer.dtype) this.#fail(`${buffer.name} is ${buffer.dtype}, got an array of ${dtype}`);
      if (array.length !== buffer.size) {
        this.#fail(`${buffer.name} has ${buffer.size} elements, got an array of ${array.length}`);
      }
      this.#slots.get(buffer.name)!.array = array;
    });
  }

  define(variable: VarExpr, mutable: boolean): Cell {
    const cell: Cell = { value: 0.5, variable, mutable }; // 0.5: keeps the field a double for the engine
    if (!this.#scope.define(variable.name, cell)) this.#fail(`${variable.name} is defined twice`);
    return cell;
  }

  block(body: readonly Stmt[]): Action {
    return this.#scope.block(() => this.statements(body));
  }

  statements(body: readonly Stmt[]): Action {
    const actions = body.map((statement) => {
      this.#current = statement;
      const problem = statementProblem(statement);
      if (problem) this.#fail(problem);
      const action = this.#statement(statement);
      return () => {
        this.#current = statement;
        action();
      };
    });
    return () => {
      for (let i = 0; i < actions.length; i++) actions[i]!();
    };
  }

  #statement(statement: Stmt): Action {
    switch (statement.kind) {
      case "for": {
        const extent = this.expression(statement.extent);
        return this.#scope.block(() => {
          const index = this.define(statement.index, false);
          const body = this.statements(statement.body);
          return () => {
            const end = extent();
            for (let i = 0; i < end; i++) {
              this.#assign(index, i);
              body();
            }
          };
        });
      }
      case "let": {
        const value = this.expression(statement.value);
        const cell = this.define(statement.variable, statement.mutable);
        return () => this.#assign(cell, value());
      }
      case "set": {
        const value = this.expression(statement.value);
        const cell = this.#find(statement.variable);
        if (!cell.mutable) this.#fail(`${statement.variable.name} is not mutable`);
        return () => this.#assign(cell, value());
      }
      case "store": {
        const slot = this.#slot(statement.buffer);
        const at = this.expression(statement.at);
        const value = this.expression(statement.value);
        return () => {
          const index = this.#within(slot.buffer, at());
          slot.array[index] = value();
        };
      }
      case "if": {
        const test = this.expression(statement.test);
        const body = this.block(statement.body);
        return () => {
          if (test() !== 0) body();
        };
      }
      case "while": {
        const test = this.expression(statement.test);
        const body = this.block(statement.body);
        return () => {
          while (test() !== 0) {
            body();
            this.#current = statement;
          }
        };
      }
      case "reduce":
        return this.#fail("a reduction was left unexpanded");
    }
  }

  #assign(cell: Cell, value: number): void {
    const { variable } = cell;
    if (!isFloat(variable.type) && !(Number.isInteger(value) && value >= variable.min && value <= variable.max)) {
      this.#fail(`${variable.name} is ${variable.type} in ${variable.min} … ${variable.max}, got ${value}`);
    }
    cell.value = value;
  }

  #within(buffer: Buffer, index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < buffer.size) return index;
    return this.#fail(`${buffer.name}[${index}] is outside its ${buffer.size} elements`);
  }

  #find(variable: VarExpr): Cell {
    const cell = this.#scope.find(variable.name);
    if (!cell) return this.#fail(`${variable.name} is not defined here`);
    const { type, min, max } = cell.variable;
    if (type !== variable.type) this.#fail(`${variable.name} is ${type}, used as ${variable.type}`);
    if (min < variable.min || max > variable.max) {
      this.#fail(`${variable.name} is ${min} … ${max}, used as ${variable.min} … ${variable.max}`);
    }
    return cell;
  }

  #slot(buffer: Buffer): { readonly buffer: Buffer; readonly array: TypedArray } {
    const slot = this.#slots.get(buffer.name);
    if (!slot) return this.#fail(`${buffer.name} is no buffer of this kernel`);
    const declared = slot.buffer;
    if (declared.dtype !== buffer.dtype || declared.size !== buffer.size) {
      this.#fail(`${buffer.name} is not the buffer declared under that name`);
    }
    return slot;
  }

  expression(root: Expr): Value {
    const known = new Map<Expr, Value>(); // subexpressions are shared; prepare each once
    const prepare = (expr: Expr): Value => {
      const value = known.get(expr) ?? this.#expression(expr, prepare);
      known.set(expr, value);
      return value;
    };
    return prepare(root);
  }

  #expression(expr: Expr, prepare: (expr: Expr) => Value): Value {
    const problem = typeProblem(expr);
    if (problem) this.#fail(`${problem}: ${printExpr(expr)}`);
    switch (expr.kind) {
      case "const": {
        const { value } = expr;
        return () => value;
      }
      case "var": {
        const cell = this.#find(expr);
        return () => cell.value;
      }
      case "load": {
        const slot = this.#slot(expr.buffer);
        const at = prepare(expr.at);
        if (expr.type !== "bool") return () => slot.array[this.#within(slot.buffer, at())]!;
        return () => {
          const value = slot.array[this.#within(slot.buffer, at())]!;
          if (value > 1) this.#fail(`${slot.buffer.name} is bool and holds ${value}`);
          return value;
        };
      }
      case "unary": {
        const { op, type } = expr;
        const x = prepare(expr.x);
        return () => applyUnary(op, type, x());
      }
      case "binary": {
        const { op } = expr;
        const { type } = expr.x;
        const x = prepare(expr.x);
        const y = prepare(expr.y);
        return () => applyBinary(op, type, x(), y());
      }
      case "select": {
        const test = prepare(expr.test);
        const yes = prepare(expr.yes);
        const no = prepare(expr.no);
        return () => (test() !== 0 ? yes() : no());
      }
      case "cast": {
        const { type, bits } = expr;
        const from = expr.x.type;
        const x = prepare(expr.x);
        return bits ? () => reinterpret(x(), from, type) : () => convert(x(), from, type);
      }
      case "call": {
        const fn = mathFunctionOf(expr.fn, expr.type);
        const args = expr.args.map(prepare);
        return () =>
          interpretMath(
            fn,
            args.map((arg) => arg()),
          );
      }
    }
  }

  #fail(what: string): never {
    const details = this.#current ? [`in: ${printHead(this.#current)}`] : [];
    throw new CompileError({ what: `${this.#where}: ${what}`, details });
  }
}
