import { getOrMake } from "../core/collections.ts";
import { CompileError, GraphError } from "../core/errors.ts";
import type { TensorSpec } from "../core/shape.ts";
import { GraphBuilder } from "./builder.ts";
import { inferSpecs, operandOf } from "./infer.ts";
import { type Attrs, Operation, type Tensor, Variable } from "./operation.ts";
import { captureStack, lineOf } from "./origin.ts";
import { reachable } from "./reachable.ts";

export { reachable } from "./reachable.ts";

/** The new value a run gives a variable. */
export interface Write {
  readonly variable: Variable;
  readonly value: Tensor;
  /** The `assign` it comes from. */
  readonly by: Operation;
}

/**
 * A pure function over tensors, `(params, variables) → (results, new variables)`: what every pass works on.
 * `ops` are in an order in which inputs come before their users; operations that make a `param` are not among them.
 */
export interface GraphFunction {
  readonly name: string;
  readonly params: readonly Tensor[];
  readonly results: readonly Tensor[];
  readonly writes: readonly Write[];
  readonly ops: readonly Operation[];
}

/**
 * Cuts the function that computes `fetches` and runs `targets` out of a graph, with `feeds` as parameters.
 * Nothing is removed yet: operations nobody needs are still listed, in the order they were made.
 *
 * @throws GraphError if two assigns to one variable would run
 */
export function captureFunction(
  graph: GraphBuilder,
  fetches: readonly Tensor[],
  targets: readonly Operation[],
  feeds: readonly Tensor[],
  name = "main",
): GraphFunction {
  const fed = new Set(feeds);
  const roots = [...fetches.filter((tensor) => !fed.has(tensor)).map((tensor) => tensor.op), ...targets];
  const needed = reachable(roots, (tensor) => fed.has(tensor));
  const writes = new Map<Variable, Write>();
  for (const by of needed) {
    if (by.def.effect !== "assign") continue;
    const variable = by.inputs[0];
    if (!(variable instanceof Variable)) continue;
    const earlier = writes.get(variable);
    if (earlier) throw secondAssign(variable, earlier.by, by);
    writes.set(variable, { variable, value: by.outputs[0]!, by });
  }
  const ops = graph.operations.filter((op) => op.outputs.length > 0 && !op.outputs.every((output) => fed.has(output)));
  return { name, params: feeds, results: fetches, writes: [...writes.values()], ops };
}

function secondAssign(variable: Variable, first: Operation, second: Operation): GraphError {
  return new GraphError({
    what: `variable "${variable.op.name}" is assigned twice in one run`,
    details: [
      `"${first.name}" at ${first.line ?? "an unknown line"}`,
      `"${second.name}" at ${second.line ?? "an unknown line"}`,
    ],
    at: lineOf(captureStack()),
    fix: "run them one after the other, or combine the two values into one assign",
  });
}

/** Who reads each tensor of a function. */
export function usersOf(fn: GraphFunction): ReadonlyMap<Tensor, readonly Operation[]> {
  const users = new Map<Tensor, Operation[]>();
  for (const op of fn.ops) {
    for (const input of op.inputs) {
      const list = users.get(input);
      if (!list) users.set(input, [op]);
      else if (list.at(-1) !== op) list.push(op);
    }
  }
  return users;
}

/** Builder of compiler passes: takes tensors of any graph and remembers nothing but names. */
export class PassBuilder extends GraphBuilder {
  protected override checkOwner(): void {}

  /** The operation on these inputs: itself if they are the ones it has, else a clone. */
  on<A extends Attrs>(op: Operation<A>, inputs: readonly Tensor[]): Operation<A> {
    return inputs.every((input, i) => input === op.inputs[i]) ? op : this.clone(op, inputs);
  }

  /** The same operation on other inputs, under the same name and origin. */
  clone<A extends Attrs>(op: Operation<A>, inputs: readonly Tensor[], attrs: A = op.attrs): Operation<A> {
    const { specs, checks } = inferSpecs(op.def, inputs.map(operandOf), attrs, op);
    return this.#copy(op, inputs, attrs, specs, checks);
  }

  /** A leaf in the place of `op`, with a spec that is known better now. */
  leaf(op: Operation, attrs: Attrs, specs: readonly TensorSpec[]): Operation {
    return this.#copy(op, [], attrs, specs, []);
  }

