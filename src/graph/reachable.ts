import type { Operation, Tensor } from "./operation.ts";

/** Operations the given ones need, inputs first. Iterative, so that deep graphs do not overflow the stack. */
export function reachable(
  from: Iterable<Operation>,
  isLeaf: (tensor: Tensor) => boolean = () => false,
): readonly Operation[] {
  const done = new Set<Operation>();
  const ordered: Operation[] = [];
  const stack: { readonly op: Operation; next: number; readonly needs: readonly Operation[] }[] = [];
  const visit = (op: Operation): void => {
    if (done.has(op)) return;
    done.add(op);
    const needs: Operation[] = [];
    for (const input of op.inputs) if (!isLeaf(input)) needs.push(input.op);
    needs.push(...op.controls);
    stack.push({ op, next: 0, needs });
  };
  for (const start of from) {
    visit(start);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next < top.needs.length) visit(top.needs[top.next++]!);
      else {
        ordered.push(top.op);
        stack.pop();
      }
    }
  }
  return ordered;
}

/** Operations in the order they were made, in which inputs come before their users too. */
export const inOrderMade = (ops: readonly Operation[]): readonly Operation[] => [...ops].sort((a, b) => a.id - b.id);
