import { CompileError } from "../../core/errors.ts";
import { type Size, sizeText } from "../../core/size.ts";
import type { Pass } from "../pass.ts";
import { type ArrayPart, bytesTaken, innerLists, isTest, type PlanArray, type PlanStep } from "../plan.ts";
import { Planner, type UntracedPlan } from "../planner.ts";
import type { LoweredProgram } from "./lower.ts";

export { mayUpdateInPlace, type UntracedPlan } from "../planner.ts";

export const memory: Pass<LoweredProgram, UntracedPlan> = {
  name: "memory",
  doc: "Gives every value a place: buffers are reused once their value is dead, updates happen in place where no one can tell.\n\n{ a = f(x); b = g(a); c = h(b) }  →  a and c share an offset",
  run: (program, context) => new Planner(program, context, true).plan(),
  skip: (program, context) => new Planner(program, context, false).plan(),
  verify: verifyPlan,
  print: planText,
};

const placeText = (array: PlanArray): string =>
  `${array.region === "arena" ? `@${array.at}` : `${array.region} ${array.of}`}${array.part ? movesText(array.part) : ""}`;
const movesText = ({ offset, moves }: ArrayPart): string =>
  [...(offset === 0 ? [] : [sizeText(offset)]), ...moves.map(({ loop, stride }) => `${factorText(stride)}*turn${loop}`)]
    .map((term) => ` + ${term}`)
    .join("");
const factorText = (size: Size): string => (/ [+-] /.test(sizeText(size)) ? `(${sizeText(size)})` : sizeText(size));

/** A plan as text: its steps with where they read and write. */
export function planText(plan: UntracedPlan): string {
  const place = (at: number): string => placeText(plan.arrays[at]!);
  const lines = stepLines(plan.program, place);
  for (const { from, to } of plan.commits) lines.push(`  commit ${place(to)} = ${place(from)}`);
  const results = plan.results.map(place).join(", ");
  const kernels = plan.steps.length;
  const size = `arena ${plan.arenaBytes} bytes (${plan.liveBytes} live at once), all tensors ${plan.totalBytes} bytes`;
  return [`plan ${plan.fn.name}: ${kernels} kernels, ${size} {`, ...lines, `  return ${results}`, "}"].join("\n");
}

const stepLines = (steps: readonly PlanStep[], place: (at: number) => string): string[] =>
  steps.flatMap((step, i) => linesOf(step, i, place));

function linesOf(step: PlanStep, i: number, place: (at: number) => string): string[] {
  const inside = (list: readonly PlanStep[]): string[] => stepLines(list, place).map((line) => `  ${line}`);

  switch (step.kind) {
    case "kernel": {
      const operands = step.args.map((arg, k) => `${step.kernel.buffers[k]!.role} ${place(arg)}`);
      return [`  ${i}: ${step.kernel.name}(${operands.join(", ")})`];
    }
    case "copy":
      return [`  ${i}: ${place(step.to)} = ${place(step.from)}`];
    case "branch":
      return step.branches.flatMap((list, k) => [`  ${i}: branch ${k} by ${place(step.by)}`, ...inside(list)]);
    case "loop": {
      const { until } = step;
      const head = `  ${i}: loop ${step.loop}`;
      if (!isTest(until)) return [`${head}, ${sizeText(until)} turns`, ...inside(step.steps)];
      return [`${head}, while ${place(until.test)} after`, ...inside(until.steps), "  do", ...inside(step.steps)];
    }
  }
}

/** Runs the plan on paper: a step may only read what still holds the value it wants. */
function verifyPlan(plan: UntracedPlan): void {
  /** Arrays that hold their value; a slice counts as the array it is of. */
  const held = new Set<number>();
  const whole = (at: number): number => plan.arrays[at]!.part?.of ?? at;
  const overlaps = (a: PlanArray, b: PlanArray): boolean =>
    a.region === "arena" && b.region === "arena" && a.at < b.at + bytesTaken(b) && b.at < a.at + bytesTaken(a);
  const check = (at: number, by: string): void => {
    const array = plan.arrays[whole(at)]!;
    if (array.region === "arena" && array.length > 0 && !held.has(whole(at))) {
      throw new CompileError({ what: `memory: ${by} reads ${array.of}, which is not in its place any more` });
    }
  };
  const write = (at: number): void => {
    for (const other of [...held])
      if (other !== whole(at) && overlaps(plan.arrays[whole(at)]!, plan.arrays[other]!)) held.delete(other);
    held.add(whole(at));
  };
  const walk = (steps: readonly PlanStep[]): void => {
    for (const step of steps) {
      if (step.kind === "kernel") {
        const { kernel, args } = step;
        args.forEach((at, k) => {
          if (kernel.buffers[k]!.role === "in") check(at, kernel.name);
        });
        args.forEach((at, k) => {
          if (kernel.buffers[k]!.role !== "in") write(at);
        });
      } else if (step.kind === "copy") {
        check(step.from, "a copy");
        write(step.to);
      } else if (step.kind === "branch") {
        check(step.by, step.op.name);
        step.branches.forEach(walk);
      } else {
        // Twice: what the next turn reads must outlive this one.
        for (let turn = 0; turn < 2; turn++) innerLists(step).forEach(walk);
      }
    }
  };
  walk(plan.program);
  for (const at of plan.results) check(at, "a result");
  for (const { from } of plan.commits) check(from, "a commit");
}
