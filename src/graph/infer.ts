import { DTypeError, ShapeError } from "../core/errors.ts";
import { type ShapeContext, type SizeCheck, shapeText, type TensorSpec } from "../core/shape.ts";
import { equalSizes } from "../core/size.ts";
import type { OpDef } from "./define.ts";
import type { Attrs, Tensor } from "./operation.ts";

/** An operand as errors show it. */
export interface OperandInfo {
  readonly spec: TensorSpec;
  /** `x` or `dense/matmul`. */
  readonly name: string;
  readonly line: string | null;
}
/** Whose specs are being worked out, for error texts. */
export interface Site {
  readonly name: string;
  readonly line: string | null;
}

export const operandOf = (tensor: Tensor): OperandInfo => ({
  spec: tensor.spec,
  name: tensor.index === 0 ? tensor.op.name : tensor.name,
  get line() {
    return tensor.op.line;
  },
});

const label = (def: OpDef, operand: number): string =>
  def.inputs === "many" ? `input ${operand}` : (def.inputs[operand] ?? `input ${operand}`);

/** One line per operand: its role, name, dtype, shape with the offending axes marked, and the line that made it. */
function operandLines(def: OpDef, operands: readonly OperandInfo[], marks: readonly (readonly number[])[]): string[] {
  const roles = operands.map((_, i) => label(def, i));
  const texts = operands.map(({ name, spec }, i) => `${name}: ${spec.dtype}${shapeText(spec.shape, marks[i])}`);
  const roleWidth = Math.max(0, ...roles.map((role) => role.length));
  const textWidth = Math.max(0, ...texts.map((text) => text.length));
  return operands.map((operand, i) => {
    const { line } = operand;
    return `${roles[i]!.padEnd(roleWidth)}  ${texts[i]!.padEnd(textWidth)}${line ? `  made at ${line}` : ""}`.trimEnd();
  });
}

/** At most this many operands are listed in a message (a `concat` may have hundreds). */
const LISTED = 6;

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
  const checks: SizeCheck[] = [];
  const shown = operands.slice(0, LISTED);

  const dtypes = def.dtypes(
    operands.map(({ spec }) => spec.dtype),
    attrs,
    {
      fail(problem, fix) {
        const details = operandLines(def, shown, []);
        throw new DTypeError({ what: `${def.name}: ${problem}`, details, at: site.line, fix });
      },
    },
  );

  const context: ShapeContext = {
    fail(problem, { marks = [], fix } = {}) {
      const details = operandLines(def, shown, marks);
      throw new ShapeError({ what: `${def.name}: ${problem}`, details, at: site.line, fix });
    },
    require(left, right, problem, options) {
      const equal = equalSizes(left, right);
      if (equal === false) context.fail(problem, options);
      if (equal === undefined) checks.push({ left, right, why: `${def.name} "${site.name}": ${problem}` });
    },
  };
  const inputs = operands.map(({ spec }) => spec.shape);
  const shapes = inputs.every((shape) => shape !== null)
    ? def.shapes(inputs, attrs, context)
    : (def.shapesOfUnknown?.(inputs, attrs, context) ?? dtypes.map(() => null));
  return { specs: dtypes.map((dtype, i) => ({ dtype, shape: shapes[i]! })), checks };
}
