import { FunctionBody } from "../../graph/body.ts";
import { type GraphFunction, rebuild, verifyFunction } from "../../graph/function.ts";
import type { Attrs, Operation, Tensor } from "../../graph/operation.ts";
import { functionText } from "../../graph/print.ts";
import type { BranchAttrs } from "../../ops/control/branch.ts";
import type { ScanAttrs } from "../../ops/control/scan.ts";
import type { WhileAttrs } from "../../ops/control/while.ts";
import { type Pass, type PassContext, unchanged } from "../pass.ts";
import { pruneFunction } from "./prune.ts";

/** What is left of an operation that runs functions. */
interface Trimmed {
  readonly attrs: Attrs;
  /** Numbers of the inputs and outputs that stay. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

type Wanted = (output: number) => boolean;
type Note = PassContext["note"];

export const pruneOutputs: Pass<GraphFunction> = {
  name: "prune-outputs",
  doc: "Takes away what branches and loops give and carry but nobody reads, and what only that needs: a loop that is not differentiated keeps nothing for its gradient.\n\n{ h, all, kept = scan(…); y = h*2 }  →  { h = scan(…); y = h*2 }",
  run: (fn, { note }) => trimFunction(fn, note),
  skip: unchanged,
  verify: verifyFunction,
  print: functionText,
};

/** Goes through a function from its end: what an operation needs is known once all that read it are. */
function trimFunction(fn: GraphFunction, note: Note): GraphFunction {
  if (!fn.ops.some((op) => op.def.control)) return pruneFunction(fn);
  const wanted = new Set<Tensor>([...fn.results, ...fn.writes.map(({ value }) => value)]);
  const trimmed = new Map<Operation, Trimmed>();
  const ops: Operation[] = [];
  for (const op of [...fn.ops].reverse()) {
    if (!op.outputs.some((output) => wanted.has(output))) continue;
    ops.push(op);
    const left = op.def.control ? trim(op, (i) => wanted.has(op.outputs[i]!), note) : null;
    if (left) {
      trimmed.set(op, left);
      const gone = op.outputs.length - left.outputs.length;
      if (gone > 0) note({ kind: "remove", op, why: `nobody reads ${gone} of its ${op.outputs.length} outputs` });
    }
    op.inputs.forEach((input, i) => {
      if (!left || left.inputs.includes(i)) wanted.add(input);
    });
  }
  return rebuild({ ...fn, ops: ops.reverse() }, (op, inputs, builder) => {
    const left = trimmed.get(op);
    if (!left) return null;
    const kept = left.inputs.map((i) => inputs[i]!);
    const { outputs } = builder.clone(op, kept, left.attrs);
    // Nobody reads the outputs that are gone: any will do in their places.
    return op.outputs.map((_, i) => outputs[left.outputs.indexOf(i)] ?? outputs[0]!);
  });
}

function trim(op: Operation, wanted: Wanted, note: Note): Trimmed {
  switch (op.def.control) {
    case "branch":
      return trimBranches(op as Operation<BranchAttrs>, wanted, note);
    case "scan":
      return trimScan(op as Operation<ScanAttrs>, wanted, note);
    default:
      return trimWhile(op as Operation<WhileAttrs>, wanted, note);
  }
}

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);

function trimBranches({ attrs, outputs, inputs }: Operation<BranchAttrs>, wanted: Wanted, note: Note): Trimmed {
  const { branches, shared } = attrs;
  const common = numbers(shared).filter(wanted);
  let first = shared;
  const left = branches.map((body) => {
    const own = numbers(body.results.length - shared).filter((i) => wanted(first + i));
    first += body.results.length - shared;
    const results = [...common, ...own.map((i) => shared + i)].map((i) => body.results[i]!);
    return trimFunction({ ...body, results }, note);
  });
  const captures = numbers(inputs.length - 1).filter((i) => left.some((body) => uses(body, i)));
  return {
    attrs: { branches: left.map((body) => withParams(body, captures)), shared: common.length },
    inputs: [0, ...captures.map((i) => i + 1)],
    outputs: numbers(outputs.length).filter(wanted),
  };
}

function trimScan({ attrs, outputs, inputs }: Operation<ScanAttrs>, wanted: Wanted, note: Note): Trimmed {
  const { body, carries, sequences } = attrs;
  const stacked = numbers(body.results.length - carries, carries).filter(wanted);
  const { carried, bodies } = trimCarries(carries, wanted, (some) => [
    trimFunction({ ...body, results: [...some, ...stacked].map((i) => body.results[i]!) }, note),
  ]);
  const [left] = bodies;
  const others = numbers(inputs.length - carries, carries).filter((i) => uses(left!, i));
  const params = [...carried, ...others];
  return {
    attrs: {
      ...attrs,
      body: withParams(left!, params),
      carries: carried.length,
      sequences: others.filter((i) => i < carries + sequences).length,
      visible: outputs.filter((_, i) => i < attrs.visible && (i < carries ? carried.includes(i) : wanted(i))).length,
    },
    inputs: params,
    outputs: numbers(outputs.length).filter((i) => (i < carries ? carried.includes(i) : wanted(i))),
  };
}

function trimWhile({ attrs, inputs }: Operation<WhileAttrs>, wanted: Wanted, note: Note): Trimmed {
  const { test, body, carries } = attrs;
  const { carried, bodies } = trimCarries(carries, wanted, (some) => [
    trimFunction(test, note),
    trimFunction({ ...body, results: some.map((i) => body.results[i]!) }, note),
  ]);
  const captures = numbers(inputs.length - carries, carries).filter((i) => bodies.some((left) => uses(left, i)));
  const params = [...carried, ...captures];
  const [testLeft, bodyLeft] = bodies.map((left) => withParams(left, params));
  return {
    attrs: { test: testLeft!, body: bodyLeft!, carries: carried.length },
    inputs: params,
    outputs: carried,
  };
}

/** What is carried stays if it is wanted in the end, or if what stays depends on it. */
function trimCarries(
  carries: number,
  wanted: Wanted,
  bodiesWith: (carried: readonly number[]) => readonly GraphFunction[],
): { readonly carried: readonly number[]; readonly bodies: readonly GraphFunction[] } {
  let carried = numbers(carries).filter(wanted);
  for (;;) {
    const bodies = bodiesWith(carried);
    const needed = numbers(carries).filter((i) => carried.includes(i) || bodies.some((body) => uses(body, i)));
    if (needed.length === carried.length) return { carried, bodies };
    carried = needed;
  }
}

/** True if a function reads its param of this number. */
function uses({ params, ops, results }: GraphFunction, i: number): boolean {
  const param = params[i]!;
  return results.includes(param) || ops.some((op) => op.inputs.includes(param));
}

const withParams = (fn: GraphFunction, kept: readonly number[]): FunctionBody =>
  new FunctionBody({ ...fn, params: kept.map((i) => fn.params[i]!) });
