import type { Tensor } from "../../graph/operation.ts";
import { expandDims } from "../movement.ts";
import { concat, split, stack, unstack } from "../slicing.ts";

/*
 * Taking sequences apart and putting them together where operations run at once. In groups of groups, so that operations
 * of few kinds do it, and the way back through them takes time that grows with the length, not with its square.
 */

const GROUP = 16;

/** The rows of a tensor, along its first axis. */
export function rowsOf(x: Tensor): readonly Tensor[] {
  const count = x.shape![0] as number;
  if (count <= GROUP) return unstack(x) as readonly Tensor[];
  let each = GROUP;
  while (each * GROUP < count) each *= GROUP;
  const sizes = Array.from({ length: Math.ceil(count / each) }, (_, i) => Math.min(each, count - i * each));
  return (split(x, sizes) as readonly Tensor[]).flatMap(rowsOf);
}

/** Tensors of one shape along a new first axis. */
export function stackRows(rows: readonly Tensor[]): Tensor {
  let parts = groups(rows).map((group) => (group.length === 1 ? expandDims(group[0]!, 0) : stack(group)) as Tensor);
  while (parts.length > 1) {
    parts = groups(parts).map((group) => (group.length === 1 ? group[0]! : (concat(group, 0) as Tensor)));
  }
  return parts[0]!;
}

const groups = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / GROUP) }, (_, i) => list.slice(i * GROUP, (i + 1) * GROUP));
