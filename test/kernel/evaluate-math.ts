import type { Expr } from "../../src/kernel/expr.ts";
import type { MathFunction } from "../../src/kernel/math/index.ts";
import { applyBinary, applyUnary, convert, reinterpret } from "../../src/kernel/scalar.ts";
import type { Stmt } from "../../src/kernel/statement.ts";

/** Evaluates a math function by walking its LoopIR; `variables` maps names to values. */
export function evaluateMath(fn: MathFunction, ...args: readonly number[]): number {
  const variables = new Map(fn.params.map((param, i) => [param.name, args[i]!]));
  run(fn.body, variables);
  return evaluate(fn.result, variables);
}

function run(body: readonly Stmt[], variables: Map<string, number>): void {
  for (const statement of body) {
    switch (statement.kind) {
      case "let":
      case "set":
        variables.set(statement.variable.name, evaluate(statement.value, variables));
        break;
      case "if":
        if (evaluate(statement.test, variables)) run(statement.body, variables);
        break;
      default:
        throw new Error(`a math function may not contain ${statement.kind}`);
    }
  }
}

function evaluate(expr: Expr, variables: ReadonlyMap<string, number>): number {
  switch (expr.kind) {
    case "const":
      return expr.value;
    case "var": {
      const value = variables.get(expr.name);
      if (value === undefined) throw new Error(`${expr.name} is used before its let`);
      return value;
    }
    case "unary":
      return applyUnary(expr.op, expr.x.type, evaluate(expr.x, variables));
    case "binary":
      return applyBinary(expr.op, expr.x.type, evaluate(expr.x, variables), evaluate(expr.y, variables));
    case "select":
      return evaluate(evaluate(expr.test, variables) ? expr.yes : expr.no, variables);
    case "cast": {
      const x = evaluate(expr.x, variables);
      return expr.bits ? reinterpret(x, expr.x.type, expr.type) : convert(x, expr.x.type, expr.type);
    }
    case "load":
    case "call":
      throw new Error(`a math function may not contain ${expr.kind}`);
  }
}
