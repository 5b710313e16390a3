import { GradientError } from "../../core/errors.ts";
import type { FunctionBody } from "../../graph/body.ts";
import { builderOf } from "../../graph/builder.ts";
import { defineOp } from "../../graph/define.ts";
import { type Nest, refill, structureOf, type Tensors } from "../../graph/nest.ts";
import { describeTensor, type Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import { callError, constantIn, type OpOptions } from "../support.ts";
import { cond } from "./branch.ts";
import { checkCarry, checkSpecs, scan } from "./scan.ts";
import { bodyWith, checkParams, checkParamTypes, tensorsIn, traceBodies } from "./trace.ts";

/** Inputs: what is carried, then captures; test and body have a param for each. */
export type WhileAttrs = {
  readonly test: FunctionBody;
  readonly body: FunctionBody;
  readonly carries: number;
};

export const whileLoopOp = defineOp<WhileAttrs>({
  name: "whileLoop",
  category: "control",
  doc: "Runs a function again and again on what it carries, as long as a test holds.\n$c_{t+1} = f(c_t) \\text{ while } p(c_t)$\n\nHow often is known only while it runs, so there is no room for what a gradient needs: with `maxSteps` there is, and the loop is a scan.",
  inputs: "many",
  control: "while",
  dtypes: (inputs, { test, body, carries }, context) => {
    for (const fn of [test, body]) checkParamTypes(context, fn, inputs);
    if (body.results.length !== carries || carries > inputs.length)
      context.fail(`the function does not give the ${carries} values it carries on`);
    if (test.results.length !== 1 || test.results[0]!.dtype !== "bool") context.fail("the test gives no bool");
    return body.results.map(({ dtype }) => dtype);
  },
  shapes: (inputs, { test, body, carries }, context) => {
    for (const fn of [test, body]) checkParams(context, fn, inputs);
    if (test.results[0]!.shape?.length !== 0) context.fail("the test gives more than one value");
    checkCarry(context, inputs, body, carries);
    return body.results.map(({ shape }) => shape);
  },
  shapesOfUnknown: (_inputs, { body }) => body.results.map(({ shape }) => shape),
  gradient: ({ op }) => {
    throw new GradientError({
      what: `gradients: whileLoop "${op.name}" has no derivative without a bound on its steps`,
      details: [`"${op.name}" was made at ${op.line ?? "an unknown line"}`],
      at: lineOf(captureStack()),
      fix: "give it one, whileLoop(test, body, carry, { maxSteps: 100 }), so that there is room for every step",
    });
  },
  examples: [],
});

export interface WhileOptions extends OpOptions {
  /** Steps after which it ends in any case. With it, the loop can be differentiated; it keeps room for all of them. */
  readonly maxSteps?: number;
}

/**
 * Runs `body(carry)` as long as `test(carry)` is true, and gives the last carry.
 *
 *     const [x] = whileLoop(([x]) => less(x, 100), ([x]) => [mul(x, 2)], [x0]);
 *
 * @throws GraphError where `body` changes the structure, shape or dtype of the carry, or `test` gives no boolean
 */
export function whileLoop<C extends Nest>(
  test: (carry: Tensors<C>) => Tensor,
  body: (carry: Tensors<C>) => Nest,
  carry: C,
  { maxSteps, ...options }: WhileOptions = {},
): Tensors<C> {
  const start = tensorsIn("whileLoop", "carry", carry);
  const [first] = start.tensors;
  if (!first) throw callError("whileLoop", "there is no tensor in the carry", "carry at least one tensor");
  if (maxSteps !== undefined && !(Number.isInteger(maxSteps) && maxSteps >= 0)) {
    throw callError("whileLoop", `maxSteps is ${maxSteps}`, "give a whole number of steps");
  }
  const builder = builderOf(first);
  const testOf = (c: readonly Tensor[]): Tensor => {
    const result = test(refill(carry, c) as Tensors<C>);
    const { tensors } = tensorsIn("whileLoop", "the test", result);
    if (tensors.length === 1 && result.dtype === "bool" && result.rank === 0) return result;
    const got = tensors.length === 1 ? describeTensor(result) : structureOf(result);
    throw callError("whileLoop", `the test gives ${got}, not one bool`, "compare one value: less(x, 10)");
  };
  const bodyOf = (c: readonly Tensor[]): readonly Tensor[] => {
    const next = body(refill(carry, c) as Tensors<C>);
    const after = tensorsIn("whileLoop", "the new carry", next).tensors;
    const [was, is] = [structureOf(carry), structureOf(next)];
    if (was !== is) {
      const problem = `the body was given a carry of ${was} and returned one of ${is}`;
      throw callError("whileLoop", problem, "return it as it was given");
    }
    checkSpecs("whileLoop", start, after);
    return after;
  };
  if (builder.runsAtOnce) {
    let current = start.tensors;
    const isOn = (c: readonly Tensor[]): boolean => builder.elementsOf(testOf(c))![0] === 1;
    for (let turn = 0; turn !== maxSteps && isOn(current); turn++) current = bodyOf(current);
    return refill(carry, current) as Tensors<C>;
  }
  if (maxSteps !== undefined)
    return refill(carry, bounded(testOf, bodyOf, start.tensors, maxSteps, options)) as Tensors<C>;
  const params = start.tensors.map(({ spec }, i) => ({ spec, name: `carry${i === 0 ? "" : i}` }));
  const { bodies, captures } = traceBodies("whileLoop", builder, [
    { what: "test", params, build: (c) => [testOf(c)] },
    { what: "body", params, build: bodyOf },
  ]);
  const attrs: WhileAttrs = {
    test: bodyWith(bodies[0]!, bodies[0]!.results),
    body: bodyWith(bodies[1]!, bodies[1]!.results),
    carries: start.tensors.length,
  };
  return refill(
    carry,
    builder.apply(whileLoopOp, [...start.tensors, ...captures], attrs, options).outputs,
  ) as Tensors<C>;
}

/** As many steps as there may be; those after the end do nothing. The rest is what scan and cond can do already. */
function bounded(
  test: (carry: readonly Tensor[]) => Tensor,
  body: (carry: readonly Tensor[]) => readonly Tensor[],
  start: readonly Tensor[],
  length: number,
  options: OpOptions,
): readonly Tensor[] {
  const builder = builderOf(start[0]!);
  const [last] = scan(
    (current: { on: Tensor; carry: Tensor[] }): [Nest, null] => {
      const on = cond(
        current.on,
        () => test(current.carry),
        () => constantIn(builderOf(current.on), false),
      );
      const carry = cond(
        on,
        () => body(current.carry),
        () => current.carry,
      );
      return [{ on, carry }, null];
    },
    { on: constantIn(builder, true), carry: start },
    null,
    { name: "whileLoop", ...options, length },
  );
  return last.carry;
}
