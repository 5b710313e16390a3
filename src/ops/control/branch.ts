import { GraphError } from "../../core/errors.ts";
import { type Sizes, sameShape, specText } from "../../core/shape.ts";
import type { FunctionBody } from "../../graph/body.ts";
import { builderOf, type GraphBuilder } from "../../graph/builder.ts";
import { type DTypeContext, defineOp, type OpDef } from "../../graph/define.ts";
import { type Nest, refill, structureOf, type Tensors } from "../../graph/nest.ts";
import { describeTensor, type Operation, type Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import { callError, type OpOptions } from "../support.ts";
import {
  bodyWith,
  checkParams,
  checkParamTypes,
  intermediatesOf,
  type TracedBody,
  tensorsIn,
  traceBodies,
} from "./trace.ts";

/**
 * Inputs of the operation: what decides, then captures; each branch has a param for each capture. Of its results, the
 * first `shared` are what all branches give; behind them stands what a gradient may need of this branch alone.
 */
export type BranchAttrs = {
  readonly branches: readonly FunctionBody[];
  readonly shared: number;
};

/** Outputs: what all branches give, then what only the first gives, only the second … */
const outputsOf = ({ branches, shared }: BranchAttrs): readonly Tensor[] => [
  ...branches[0]!.results.slice(0, shared),
  ...branches.flatMap(({ results }) => results.slice(shared)),
];

const defineBranching = (name: string, doc: string, decides: "bool" | "int32"): OpDef<BranchAttrs> =>
  defineOp<BranchAttrs>({
    name,
    category: "control",
    doc,
    inputs: "many",
    control: "branch",
    dtypes: ([decision, ...captures], attrs, context) => {
      if (decision !== decides) context.fail(`what decides is ${decision}, not ${decides}`);
      if (attrs.branches.length === 0) context.fail("there is no branch");
      for (const body of attrs.branches) {
        checkParamTypes(context, body, captures);
        checkShared(context, attrs, body);
      }
      return outputsOf(attrs).map(({ dtype }) => dtype);
    },
    shapes: ([decision, ...captures], attrs, context) => {
      for (const body of attrs.branches) checkParams(context, body, captures);
      if (decision!.length !== 0) context.fail(`one number decides, not one of rank ${decision!.length}`);
      return shapesOf(attrs);
    },
    shapesOfUnknown: (_inputs, attrs) => shapesOf(attrs),
    gradient: "through-bodies",
    examples: [],
  });
function checkShared(context: DTypeContext, { branches, shared }: BranchAttrs, { name, results }: FunctionBody): void {
  const first = branches[0]!.results.slice(0, shared);
  const same = first.every(({ dtype, shape }, i) => dtype === results[i]?.dtype && sameShape(shape, results[i]!.shape));
  if (!same || first.length < shared) context.fail(`the function "${name}" does not give what the first one does`);
}

const shapesOf = (attrs: BranchAttrs): readonly (Sizes | null)[] => outputsOf(attrs).map(({ shape }) => shape);

export const condOp = defineBranching(
  "cond",
  "Runs one of two functions, the first if a boolean is true.\n$y = \\begin{cases} f() & p \\\\ g() & \\text{otherwise} \\end{cases}$\n\nOnly the function that is chosen runs, unlike `where`, which has both values computed. Behind what the functions return, the outputs hold what a gradient may need; what nobody reads is taken away before anything is compiled.",
  "bool",
);
export const switchCaseOp = defineBranching(
  "switchCase",
  "Runs one of several functions, by its number. A number below 0 means the first, one too large the last.\n$y = f_{\\min(\\max(i, 0), n - 1)}()$\n\nOnly the function that is chosen runs.",
  "int32",
);

/**
 * Runs `thenFn` if `pred` is true, else `elseFn`; both return tensors of one structure, shape and dtype. In
 * define-by-run only one of them is called.
 *
 *     const y = cond(less(x, 0), () => neg(x), () => x);
 *
 * @param pred one boolean
 * @throws GraphError where the branches do not give the same
 */
export function cond<N extends Nest>(
  pred: Tensor,
  thenFn: () => N,
  elseFn: () => Nest,
  options: OpOptions = {},
): Tensors<N> {
  requireDecision("cond", pred, "bool", "compare it with something: greater(x, 0)");
  const value = pred.graph.elementsOf(pred);
  if (value && builderOf(pred).runsAtOnce) return chosen("cond", value[0] ? thenFn : elseFn) as Tensors<N>;
  const names = ["then branch", "else branch"];
  return branch(condOp, pred, [thenFn, elseFn], names, options) as Tensors<N>;
}

/**
 * Runs the branch with the number `index`; all return tensors of one structure, shape and dtype.
 *
 * @param index one int32; below 0 it means the first branch, beyond the end the last
 * @throws GraphError where the branches do not give the same
 */
export function switchCase<N extends Nest>(
  index: Tensor,
  branches: readonly [() => N, ...(() => Nest)[]],
  options: OpOptions = {},
): Tensors<N> {
  if (branches.length === 0) throw callError("switchCase", "there is no branch", "give at least one function");
  requireDecision("switchCase", index, "int32", 'cast(index, "int32")');
  const value = index.graph.elementsOf(index);
  if (value && builderOf(index).runsAtOnce) {
    const which = Math.min(Math.max(value[0]!, 0), branches.length - 1);
    return chosen("switchCase", branches[which]!) as Tensors<N>;
  }
  const names = branches.map((_, i) => `branch ${i}`);
  return branch(switchCaseOp, index, branches, names, options) as Tensors<N>;
}

function chosen(user: string, fn: () => Nest): unknown {
  const result = fn();
  tensorsIn(user, "the result", result);
  return result;
}

function requireDecision(user: string, tensor: Tensor, dtype: string, fix: string): void {
  if (tensor.dtype === dtype && (tensor.shape === null || tensor.shape.length === 0)) return;
  throw callError(
    user,
    `one ${dtype} decides, not ${describeTensor(tensor)}`,
    tensor.dtype === dtype ? "reduce it to one value: any(x), all(x)" : fix,
  );
}

function branch(
  def: OpDef<BranchAttrs>,
  decision: Tensor,
  fns: readonly (() => Nest)[],
  names: readonly string[],
  options: OpOptions,
): unknown {
  const builder = builderOf(decision);
  const nests: Nest[] = [];
  const { bodies, captures } = traceBodies(
    def.name,
    builder,
    fns.map((fn, i) => ({
      what: names[i]!,
      params: [],
      build: () => {
        nests[i] = fn();
        return tensorsIn(def.name, `the result of the ${names[i]}`, nests[i]).tensors;
      },
    })),
  );
  bodies.forEach((body, i) => void checkSame(def.name, names, [nests[0]!, bodies[0]!], [nests[i]!, body], i));
  const shared = bodies[0]!.results.length;
  const op = applyBranch(builder, def, bodies, [decision, ...captures], options);
  return refill(nests[0]!, op.outputs.slice(0, shared));
}

/** Applies an operation whose branches give, beyond their results, all that a gradient may ask for. */
export function applyBranch(
  builder: GraphBuilder,
  def: OpDef<BranchAttrs>,
  bodies: readonly TracedBody[],
  inputs: readonly Tensor[],
  options: OpOptions = {},
): Operation<BranchAttrs> {
  const branches = bodies.map((body) => bodyWith(body, [...body.results, ...intermediatesOf(body, body.results)]));
  return builder.apply(def, inputs, { branches, shared: bodies[0]!.results.length }, options);
}

function checkSame(
  user: string,
  names: readonly string[],
  [nest, first]: [Nest, TracedBody],
  [otherNest, other]: [Nest, TracedBody],
  which: number,
): void {
  const [is, was] = [structureOf(otherNest), structureOf(nest)];
  if (is !== was) {
    throw callError(user, `the ${names[0]} returns ${was}, the ${names[which]} ${is}`, "return the same structure");
  }
  first.results.forEach((a, i) => {
    const b = other.results[i]!;
    if (a.dtype === b.dtype && sameShape(a.shape, b.shape)) return;
    throw new GraphError({
      what: `${user}: the ${names[0]} gives ${specText(a.spec)}, the ${names[which]} ${specText(b.spec)}`,
      details: [
        `"${a.name}" was made at ${a.op.line ?? "an unknown line"}`,
        `"${b.name}" was made at ${b.op.line ?? "an unknown line"}`,
      ],
      at: lineOf(captureStack()),
      fix: "all branches give the same shape and dtype: reshape, broadcastTo or cast one of them",
    });
  });
}
