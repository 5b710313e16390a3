import type { DType } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import { type CallExpr, childrenOf, type Expr } from "../../kernel/expr.ts";
import { type MathFunction, type MathRecipe, mathFunctionOf } from "../../kernel/math/define.ts";
import { expressionsOf, type Kernel, type Stmt, walkStatements } from "../../kernel/statement.ts";
import { ExpressionEmitter } from "./expression.ts";
import { Names, preludeText } from "./prelude.ts";

/**
 * LoopIR as readable JavaScript with the bits of the interpreter:
 *
 *     function scale(y, x, w) {
 *       for (let i0 = 0; i0 < 4; i0++) {
 *         for (let i1 = 0; i1 < 6; i1++) {
 *           y[i0 * 6 + i1] = x[i0 * 6 + i1] * w[i1];
 *         }
 *       }
 *     }
 *
 * This is text only; nothing here evaluates it. Reductions must have been expanded.
 */

/** One kernel as a function of its arrays, in the order of `kernel.buffers`. It may call helpers of the prelude. */
export function emitKernel(kernel: Kernel, functionName: string): string {
  return new FunctionEmitter(usualName, mathUsedBy(kernel.body).map(usualName)).kernel(kernel, functionName);
}

/** A function of `kernel/math` as a function of numbers. It may call helpers of the prelude. */
export function emitMathFunction(fn: MathFunction): string {
  const called = mathUsedBy(fn.body, [fn.result]);
  return new FunctionEmitter(usualName, called.map(usualName)).math(fn);
}

/** The prelude, every function of `kernel/math` that is used, and the kernels: a whole program without its exports. */
export function emitProgram(kernels: readonly { readonly name: string; readonly kernel: Kernel }[]): string {
  const names = new Names();
  for (const { name } of kernels) {
    if (names.fresh(name) !== name) throw new CompileError({ what: `JavaScript: ${name} can not name a kernel` });
  }
  const functions = withCallees(kernels.flatMap(({ kernel }) => mathUsedBy(kernel.body)));
  const given = new Map(functions.map((fn) => [fn, names.fresh(usualName(fn))]));
  const emitter = new FunctionEmitter((fn) => given.get(fn)!, [...given.values()]);
  const parts = functions.map((fn) => emitter.math(fn));
  for (const { name, kernel } of kernels) parts.push(emitter.kernel(kernel, name));
  const prelude = preludeText(emitter.helpers);
  return `${(prelude ? [prelude, ...parts] : parts).join("\n\n")}\n`;
}

/** `exp` for float32, `exp_float64` for float64. */
const usualName = (fn: MathFunction): string => (fn.type === "float32" ? fn.name : `${fn.name}_${fn.type}`);

// ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The math functions these statements call directly, each once, in order of appearance. */
function mathUsedBy(body: readonly Stmt[], more: readonly Expr[] = []): readonly MathFunction[] {
  const seen = new Set<Expr>();
  const found = new Set<MathFunction>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "call") found.add(functionOf(expr));
    childrenOf(expr).forEach(visit);
  };
  walkStatements(body, (statement) => expressionsOf(statement).forEach(visit));
  more.forEach(visit);
  return [...found];
}
const functionOf = (expr: CallExpr): MathFunction => mathFunctionOf(expr.fn, expr.type);

/** The functions and all they call, each after those it calls. */
function withCallees(roots: readonly MathFunction[]): readonly MathFunction[] {
  const done = new Set<MathFunction>();
  const visit = (fn: MathFunction): void => {
    if (done.has(fn)) return;
    mathUsedBy(fn.body, [fn.result]).forEach(visit);
    done.add(fn);
  };
  roots.forEach(visit);
  return [...done];
}

// ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────

class FunctionEmitter {
  readonly helpers = new Set<string>();
  readonly #mathName: (fn: MathFunction) => string;
  /** Names of functions that a variable must not hide. */
  readonly #taken: readonly string[];

  constructor(mathName: (fn: MathFunction) => string, taken: readonly string[]) {
    this.#mathName = mathName;
    this.#taken = taken;
  }

  kernel(kernel: Kernel, name: string): string {
    const writer = this.#writer();
    const params = kernel.buffers.map((buffer) => writer.names.ofBuffer(buffer));
    writer.statements(kernel.body, 1);
    return `function ${name}(${params.join(", ")}) {\n${writer.text()}}`;
  }

  math(fn: MathFunction): string {
    const writer = this.#writer();
    const params = fn.params.map((param) => writer.names.of(param.name));
    writer.statements(fn.body, 1);
    writer.line(1, `return ${writer.expressions.number(fn.result).text};`);
    const [summary] = fn.doc.split("\n");
    const comment = summary ? `// ${summary}\n` : "";
    return `${comment}function ${this.#mathName(fn)}(${params.join(", ")}) {\n${writer.text()}}`;
  }

  #writer(): StatementWriter {
    const names = new Names(this.#taken);
    const expressions = new ExpressionEmitter({
      variable: (name) => names.of(name),
      buffer: (buffer) => names.ofBuffer(buffer),
      math: (fn: MathRecipe, type: DType) => this.#mathName(mathFunctionOf(fn, type)),
      helper: (name) => {
        this.helpers.add(name);
        return name;
      },
    });
    return new StatementWriter(names, expressions);
  }
}

class StatementWriter {
  readonly names: Names;
  readonly expressions: ExpressionEmitter;
  readonly #lines: string[] = [];

  constructor(names: Names, expressions: ExpressionEmitter) {
    this.names = names;
    this.expressions = expressions;
  }

  text = (): string => this.#lines.map((line) => `${line}\n`).join("");

  line(depth: number, text: string): void {
    this.#lines.push("  ".repeat(depth) + text);
  }

  statements(body: readonly Stmt[], depth: number): void {
    for (const statement of body) this.#statement(statement, depth);
  }

  #statement(statement: Stmt, depth: number): void {
    const { expressions, names } = this;
    switch (statement.kind) {
      case "for":
        this.#block(this.#forHead(statement.index.name, statement.extent), statement.body, depth);
        return;
      case "if":
        this.#block(`if (${expressions.condition(statement.test).text})`, statement.body, depth);
        return;
      case "while":
        this.#block(`while (${expressions.condition(statement.test).text})`, statement.body, depth);
        return;
      case "let": {
        const value = expressions.number(statement.value).text;
        const keyword = statement.mutable ? "let" : "const";
        this.line(depth, `${keyword} ${names.of(statement.variable.name)} = ${value};`);
        return;
      }
      case "set": {
        const value = expressions.number(statement.value).text;
        this.line(depth, `${names.of(statement.variable.name)} = ${value};`);
        return;
      }
      case "store": {
        const target = `${names.ofBuffer(statement.buffer)}[${expressions.number(statement.at).text}]`;
        this.line(depth, `${target} = ${expressions.stored(statement.value).text};`);
        return;
      }
      case "reduce":
        throw new CompileError({ what: `JavaScript: reduction ${statement.variable.name} was left unexpanded` });
    }
  }

  #block(head: string, body: readonly Stmt[], depth: number): void {
    this.line(depth, `${head} {`);
    this.statements(body, depth + 1);
    this.line(depth, "}");
  }

  #forHead(name: string, extent: Expr): string {
    const index = this.names.of(name);
    const end = this.expressions.number(extent).text;
    if (extent.kind === "const") return `for (let ${index} = 0; ${index} < ${end}; ${index}++)`;
    const last = this.names.of(`end of ${name}`); // the extent is evaluated once, before the loop
    return `for (let ${index} = 0, ${last} = ${end}; ${index} < ${last}; ${index}++)`;
  }
}
