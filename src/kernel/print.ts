import { type DType, isFloat } from "../core/dtype.ts";
import { numberText } from "../core/number-text.ts";
import type { BinaryOp, Expr } from "./expr.ts";
import { extentValue } from "./extent.ts";
import type { Buffer, ForStmt, Kernel, Stmt } from "./statement.ts";

/**
 * LoopIR as text, for people: traces, golden tests and error messages.
 *
 *     kernel softmax(out y: float32[24], in x: float32[24])
 *       for i0 < 4
 *         let max1 = reduce max over r0 < 6: x[i0*6 + r0]
 *         let sum2 = reduce add over r1 < 6: exp(x[i0*6 + r1] - max1)
 *         for i1 < 6
 *           y[i0*6 + i1] = exp(x[i0*6 + i1] - max1) / sum2
 */
export function printKernel(kernel: Kernel): string {
  const buffers = kernel.buffers.map(printBuffer).join(", ");
  return `kernel ${kernel.name}(${buffers})\n${printStatements(kernel.body, 1)}`;
}

const printBuffer = (buffer: Buffer): string => `${buffer.role} ${buffer.name}: ${buffer.dtype}[${buffer.size}]`;

/** Statements, a line or more each, indented by `depth` steps of two spaces. */
export function printStatements(body: readonly Stmt[], depth = 0): string {
  const lines: string[] = [];
  for (const statement of body) addLines(lines, statement, depth);
  return lines.join("\n");
}

/** The first line of a statement: how error messages name it. */
export function printHead(statement: Stmt): string {
  const lines: string[] = [];
  const hasBody = statement.kind === "for" || statement.kind === "if" || statement.kind === "while";
  addLines(lines, hasBody ? { ...statement, body: [] } : statement, 0);
  return lines[0]!;
}

function addLines(lines: string[], statement: Stmt, depth: number): void {
  const line = (text: string, deeper = 0) => lines.push("  ".repeat(depth + deeper) + text);
  const block = (head: string, body: readonly Stmt[]) => {
    line(head);
    for (const inner of body) addLines(lines, inner, depth + 1);
  };
  switch (statement.kind) {
    case "for":
      block(forHead(statement), statement.body);
      return;
    case "if":
      block(`if ${printExpr(statement.test)}`, statement.body);
      return;
    case "while":
      block(`while ${printExpr(statement.test)}`, statement.body);
      return;
    case "let": {
      const keyword = statement.mutable ? "var" : "let";
      line(`${keyword} ${statement.variable.name} = ${printExpr(statement.value)}`);
      return;
    }
    case "set":
      line(`${statement.variable.name} = ${printExpr(statement.value)}`);
      return;
    case "store":
      line(`${statement.buffer.name}[${printExpr(statement.at)}] = ${printExpr(statement.value)}`);
      return;
    case "reduce": {
      const { variable, op, order, loops, body, value } = statement;
      const over = loops.map((loop) => `${loop.index.name} < ${printExpr(extentValue(loop.extent))}`).join(", ");
      const how = order === "serial" ? op : `${op} ${order}`;
      const head = `let ${variable.name} = reduce ${how} over ${over}`;
      if (body.length === 0) line(`${head}: ${printExpr(value)}`);
      else {
        block(head, body);
        line(`yield ${printExpr(value)}`, 1);
      }
    }
  }
}

function forHead({ index, extent, lanes, unroll, parallel }: ForStmt): string {
  const how = lanes ? " in lanes" : parallel ? " parallel" : unroll ? ` unroll ${unroll}` : "";
  return `for ${index.name} < ${printExpr(extent)}${how}`;
}

// ── expressions ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Text with the binding strength of its outermost operator, so that parentheses go only where they are needed. */
export interface Piece {
  readonly text: string;
  readonly level: number;
}
/** How tightly JavaScript's operators bind; LoopIR's text uses the same ones. */
export const LEVEL = {
  choice: 1,
  logicalOr: 2,
  logicalAnd: 3,
  or: 4,
  xor: 5,
  and: 6,
  equal: 7,
  compare: 8,
  shift: 9,
  sum: 10,
  product: 11,
  prefix: 12,
  atom: 13,
} as const;

export const atom = (text: string): Piece => ({ text, level: LEVEL.atom });
/** The text, in parentheses if it binds less tightly than `level`. */
export const within = (piece: Piece, level: number): string => (piece.level < level ? `(${piece.text})` : piece.text);

