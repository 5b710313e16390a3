import type { Backend } from "../compiler/plan.ts";
import { interpretKernel } from "../kernel/interpret.ts";
import { printKernel } from "../kernel/print.ts";
import { runSteps } from "./steps.ts";
import { ArrayStorage } from "./storage.ts";

/** Runs a plan by walking its LoopIR: slow, checks every access, and defines what the other backends must give. */
export const interpreter: Backend = {
  name: "interpreter",
  target: "scalar",
  open: () => new ArrayStorage(),
  link(plan) {
    return {
      get source() {
        return plan.steps.map(({ kernel }) => printKernel(kernel)).join("\n\n");
      },
      run(memory) {
        runSteps(plan, memory, ({ kernel }, arrays) => interpretKernel(kernel, arrays));
      },
    };
  },
};