  #copy<A extends Attrs>(
    op: Operation<A>,
    inputs: readonly Tensor[],
    attrs: A,
    specs: readonly TensorSpec[],
    checks: Operation["checks"],
  ): Operation<A> {
    const { def, name, controls, origin } = op;
    return new Operation({ def, name, inputs, controls, attrs, origin, graph: this, specs, checks });
  }
}

/**
 * Rebuilds a function operation by operation. `replace` sees each operation with its inputs already replaced and
 * returns new outputs, or null to keep it (on the new inputs). New operations are collected in order.
 */
export function rebuild(
  fn: GraphFunction,
  replace: (op: Operation, inputs: readonly Tensor[], builder: PassBuilder) => readonly Tensor[] | null,
  params: readonly Tensor[] = fn.params,
): GraphFunction {
  const builder = new PassBuilder(fn.name);
  const now = new Map<Tensor, Tensor>(fn.params.map((param, i) => [param, params[i]!]));
  const leaves = new Set(params);
  const current = (tensor: Tensor): Tensor => now.get(tensor) ?? tensor;
  let changed = params.some((param, i) => param !== fn.params[i]);
  const ops: Operation[] = [];
  const placed = new Set<Operation>(params.map((param) => param.op));
  const place = (op: Operation): void => {
    if (placed.has(op)) return;
    const ready = (input: Tensor): boolean => placed.has(input.op) || leaves.has(input);
    if (op.controls.length === 0 && op.inputs.every(ready)) {
      placed.add(op);
      ops.push(op);
      return;
    }
    // A replacement may bring several new operations: what they need comes first.
    for (const needed of reachable([op], (tensor) => placed.has(tensor.op) || leaves.has(tensor))) {
      placed.add(needed);
      ops.push(needed);
    }
  };
  for (const op of fn.ops) {
    const inputs = op.inputs.map(current);
    const outputs = replace(op, inputs, builder) ?? builder.on(op, inputs).outputs;
    op.outputs.forEach((output, i) => {
      const next = outputs[i]!;
      if (next === output) return;
      changed = true;
      now.set(output, next);
    });
    for (const output of outputs) if (!leaves.has(output)) place(output.op);
  }
  if (!changed) return fn;
  return {
    name: fn.name,
    params,
    results: fn.results.map(current),
    writes: fn.writes.map((write) => ({ ...write, value: current(write.value) })),
    ops,
  };
}

const positions = new WeakMap<GraphFunction, ReadonlyMap<Operation, number>>();

/** Sorts operations of a function as it lists them. */
export function inOrder(ops: Iterable<Operation>, fn: GraphFunction): readonly Operation[] {
  const order = getOrMake(positions, fn, () => new Map(fn.ops.map((op, i) => [op, i])));
  return [...ops].sort((a, b) => order.get(a)! - order.get(b)!);
}

/** Number of operations that compute something. */
export const countOps = (fn: GraphFunction): number =>
  fn.ops.filter((op) => op.def.effect === undefined || op.def.effect === "assign").length;

/**
 * Checks that a function is well formed: inputs before users, specs as their rules say, one write per variable.
 * @throws CompileError naming the operation
 */
export function verifyFunction(fn: GraphFunction): void {
  const known = new Set<Tensor>(fn.params);
  const missing = (tensor: Tensor, by: string): CompileError =>
    new CompileError({ what: `function ${fn.name}: ${by} uses "${tensor.name}" before it is made` });
  for (const op of fn.ops) {
    for (const input of op.inputs) if (!known.has(input)) throw missing(input, `"${op.name}"`);
    if (op.def.effect !== "placeholder") {
      const { specs } = inferSpecs(op.def, op.inputs.map(operandOf), op.attrs, op);
      specs.forEach((spec, i) => {
        const had = op.outputs[i]!.spec;
        if (spec.dtype === had.dtype && String(spec.shape) === String(had.shape)) return;
        throw new CompileError({ what: `function ${fn.name}: the spec of "${op.name}" is stale` });
      });
    }
    for (const output of op.outputs) known.add(output);
  }
  for (const result of fn.results) if (!known.has(result)) throw missing(result, "a result");
  const written = new Set<Variable>();
  for (const { variable, value } of fn.writes) {
    if (!known.has(value)) throw missing(value, `the write of "${variable.op.name}"`);
    if (written.has(variable))
      throw new CompileError({ what: `function ${fn.name}: two writes of "${variable.op.name}"` });
    written.add(variable);
  }
}
