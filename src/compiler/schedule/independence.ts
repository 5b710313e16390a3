import type { VarExpr } from "../../kernel/expr.ts";
import { turnsProblem } from "../../kernel/lanes.ts";
import { type Stmt, walkStatements } from "../../kernel/statement.ts";

/**
 * True if the turns of a loop over `index` may run side by side, statement by statement, or in any order: no turn stores
 * where another stores or loads, and none hands a value on to the next (see `turnsProblem`). Bodies whose length is
 * known when it is compiled only.
 */
export function independentTurns(index: VarExpr, body: readonly Stmt[]): boolean {
  let simple = true;
  walkStatements(body, (statement) => {
    if (statement.kind === "while") simple = false;
    if (statement.kind === "for" && (statement.lanes || statement.extent.kind !== "const")) simple = false;
  });
  return simple && turnsProblem(index, body) === null;
}
