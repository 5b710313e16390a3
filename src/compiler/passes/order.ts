import { byteSize } from "../../core/dtype.ts";
import { elementCount, knownShape } from "../../core/shape.ts";
import type { Tensor } from "../../graph/operation.ts";
import { type Pass, unchanged } from "../pass.ts";
import type { KernelCall, LoweredProgram } from "./lower.ts";

const bytesOf = (tensor: Tensor): number => elementCount(knownShape(tensor.shape)) * byteSize(tensor.dtype);

/**
 * Orders kernels so that values die early: a kernel that frees at least as much as it makes runs as soon as it can;
 * the others keep their order. A weight update thus follows its gradient at once, and the gradient's buffer is free
 * again.
 */
export const order: Pass<LoweredProgram> = {
  name: "order",
  doc: "Runs kernels that free memory as soon as their inputs exist.\n\n{ g1; g2; w1 -= g1; w2 -= g2 }  →  { g1; w1 -= g1; g2; w2 -= g2 }",
  run(program) {
    const { calls } = program;
    const maker = new Map<Tensor, number>();
    calls.forEach((call, i) => {
      for (const root of call.group.roots) maker.set(root, i);
    });
    const needs = calls.map((call) => new Set(readsOf(call).flatMap((tensor) => maker.get(tensor) ?? [])));
    const readers = calls.map((): number[] => []);
    needs.forEach((set, reader) => {
      for (const made of set) readers[made]!.push(reader);
    });
    const left = needs.map((set) => set.size);
    const usesLeft = new Map<Tensor, number>();
    for (const call of calls) for (const tensor of readsOf(call)) usesLeft.set(tensor, (usesLeft.get(tensor) ?? 0) + 1);

    /** Bytes a kernel makes less the bytes that die with it. */
    const growth = (i: number): number => {
      const made = calls[i]!.group.roots.reduce((bytes, root) => bytes + bytesOf(root), 0);
      const freed = readsOf(calls[i]!)
        .filter((tensor) => maker.has(tensor) && usesLeft.get(tensor) === 1)
        .reduce((bytes, tensor) => bytes + bytesOf(tensor), 0);
      return made - freed;
    };
    const ordered: KernelCall[] = [];
    const done = new Uint8Array(calls.length);
    const run = (first: number): void => {
      const stack = [first];
      for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
        if (done[i]) continue;
        done[i] = 1;
        ordered.push(calls[i]!);
        for (const tensor of readsOf(calls[i]!)) usesLeft.set(tensor, usesLeft.get(tensor)! - 1);
        for (const reader of readers[i]!) left[reader]!--;
        for (const reader of readers[i]!) if (left[reader] === 0 && growth(reader) <= 0) stack.push(reader);
      }
    };
    for (let i = 0; i < calls.length; i++) if (!done[i]) run(i);
    return { ...program, calls: ordered };
  },
  skip: unchanged,
  print: ({ calls }) => calls.map((call, i) => `${i}: ${call.structured.name}`).join("\n"),
};

/** Distinct tensors a kernel reads. */
export function readsOf(call: KernelCall): readonly Tensor[] {
  const stored = call.group.roots.length;
  return [...new Set(call.arguments.slice(stored).filter((tensor) => tensor !== null))];
}
