import { numberText } from "../core/number-text.ts";
import { specText } from "../core/shape.ts";
import { sizeText } from "../core/size.ts";
import { reachable } from "../graph/function.ts";
import { type Attr, constantValue, type Operation, type Tensor } from "../graph/operation.ts";

export interface DebugPrintOptions {
  /** Levels to print below the tensor; what lies deeper is an ellipsis. Default: all. */
  readonly depth?: number;
  /** Whether to add the line that made each operation. Default true. */
  readonly lines?: boolean;
}

/** Lines are put in a column, up to this width. */
const WIDEST = 90;

const nameOf = (tensor: Tensor): string => (tensor.index === 0 ? tensor.op.name : tensor.name);

/** The value of a constant of one element. */
function scalarText(tensor: Tensor): string | null {
  const value = constantValue(tensor);
  return value?.length === 1 ? numberText(value[0]!, tensor.dtype) : null;
}

/**
 * What a tensor is computed from, as a tree: op, name, number, shape and line of each operation, operands indented
 * below. Numbers count the operations of the graph in the order they were made. An operation that is used twice is
 * printed where it is met first, and `↑` refers to that line.
 */
export function debugPrint(root: Tensor, options: DebugPrintOptions = {}): string {
  const { depth = Number.POSITIVE_INFINITY, lines = true } = options;
  const numbers = new Map(root.graph.operations.map((op, i) => [op, i]));
  const printed = new Set<Operation>();
  const rows: { readonly text: string; readonly line: string | null }[] = [];
  // A stack of our own: graphs may be deeper than JavaScript's.
  const stack = [{ tensor: root, lead: "", below: "", level: 0 }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { tensor, lead, below, level } = next;
    const { op } = tensor;
    const number = `#${numbers.get(op) ?? "?"}`;
    const label = op.def.name === op.name ? op.name : `${op.def.name} "${nameOf(tensor)}"`;
    if (printed.has(op) && op.inputs.length > 0) {
      rows.push({ text: `${lead}↑ ${label} ${number}`, line: null });
      continue;
    }
    printed.add(op);
    const value = scalarText(tensor);
    rows.push({
      text: `${lead}${label}${value === null ? "" : ` = ${value}`} ${number}: ${specText(tensor.spec)}`,
      line: op.line,
    });
    if (op.inputs.length > 0 && level >= depth) {
      rows.push({ text: `${below}└─ …`, line: null });
      continue;
    }
    for (let i = op.inputs.length - 1; i >= 0; i--) {
      const last = i === op.inputs.length - 1;
      stack.push({
        tensor: op.inputs[i]!,
        lead: `${below}${last ? "└─ " : "├─ "}`,
        below: `${below}${last ? "   " : "│  "}`,
        level: level + 1,
      });
    }
  }
  const width = Math.min(WIDEST, Math.max(...rows.map(({ text }) => text.length)));
  return rows.map(({ text, line }) => (lines && line ? `${text.padEnd(width)}  ${line}` : text)).join("\n");
}

// ── formulas ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** How tightly a formula holds together; one that is looser than its surroundings gets brackets. */
const SUM = 1;
const PRODUCT = 2;
const SIGN = 3;
const POWER = 4;
const ATOM = 5;
interface Formula {
  readonly text: string;
  readonly binds: number;
}

/**
 * The formula of a tensor as people write it: `relu(x·w + b)`. `·` is the product of matrices or with a number, `⊙`
 * the product element by element. What is used more than once is written once, in a line of its own below.
 */
export function explain(tensor: Tensor): string {
  const ops = reachable([tensor.op]);
  const uses = new Map<Operation, number>();
  for (const { inputs } of ops) for (const { op } of inputs) uses.set(op, (uses.get(op) ?? 0) + 1);
  const formulas = new Map<Operation, Formula>();
  const shared: string[] = [];
  for (const op of ops) {
    const formula = formulaOf(op, (operand) => {
      const known = formulas.get(operand.op)!;
      return operand.index === 0 ? known : { text: nameOf(operand), binds: ATOM };
    });
    const own = op !== tensor.op && (uses.get(op) ?? 0) > 1 && op.inputs.length > 0;
    if (own) shared.push(`  where ${op.name} = ${formula.text}`);
    formulas.set(op, own ? { text: op.name, binds: ATOM } : formula);
  }
  return [formulas.get(tensor.op)!.text, ...shared.reverse()].join("\n");
}

