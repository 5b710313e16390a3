import { getOrMake } from "../core/collections.ts";
import { childrenOf, type Expr, type VarExpr } from "./expr.ts";
import type { Extent } from "./extent.ts";
import { Scope } from "./scope.ts";
import { bodyOf, expressionsOf, type Kernel, type Stmt } from "./statement.ts";

/**
 * A string that is equal for two kernels exactly if they differ at most in names (of the kernel, its buffers and its
 * variables). Compiled kernels are shared by it.
 *
 * Buffers are numbered by position, variables as they are defined, and distinct expressions as they are first seen;
 * the string lists the expressions once each, so it is linear in the size of the kernel however much is shared.
 */
export function kernelKey(kernel: Kernel): string {
  return getOrMake(keys, kernel, () => {
    const writer = new KeyWriter(kernel);
    writer.block(kernel.body);
    return writer.text();
  });
}
const keys = new WeakMap<Kernel, string>();

/**
 * Gives `result`, which `replace` made of `source`, a key that follows from its source's: what is equal before a pass is
 * equal after it, so nothing need be read again.
 */
export function inheritKey(result: Kernel, source: Kernel, replace: (kernel: Kernel) => Kernel): void {
  if (result === source) return;
  const number = getOrMake(numbers, replace, () => ++count);
  keys.set(result, `${kernelKey(source)}>${number}`);
}
const numbers = new WeakMap<(kernel: Kernel) => Kernel, number>();
let count = 0;

class KeyWriter {
  readonly #parts: string[];
  readonly #buffers: ReadonlyMap<string, number>;
  readonly #scope = new Scope<number>();
  #variables = 0;
  /** Expressions by what they say, with variables and subexpressions as numbers. */
  readonly #expressions = new Map<string, number>();

  constructor(kernel: Kernel) {
    this.#buffers = new Map(kernel.buffers.map((buffer, i) => [buffer.name, i]));
    this.#parts = kernel.buffers.map(({ dtype, size, role }) => `${dtype}[${size}]${role}`);
  }

  text = (): string => this.#parts.join(";");

  block(body: readonly Stmt[]): void {
    this.#parts.push("{");
    this.#scope.block(() => {
      for (const statement of body) this.#statement(statement);
    });
    this.#parts.push("}");
  }

  #statement(statement: Stmt): void {
    if (statement.kind === "reduce") {
      const { variable, op, order, loops, body, value } = statement;
      this.#scope.block(() => {
        const indices = loops.map((loop) => `${this.#define(loop.index)}<${this.#extent(loop.extent)}`);
        this.#parts.push(`reduce ${op} ${order} ${indices.join()}{`);
        for (const inner of body) this.#statement(inner);
        this.#parts.push(`yield ${this.#expression(value)}}`);
      });
      this.#parts.push(this.#define(variable));
      return;
    }
    const used = expressionsOf(statement).map((expr) => this.#expression(expr));
    switch (statement.kind) {
      case "for":
        this.#scope.block(() => {
          const how = `${statement.lanes ?? ""}/${statement.unroll ?? ""}${statement.parallel ? "/parallel" : ""}`;
          this.#parts.push(`for ${this.#define(statement.index)} ${used.join()} ${how}`);
          this.block(statement.body);
        });
        return;
      case "let":
        this.#parts.push(`${statement.mutable ? "var" : "let"} ${this.#define(statement.variable)} ${used.join()}`);
        return;
      case "set":
        this.#parts.push(`set ${this.#variable(statement.variable)} ${used.join()}`);
        return;
      case "store":
        this.#parts.push(`store ${this.#buffers.get(statement.buffer.name)} ${used.join()}`);
        return;
      default:
        this.#parts.push(`${statement.kind} ${used.join()}`);
        this.block(bodyOf(statement));
    }
  }

  #extent = (extent: Extent): string => (typeof extent === "number" ? String(extent) : `x${this.#expression(extent)}`);

  #define(variable: VarExpr): string {
    const number = this.#variables++;
    this.#scope.define(variable.name, number);
    return `v${number}:${variable.type}:${variable.min}:${variable.max}`;
  }

  #variable = (variable: VarExpr): string =>
    `v${this.#scope.find(variable.name)}:${variable.type}:${variable.min}:${variable.max}`;

  /** The number of an expression. What is remembered by identity holds for one statement: names are reused later. */
  #expression(root: Expr): number {
    const known = new Map<Expr, number>();
    const number = (expr: Expr): number => {
      const value = known.get(expr) ?? this.#number(`${this.#head(expr)}(${childrenOf(expr).map(number).join()})`);
      known.set(expr, value);
      return value;
    };
    return number(root);
  }

  #number(content: string): number {
    const found = this.#expressions.get(content);
    if (found !== undefined) return found;
    const number = this.#expressions.size;
    this.#expressions.set(content, number);
    this.#parts.push(`${number}=${content}`);
    return number;
  }

  #head(expr: Expr): string {
    switch (expr.kind) {
      case "const":
        return `${expr.type} ${Object.is(expr.value, -0) ? "-0" : expr.value}`;
      case "var":
        return this.#variable(expr);
      case "load":
        return `load ${this.#buffers.get(expr.buffer.name)}`;
      case "unary":
      case "binary":
        return expr.op;
      case "select":
        return "select";
      case "cast":
        return `${expr.bits ? "bits" : "cast"} ${expr.type}`;
      case "call":
        return `call ${expr.fn.name}`;
    }
  }
}
