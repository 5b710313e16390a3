import { type Expr, type VarExpr, variable } from "../../kernel/expr.ts";
import type { Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";

/**
 * Statements with variables replaced by expressions. What the statements define keeps its name; where its range
 * changes, `place` learns the new variable.
 */
export function replaceIn(body: readonly Stmt[], place: Map<Expr, Expr>): Stmt[] {
  return body.map((statement) => replaceStatement(statement, place));
}

function replaceStatement(statement: Stmt, place: Map<Expr, Expr>): Stmt {
  const of = (expr: Expr): Expr => substitute(expr, place);
  const inside = (inner: readonly Stmt[]): Stmt[] => replaceIn(inner, place);
  switch (statement.kind) {
    case "let": {
      const value = of(statement.value);
      const { name, type } = statement.variable;
      const named = variable(name, type, statement.mutable ? statement.variable : value);
      place.set(statement.variable, named);
      return { ...statement, variable: named, value };
    }
    case "set":
      return { ...statement, variable: of(statement.variable) as VarExpr, value: of(statement.value) };
    case "store":
      return { ...statement, at: of(statement.at), value: of(statement.value) };
    case "if":
    case "while":
      return { ...statement, test: of(statement.test), body: inside(statement.body) };
    case "for":
      return { ...statement, extent: of(statement.extent), body: inside(statement.body) };
    case "reduce": {
      const inner = inside(statement.body);
      return { ...statement, body: inner, value: of(statement.value) };
    }
  }
}
