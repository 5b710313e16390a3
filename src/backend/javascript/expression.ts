import { type DType, isFloat, isInteger } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import { numberText } from "../../core/number-text.ts";
import {
  type BinaryExpr,
  type BinaryOp,
  type CastExpr,
  type Expr,
  exactInteger,
  type UnaryExpr,
} from "../../kernel/expr.ts";
import type { MathRecipe } from "../../kernel/math/define.ts";
import { atom, LEVEL, type Piece, within } from "../../kernel/print.ts";
import type { Buffer } from "../../kernel/statement.ts";

/** What an expression needs from around it. */
export interface Surroundings {
  variable(name: string): string;
  buffer(buffer: Buffer): string;
  /** The name of a function of `kernel/math`. */
  math(fn: MathRecipe, type: DType): string;
  /** Notes that a helper of the prelude is used; gives its name. */
  helper(name: string): string;
}

/**
 * LoopIR expressions as JavaScript, with the bits the interpreter gives and few signs that the bits do not need.
 *
 * A value can be written in four ways, each allowed only where the reader of the value makes up for what is missing:
 * - `number`: the value itself; bool as 0 or 1; a whole number is never -0;
 * - `condition`: anything that is truthy when a bool is true, for `if` and `?:`;
 * - `stored`: what may be written to a typed array of the type: a float32 not yet rounded, an integer not yet wrapped;
 * - `bits`: an integer that agrees with the value modulo 2^32, for operators that look at 32 bits only.
 */
export class ExpressionEmitter {
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  number(expr: Expr): Piece {
    if (expr.type === "float32" && roundsAtEnd(expr)) {
      return atom(`${this.#around.helper("fround")}(${this.#float(expr).text})`);
    }
    if (isFloat(expr.type)) return this.#float(expr);
    return expr.type === "bool" ? this.#bool(expr) : this.#integer(expr);
  }

  stored(expr: Expr): Piece {
    if (isFloat(expr.type)) return this.#float(expr);
    return expr.type === "bool" ? this.#bool(expr) : this.#wide(expr);
  }

  // ── leaves and shapes shared by all types ──────────────────────────────────────────────────────────────────────

  #leaf(expr: Expr): Piece {
    switch (expr.kind) {
      case "const":
        return this.#constant(expr.value, expr.type);
      case "var":
        return atom(this.#around.variable(expr.name));
      case "load":
        return atom(`${this.#around.buffer(expr.buffer)}[${this.number(expr.at).text}]`);
      case "select": {
        const test = within(this.condition(expr.test), LEVEL.logicalOr);
        const yes = within(this.number(expr.yes), LEVEL.logicalOr);
        return { text: `${test} ? ${yes} : ${within(this.number(expr.no), LEVEL.choice)}`, level: LEVEL.choice };
      }
      case "call": {
        const args = expr.args.map((arg) => this.number(arg).text).join(", ");
        return atom(`${this.#around.math(expr.fn, expr.type)}(${args})`);
      }
      default:
        throw new CompileError({ what: `JavaScript: ${expr.kind} of ${expr.type}` });
    }
  }

