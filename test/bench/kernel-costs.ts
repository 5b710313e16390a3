/** What a kernel must do at least, counted from its LoopIR: floating-point operations, and bytes moved once. */
import { byteSize, isFloat } from "../../src/core/dtype.ts";
import { childrenOf, type Expr, isCompare } from "../../src/kernel/expr.ts";
import { mostOf } from "../../src/kernel/extent.ts";
import { mathFunction } from "../../src/kernel/math/index.ts";
import type { Buffer, Kernel, Stmt } from "../../src/kernel/statement.ts";

export interface KernelCost {
  /** Additions, multiplications, divisions, roots, minima and maxima of floats; `exp` and its like by their formulas. */
  readonly flops: number;
  /** Inputs read once and outputs written once; of an input that is read in part, as many elements as loads run. */
  readonly bytes: number;
}

interface Tally {
  flops: number;
  readonly loads: Map<Buffer, number>;
  readonly stores: Map<Buffer, number>;
}

/** Both branches of conditions count, and a loop without a known end counts as one turn. */
export function kernelCost(kernel: Kernel): KernelCost {
  const tally: Tally = { flops: 0, loads: new Map(), stores: new Map() };
  countBody(kernel.body, 1, tally);
  const touched = (counts: ReadonlyMap<Buffer, number>, role: Buffer["role"]): number => {
    let bytes = 0;
    for (const [buffer, count] of counts)
      if (buffer.role === role) bytes += Math.min(count, buffer.size) * byteSize(buffer.dtype);
    return bytes;
  };
  return { flops: tally.flops, bytes: touched(tally.loads, "in") + touched(tally.stores, "out") };
}

function countBody(body: readonly Stmt[], turns: number, tally: Tally): void {
  for (const statement of body) {
    switch (statement.kind) {
      case "for": {
        const { extent } = statement;
        countExpression(extent, turns, tally);
        countBody(statement.body, turns * (extent.kind === "const" ? extent.value : Math.max(0, extent.max)), tally);
        break;
      }
      case "reduce": {
        const all = statement.loops.reduce((product, { extent }) => product * mostOf(extent), turns);
        countBody(statement.body, all, tally);
        countExpression(statement.value, all, tally);
        if (isFloat(statement.variable.type)) tally.flops += all;
        break;
      }
      case "store":
        countExpression(statement.at, turns, tally);
        countExpression(statement.value, turns, tally);
        tally.stores.set(statement.buffer, (tally.stores.get(statement.buffer) ?? 0) + turns);
        break;
      case "let":
      case "set":
        countExpression(statement.value, turns, tally);
        break;
      case "if":
      case "while":
        countExpression(statement.test, turns, tally);
        countBody(statement.body, turns, tally);
        break;
    }
  }
}

/** An expression that occurs twice in a statement is one object, and computed once. */
function countExpression(root: Expr, turns: number, tally: Tally): void {
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    for (const child of childrenOf(expr)) visit(child);
    if (expr.kind === "load") tally.loads.set(expr.buffer, (tally.loads.get(expr.buffer) ?? 0) + turns);
    tally.flops += turns * flopsOf(expr);
  };
  visit(root);
}

/** Operations of one node, without those of its children. */
function flopsOf(expr: Expr): number {
  if (expr.kind === "call") return callFlops(expr.fn.name, expr.type);
  if (!isFloat(expr.type)) return 0;
  if (expr.kind === "binary") return isCompare(expr.op) ? 0 : 1;
  return expr.kind === "unary" && expr.op === "sqrt" ? 1 : 0;
}

const known = new Map<string, number>();

function callFlops(name: string, type: Expr["type"]): number {
  const key = `${name} ${type}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const { body, result } = mathFunction(name, type);
  const tally: Tally = { flops: 0, loads: new Map(), stores: new Map() };
  countBody(body, 1, tally);
  countExpression(result, 1, tally);
  known.set(key, tally.flops);
  return tally.flops;
}
