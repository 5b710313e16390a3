import type { Plan, PlanArray, PlanMemory, PlanStep, Step } from "../compiler/plan.ts";
import type { TypedArray } from "../core/dtype.ts";

/** For each loop of a plan, the arrays that move with it, and in no loop inside of it. */
export function movingArrays(plan: Pick<Plan, "arrays" | "loops">): readonly (readonly number[])[] {
  const moving = Array.from({ length: plan.loops }, (): number[] => []);
  plan.arrays.forEach(({ part }, at) => {
    const last = part?.moves.at(-1);
    if (last) moving[last.loop]!.push(at);
  });
  return moving;
}

/** A view of a slice, moved on from where it is when no loop has turned. */
export function moved(first: TypedArray, { part }: PlanArray, turns: readonly number[]): TypedArray {
  const bytes = part!.moves.reduce((sum, { loop, stride }) => sum + turns[loop]! * stride, 0);
  const Kind = first.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
  return new Kind(first.buffer, first.byteOffset + bytes, first.length);
}

/** Which branch a value chooses: see `BranchStep`. */
export const chosenBranch = (value: number, dtype: string, count: number): number =>
  dtype === "bool" ? (value ? 0 : 1) : Math.min(Math.max(value, 0), count - 1);

/** Does the steps of a plan, calling `kernel` for each kernel with its arrays. */
export function runSteps(plan: Plan, memory: PlanMemory, kernel: (step: Step, arrays: TypedArray[]) => void): void {
  const now = memory.slice();
  const turns = new Array<number>(plan.loops).fill(0);
  const moving = movingArrays(plan);
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
          now[step.to]!.set(now[step.from]!);
          break;
        case "branch":
          run(step.branches[chosenBranch(now[step.by]![0]!, plan.arrays[step.by]!.dtype, step.branches.length)]!);
          break;
        case "loop": {
          const { loop, until } = step;
          for (let turn = 0; typeof until !== "number" || turn < until; turn++) {
            turns[loop] = turn;
            for (const at of moving[loop]!) now[at] = moved(memory[at]!, plan.arrays[at]!, turns);
            if (typeof until !== "number") {
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
