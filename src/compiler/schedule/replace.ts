import { type Expr, type VarExpr, variable } from "../../kernel/expr.ts";
import type { Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";

/**
 * Statements with variables replaced by expressions. What they define gets the name that `rename` gives; `place` learns
 * the new variables.
 */
export function replaceIn(
  body: readonly Stmt[],
  place: Map<Expr, Expr>,
  rename: (name: string) => string = (name) => name,
): Stmt[] {
  const of = (expr: Expr): Expr => substitute(expr, place);
  const inside = (inner: readonly Stmt[]): Stmt[] => replaceIn(inner, place, rename);
  const one = (statement: Stmt): Stmt => {
    switch (statement.kind) {
      case "let": {
        const value = of(statement.value);
        const { name, type } = statement.variable;
        // A mutable one takes other values later, so only what it was declared with bounds it.
        const named = variable(rename(name), type, statement.mutable ? statement.variable : value);
        place.set(statement.variable, named);
        return { ...statement, variable: named, value };
      }
      case "set": {
        const target = of(statement.variable) as VarExpr; // a variable is replaced by a variable
        return { ...statement, variable: target, value: of(statement.value) };
      }
      case "store":
        return { ...statement, at: of(statement.at), value: of(statement.value) };
      case "if":
      case "while":
        return { ...statement, test: of(statement.test), body: inside(statement.body) };
      case "for":
        return { ...statement, extent: of(statement.extent), body: inside(statement.body) };
      case "reduce": {
        const inner = inside(statement.body); // first: the value may use what the body defines
        const value = of(statement.value);
        const { name, type } = statement.variable;
        const named = variable(rename(name), type, statement.variable);
        place.set(statement.variable, named);
        const loops = statement.loops.map(({ index, extent }) => ({
          index,
          extent: typeof extent === "number" ? extent : of(extent),
        }));
        return { ...statement, variable: named, loops, body: inner, value };
      }
    }
  };
  return body.map(one);
}
