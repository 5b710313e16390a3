import { Tensor } from "./operation.ts";

/**
 * A tensor, or tensors in lists or objects, to any depth: what loops carry and branches give. The type looks at the
 * outermost level only, which is as deep as a type checker gets along with; the rest is checked when it runs.
 */
export type Nest = Tensor | readonly unknown[] | { readonly [key: string]: unknown };
/** The same structure with a tensor of any shape at each place. */
export type Tensors<N> = N extends Tensor
  ? Tensor
  : N extends readonly unknown[] | object
    ? { -readonly [K in keyof N]: Tensors<N[K]> }
    : N;

/** Where a leaf stands: `.h`, `[0].c`, or nothing for a tensor alone. */
type Visit = (leaf: unknown, place: string) => void;

function walk(nest: unknown, place: string, visit: Visit): void {
  if (Array.isArray(nest)) {
    for (const [i, part] of nest.entries()) walk(part, `${place}[${i}]`, visit);
  } else if (typeof nest === "object" && nest !== null && Object.getPrototypeOf(nest) === Object.prototype) {
    for (const [key, part] of Object.entries(nest)) walk(part, `${place}.${key}`, visit);
  } else visit(nest, place);
}

/** The leaves of a structure, in order, with their places. `fail` says what to do about one that is no tensor. */
export function leavesOf(
  nest: unknown,
  fail: (leaf: unknown, place: string) => never,
): { readonly tensors: readonly Tensor[]; readonly places: readonly string[] } {
  const tensors: Tensor[] = [];
  const places: string[] = [];
  walk(nest, "", (leaf, place) => {
    if (!(leaf instanceof Tensor)) fail(leaf, place);
    tensors.push(leaf as Tensor);
    places.push(place);
  });
  return { tensors, places };
}

/** The structure of `nest` with other tensors in the places of its own, in order: for an `N`, a `Tensors<N>`. */
export function refill(nest: unknown, tensors: readonly Tensor[]): unknown {
  let next = 0;
  const fill = (part: unknown): unknown => {
    if (part instanceof Tensor) return tensors[next++]!;
    if (part === null || part === undefined) return null;
    if (Array.isArray(part)) return part.map(fill);
    return Object.fromEntries(Object.entries(part as object).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill(nest);
}

/** How a structure is built, as text: two with the same text have the same places. */
export function structureOf(nest: unknown): string {
  const places: string[] = [];
  if (nest === null || nest === undefined) return "nothing";
  walk(nest, "", (_, place) => places.push(place || "a tensor"));
  return places.length === 0 ? "nothing" : places.join(", ");
}
