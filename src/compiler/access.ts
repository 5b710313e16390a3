import type { Operation } from "../graph/operation.ts";
import { type Expr, indexVariable, int, variable } from "../kernel/expr.ts";
import type { Extent } from "../kernel/extent.ts";
import { blaming } from "./blame.ts";
import { ExpressionBuilder, indexFunction, outputInfo } from "./expressions.ts";

/** An index at which a value is read. */
export type Site = readonly Expr[];

/** Runs a compute rule without producing code, to see at which indices it reads its operands. */
class AccessRecorder extends ExpressionBuilder {
  readonly #op: Operation;
  #loops = 0;
  constructor(op: Operation) {
    super();
    this.#op = op;
  }
  override when(_test: Expr, yes: () => Expr, _no: Expr): Expr {
    return yes();
  }
  override let(_hint: string, value: Expr): Expr {
    return value;
  }
  override reduce(_op: unknown, extents: readonly Extent[], value: (...index: Expr[]) => Expr): Expr {
    // Named after the operation, so that looking twice finds the same indices.
    const index = extents.map((extent) =>
      extent === 1 ? int(0) : indexVariable(`r${this.#op.id}_${this.#loops++}`, extent),
    );
    return value(...index);
  }
}

/**
 * For each operand, the distinct indices at which `op` reads it to give its value at `index`.
 * An operand's value inside an index (gather) appears as a variable of its own.
 */
export function accessesOf(op: Operation, index: Site): readonly (readonly Site[])[] {
  const { compute } = op.def;
  const reads = op.inputs.map(() => new Map<string, Site>());
  if (!compute) return reads.map(() => []);
  const operands = op.inputs.map((input, k) =>
    indexFunction(input.spec, (at) => {
      const key = at.map((i) => i.id).join();
      reads[k]!.set(key, at);
      return variable(`x${op.id}_${k}_${key}`, input.dtype);
    }),
  );
  const output = op.outputs[0]!;
  const context = { in: operands, attrs: op.attrs, output: outputInfo(output.spec), k: new AccessRecorder(op) };
  blaming(op, () => compute.call(op.def, context, index));
  return reads.map((sites) => [...sites.values()]);
}
