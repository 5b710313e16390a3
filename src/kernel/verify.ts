import { isFloat, isInteger, isNumeric, roundTo } from "../core/dtype.ts";
import { CompileError } from "../core/errors.ts";
import { type BinaryExpr, childrenOf, type Expr, isCompare, type UnaryExpr, type VarExpr } from "./expr.ts";
import { mostOf } from "./extent.ts";
import { lanesProblem } from "./lanes.ts";
import { type MathFunction, mathFunctionOf } from "./math/define.ts";
import { divide, nestOf, parallelProblem } from "./parallel.ts";
import { printExpr, printHead } from "./print.ts";
import { Scope } from "./scope.ts";
import { type Buffer, bodyOf, expressionsOf, type Kernel, type ReduceStmt, type Stmt } from "./statement.ts";

/**
 * Checks a kernel: types agree, variables are in scope, only mutable ones are set, and every access lies inside its
 * buffer. Intervals prove the last point. Where they can not, the index must come from data (it contains a load) or
 * the access must be guarded (it stands under `select`, `if` or `while`); then the interpreter checks it as it runs.
 * The turns of vector loops must be independent: see `lanesProblem`; and so must those of parallel loops, which stand in
 * no other statement: see `sharingProblem`. Throws CompileError.
 */
export function verifyKernel(kernel: Kernel): void {
  new Verifier(`kernel ${kernel.name}`, kernel.buffers).kernel(kernel);
}

/** The same for a function of `kernel/math`: no loops, no memory. */
export function verifyMathFunction(fn: MathFunction): void {
  new Verifier(`function ${fn.name} (${fn.type})`, []).mathFunction(fn);
}

/** What is wrong with the types of an expression, looking at it and its direct children only; null if nothing. */
export function typeProblem(expr: Expr): string | null {
  switch (expr.kind) {
    case "var":
      return null;
    case "const":
      return Object.is(roundTo(expr.type, expr.value), expr.value) ? null : `${expr.value} is no ${expr.type}`;
    case "load":
      if (expr.type !== expr.buffer.dtype) return `load of type ${expr.type} from ${expr.buffer.dtype} memory`;
      return expr.at.type === "int32" ? null : `index of type ${expr.at.type}, expected int32`;
    case "unary":
      if (expr.type !== expr.x.type) return `${expr.op} of ${expr.x.type} gives ${expr.type}`;
      return takesUnary(expr) ? null : `${expr.op} of ${expr.x.type}`;
    case "binary": {
      const { op, x, y } = expr;
      if (x.type !== y.type) return `operand types differ, ${x.type} against ${y.type}`;
      if (expr.type !== (isCompare(op) ? "bool" : x.type)) return `${op} of ${x.type} gives ${expr.type}`;
      return takesBinary(expr) ? null : `${op} of ${x.type}`;
    }
    case "select":
      if (expr.test.type !== "bool") return `condition of type ${expr.test.type}, expected bool`;
      if (expr.yes.type === expr.type && expr.no.type === expr.type) return null;
      return `branches of type ${expr.yes.type} and ${expr.no.type} give ${expr.type}`;
    case "cast":
      return expr.bits && (expr.type === "bool" || expr.x.type === "bool") ? "bits of a bool" : null;
    case "call": {
      const { params } = mathFunctionOf(expr.fn, expr.type);
      if (expr.args.length !== params.length) return `${expr.args.length} arguments, expected ${params.length}`;
      const wrong = expr.args.find((arg) => arg.type !== expr.type);
      return wrong ? `argument of type ${wrong.type}, expected ${expr.type}` : null;
    }
  }
}

function takesUnary({ op, type }: UnaryExpr): boolean {
  if (op === "sqrt") return isFloat(type);
  return op === "not" ? !isFloat(type) : isNumeric(type);
}

function takesBinary({ op, x: { type } }: BinaryExpr): boolean {
  switch (op) {
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "rem":
      return isNumeric(type);
    case "and":
    case "or":
    case "xor":
      return !isFloat(type);
    case "shl":
    case "shr":
      return isInteger(type);
    default:
      return true;
  }
}

/** What is wrong with the types in a statement itself, its expressions taken as correct; null if nothing. */
export function statementProblem(statement: Stmt): string | null {
  const differs = (name: string, type: string, value: Expr) =>
    type === value.type ? null : `${name} is ${type}, the value ${value.type}`;
  switch (statement.kind) {
    case "for":
      if (statement.index.type !== "int32") return `loop index of type ${statement.index.type}, expected int32`;
      return statement.extent.type === "int32" ? null : `extent of type ${statement.extent.type}, expected int32`;
    case "let":
    case "set":
      return differs(statement.variable.name, statement.variable.type, statement.value);
    case "store":
      if (statement.buffer.role === "in") return `${statement.buffer.name} is an input`;
      if (statement.at.type !== "int32") return `index of type ${statement.at.type}, expected int32`;
      return differs(statement.buffer.name, statement.buffer.dtype, statement.value);
    case "if":
    case "while":
      return statement.test.type === "bool" ? null : `condition of type ${statement.test.type}, expected bool`;
    case "reduce": {
      const { variable, op, loops, value } = statement;
      if (loops.some((loop) => loop.index.type !== "int32")) return "loop index is not int32";
      if ((op === "or" || op === "and") && isFloat(value.type)) return `reduce ${op} of ${value.type}`;
      if ((op === "add" || op === "mul") && !isNumeric(value.type)) return `reduce ${op} of ${value.type}`;
      return differs(variable.name, variable.type, value);
    }
  }
}