const INFIX: Readonly<Record<string, readonly [sign: string, binds: number]>> = {
  add: [" + ", SUM],
  sub: [" - ", SUM],
  div: [" / ", PRODUCT],
  equal: [" = ", 0],
  notEqual: [" ≠ ", 0],
  less: [" < ", 0],
  lessEqual: [" ≤ ", 0],
  greater: [" > ", 0],
  greaterEqual: [" ≥ ", 0],
};

const bracketed = ({ text, binds }: Formula, least: number): string => (binds < least ? `(${text})` : text);

function formulaOf(op: Operation, operand: (tensor: Tensor) => Formula): Formula {
  const [first, second] = op.inputs;
  const { name } = op.def;
  if (op.def.effect === "constant") return { text: scalarText(op.outputs[0]!) ?? op.name, binds: ATOM };
  if (!first) return { text: op.def.effect ? op.name : call(op, []), binds: ATOM };
  const x = operand(first);
  if (!second) {
    if (name === "neg") return { text: `-${bracketed(x, SIGN)}`, binds: SIGN };
    if (name === "square") return { text: `${bracketed(x, ATOM)}²`, binds: POWER };
    if (name === "abs") return { text: `|${x.text}|`, binds: ATOM };
    if (name === "reciprocal") return { text: `1 / ${bracketed(x, SIGN)}`, binds: PRODUCT };
    return { text: call(op, [x.text]), binds: ATOM };
  }
  if (op.inputs.length === 2) {
    const y = operand(second);
    // The right side of a - b and a / b must hold together more tightly than the left.
    const infix = Object.hasOwn(INFIX, name) ? INFIX[name] : undefined;
    if (infix) {
      const [sign, binds] = infix;
      const commutes = name === "add";
      return { text: bracketed(x, binds) + sign + bracketed(y, commutes ? binds : binds + 1), binds };
    }
    if (name === "pow") return { text: `${bracketed(x, ATOM)}^${bracketed(y, ATOM)}`, binds: POWER };
    if (name === "squaredDifference") {
      return { text: `(${bracketed(x, SUM)} - ${bracketed(y, PRODUCT)})²`, binds: POWER };
    }
    if (name === "mul" || name === "matmul") {
      const { transposeA, transposeB } = op.attrs;
      const left = transposeA ? `${bracketed(x, ATOM)}ᵀ` : bracketed(x, PRODUCT);
      const right = transposeB ? `${bracketed(y, ATOM)}ᵀ` : bracketed(y, PRODUCT);
      const elementwise = name === "mul" && first.rank !== 0 && second.rank !== 0;
      return { text: `${left}${elementwise ? " ⊙ " : "·"}${right}`, binds: PRODUCT };
    }
  }
  return {
    text: call(
      op,
      op.inputs.map((input) => operand(input).text),
    ),
    binds: ATOM,
  };
}

/** `softmax(x, axis: -1)`; attributes that are off (null, false, or an empty list) go without saying. */
function call(op: Operation, operands: readonly string[]): string {
  const attrs = Object.entries(op.attrs)
    .filter(([, attr]) => attr !== null && attr !== false && typeof attr !== "function" && !ArrayBuffer.isView(attr))
    .map(([name, attr]) => `${name}: ${attrText(attr)}`);
  return `${op.def.name}(${[...operands, ...attrs].join(", ")})`;
}

function attrText(attr: Attr): string {
  if (Array.isArray(attr)) return `[${(attr as readonly Attr[]).map(attrText).join(", ")}]`;
  if (typeof attr === "string") return `"${attr}"`;
  return typeof attr === "object" && attr !== null ? sizeText(attr as never) : String(attr);
}
