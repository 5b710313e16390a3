import { childrenOf, type Expr, type VarExpr } from "../../kernel/expr.ts";
import { type Buffer, bodyOf, expressionsOf, type Stmt } from "../../kernel/statement.ts";
import { affineOf } from "./contraction/affine.ts";

/**
 * True if the turns of a loop over `index` may run side by side, statement by statement: no turn stores where another
 * stores or loads, and none hands a value on to the next.
 *
 * Enough for that: every store's index is linear in the loops, and different for any two turns (a number whose digits
 * are the loops' indices); what is stored in the body is loaded, if at all, at the index of its store; and variables
 * that are set are defined inside.
 */
export function independentTurns(index: VarExpr, body: readonly Stmt[]): boolean {
  const facts: Facts = { loops: [index], defined: new Set(), stores: new Map(), loads: [], simple: true };
  gather(body, facts);
  if (!facts.simple) return false;
  for (const [buffer, indices] of facts.stores) {
    if (indices.size > 1) return false;
    const [at] = indices;
    if (!separates(at!, index, facts)) return false;
    if (facts.loads.some((load) => load.buffer === buffer && load.at !== at)) return false;
  }
  return true;
}

interface Facts {
  /** The loop and those inside of it. */
  readonly loops: VarExpr[];
  readonly defined: Set<string>;
  readonly stores: Map<Buffer, Set<Expr>>;
  readonly loads: { readonly buffer: Buffer; readonly at: Expr }[];
  simple: boolean;
}

function gather(body: readonly Stmt[], facts: Facts): void {
  for (const statement of body) {
    if (statement.kind === "let") facts.defined.add(statement.variable.name);
    if (statement.kind === "set" && !facts.defined.has(statement.variable.name)) facts.simple = false;
    if (statement.kind === "while") facts.simple = false;
    if (statement.kind === "for") {
      if (statement.lanes || statement.extent.kind !== "const") facts.simple = false;
      facts.loops.push(statement.index);
    }
    if (statement.kind === "reduce") {
      facts.defined.add(statement.variable.name);
      for (const loop of statement.loops) facts.loops.push(loop.index);
    }
    if (statement.kind === "store") {
      const known = facts.stores.get(statement.buffer) ?? new Set();
      facts.stores.set(statement.buffer, known.add(statement.at));
    }
    for (const expr of expressionsOf(statement)) loadsIn(expr, facts.loads);
    gather(bodyOf(statement), facts);
  }
}

function loadsIn(root: Expr, found: Facts["loads"]): void {
  const seen = new Set<Expr>();
  const stack = [root];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    if (expr.kind === "load") found.push(expr);
    stack.push(...childrenOf(expr));
  }
}

/** True if turns of the loop over `index` never share a value of `at`, whatever the loops inside do. */
function separates(at: Expr, index: VarExpr, { loops, defined }: Facts): boolean {
  const form = affineOf(at);
  if (!form?.terms.get(index)) return false;
  if ([...form.terms.keys()].some((variable) => defined.has(variable.name))) return false;
  const digits = [...form.terms].filter(([variable]) => loops.includes(variable));
  digits.sort((a, b) => Math.abs(a[1]) - Math.abs(b[1]));
  let span = 0;
  for (const [variable, coefficient] of digits) {
    const size = Math.abs(coefficient);
    if (size <= span) return false;
    span += size * (variable.max - variable.min);
  }
  return true;
}
