import { childrenOf, type Expr } from "../../kernel/expr.ts";
import { mostOf } from "../../kernel/extent.ts";
import { mathFunctionOf } from "../../kernel/math/define.ts";
import type { Stmt } from "../../kernel/statement.ts";

/** Nanoseconds an instruction takes, several going on at once; a vector instruction takes no longer. */
const INSTRUCTION = 0.06;
/** Divisions and square roots hardly overlap. */
const DIVISION = 1;
/** Turns assumed for a loop whose end is not known. */
const UNKNOWN_TURNS = 16;

/**
 * Roughly how many nanoseconds statements take on one thread, instructions counted and memory left out. For choices
 * between one thread and several only, where a factor of two does not matter.
 */
export const costOf = (body: readonly Stmt[]): number => new Estimate().body(body, 1);

class Estimate {
  /** Of functions of `kernel/math`, by name and type. */
  readonly #functions = new Map<string, number>();

  /** @param vectors instructions needed for one operation of all lanes */
  body(statements: readonly Stmt[], vectors: number): number {
    let sum = 0;
    for (const statement of statements) sum += this.#statement(statement, vectors);
    return sum;
  }

  #statement(statement: Stmt, vectors: number): number {
    switch (statement.kind) {
      case "for": {
        const { extent, lanes, body } = statement;
        if (lanes) return this.body(body, lanes / 4);
        const turns = extent.kind === "const" ? Math.max(0, extent.value) : UNKNOWN_TURNS;
        return turns * (this.body(body, vectors) + INSTRUCTION);
      }
      case "let":
      case "set":
        return this.#expression(statement.value, vectors);
      case "store":
        return vectors * INSTRUCTION + this.#expression(statement.value, vectors);
      case "if":
        return this.#expression(statement.test, vectors) + this.body(statement.body, vectors);
      case "while":
        return UNKNOWN_TURNS * (this.#expression(statement.test, vectors) + this.body(statement.body, vectors));
      case "reduce": {
        const turns = statement.loops.reduce((product, { extent }) => product * mostOf(extent), 1);
        return turns * (this.body(statement.body, vectors) + this.#expression(statement.value, vectors) + INSTRUCTION);
      }
    }
  }

  /** Shared parts are computed once in a statement. */
  #expression(root: Expr, vectors: number): number {
    const seen = new Set<Expr>();
    const visit = (expr: Expr): number => {
      if (expr.kind === "const" || expr.kind === "var" || seen.has(expr)) return 0;
      seen.add(expr);
      // Indices become pointers that move along.
      if (expr.kind === "load") return vectors * INSTRUCTION;
      return childrenOf(expr).reduce((sum, child) => sum + visit(child), vectors * this.#operation(expr));
    };
    return visit(root);
  }

  #operation(expr: Expr): number {
    if (expr.kind === "call") {
      const key = `${expr.fn.name} ${expr.type}`;
      const known = this.#functions.get(key);
      if (known !== undefined) return known;
      const { body, result } = mathFunctionOf(expr.fn, expr.type);
      const cost = this.body(body, 1) + this.#expression(result, 1);
      this.#functions.set(key, cost);
      return cost;
    }
    const slow =
      (expr.kind === "binary" && (expr.op === "div" || expr.op === "rem")) ||
      (expr.kind === "unary" && expr.op === "sqrt");
    return slow ? DIVISION : INSTRUCTION;
  }
}