/** An empty loop reads nothing, and its index has no value that could be out of bounds. */
const neverRuns = (extent: number): boolean => extent <= 0;

interface Known {
  readonly variable: VarExpr;
  readonly mutable: boolean;
  /** Its value came, directly or not, out of memory: no interval can be expected to bound it. */
  readonly fromData: boolean;
  /** The extent, if it is the index of a loop. */
  readonly extent: Expr | null;
}

class Verifier {
  readonly #where: string;
  readonly #buffers: ReadonlyMap<string, Buffer>;
  readonly #scope = new Scope<Known>();
  #statement: Stmt | null = null;
  /** The loops of the kernel's body itself, and those that are all there is in a parallel one. */
  readonly #mayBeParallel = new Set<Stmt>();

  constructor(where: string, buffers: readonly Buffer[]) {
    this.#where = where;
    this.#buffers = new Map(buffers.map((buffer) => [buffer.name, buffer]));
    if (this.#buffers.size !== buffers.length) this.#fail("two buffers have the same name");
  }

  kernel(kernel: Kernel): void {
    for (const statement of kernel.body)
      if (statement.kind === "for") for (const loop of nestOf(statement)) this.#mayBeParallel.add(loop);
    this.#block(kernel.body, false);
    const { own, parts } = divide(kernel);
    for (const { loop } of parts) {
      this.#statement = loop;
      const problem = loop && parallelProblem(loop, own);
      if (problem) this.#fail(`turns that threads share: ${problem}`);
    }
  }

  mathFunction(fn: MathFunction): void {
    for (const param of fn.params) {
      if (param.type !== fn.type) this.#fail(`parameter ${param.name} is ${param.type}`);
      this.#define(param, { mutable: false });
    }
    this.#statements(fn.body, false);
    this.#statement = null;
    this.#expression(fn.result, false);
    if (fn.result.type !== fn.type) this.#fail(`the result is ${fn.result.type}`);
  }

  #block(body: readonly Stmt[], guarded: boolean): void {
    this.#scope.block(() => this.#statements(body, guarded));
  }