interface Infix {
  readonly sign: string;
  readonly level: number;
  /** Least level of each side. */
  readonly left: number;
  readonly right: number;
}
const INFIX: { readonly [Op in BinaryOp]: Infix | null } = {
  add: { sign: " + ", level: LEVEL.sum, left: LEVEL.sum, right: LEVEL.product },
  sub: { sign: " - ", level: LEVEL.sum, left: LEVEL.sum, right: LEVEL.product },
  mul: { sign: "*", level: LEVEL.product, left: LEVEL.product, right: LEVEL.prefix },
  div: { sign: " / ", level: LEVEL.product, left: LEVEL.product, right: LEVEL.prefix },
  rem: { sign: " % ", level: LEVEL.product, left: LEVEL.product, right: LEVEL.prefix },
  min: null,
  max: null,
  and: { sign: " & ", level: LEVEL.and, left: LEVEL.equal, right: LEVEL.equal },
  or: { sign: " | ", level: LEVEL.or, left: LEVEL.equal, right: LEVEL.equal },
  xor: { sign: " ^ ", level: LEVEL.xor, left: LEVEL.prefix, right: LEVEL.prefix },
  shl: { sign: " << ", level: LEVEL.shift, left: LEVEL.prefix, right: LEVEL.prefix },
  shr: { sign: " >> ", level: LEVEL.shift, left: LEVEL.prefix, right: LEVEL.prefix },
  lt: { sign: " < ", level: LEVEL.compare, left: LEVEL.sum, right: LEVEL.sum },
  le: { sign: " <= ", level: LEVEL.compare, left: LEVEL.sum, right: LEVEL.sum },
  eq: { sign: " == ", level: LEVEL.equal, left: LEVEL.sum, right: LEVEL.sum },
  ne: { sign: " != ", level: LEVEL.equal, left: LEVEL.sum, right: LEVEL.sum },
};

export const printExpr = (expr: Expr): string => piece(expr).text;

function piece(expr: Expr): Piece {
  switch (expr.kind) {
    case "const":
      return number(expr.value, expr.type);
    case "var":
      return atom(expr.name);
    case "load":
      return atom(`${expr.buffer.name}[${printExpr(expr.at)}]`);
    case "unary":
      if (expr.op === "neg" || expr.op === "not") {
        const sign = expr.op === "neg" ? "-" : expr.type === "bool" ? "!" : "~";
        // A second prefix gets parentheses: `-(-x)`, never `--x`.
        return { text: sign + within(piece(expr.x), LEVEL.atom), level: LEVEL.prefix };
      }
      return atom(`${expr.op}(${printExpr(expr.x)})`);
    case "binary":
      return infix(expr.op, expr.x, expr.y);
    case "select": {
      const test = within(piece(expr.test), LEVEL.logicalOr);
      const yes = within(piece(expr.yes), LEVEL.choice);
      return { text: `${test} ? ${yes} : ${within(piece(expr.no), LEVEL.choice)}`, level: LEVEL.choice };
    }
    case "cast":
      return atom(`${expr.bits ? `${expr.type}Bits` : expr.type}(${printExpr(expr.x)})`);
    case "call":
      return atom(`${expr.fn.name}(${expr.args.map(printExpr).join(", ")})`);
  }
}

function number(value: number, type: DType): Piece {
  const negative = value < 0 || Object.is(value, -0);
  return { text: numberText(value, type), level: negative ? LEVEL.prefix : LEVEL.atom };
}

function infix(op: BinaryOp, x: Expr, y: Expr): Piece {
  const form = INFIX[op];
  if (!form) return atom(`${op}(${printExpr(x)}, ${printExpr(y)})`);
  if (op === "add" && y.kind === "const" && y.value < 0 && !isFloat(y.type)) {
    return { text: `${within(piece(x), form.left)} - ${-y.value}`, level: form.level }; // i + -1
  }
  // On bool, `&` joins comparisons; on integers nobody remembers how it binds beside a sum.
  const bitwise = (op === "and" || op === "or") && x.type !== "bool";
  const [left, right] = bitwise ? [LEVEL.prefix, LEVEL.prefix] : [form.left, form.right];
  return { text: within(piece(x), left) + form.sign + within(piece(y), right), level: form.level };
}
