import { constantValue, type Tensor } from "../graph/operation.ts";

/** What the names of a pattern stood for. */
export type Match = ReadonlyMap<string, Tensor>;

/** A shape of expression to look for: `op("log", op("softmax", any("x")))`. */
export type Pattern =
  | { readonly kind: "any"; readonly name: string }
  | { readonly kind: "constant"; readonly name: string; readonly value: number | null }
  | { readonly kind: "op"; readonly def: string; readonly inputs: readonly Pattern[]; readonly name: string | null };

/** Any tensor; the same name twice means the same tensor. */
export const any = (name: string): Pattern => ({ kind: "any", name });

/** A constant all of whose elements are `value` (or any constant). -0 is not 0. */
export const constantOf = (value: number | null, name = "c"): Pattern => ({ kind: "constant", name, value });

/** The first output of an op of that name on inputs that match. `as` binds the result itself. */
export const op = (def: string, ...inputs: Pattern[]): Pattern => ({ kind: "op", def, inputs, name: null });
export const as = (name: string, pattern: Pattern): Pattern => (pattern.kind === "op" ? { ...pattern, name } : pattern);

/** True if every element of a constant tensor is exactly `value`. */
export function isConstant(tensor: Tensor, value: number): boolean {
  const data = constantValue(tensor);
  return data !== null && data.length > 0 && data.every((element) => Object.is(element, value));
}

/** Matches `pattern` at `tensor`; patterns are small, so recursion is bounded by what was written down. */
export function match(pattern: Pattern, tensor: Tensor, bound: Map<string, Tensor> = new Map()): Match | null {
  if (pattern.kind === "op") {
    const { op: maker, index } = tensor;
    if (maker.def.name !== pattern.def || index !== 0 || maker.inputs.length !== pattern.inputs.length) return null;
    for (const [i, input] of pattern.inputs.entries()) if (!match(input, maker.inputs[i]!, bound)) return null;
  } else if (pattern.kind === "constant") {
    if (tensor.op.def.effect !== "constant") return null;
    if (pattern.value !== null && !isConstant(tensor, pattern.value)) return null;
  }
  if (pattern.name === null) return bound;
  const before = bound.get(pattern.name);
  if (before && before !== tensor) return null;
  bound.set(pattern.name, tensor);
  return bound;
}

/** The op at the root of a pattern, by which rules are indexed. */
export const headOf = (pattern: Pattern): string | null => (pattern.kind === "op" ? pattern.def : null);
