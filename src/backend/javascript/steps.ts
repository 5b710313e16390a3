import { type ArrayPart, type CopyStep, isTest, type LoopStep, type Plan, type PlanStep } from "../../compiler/plan.ts";
import { isKnown, type Size } from "../../core/size.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { movingArrays } from "../steps.ts";

/** A view of a slice that has moved on by so many bytes. */
const MOVED = `function moved(view, bytes) {
  return new view.constructor(view.buffer, view.byteOffset + bytes, view.length);
}
`;

/** The steps of a plan as `run(m)`, where `m` holds its arrays: calls of kernels, in the branches and loops of the plan. */
export function emitSteps(plan: Plan, nameOf: (kernel: Kernel) => string): string {
  const moving = movingArrays(plan);
  /** A size as text: a number, or an element of the array of sizes. */
  const known = (size: Size): string =>
    isKnown(size) ? String(size) : `m[${plan.sizes!.array}][${plan.sizes!.slots.indexOf(size)}]`;
  // An offset that is a number is in the first view already.
  const offset = ({ offset: start, moves }: ArrayPart): string =>
    [
      ...(isKnown(start) ? [] : [known(start)]),
      ...moves.map(({ loop, stride }) => `turn${loop} * ${known(stride)}`),
    ].join(" + ");
  const copied = ({ from, bytes }: CopyStep): string =>
    bytes ? `m[${from}].subarray(0, ${known(bytes)} / m[${from}].BYTES_PER_ELEMENT)` : `m[${from}]`;
  const lines: string[] = [];
  const write = (depth: number, line: string): void => void lines.push("  ".repeat(depth) + line);
  const statements = (steps: readonly PlanStep[], depth: number): void => {
    for (const step of steps) {
      switch (step.kind) {
        case "kernel":
          write(depth, `${nameOf(step.kernel)}(${step.args.map((at) => `m[${at}]`).join(", ")});`);
          break;
        case "copy":
          write(depth, `m[${step.to}].set(${copied(step)});`);
          break;
        case "branch":
          step.branches.forEach((branch, k) => {
            const isLast = k === step.branches.length - 1;
            const isBool = plan.arrays[step.by]!.dtype === "bool";
            const test = isBool ? `m[${step.by}][0]` : `m[${step.by}][0] <= ${k}`;
            const head = isLast ? "{" : `if (${test}) {`;
            write(depth, k === 0 ? head : `} else ${head}`);
            statements(branch, depth + 1);
          });
          write(depth, "}");
          break;
        case "loop":
          loop(step, depth);
      }
    }
  };
  const loop = ({ loop: number, until, steps }: LoopStep, depth: number): void => {
    const turn = `turn${number}`;
    write(depth, `for (let ${turn} = 0; ${isTest(until) ? "" : `${turn} < ${known(until)}`}; ${turn}++) {`);
    for (const at of moving[number]!) {
      write(depth + 1, `m[${at}] = moved(first[${at}], ${offset(plan.arrays[at]!.part!)});`);
    }
    if (isTest(until)) {
      statements(until.steps, depth + 1);
      write(depth + 1, `if (!m[${until.test}][0]) break;`);
    }
    statements(steps, depth + 1);
    write(depth, "}");
  };
  statements(plan.program, 1);
  if (!moving.some((arrays) => arrays.length > 0)) return `function run(m) {\n${lines.join("\n")}\n}`;
  return `${MOVED}\nfunction run(first) {\n  const m = first.slice();\n${lines.join("\n")}\n}`;
}