  #constant(value: number, type: DType): Piece {
    if (Number.isNaN(value)) return atom("NaN");
    const negative = value < 0 || Object.is(value, -0);
    const level = negative ? LEVEL.prefix : LEVEL.atom;
    const text = numberText(value, type === "bool" ? "int32" : type);
    return Number(text) === value ? { text, level } : atom(`${this.#around.helper("fround")}(${text})`);
  }

  #call(fn: string, ...args: Expr[]): Piece {
    return atom(`${fn}(${args.map((arg) => this.number(arg).text).join(", ")})`);
  }

  /** `(x) sign (y)`; sides bind at least as tightly as told. */
  #infix(sign: string, level: number, x: Piece, y: Piece, left: number, right: number): Piece {
    return { text: `${within(x, left)} ${sign} ${within(y, right)}`, level };
  }

  #sum(op: "add" | "sub", x: Piece, y: Expr, yPiece: Piece): Piece {
    // x + -1 reads better as x - 1, and is the same for every x.
    const flip = y.kind === "const" && y.value < 0 && yPiece.level === LEVEL.prefix;
    const right = flip ? atom(yPiece.text.slice(1)) : yPiece;
    const sign = (op === "add") === flip ? "-" : "+";
    return this.#infix(sign, LEVEL.sum, x, right, LEVEL.sum, LEVEL.product);
  }

  // ── floats ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A float, for float32 not yet rounded at the outermost operation. */
  #float(expr: Expr): Piece {
    switch (expr.kind) {
      case "unary":
        return this.#floatUnary(expr);
      case "binary":
        return this.#floatBinary(expr);
      case "cast":
        return this.#toFloat(expr);
      default:
        return this.#leaf(expr);
    }
  }

  #floatUnary({ op, x }: UnaryExpr): Piece {
    if (op === "neg") return { text: `-${within(this.number(x), LEVEL.atom)}`, level: LEVEL.prefix };
    if (op === "nearest") return this.#call(this.#around.helper("nearest"), x);
    return this.#call(`Math.${op}`, x);
  }

  #floatBinary({ op, x, y }: BinaryExpr): Piece {
    switch (op) {
      case "add":
      case "sub":
        return this.#sum(op, this.number(x), y, this.number(y));
      case "mul":
      case "div":
      case "rem":
        return this.#product(op, x, y);
      default:
        return this.#call(`Math.${op}`, x, y);
    }
  }

  #product(op: "mul" | "div" | "rem", x: Expr, y: Expr): Piece {
    // `a * b / c * d` is read from the left, but that takes a second look: only like signs go without parentheses.
    const like = x.kind === "binary" && x.op === op;
    const left = like ? LEVEL.product : LEVEL.prefix;
    return this.#infix(PRODUCT[op], LEVEL.product, this.number(x), this.number(y), left, LEVEL.prefix);
  }

  #toFloat({ x, type, bits }: CastExpr): Piece {
    if (!bits) return this.number(x);
    const word = isFloat(x.type) ? this.#call(this.#bitsOf(x.type), x) : this.#bits(x);
    return atom(`${this.#around.helper(type === "float32" ? "float32OfBits" : "float64OfBits")}(${word.text})`);
  }

  #bitsOf(type: DType): string {
    return this.#around.helper(type === "float32" ? "bitsOfFloat32" : "bitsOfFloat64");
  }

  // ── integers ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The value itself, wrapped to its type. */
  #integer(expr: Expr): Piece {
    switch (expr.kind) {
      case "binary": {
        const { op, x, y } = expr;
        if (op === "min" || op === "max") return this.#call(`Math.${op}`, x, y);
        if (op === "div" || op === "rem") return this.#division(expr);
        if ((op === "add" || op === "sub") && exactInteger(op, x, y)) {
          return this.#sum(op, this.number(x), y, this.number(y));
        }
        if (op === "mul" && exactInteger(op, x, y) && x.min >= 0 && y.min >= 0) {
          return this.#product("mul", x, y); // negative factors could give -0
        }
        break;
      }
      case "unary":
        if (expr.op === "neg" && exactNegation(expr)) return this.#negation(this.number(expr.x));
        if (expr.op === "abs" && expr.type === "int32") {
          const size = this.#call("Math.abs", expr.x);
          return expr.x.min > -(2 ** 31) ? size : this.#wrap(size, "int32");
        }
        if (expr.op !== "neg" && expr.op !== "not") return this.number(expr.x); // abs of uint32, floor, ceil, …
        break;
      case "cast":
        if (expr.bits) {
          if (isFloat(expr.x.type)) {
            const word = this.#call(this.#bitsOf(expr.x.type), expr.x);
            return expr.type === "int32" ? word : this.#wrap(word, expr.type);
          }
        } else if (isFloat(expr.x.type)) {
          return this.#call(this.#around.helper(expr.type === "int32" ? "toInt32" : "toUint32"), expr.x);
        }
        if (fitsIn(expr.x, expr.type)) return this.number(expr.x);
        break;
      default:
        return this.#leaf(expr);
    }
    const piece = this.#wide(expr);
    return isWrapped(expr) ? piece : this.#wrap(piece, expr.type);
  }

  #wrap(piece: Piece, type: DType): Piece {
    return type === "int32"
      ? this.#infix("|", LEVEL.or, piece, atom("0"), LEVEL.prefix, LEVEL.atom)
      : this.#infix(">>>", LEVEL.shift, piece, atom("0"), LEVEL.prefix, LEVEL.atom);
  }

  #negation = (x: Piece): Piece => this.#infix("-", LEVEL.sum, atom("0"), x, LEVEL.sum, LEVEL.product); // -x could be -0

  /** In JavaScript x / 0 | 0 and x % 0 | 0 are 0, which is what LoopIR says of a zero divisor. */
  #division({ op, x, y, type }: BinaryExpr): Piece {
    const shift = y.kind === "const" ? 31 - Math.clz32(y.value) : 0;
    const power = y.kind === "const" && x.min >= 0 && 2 ** shift === y.value;
    if (op === "div") {
      if (power) {
        return this.#infix(
          type === "int32" ? ">>" : ">>>",
          LEVEL.shift,
          this.number(x),
          atom(`${shift}`),
          LEVEL.prefix,
          LEVEL.atom,
        );
      }
      return this.#wrap(this.#product("div", x, y), type);
    }
    if (power) return this.#infix("&", LEVEL.and, this.number(x), atom(`${2 ** shift - 1}`), LEVEL.prefix, LEVEL.atom);
    const rest = this.#product("rem", x, y);
    const safe = x.min >= 0 && (y.min > 0 || y.max < 0); // not NaN, not -0
    return safe ? rest : this.#wrap(rest, type);
  }

  /** Agrees modulo 2^32 and is at most 2^33 in size, so that a double holds it exactly. */
  #wide(expr: Expr): Piece {
    if (expr.kind === "binary" && (expr.op === "add" || expr.op === "sub")) {
      return this.#sum(expr.op, this.#bits(expr.x), expr.y, this.#bits(expr.y));
    }
    if (expr.kind === "unary" && expr.op === "neg") return this.#negation(this.#bits(expr.x));
    return this.#bits(expr);
  }

  /** Agrees modulo 2^32 and is at most 2^32 in size. */
  #bits(expr: Expr): Piece {
    if (expr.kind === "binary") {
      const { op, x, y } = expr;
      const form = BITWISE[op];
      if (form && isInteger(expr.type)) {
        const [left, right] = [this.#wide(x), this.#wide(y)];
        // `a ^ b ^ c` needs no parentheses; anything else beside these operators gets them.
        const chain = form.chains && x.kind === "binary" && x.op === op && left.level === form.level;
        const sign = op === "shr" && expr.type === "uint32" ? ">>>" : form.sign;
        return this.#infix(sign, form.level, left, right, chain ? form.level : LEVEL.prefix, LEVEL.prefix);
      }
      if (op === "mul" && !(exactInteger(op, x, y) && x.min >= 0 && y.min >= 0)) {
        return atom(`Math.imul(${this.#wide(x).text}, ${this.#wide(y).text})`);
      }
    }
    if (expr.kind === "unary" && expr.op === "not" && isInteger(expr.type)) {
      return { text: `~${within(this.#wide(expr.x), LEVEL.atom)}`, level: LEVEL.prefix };
    }
    if (expr.kind === "cast" && isInteger(expr.type) && isInteger(expr.x.type)) return this.#bits(expr.x);
    if (expr.kind === "cast" && expr.bits && isFloat(expr.x.type)) return this.#call(this.#bitsOf(expr.x.type), expr.x);
    return this.number(expr);
  }

  // ── bool ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** 0 or 1. */
  #bool(expr: Expr): Piece {
    if (expr.kind === "binary") {
      const { op, x, y } = expr;
      const form = BITWISE[op];
      if (form) {
        const [left, right] = [this.condition(x), this.condition(y)];
        return this.#infix(
          form.sign,
          form.level,
          this.#strict(x, left),
          this.#strict(y, right),
          LEVEL.prefix,
          LEVEL.prefix,
        );
      }
      if (op === "min" || op === "max") return this.#call(`Math.${op}`, x, y);
    } else if (expr.kind === "unary") {
      if (expr.op === "not")
        return this.#infix("-", LEVEL.sum, atom("1"), this.number(expr.x), LEVEL.sum, LEVEL.product);
    } else if (expr.kind !== "cast") {
      return this.#leaf(expr);
    }
    return { text: `${within(this.condition(expr), LEVEL.logicalOr)} ? 1 : 0`, level: LEVEL.choice };
  }

  /** An operand of `&`, `|`, `^`: those turn true into 1, but would take a number apart. Ours are 0 or 1 or a boolean. */
  #strict(expr: Expr, condition: Piece): Piece {
    return condition.level <= LEVEL.logicalAnd ? this.number(expr) : condition;
  }

  condition(expr: Expr): Piece {
    if (expr.type !== "bool") throw new CompileError({ what: `JavaScript: condition of type ${expr.type}` });
    switch (expr.kind) {
      case "const":
        return atom(expr.value ? "true" : "false");
      case "cast":
        return this.#infix("!==", LEVEL.equal, this.number(expr.x), atom("0"), LEVEL.sum, LEVEL.atom);
      case "unary":
        return this.#opposite(expr.x);
      case "binary": {
        const { op, x, y } = expr;
        const comparison = COMPARISON[op];
        if (comparison) return this.#compare(comparison, x, y);
        if (op === "and" || op === "or") {
          const [sign, level] = op === "and" ? ["&&", LEVEL.logicalAnd] : ["||", LEVEL.logicalOr];
          const sides = [x, y].map((side) => {
            const piece = this.condition(side);
            return piece.level === level ? piece : atom(within(piece, LEVEL.equal));
          });
          return { text: `${sides[0]!.text} ${sign} ${sides[1]!.text}`, level };
        }
        return this.#bool(expr);
      }
      default:
        return this.#leaf(expr);
    }
  }

  #opposite(expr: Expr): Piece {
    if (expr.kind === "binary") {
      // Not for floats: !(x < y) is not x >= y when one of them is NaN.
      const whole = !isFloat(expr.x.type);
      const sign = expr.op === "eq" ? "!==" : expr.op === "ne" ? "===" : whole ? OPPOSITE[expr.op] : undefined;
      if (sign) return this.#compare(sign, expr.x, expr.y);
    }
    return { text: `!${within(this.condition(expr), LEVEL.atom)}`, level: LEVEL.prefix };
  }

  #compare(sign: string, x: Expr, y: Expr): Piece {
    const level = sign.length === 3 ? LEVEL.equal : LEVEL.compare;
    return this.#infix(sign, level, this.number(x), this.number(y), LEVEL.shift, LEVEL.shift);
  }
}

