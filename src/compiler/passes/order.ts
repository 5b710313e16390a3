import { CompileError } from "../../core/errors.ts";
import type { Tensor } from "../../graph/operation.ts";
import { bytesOf } from "../arena.ts";
import { isSource } from "../fused.ts";
import { type Pass, unchanged } from "../pass.ts";
import { type Call, callName, type LoweredProgram, mapPrograms } from "./lower.ts";

/**
 * Orders kernels so that values die early: a kernel that frees at least as much as it makes runs as soon as it can;
 * the others keep their order. A weight update thus follows its gradient at once, and the gradient's buffer is free
 * again.
 */
export const order: Pass<LoweredProgram> = {
  name: "order",
  doc: "Runs kernels that free memory as soon as their inputs exist.\n\n{ g1; g2; w1 -= g1; w2 -= g2 }  →  { g1; w1 -= g1; g2; w2 -= g2 }",
  run: (program) => mapPrograms(program, orderCalls),
  skip: unchanged,
  verify: verifyOrder,
  print: orderText,
};

function orderText({ calls }: LoweredProgram): string {
  return calls.map((call, i) => `${i}: ${callName(call)}`).join("\n");
}

function orderCalls(program: LoweredProgram): LoweredProgram {
  const { calls, fn } = program;
  // What goes into a variable needs no buffer of its own.
  const written = new Set(fn.writes.map((write) => write.value));
  const maker = new Map<Tensor, number>();
  calls.forEach((call, i) => {
    for (const root of call.group.roots) maker.set(root, i);
  });
  const reads = calls.map(readsOf);
  const needs = reads.map((tensors) => new Set(tensors.flatMap((tensor) => maker.get(tensor) ?? [])));
  const readers = calls.map((): number[] => []);
  needs.forEach((set, reader) => {
    for (const made of set) readers[made]!.push(reader);
  });
  const left = needs.map((set) => set.size);
  /** The call that gives each variable its new value. */
  const writer = new Map<Tensor, number>();
  for (const { variable, value } of fn.writes) {
    const at = maker.get(value);
    if (at !== undefined) writer.set(variable, at);
  }
  const targets = calls.map((): Tensor[] => []);
  for (const [variable, at] of writer) targets[at]!.push(variable);
  const usesLeft = new Map<Tensor, number>();
  for (const tensor of reads.flat()) usesLeft.set(tensor, (usesLeft.get(tensor) ?? 0) + 1);

  /** Bytes a kernel makes less the bytes that die with it. */
  const growth = (i: number): number => {
    const made = calls[i]!.group.roots.reduce((bytes, root) => bytes + (written.has(root) ? 0 : bytesOf(root)), 0);
    const freed = reads[i]!.filter((tensor) => maker.has(tensor) && usesLeft.get(tensor) === 1).reduce(
      (bytes, tensor) => bytes + bytesOf(tensor),
      0,
    );
    return made - freed;
  };
  /** True if nobody else still wants the old value of a variable this kernel would overwrite. */
  const mayOverwrite = (i: number): boolean =>
    targets[i]!.every((variable) => (usesLeft.get(variable) ?? 0) <= (reads[i]!.includes(variable) ? 1 : 0));
  const ordered: Call[] = [];
  const done = new Uint8Array(calls.length);
  const run = (first: number): void => {
    const stack = [first];
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      if (done[i]) continue;
      done[i] = 1;
      ordered.push(calls[i]!);
      for (const tensor of reads[i]!) usesLeft.set(tensor, usesLeft.get(tensor)! - 1);
      for (const reader of readers[i]!) left[reader]!--;
      const waiting = reads[i]!.flatMap((tensor) => writer.get(tensor) ?? []);
      for (const next of [...readers[i]!, ...waiting]) {
        if (!done[next] && left[next] === 0 && growth(next) <= 0 && mayOverwrite(next)) stack.push(next);
      }
    }
  };
  for (let i = 0; i < calls.length; i++) if (!done[i]) run(i);
  return { ...program, calls: ordered };
}

/** Every kernel comes after those it reads, and none is lost. */
function verifyOrder({ calls, fn }: LoweredProgram): void {
  const made = new Set<Tensor>(fn.params);
  for (const call of calls) {
    const early = readsOf(call).find((tensor) => !made.has(tensor) && !isSource(tensor.op));
    if (early) throw new CompileError({ what: `order: ${callName(call)} reads "${early.name}" before it is made` });
    for (const root of call.group.roots) made.add(root);
    if (call.kind === "control") call.bodies.forEach(verifyOrder);
  }
  const lost = [...fn.results, ...fn.writes.map((write) => write.value)].find((t) => !made.has(t) && !isSource(t.op));
  if (lost) throw new CompileError({ what: `order: nothing makes "${lost.name}"` });
}

/** Distinct tensors a kernel reads. */
export function readsOf(call: Call): readonly Tensor[] {
  const stored = call.group.roots.length;
  return [...new Set(call.arguments.slice(stored).filter((tensor) => tensor !== null))];
}
