import type { FunctionBody } from "../graph/body.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import type { OperationText } from "./serialize.ts";

/** A function that an operation runs. Params are placeholders among its operations; names mean something in it only. */
export interface BodyText {
  readonly name: string;
  readonly params: readonly string[];
  readonly ops: readonly OperationText[];
  readonly results: readonly string[];
}

/** How a tensor is called in a file. */
export type NameOf = (tensor: Tensor) => string;

/** @param write one operation, given what its inputs and itself are called */
export function bodyToText(
  body: FunctionBody,
  write: (op: Operation, nameOf: NameOf, name: string) => OperationText,
): BodyText {
  const ops = [...body.params.map(({ op }) => op), ...body.ops];
  const names = uniqueNames(ops);
  const nameOf: NameOf = ({ op, index }) => (index === 0 ? names.get(op)! : `${names.get(op)}:${index}`);
  return {
    name: body.name,
    params: body.params.map(nameOf),
    ops: ops.map((op) => write(op, nameOf, names.get(op)!)),
    results: body.results.map(nameOf),
  };
}

/** Names that differ: a gradient's function has operations of more than one origin. */
function uniqueNames(ops: readonly Operation[]): ReadonlyMap<Operation, string> {
  const names = new Map<Operation, string>();
  const taken = new Set<string>();
  for (const op of ops) {
    let name = op.name;
    for (let count = 1; taken.has(name.toLowerCase()); count++) name = `${op.name}_${count}`;
    taken.add(name.toLowerCase());
    names.set(op, name);
  }
  return names;
}
