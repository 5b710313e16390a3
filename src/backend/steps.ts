import { isTest, type Plan, type PlanArray, type PlanMemory, type PlanStep, type Step } from "../compiler/plan.ts";
import type { TypedArray } from "../core/dtype.ts";
import { isKnown, type Size } from "../core/size.ts";

/** For each loop of a plan, the arrays that move with it, and in no loop inside of it. */
export function movingArrays(plan: Pick<Plan, "arrays" | "loops">): readonly (readonly number[])[] {
  const moving = Array.from({ length: plan.loops }, (): number[] => []);
  plan.arrays.forEach(({ part }, at) => {
    const last = part?.moves.at(-1);
    if (last) moving[last.loop]!.push(at);
  });
  return moving;
}

/**
 * A view of a slice, moved on from where it is when no loop has turned.
 * @param known the number of a size
 */
export function moved(
  first: TypedArray,
  { part }: PlanArray,
  turns: readonly number[],
  known: (size: Size) => number,
): TypedArray {
  // An offset that is a number is in the first view already.
  const start = isKnown(part!.offset) ? 0 : known(part!.offset);
  const bytes = part!.moves.reduce((sum, { loop, stride }) => sum + turns[loop]! * known(stride), start);
  const Kind = first.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
  return new Kind(first.buffer, first.byteOffset + bytes, first.length);
}

/** Numbers of sizes, from what the array of sizes holds. */
export const sizesIn =
  ({ sizes }: Pick<Plan, "sizes">, memory: PlanMemory) =>
  (size: Size): number =>
    isKnown(size) ? size : memory[sizes!.array]![sizes!.slots.indexOf(size)]!;

/** Which branch a value chooses: see `BranchStep`. */
export const chosenBranch = (value: number, dtype: string, count: number): number =>
  dtype === "bool" ? (value ? 0 : 1) : Math.min(Math.max(value, 0), count - 1);

const firstBytes = (array: TypedArray, bytes: number): TypedArray => array.subarray(0, bytes / array.BYTES_PER_ELEMENT);

/** Does the steps of a plan, calling `kernel` for each kernel with its arrays. */
export function runSteps(plan: Plan, memory: PlanMemory, kernel: (step: Step, arrays: TypedArray[]) => void): void {
  const now = memory.slice();
  const turns = new Array<number>(plan.loops).fill(0);
  const moving = movingArrays(plan);
  const known = sizesIn(plan, memory);
  const run = (steps: readonly PlanStep[]): void => {
    for (const step of steps) {
      switch (step.kind) {
        case "kernel":
          kernel(
            step,
            step.args.map((at) => now[at]!),
          );
          break;
        case "copy":
          now[step.to]!.set(step.bytes ? firstBytes(now[step.from]!, known(step.bytes)) : now[step.from]!);
          break;
        case "branch":
          run(step.branches[chosenBranch(now[step.by]![0]!, plan.arrays[step.by]!.dtype, step.branches.length)]!);
          break;
        case "loop": {
          const { loop, until } = step;
          for (let turn = 0; isTest(until) || turn < known(until); turn++) {
            turns[loop] = turn;
            for (const at of moving[loop]!) now[at] = moved(memory[at]!, plan.arrays[at]!, turns, known);
            if (isTest(until)) {
              run(until.steps);
              if (!now[until.test]![0]) break;
            }
            run(step.steps);
          }
        }
      }
    }
  };
  run(plan.program);
}
