import type { GraphFunction } from "./function.ts";
import type { Attr, Attrs, Operation, Tensor } from "./operation.ts";

/**
 * A function that an operation runs: a branch of `cond`, a step of `scan`. What it uses of the graph around it are
 * params like the others (its captures), and inputs of the operation.
 */
export class FunctionBody implements GraphFunction {
  readonly name: string;
  readonly params: readonly Tensor[];
  readonly results: readonly Tensor[];
  readonly writes: readonly never[] = [];
  readonly ops: readonly Operation[];

  constructor({ name, params, results, ops }: Omit<GraphFunction, "writes">) {
    this.name = name;
    this.params = params;
    this.results = results;
    this.ops = ops;
  }
  toString(): string {
    return `<function ${this.name}>`;
  }
}

/** The bodies an operation has, by attribute; none for most. */
export function bodiesOf(op: Operation): readonly FunctionBody[] {
  if (!op.def.control) return NONE;
  return Object.values(op.attrs)
    .flatMap((attr) => [attr].flat() as Attr[])
    .filter((attr) => attr instanceof FunctionBody);
}
const NONE: readonly FunctionBody[] = [];

/** Attributes with every body replaced; the same object if none changes. */
export function withBodies<A extends Attrs>(attrs: A, replace: (body: FunctionBody) => GraphFunction): A {
  let changed = false;
  const one = (attr: Attr): Attr => {
    if (Array.isArray(attr)) return attr.map(one);
    if (!(attr instanceof FunctionBody)) return attr;
    const next = replace(attr);
    if (next === attr) return attr;
    changed = true;
    return next instanceof FunctionBody ? next : new FunctionBody(next);
  };
  const replaced = Object.fromEntries(Object.entries(attrs).map(([name, attr]) => [name, one(attr)]));
  return changed ? (replaced as A) : attrs;
}
