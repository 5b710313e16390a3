import { childrenOf, type Expr, exactInteger, type VarExpr } from "../../kernel/expr.ts";
import type { Stmt } from "../../kernel/statement.ts";

/**
 * By how much numbers move from turn to turn of the loop over one index: `i*128 + j` by 1 where j is the index, by 128
 * where it is i. What does not hang on the index moves by 0, whatever it is: `rows[i]*128 + j` moves by 1 with j.
 */
export class Strides {
  /** Of what is defined inside, by name. */
  readonly #moves: Map<string, number | null>;
  readonly #known = new Map<Expr, number | null>();

  constructor(index: VarExpr) {
    this.#moves = new Map([[index.name, 1]]);
  }

  /** Null if the step is not the same everywhere. */
  of(expr: Expr): number | null {
    let stride = this.#known.get(expr);
    if (stride === undefined) {
      stride = this.#new(expr);
      this.#known.set(expr, stride);
    }
    return stride;
  }

  /** Learns what a statement defines. Statements must come in order. */
  define(statement: Stmt): void {
    if (statement.kind === "let")
      this.#moves.set(statement.variable.name, statement.mutable ? null : this.of(statement.value));
    if (statement.kind === "reduce")
      this.#moves.set(statement.variable.name, this.of(statement.value) === 0 ? 0 : null);
  }

  #new(expr: Expr): number | null {
    if (expr.kind === "var") return this.#moves.get(expr.name) ?? (this.#moves.has(expr.name) ? null : 0);
    if (expr.kind === "binary" && expr.type === "int32") {
      const { op, x, y } = expr;
      if ((op === "add" || op === "sub" || op === "mul") && exactInteger(op, x, y)) {
        const [left, right] = [this.of(x), this.of(y)];
        if (left !== null && right !== null) {
          if (op !== "mul") return op === "add" ? left + right : left - right;
          if (left === 0 && right === 0) return 0;
          if (y.kind === "const") return left * y.value;
        }
        return null;
      }
    }
    return childrenOf(expr).every((child) => this.of(child) === 0) ? 0 : null;
  }
}

/** By how much an index moves from turn to turn of the loop over `index` itself, null if not always the same. */
export const strideOf = (expr: Expr, index: VarExpr): number | null => new Strides(index).of(expr);
