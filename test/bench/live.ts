import type { Plan } from "../../src/compiler/plan.ts";
import { byteSize } from "../../src/core/dtype.ts";

/**
 * The lower bound of an arena: the most bytes that hold values still needed, over all steps. Taken from the plan where
 * it tells (`liveBytes`), else from the places the plan gave its arrays: an array is needed from the first step that
 * names it to the last, results and values to be committed to the end; arrays that share a place count once.
 */
export function smallestMemory(plan: Plan & { readonly liveBytes?: number }): number {
  if (plan.liveBytes !== undefined) return plan.liveBytes;
  const lives = plan.arrays.map(() => ({ from: Number.POSITIVE_INFINITY, to: -1 }));
  plan.steps.forEach(({ args }, step) => {
    for (const at of args) {
      const life = lives[at]!;
      life.from = Math.min(life.from, step);
      life.to = step;
    }
  });
  for (const at of [...plan.results, ...plan.commits.map(({ from }) => from)]) lives[at]!.to = plan.steps.length;
  let most = 0;
  for (let step = 0; step < plan.steps.length; step++) {
    const places = plan.arrays
      .filter(({ region }, i) => region === "arena" && lives[i]!.from <= step && step <= lives[i]!.to)
      .map(({ at, dtype, length }) => [at, at + length * byteSize(dtype)] as const)
      .sort(([a], [b]) => a - b);
    let [bytes, end] = [0, 0];
    for (const [from, to] of places) {
      bytes += Math.max(0, to - Math.max(from, end));
      end = Math.max(end, to);
    }
    most = Math.max(most, bytes);
  }
  return most;
}
