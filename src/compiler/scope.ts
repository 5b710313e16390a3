import type { Expr } from "../kernel/expr.ts";
import type { Buffer, Stmt } from "../kernel/statement.ts";

/** A block of statements under construction. */
export interface Scope {
  readonly parent: Scope | null;
  readonly depth: number;
  /** Inside an `if`: what is loaded here may be out of bounds elsewhere, so it stays here. */
  readonly guarded: boolean;
  readonly statements: Stmt[];
  /** Values at an index, by node and index; reductions by what they reduce (`reductionKey`). */
  readonly known: Map<string, Expr>;
  /** Scratch rows filled here, by node and the index of the row. */
  readonly rows: Map<string, Buffer>;
}

export const emptyScope = (parent: Scope | null, guarded: boolean): Scope => ({
  parent,
  depth: parent ? parent.depth + 1 : 0,
  guarded,
  statements: [],
  known: new Map(),
  rows: new Map(),
});
