/** How the time of a plan falls on its phases, on one thread and on several. */
import { phasesText } from "../../src/compiler/phases.ts";
import {
  type Backend,
  type Executable,
  kernelSteps,
  type Phase,
  type Placement,
  type Plan,
  type PlanMemory,
  type PlanStep,
  type Work,
} from "../../src/compiler/plan.ts";
import { columns, timeInTurns } from "./profiling.ts";
import { number } from "./report.ts";

/** A plan that a session linked, and the memory it ran on. */
export interface Linked {
  readonly plan: Plan;
  readonly placement: Placement;
  readonly executable: Executable;
  memory: PlanMemory;
}

/** The work of a phase as steps of its own, in an order one thread could do it in. */
function stepsOf(work: Work): readonly PlanStep[] {
  const parts = work.kind === "serial" ? work.parts : [work];
  return parts.map(({ step, part }) =>
    part ? { ...step, kernel: { ...step.kernel, body: [...part.prologue, ...part.body] } } : step,
  );
}

/** The same plan and memory for one thread. */
export const onOneThread = (plan: Plan, program: readonly PlanStep[] = plan.program): Plan => ({
  ...plan,
  program,
  steps: kernelSteps(program),
  phases: [],
});

/**
 * A table of the phases of a plan. Each is linked as a plan of its own, so its time holds one call and one meeting; they
 * run in the order of the plan, pass after pass, so that caches hold what they hold in a real run.
 *
 * @param ms to measure for, on one thread and on all together
 */
export function phasesTable(backend: Backend, { plan, placement, memory }: Linked, ms: number): string {
  const runner = (part: Plan): (() => void) => {
    const executable = backend.link(part, placement);
    return () => executable.run(memory);
  };
  const alone = plan.phases.map(({ works }) => runner(onOneThread(plan, works.flatMap(stepsOf))));
  const isShared = ({ works }: Phase): boolean => works.some(({ kind }) => kind === "shared");
  const together = plan.phases.map((phase, p) => (isShared(phase) ? runner({ ...plan, phases: [phase] }) : alone[p]!));
  const best = plan.phases.map(() => [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number]);
  const rounds = 10;
  for (let round = 0; round <= rounds; round++) {
    for (const [side, runners] of [alone, together].entries()) {
      const times = timeInTurns(runners, ms / rounds / 2);
      // The first round warms up.
      if (round > 0) for (const [p, time] of times.entries()) best[p]![side] = Math.min(best[p]![side]!, time);
    }
  }
  const row = (name: string, work: string, [one, all]: readonly [number, number]): readonly string[] => [
    name,
    work,
    number(one * 1000),
    number(all * 1000),
    number(one / all),
  ];
  const lines = plan.phases.flatMap((phase, p) => {
    const [first, ...more] = phasesText([phase])
      .split("\n")
      .slice(1)
      .map((line) => shortened(line.trim()));
    return [row(String(p), first!, best[p]!), ...more.map((work) => ["", work, "", "", ""])];
  });
  const sum = (side: 0 | 1): number => best.reduce((total, times) => total + times[side], 0);
  const headings = ["phase", "work", "µs on 1 thread", `on ${backend.threads}`, "times as fast"];
  return columns([headings, ...lines, row("", `${plan.phases.length} phases`, [sum(0), sum(1)])], [1]);
}

const shortened = (text: string): string => (text.length > 70 ? `${text.slice(0, 69)}…` : text);
