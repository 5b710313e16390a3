import { isTest, type Plan, type PlanStep, type Step } from "../compiler/plan.ts";
import type { Operation } from "../graph/operation.ts";
import { branchText, frameTitle } from "./bodies.ts";
import type { PictureFrame } from "./picture.ts";
import { shortened } from "./text.ts";

/** The kernels of a plan, in the loops and branches they run in. */
export interface PlanFrames {
  /** Outer frames before inner ones. */
  readonly frames: readonly PictureFrame[];
  readonly frameOf: ReadonlyMap<Step, string>;
  /** Frames of loops and branches, in the order in which they begin. */
  readonly controls: ReadonlyMap<Operation, string>;
  /** The outermost loop or branch around a kernel, loop or branch. */
  readonly outermost: ReadonlyMap<Step | Operation, Operation>;
}

/** A frame for each kernel, numbered in the order of execution, and around them one for each loop and branch. */
export function framesOfPlan(plan: Plan): PlanFrames {
  const frames: PictureFrame[] = [];
  const frameOf = new Map<Step, string>();
  const controls = new Map<Operation, string>();
  const outermost = new Map<Step | Operation, Operation>();
  const body = (title: string, path: string, parent: string | null): string => {
    const id = `b${frames.length}`;
    frames.push({ id, kind: "body", title, path, tooltip: title, parent });
    return id;
  };
  const walk = (steps: readonly PlanStep[], parent: string | null, around: Operation | null): void => {
    for (const step of steps) {
      if (step.kind === "kernel") {
        const id = `c${frameOf.size}`;
        frames.push({ ...kernelFrame(step, frameOf.size + 1), id, parent });
        frameOf.set(step, id);
        if (around) outermost.set(step, around);
      } else if (step.kind !== "copy") {
        const { op } = step;
        const frame = body(frameTitle(op), op.name, parent);
        const outer = around ?? op;
        controls.set(op, frame);
        outermost.set(op, outer);
        if (step.kind === "branch") {
          step.branches.forEach(
            (branch, i) => void walk(branch, body(branchText(op, i), `${op.name}/${i}`, frame), outer),
          );
        } else {
          if (isTest(step.until)) walk(step.until.steps, frame, outer);
          walk(step.steps, frame, outer);
        }
      }
    }
  };
  walk(plan.program, null, null);
  return { frames, frameOf, controls, outermost };
}

function kernelFrame({ kernel, roots }: Step, number: number): Omit<PictureFrame, "id" | "parent"> {
  return {
    kind: "kernel",
    title: `${number}  ${shortened(kernel.name, 44)}`,
    path: kernel.name,
    tooltip: `kernel ${kernel.name} stores ${roots.map((root) => root.name).join(", ")}`,
  };
}
