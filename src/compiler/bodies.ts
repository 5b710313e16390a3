import { knownShape, type Sizes } from "../core/shape.ts";
import { bodiesOf, FunctionBody, withBodies } from "../graph/body.ts";
import { type GraphFunction, PassBuilder, rebuild } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { identityOp } from "../ops/state.ts";
import type { Pass, PassContext } from "./pass.ts";

/** Replaces every body of a function's operations, and of theirs. */
export function mapBodies(fn: GraphFunction, replace: (body: GraphFunction) => GraphFunction): GraphFunction {
  if (!fn.ops.some((op) => op.def.control)) return fn;
  return rebuild(fn, (op, inputs, builder) => {
    if (!op.def.control) return null;
    const attrs = withBodies(op.attrs, (body) => mapBodies(replace(body), replace));
    return attrs === op.attrs ? null : builder.clone(op, inputs, attrs).outputs;
  });
}

/** A pass over functions that does its work in the bodies of operations too. */
export function throughBodies(pass: Pass<GraphFunction>): Pass<GraphFunction> {
  const everywhere = (fn: GraphFunction, context: PassContext): GraphFunction =>
    mapBodies(pass.run(fn, context), (body) => pass.run(body, context));
  const verifyAll = (fn: GraphFunction): void => {
    pass.verify?.(fn);
    for (const op of fn.ops) bodiesOf(op).forEach(verifyAll);
  };
  return { ...pass, run: everywhere, verify: verifyAll };
}

/** Sizes of the params of an operation's bodies, from those of its inputs. */
export function shapesOfParams(op: Operation, inputs: readonly Tensor[]): readonly Sizes[] {
  const shapes = inputs.map(({ shape }) => shape ?? knownShape(shape));
  if (op.def.control === "branch") return shapes.slice(1);
  if (op.def.control === "while") return shapes;
  const { carries, sequences } = op.attrs as { readonly carries: number; readonly sequences: number };
  return shapes.map((shape, i) => (i >= carries && i < carries + sequences ? shape.slice(1) : shape));
}

/** How many results of a body its operation carries on to the params of the same number. */
export const carriesOf = ({ def, attrs }: Operation): number =>
  def.control === "branch" ? 0 : (attrs.carries as number);

/**
 * A body each of whose results is computed in it, by an operation of its own: what is a param, a constant or another
 * result as well is copied. What is carried on unchanged stays.
 */
export function withOwnResults(body: FunctionBody, carries: number): FunctionBody {
  const builder = new PassBuilder(body.name);
  const given = new Set(body.params);
  const seen = new Set<Tensor>();
  const copies: Operation[] = [];
  const results = body.results.map((result, i) => {
    if (i < carries && result === body.params[i]) return result;
    if (!given.has(result) && result.op.def.effect === undefined && !seen.has(result)) {
      seen.add(result);
      return result;
    }
    const copy = builder.derive({ kind: "rewrite", of: result.op, by: "result" }, () =>
      builder.apply(identityOp, [result], {}, { name: `${result.op.name}/result` }),
    );
    copies.push(copy as Operation);
    return copy.outputs[0]!;
  });
  return copies.length === 0 ? body : new FunctionBody({ ...body, results, ops: [...body.ops, ...copies] });
}