const PRODUCT = { mul: "*", div: "/", rem: "%" } as const;
const COMPARISON: { readonly [Op in BinaryOp]?: string } = { lt: "<", le: "<=", eq: "===", ne: "!==" };
const OPPOSITE: { readonly [Op in BinaryOp]?: string } = { lt: ">=", le: ">" };
const BITWISE: { readonly [Op in BinaryOp]?: { sign: string; level: number; chains: boolean } } = {
  and: { sign: "&", level: LEVEL.and, chains: true },
  or: { sign: "|", level: LEVEL.or, chains: true },
  xor: { sign: "^", level: LEVEL.xor, chains: true },
  shl: { sign: "<<", level: LEVEL.shift, chains: false },
  shr: { sign: ">>", level: LEVEL.shift, chains: false },
};

/** True if `fround` is needed around the outermost operation of a float32 expression. */
function roundsAtEnd(expr: Expr): boolean {
  if (expr.kind === "unary") return expr.op === "sqrt";
  if (expr.kind === "binary") return ["add", "sub", "mul", "div"].includes(expr.op); // the rest of a division is exact
  if (expr.kind !== "cast" || expr.bits || expr.x.type === "bool") return false;
  return expr.x.type === "float64" || expr.x.min < -(2 ** 24) || expr.x.max > 2 ** 24;
}

const exactNegation = ({ x, type }: UnaryExpr): boolean => (type === "int32" ? x.min > -(2 ** 31) : x.max === 0);

function fitsIn(x: Expr, type: DType): boolean {
  if (x.type === "bool" || x.type === type) return true;
  return type === "int32" ? x.max < 2 ** 31 : x.min >= 0;
}

/** True if `bits` gives the value itself. */
function isWrapped(expr: Expr): boolean {
  if (expr.kind === "binary") {
    const { op, x, y } = expr;
    if (op === "shr") return true;
    if (!BITWISE[op] && op !== "mul") return false;
    if (expr.type === "int32") return true;
    if (op === "and") return x.max < 2 ** 31 || y.max < 2 ** 31;
    return (op === "or" || op === "xor") && x.max < 2 ** 31 && y.max < 2 ** 31;
  }
  return expr.kind === "unary" && expr.op === "not" && expr.type === "int32";
}
