import { DTypeError, ShapeError } from "../core/errors.ts";
import { type ShapeContext, type SizeCheck, shapeText, type TensorSpec } from "../core/shape.ts";
import { equalSizes, type Size } from "../core/size.ts";
import type { OpDef } from "./define.ts";
import type { Attrs, Tensor } from "./operation.ts";
import { sizeNotes } from "./size-notes.ts";

/** An operand as errors show it. */
export interface OperandInfo {
  readonly spec: TensorSpec;
  /** `x` or `dense/matmul`. */
  readonly name: string;
  readonly line: string | null;
  readonly tensor: Tensor;
}
/** Whose specs are being worked out, for error texts. */
export interface Site {
  readonly name: string;
  readonly line: string | null;
}

/** Made for every operand of every operation: nothing is worked out before an error asks for it. */
class Operand implements OperandInfo {
  readonly tensor: Tensor;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }
  get spec(): TensorSpec {
    return this.tensor.spec;
  }
  get name(): string {
    return this.tensor.index === 0 ? this.tensor.op.name : this.tensor.name;
  }
  get line(): string | null {
    return this.tensor.op.line;
  }
}

export const operandOf = (tensor: Tensor): OperandInfo => new Operand(tensor);

const label = (def: OpDef, operand: number): string =>
  def.inputs === "many" ? `input ${operand}` : (def.inputs[operand] ?? `input ${operand}`);

type Marks = readonly (readonly number[])[];

/** At most this many operands are listed in a message (a `concat` may have hundreds), those at fault before others. */
const LISTED = 5;
/** Lines of a message about its operands: with the problem, the place, the run and the fix there are at most 12. */
const DETAILS = 8;

/**
 * One line per operand: its role, name, dtype, shape with the offending axes marked, and the line that made it. Then
 * how the symbolic sizes among the marked ones came to be.
 *
 * @param at the line of the op itself
 * @param options `names: false` leaves out where names come from
 */
export function operandDetails(
  def: OpDef,
  operands: readonly OperandInfo[],
  marks: Marks,
  at: string | null,
  options: { readonly names?: boolean } = {},
): readonly string[] {
  const shown = listed(operands.length, marks);
  const rows = shown.map((which) => {
    const { name, spec, line, tensor } = operands[which]!;
    const text = `${name}: ${spec.dtype}${shapeText(spec.shape, marks[which])}`;
    return { role: label(def, which), text, made: madeText(tensor, line, at) };
  });
  const roleWidth = Math.max(0, ...rows.map(({ role }) => role.length));
  const textWidth = Math.max(0, ...rows.map(({ text }) => text.length));
  const lines = rows.map(({ role, text, made }) =>
    `${role.padEnd(roleWidth)}  ${text.padEnd(textWidth)}${made}`.trimEnd(),
  );
  const more = operands.length - shown.length;
  if (more > 0) lines.push(`… and ${more} more`);
  const marked = shown.flatMap((which) => (marks[which] ?? []).map((axis) => operands[which]!.spec.shape?.[axis] ?? 0));
  const tensors = shown.map((which) => operands[which]!.tensor);
  return [...lines, ...sizeNotes(marked, tensors, options)].slice(0, DETAILS);
}

/** Where an operand was made. What the op's own call made of one tensor, as `stack` does, points at that tensor. */
function madeText({ op }: Tensor, line: string | null, at: string | null): string {
  if (line === null) return "";
  let made = op;
  while (made.inputs.length === 1 && made.line === at) made = made.inputs[0]!.op;
  return made === op ? `  made at ${line}` : `  from "${made.name}", made at ${made.line ?? "an unknown line"}`;
}

/** Which of `count` operands are shown. */
function listed(count: number, marks: Marks): readonly number[] {
  const all = Array.from({ length: count }, (_, which) => which);
  if (count <= LISTED) return all;
  const isMarked = (which: number): boolean => (marks[which]?.length ?? 0) > 0;
  const first = [...all.filter(isMarked), ...all.filter((which) => !isMarked(which))].slice(0, LISTED);
  return first.sort((a, b) => a - b);
}

/**
 * Output specs of an op. The same function serves the builder and the compiler, which calls it again once sizes
 * are bound to numbers. Equalities that can not be decided yet are returned as checks.
 *
 * @throws DTypeError, ShapeError
 */
export function inferSpecs<A extends Attrs>(
  def: OpDef<A>,
  operands: readonly OperandInfo[],
  attrs: A,
  site: Site,
): { readonly specs: readonly TensorSpec[]; readonly checks: readonly SizeCheck[] } {
  const context = new Inference(def as OpDef, operands, site);
  const dtypes = def.dtypes(
    operands.map(({ spec }) => spec.dtype),
    attrs,
    { fail: (problem, fix) => context.failOfTypes(problem, fix) },
  );
  const inputs = operands.map(({ spec }) => spec.shape);
  const shapes = inputs.every((shape) => shape !== null)
    ? def.shapes(inputs, attrs, context)
    : (def.shapesOfUnknown?.(inputs, attrs, context) ?? dtypes.map(() => null));
  return { specs: dtypes.map((dtype, i) => ({ dtype, shape: shapes[i]! })), checks: context.checks };
}

/** What the rules of one op may say: made for every op, so it is one object, without closures. */
class Inference implements ShapeContext {
  readonly checks: SizeCheck[] = [];
  readonly #def: OpDef;
  readonly #operands: readonly OperandInfo[];
  readonly #site: Site;

  constructor(def: OpDef, operands: readonly OperandInfo[], site: Site) {
    this.#def = def;
    this.#operands = operands;
    this.#site = site;
  }

  failOfTypes(problem: string, fix?: string): never {
    const details = operandDetails(this.#def, this.#operands, [], this.#site.line);
    throw new DTypeError({ what: `${this.#def.name}: ${problem}`, details, at: this.#site.line, fix });
  }

  fail(problem: string, { marks = [], fix }: Parameters<ShapeContext["fail"]>[1] = {}): never {
    const details = operandDetails(this.#def, this.#operands, marks, this.#site.line);
    throw new ShapeError({ what: `${this.#def.name}: ${problem}`, details, at: this.#site.line, fix });
  }

  require(left: Size, right: Size, problem: string, options?: Parameters<ShapeContext["fail"]>[1]): void {
    const equal = equalSizes(left, right);
    if (equal === false) this.fail(problem, options);
    if (equal !== undefined) return;
    const why = `${this.#def.name} "${this.#site.name}": ${problem}`;
    this.checks.push({ left, right, why, marks: options?.marks ?? [], fix: options?.fix });
  }
}
