import { getOrMake } from "../../core/collections.ts";
import { constant, type Expr, indexVariable, int, mapChildren, type VarExpr, variable } from "../../kernel/expr.ts";
import { type ForStmt, type Kernel, type Stmt, walkStatements } from "../../kernel/statement.ts";
import { type Affine, affineConstant, affineVariable } from "./affine.ts";

/** A loop over `0 … extent - 1`. */
export interface Loop {
  readonly index: VarExpr;
  readonly extent: number;
}

/** Makes names that nothing in a kernel has. */
export class Names {
  readonly #taken = new Set<string>();
  readonly #copies = new Map<string, string>();

  constructor(kernel: Kernel) {
    for (const buffer of kernel.buffers) this.#taken.add(buffer.name);
    walkStatements(kernel.body, (statement) => {
      if (statement.kind === "for") this.#taken.add(statement.index.name);
      if (statement.kind === "let" || statement.kind === "reduce") this.#taken.add(statement.variable.name);
      if (statement.kind === "reduce") for (const { index } of statement.loops) this.#taken.add(index.name);
    });
  }

  fresh(base: string): string {
    let name = base;
    for (let i = 1; this.#taken.has(name); i++) name = `${base}_${i}`;
    this.#taken.add(name);
    return name;
  }

  /** The name of the copy of `name` that row `row` of a tile makes: the same in every tile, since tiles never nest. */
  copy(name: string, row: number): string {
    return getOrMake(this.#copies, `${name}:${row}`, () => this.fresh(`${name}_${row}`));
  }
}

/** Turns of loops inside of each other. */
export const extentOf = (loops: readonly Loop[]): number => loops.reduce((product, loop) => product * loop.extent, 1);

export const makeLoop = (name: string, extent: number): Loop => ({ index: indexVariable(name, extent), extent });

/** What a loop counts: its index, or 0 where there is but one turn, since then no loop is written. */
export const countOf = (loop: Loop): Affine => (loop.extent === 1 ? affineConstant(0) : affineVariable(loop.index));

/** A loop; its body must name the index by `countOf`. */
export function loopOver(loop: Loop, body: readonly Stmt[], how: Pick<ForStmt, "lanes" | "unroll"> = {}): Stmt[] {
  if (loop.extent === 1) return [...body];
  return [{ kind: "for", index: loop.index, extent: int(loop.extent), body, ...how }];
}

/** Loops around a body, the first outermost. */
export const nest = (loops: readonly Loop[], body: readonly Stmt[]): Stmt[] =>
  loops.reduceRight<Stmt[]>((inner, loop) => loopOver(loop, inner), [...body]);

/**
 * A body whose expressions all come from the intern table of today, so that equal ones are the same object again
 * after parts of it have been rebuilt.
 */
export function renewBody(body: readonly Stmt[]): Stmt[] {
  const done = new Map<Expr, Expr>();
  const renew = (expr: Expr): Expr =>
    getOrMake(done, expr, () => {
      if (expr.kind === "const") return constant(expr.value, expr.type);
      if (expr.kind === "var") return variable(expr.name, expr.type, expr);
      return mapChildren(expr, renew);
    });
  const name = (x: VarExpr): VarExpr => renew(x) as VarExpr; // a variable is renewed as a variable
  const visit = (statement: Stmt): Stmt => {
    switch (statement.kind) {
      case "for":
        return {
          ...statement,
          index: name(statement.index),
          extent: renew(statement.extent),
          body: statement.body.map(visit),
        };
      case "let":
      case "set":
        return { ...statement, variable: name(statement.variable), value: renew(statement.value) };
      case "store":
        return { ...statement, at: renew(statement.at), value: renew(statement.value) };
      case "if":
      case "while":
        return { ...statement, test: renew(statement.test), body: statement.body.map(visit) };
      case "reduce": {
        const loops = statement.loops.map(({ index, extent }) => ({
          index: name(index),
          extent: typeof extent === "number" ? extent : renew(extent),
        }));
        const inner = statement.body.map(visit);
        return { ...statement, variable: name(statement.variable), loops, body: inner, value: renew(statement.value) };
      }
    }
  };
  return body.map(visit);
}
