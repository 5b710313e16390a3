import { type Pass, unchanged } from "../pass.ts";
import { phasesOf, phasesText } from "../phases.ts";
import { planText, type UntracedPlan } from "./memory.ts";

export const placeBarriers: Pass<UntracedPlan> = {
  name: "place-barriers",
  doc: "Shares the steps out among threads, and makes threads wait for one another only where one needs what another makes. Only where there are threads.\n\n{ a = f(x); b = g(x); c = h(a, b) }  →  phase 0: shares of f, shares of g; phase 1: shares of h",
  run: (plan, { options }) => ((options.threads ?? 1) > 1 ? { ...plan, phases: phasesOf(plan, options) } : plan),
  skip: unchanged,
  print: (plan) => (plan.phases.length > 0 ? phasesText(plan.phases) : planText(plan)),
};
