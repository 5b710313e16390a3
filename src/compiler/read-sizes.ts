import { binary, type Expr, int, load } from "../kernel/expr.ts";
import { runTimeSizesAmong } from "../kernel/extent.ts";
import { type Buffer, expressionsOf, type Stmt, walkStatements } from "../kernel/statement.ts";
import { variablesIn } from "./expressions.ts";

/**
 * Statements that read what a kernel uses of the sizes that are known only at run time, from the array `buffer` gives.
 * Between which numbers they lie is made plain, not trusted.
 */
export function readSizes(body: readonly Stmt[], buffer: () => Buffer): readonly Stmt[] {
  const used: Expr[] = [];
  walkStatements(body, (statement) => void used.push(...expressionsOf(statement)));
  return runTimeSizesAmong(variablesIn(used)).map(({ variable, slot, least, capacity }): Stmt => {
    const given = load(buffer(), int(slot));
    const value = binary("min", binary("max", given, int(least)), int(capacity));
    return { kind: "let", variable, value, mutable: false };
  });
}