  #statements(body: readonly Stmt[], guarded: boolean): void {
    for (const statement of body) {
      this.#statement = statement;
      const problem = statementProblem(statement);
      if (problem) this.#fail(problem);
      if (statement.kind !== "reduce") for (const expr of expressionsOf(statement)) this.#expression(expr, guarded);
      this.#one(statement, guarded);
    }
  }

  #one(statement: Stmt, guarded: boolean): void {
    switch (statement.kind) {
      case "for": {
        const { index, extent } = statement;
        const last = Math.max(0, extent.max - 1);
        const covered = extent.kind === "const" ? index.max === last : index.max >= last;
        if (index.min !== 0 || !covered) {
          this.#fail(`${index.name} ranges over ${index.min} … ${index.max}, the loop over 0 … ${last}`);
        }
        this.#scope.block(() => {
          this.#define(index, { mutable: false, extent });
          this.#statements(statement.body, guarded || neverRuns(extent.max));
        });
        this.#statement = statement;
        const problem = statement.lanes === undefined ? null : lanesProblem(statement);
        if (problem) this.#fail(problem);
        if (statement.parallel && !this.#mayBeParallel.has(statement))
          this.#fail("a parallel loop stands in another statement");
        return;
      }
      case "let": {
        const { variable, value, mutable } = statement;
        this.#fits(variable, value, guarded);
        this.#define(variable, { mutable, fromData: mutable || this.#fromData(value) });
        return;
      }
      case "set": {
        const { variable, value } = statement;
        const known = this.#variable(variable);
        if (!known.mutable) this.#fail(`${variable.name} is not mutable`);
        this.#fits(known.variable, value, guarded);
        return;
      }
      case "store":
        this.#access(statement.buffer, statement.at, guarded);
        return;
      case "if":
      case "while":
        this.#block(bodyOf(statement), true);
        return;
      case "reduce":
        this.#reduce(statement, guarded);
    }
  }

  #reduce(reduce: ReduceStmt, guarded: boolean): void {
    const inside = guarded || reduce.loops.some(({ extent }) => neverRuns(mostOf(extent)));
    const fromData = this.#scope.block(() => {
      for (const { index, extent } of reduce.loops) {
        const most = mostOf(extent);
        const last = Math.max(0, most - 1);
        if (typeof extent !== "number") this.#expression(extent, guarded);
        else if (!Number.isInteger(most) || most < 0) this.#fail(`extent ${most}`);
        if (index.min !== 0 || index.max !== last) {
          this.#fail(`${index.name} ranges over ${index.min} … ${index.max}, the loop over 0 … ${last}`);
        }
        this.#define(index, { mutable: false });
      }
      this.#statements(reduce.body, inside);
      this.#statement = reduce;
      this.#expression(reduce.value, inside);
      return this.#fromData(reduce.value);
    });
    this.#define(reduce.variable, { mutable: false, fromData });
  }

  #define(variable: VarExpr, facts: { mutable: boolean; fromData?: boolean; extent?: Expr }): void {
    const { mutable, fromData = false, extent = null } = facts;
    const known: Known = { variable, mutable, fromData, extent };
    if (!this.#scope.define(variable.name, known)) this.#fail(`${variable.name} is defined twice`);
  }

  #variable(variable: VarExpr): Known {
    const known = this.#scope.find(variable.name);
    if (!known) return this.#fail(`${variable.name} is not defined here`);
    const { type, min, max } = known.variable;
    if (type !== variable.type) this.#fail(`${variable.name} is ${type}, used as ${variable.type}`);
    if (min < variable.min || max > variable.max) {
      this.#fail(`${variable.name} is ${min} … ${max}, used as ${variable.min} … ${variable.max}`);
    }
    return known;
  }

  /** Checks an expression and all below it; each shared subexpression once for either state of `guarded`. */
  #expression(root: Expr, guarded: boolean): void {
    const seen = [new Set<Expr>(), new Set<Expr>()] as const;
    const visit = (expr: Expr, safe: boolean): void => {
      const done = seen[safe ? 1 : 0];
      if (done.has(expr)) return;
      done.add(expr);
      if (expr.kind === "var") this.#variable(expr);
      if (expr.kind === "load") this.#access(expr.buffer, expr.at, safe);
      for (const child of childrenOf(expr)) visit(child, safe || (expr.kind === "select" && child !== expr.test));
      const problem = typeProblem(expr);
      if (problem) this.#fail(`${problem}: ${printExpr(expr)}`);
    };
    visit(root, guarded);
  }

  #access(buffer: Buffer, at: Expr, guarded: boolean): void {
    const known = this.#buffers.get(buffer.name);
    if (!known) this.#fail(`${buffer.name} is no buffer of this kernel`);
    if (known.dtype !== buffer.dtype || known.size !== buffer.size || known.role !== buffer.role) {
      this.#fail(`${buffer.name} is not the buffer declared under that name`);
    }
    if (at.min >= 0 && at.max < buffer.size) return;
    if (guarded || this.#fromData(at)) return;
    const upper = Math.min(at.max, this.#upperBound(at));
    if (at.min >= 0 && upper < buffer.size) return;
    this.#fail(`${buffer.name}[${printExpr(at)}] may be ${at.min} … ${upper}, the size is ${buffer.size}`);
  }

  /** A variable with a narrowed range must be given values inside it. */
  #fits(variable: VarExpr, value: Expr, guarded: boolean): void {
    if (isFloat(variable.type) || guarded || this.#fromData(value)) return;
    const upper = Math.min(value.max, this.#upperBound(value));
    if (value.min >= variable.min && upper <= variable.max) return;
    const range = `${variable.min} … ${variable.max}`;
    this.#fail(`${variable.name} is declared ${range}, the value may be ${value.min} … ${upper}`);
  }

  /**
   * Bound of `a + j` where the loop over j ends at `e - a`, so that the sum is at most `e - 1`. Splitting an index
   * into chunks, the last of them short, gives just this form; intervals alone can not relate j to a.
   */
  #upperBound(expr: Expr): number {
    if (expr.kind !== "binary" || expr.op !== "add" || expr.y.kind !== "var") return Infinity;
    const { x: base } = expr;
    const extent = this.#scope.find(expr.y.name)?.extent;
    const bound = (end: Expr): number => {
      if (end.kind !== "binary") return Infinity;
      if (end.op === "min") return Math.min(bound(end.x), bound(end.y));
      return end.op === "sub" && end.y === base ? end.x.max - 1 : Infinity;
    };
    return extent ? bound(extent) : Infinity;
  }

  #fromData(root: Expr): boolean {
    const seen = new Set<Expr>();
    const visit = (expr: Expr): boolean => {
      if (seen.has(expr)) return false;
      seen.add(expr);
      if (expr.kind === "load") return true;
      if (expr.kind === "var") return this.#scope.find(expr.name)?.fromData ?? false;
      return childrenOf(expr).some(visit);
    };
    return visit(root);
  }

  #fail(what: string): never {
    const details = this.#statement ? [`in: ${printHead(this.#statement)}`] : [];
    throw new CompileError({ what: `${this.#where}: ${what}`, details });
  }
}
