import type { DType } from "../../core/dtype.ts";
import { GraphError } from "../../core/errors.ts";
import { type ShapeContext, type Sizes, shapeText, type TensorSpec } from "../../core/shape.ts";
import { FunctionBody } from "../../graph/body.ts";
import { type ApplyOptions, buildInto, GraphBuilder } from "../../graph/builder.ts";
import type { DTypeContext, OpDef } from "../../graph/define.ts";
import { PassBuilder, reachable } from "../../graph/function.ts";
import { leavesOf, type Nest } from "../../graph/nest.ts";
import { type Attrs, constantValue, type Operation, type Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import { constantOp } from "../constant.ts";
import { placeholderOp } from "../state.ts";

/** What a body may not do, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  assign: "a body has no effects: return the new value, and assign it outside",
  variable: "make variables outside of the body and use them in it",
  placeholder: "make placeholders outside of the body and use them in it",
  group: "run operations outside of the body",
  tap: "return the value from the body, and tap what comes out of it; in define-by-run a tap works anywhere",
};

/**
 * Builds a function that an operation runs. Tensors of the graph around it become params of the function as they are
 * used: its captures. Constants are copied instead, so that passes see them.
 */
export class BodyBuilder extends GraphBuilder {
  readonly #parent: GraphBuilder;
  readonly #user: string;
  readonly #line = lineOf(captureStack());
  readonly #captures = new Map<Tensor, Tensor>();
  #closed = false;

  constructor(user: string, what: string, parent: GraphBuilder) {
    super(what);
    this.#user = user;
    this.#parent = parent;
  }

  override apply<A extends Attrs>(
    def: OpDef<A>,
    inputs: readonly Tensor[],
    attrs: A,
    options: ApplyOptions = {},
  ): Operation<A> {
    const fix = def.effect && REFUSED[def.effect];
    if (fix) {
      const what = `${def.name}: not possible inside the ${this.name} of ${this.#user}`;
      throw new GraphError({ what, at: lineOf(captureStack()), fix });
    }
    const leak = inputs.find((input) => this.#closed && input.graph === this);
    if (leak) throw this.leakOf(leak, def.name);
    return super.apply(
      def,
      inputs.map((input) => this.own(input, def.name)),
      attrs,
      options,
    );
  }

  param({ dtype, shape }: TensorSpec, name: string): Tensor {
    return super.apply(placeholderOp, [], { dtype, shape }, { name }).outputs[0]!;
  }

  /** The tensor that stands for `tensor` in this body: itself, or a capture of what lies around. */
  own(tensor: Tensor, user: string): Tensor {
    if (tensor.graph === this) return tensor;
    // In a traced function: what stands there for a tensor that has a value.
    const outer = this.#outermost.standIns(tensor).at(-1)!;
    if (!this.#surrounds(outer.graph)) this.checkOwner(outer, user);
    return this.capture(outer);
  }
  capture(tensor: Tensor): Tensor {
    const known = this.#captures.get(tensor);
    if (known) return known;
    const { name, attrs } = tensor.op;
    const own = constantValue(tensor)
      ? super.apply(constantOp, [], attrs as Parameters<typeof constantOp.shapes>[1], { name }).outputs[0]!
      : this.param(tensor.spec, tensor.index === 0 ? name : `${name}_${tensor.index}`);
    this.#captures.set(tensor, own);
    return own;
  }
  /** What has become a param, in the order of first use. */
  get captured(): readonly Tensor[] {
    return [...this.#captures.keys()].filter((tensor) => !constantValue(tensor));
  }

  /** Nothing is added any more. */
  close(): void {
    this.#closed = true;
  }

  override leakOf(tensor: Tensor, user: string): GraphError {
    return new GraphError({
      what: `${user}: "${tensor.name}" belongs to the ${this.name} of ${this.#user}, and has no value outside of it`,
      details: [
        `"${tensor.name}" was made at ${tensor.op.line ?? "an unknown line"}`,
        `${this.#user} was called at ${this.#line ?? "an unknown line"}`,
      ],
      at: lineOf(captureStack()),
      fix: `return it from the ${this.name}: what it returns is what leaves it`,
    });
  }

  /** The graph around all bodies. */
  get #outermost(): GraphBuilder {
    return this.#parent instanceof BodyBuilder ? this.#parent.#outermost : this.#parent;
  }

  /** True for the graphs this body is built in, from the inside out. Builders of passes take tensors of any graph. */
  #surrounds(graph: GraphBuilder): boolean {
    const parent = this.#parent;
    if (parent === graph || parent instanceof PassBuilder) return true;
    return parent instanceof BodyBuilder && parent.#surrounds(graph);
  }
}

/** One function of an operation. */
export interface BodySource {
  /** `step`, `then branch`: how errors call it. */
  readonly what: string;
  readonly params: readonly { readonly spec: TensorSpec; readonly name: string }[];
  build(params: readonly Tensor[]): readonly Tensor[];
}

/** A function as it was traced; what else it should give away is up to its operation. */
export interface TracedBody {
  readonly name: string;
  readonly params: readonly Tensor[];
  readonly results: readonly Tensor[];
  readonly ops: readonly Operation[];
}

/** Runs each function once on placeholders. All get the same captures behind their own params, in the same order. */
export function traceBodies(
  user: string,
  parent: GraphBuilder,
  sources: readonly BodySource[],
): { readonly bodies: readonly TracedBody[]; readonly captures: readonly Tensor[] } {
  const traced = sources.map(({ what, params, build }) => {
    const builder = new BodyBuilder(user, what, parent);
    const own = params.map(({ spec, name }) => builder.param(spec, name));
    const results = buildInto(builder, () => build(own)).map((result) => builder.own(result, user));
    return { builder, own, results };
  });
  const captures = [...new Set(traced.flatMap(({ builder }) => builder.captured))];
  const bodies = traced.map(({ builder, own, results }): TracedBody => {
    const params = [...own, ...captures.map((tensor) => builder.capture(tensor))];
    builder.close();
    const given = new Set(params);
    const roots = results.filter((result) => !given.has(result)).map(({ op }) => op);
    const ops = reachable(roots, (tensor) => given.has(tensor));
    return { name: builder.name, params, results, ops };
  });
  return { bodies, captures };
}

/** True for what a gradient gets from the way forward, and does not compute again: all but sources and mere views. */
export const isKept = ({ def }: Operation): boolean => def.effect === undefined && def.cost !== "free";

/** What operations of a body compute on the way: what a gradient may ask for. `except` does not count. */
export function intermediatesOf({ ops }: TracedBody, except: readonly Tensor[]): readonly Tensor[] {
  const known = new Set(except);
  return ops.flatMap((op) => (isKept(op) ? op.outputs : [])).filter((tensor) => !known.has(tensor));
}

/** A body that gives these results. */
export const bodyWith = (traced: TracedBody, results: readonly Tensor[]): FunctionBody =>
  new FunctionBody({ ...traced, results });

/** The tensors in a structure that `user` was given as its `what`. @throws GraphError for anything else in there */
export function tensorsIn(user: string, what: string, nest: Nest | null | undefined) {
  return leavesOf(nest === null || nest === undefined ? [] : nest, (leaf, place) => {
    throw new GraphError({
      what: `${user}: ${what}${place} is ${leaf === undefined ? "nothing" : String(leaf)}, no tensor`,
      at: lineOf(captureStack()),
      fix: "give tensors, in lists and objects if there are several; graph.constant(…) makes one of a number",
    });
  });
}

/** A function takes what it is given. Errors here come from files: what is traced fits. */
export function checkParams(
  context: ShapeContext,
  { name, params }: FunctionBody,
  inputs: readonly (Sizes | null)[],
): void {
  if (params.length !== inputs.length)
    context.fail(`the function "${name}" has ${params.length} params, not ${inputs.length}`);
  params.forEach(({ op, shape }, i) => {
    const input = inputs[i]!;
    if (!shape || !input) return;
    const problem = `"${op.name}" of the function "${name}" is ${shapeText(shape)}, and given ${shapeText(input)}`;
    if (shape.length !== input.length) context.fail(problem);
    shape.forEach((size, axis) => void context.require(size, input[axis]!, problem));
  });
}
export function checkParamTypes(context: DTypeContext, { name, params }: FunctionBody, inputs: readonly DType[]): void {
  const wrong = params.find(({ dtype }, i) => dtype !== inputs[i]);
  if (wrong) context.fail(`"${wrong.op.name}" of the function "${name}" is ${wrong.dtype}, and given another dtype`);
}
