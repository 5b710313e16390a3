/** How symbolic sizes came to be. Found by walking the operands' ancestors, and only when an error is printed. */
import { isKnown, namedSize, namesIn, type Size, type SymbolicSize, sizeText, soleName } from "../core/size.ts";
import type { Operation, Tensor } from "./operation.ts";

/** Everything the tensors are computed from, and they themselves, in the order it was made. */
function ancestors(tensors: readonly Tensor[]): readonly Operation[] {
  const found = new Set<Operation>();
  const stack = tensors.map((tensor) => tensor.op);
  for (let op = stack.pop(); op; op = stack.pop()) {
    if (found.has(op)) continue;
    found.add(op);
    for (const input of op.inputs) stack.push(input.op);
  }
  return [...found].sort((a, b) => a.id - b.id);
}

interface Place {
  readonly op: Operation;
  readonly axis: number;
}

/** Where a size stands for the first time. */
function firstPlace(size: Size, ops: readonly Operation[]): Place | null {
  for (const op of ops) {
    for (const { shape } of op.outputs) {
      const axis = shape?.indexOf(size) ?? -1;
      if (axis >= 0) return { op, axis };
    }
  }
  return null;
}

/**
 * A line for each symbolic size, and for each name in it, that says where it comes from:
 *
 *     2*batch + 1 comes from concat "joined" at train.ts:9:13
 *     batch is axis 0 of "x", made at train.ts:6:13
 *
 * @param sizes those an error is about
 * @param operands of the op that failed; what their own lines say already is not said again
 */
export function sizeNotes(
  sizes: readonly Size[],
  operands: readonly Tensor[],
  options: { readonly names?: boolean },
): readonly string[] {
  const symbolic = [...new Set(sizes)].filter((size): size is SymbolicSize => !isKnown(size));
  if (symbolic.length === 0) return [];
  const ops = ancestors(operands);
  const listed = new Set(operands.map((operand) => operand.op));
  const notes: string[] = [];
  for (const size of symbolic) {
    const place = soleName(size) === null ? firstPlace(size, ops) : null;
    if (!place) continue;
    const { name, def, line } = place.op;
    notes.push(
      `${sizeText(size)} comes from ${def.name} "${name}"${line && !listed.has(place.op) ? ` at ${line}` : ""}`,
    );
  }
  if (options.names === false) return notes;
  for (const name of new Set(symbolic.flatMap((size) => [...namesIn(size)]))) {
    const size = namedSize(name);
    const place = firstPlace(size, ops);
    if (!place || listed.has(place.op)) continue;
    const { line } = place.op;
    notes.push(`${sizeText(size)} is axis ${place.axis} of "${place.op.name}"${line ? `, made at ${line}` : ""}`);
  }
  return notes;
}
