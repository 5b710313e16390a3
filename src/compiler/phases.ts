import { divide, type Part, turnsOf } from "../kernel/parallel.ts";
import type { ForStmt } from "../kernel/statement.ts";
import type { CompileOptions } from "./pass.ts";
import {
  bytesTaken,
  innerLists,
  type Phase,
  type Plan,
  type PlanArray,
  type PlanStep,
  type SerialPart,
  type SerialWork,
  type Step,
  type Work,
} from "./plan.ts";
import { costOf } from "./schedule/cost.ts";
import { LEAST_LOOP, leastTurns } from "./schedule/parallelise.ts";

/** Shares a thread gets at most: more of them even out what threads are kept from doing by others, and cost time. */
const MOST_SHARES = 4;
/** Of the time of a loop, what repeating the prologue in every share may add. */
const MOST_REPEATED = 1 / 16;

/** The steps of a plan as phases. With one phase of serial work, threads have nothing to do. */
export function phasesOf(
  plan: Pick<Plan, "program" | "arrays">,
  { threads = 1, parallelFrom = LEAST_LOOP }: CompileOptions,
): readonly Phase[] {
  const phases: Work[][] = [];
  let touched: Access[] = [];
  /** Adds work that touches this: to the last phase if it can, else to a new one. */
  const worksFor = (accesses: readonly Access[], serial: boolean): Work[] => {
    // Serial work does not meet itself: one thread does all of it, in order.
    const meets = accesses.some((access) =>
      touched.some((other) => !(serial && other.serial) && conflict(access, other)),
    );
    if (meets || phases.length === 0) {
      phases.push([]);
      touched = [];
    }
    for (const access of accesses) touched.push({ ...access, serial });
    return phases.at(-1)!;
  };
  const addSerial = (works: Work[], part: SerialPart): void => {
    const before = works.find((work): work is SerialWork => work.kind === "serial");
    if (before) before.parts.push(part);
    else works.push({ kind: "serial", parts: [part] });
  };
  for (const step of plan.program) {
    if (step.kind !== "kernel") {
      addSerial(worksFor(accessesInside(plan, step), true), { step, part: null });
      continue;
    }
    for (const part of divide(step.kernel).parts) {
      const shares = part.loop ? sharesOf({ ...part, loop: part.loop }, threads, parallelFrom) : 1;
      const serial = shares === 1;
      const works = worksFor(accessesOf(plan, step, part), serial);
      if (serial) addSerial(works, { step, part });
      else works.push({ kind: "shared", step, part: { ...part, loop: part.loop! }, shares });
    }
  }
  return phases.map((works) => ({ works }));
}

function sharesOf(part: Part & { readonly loop: ForStmt }, threads: number, leastLoop: number): number {
  const most = Math.floor(turnsOf(part.loop) / leastTurns(part.loop, leastLoop));
  const prologue = costOf(part.prologue);
  const repeated = prologue > 0 ? Math.floor((costOf([part.loop]) * MOST_REPEATED) / prologue) : Infinity;
  const shares = Math.min(most, threads * MOST_SHARES, Math.max(threads, repeated));
  // As many for each thread, where there is enough for all.
  return Math.max(1, shares > threads ? shares - (shares % threads) : shares);
}

/** Bytes a part touches. */
interface Access {
  /** What the bytes are counted in: the arena, or an array of its own. */
  readonly space: string;
  readonly start: number;
  readonly end: number;
  readonly writes: boolean;
  /** Each thread has a copy: threads do not meet there. */
  readonly own: boolean;
  readonly serial: boolean;
}

function accessesOf(plan: Pick<Plan, "arrays">, { kernel, args }: Step, part: Part): readonly Access[] {
  const { own } = divide(kernel);
  return kernel.buffers.flatMap(({ name }, i): Access[] => {
    const array = plan.arrays[args[i]!]!;
    const isOwn = own.has(name);
    const writes = part.stores.has(name) || isOwn;
    if (!writes && !part.loads.has(name)) return [];
    return [{ ...placeOf(array), writes, own: isOwn, serial: false }];
  });
}

/** What a step of another kind touches: all that anything in it does, of slices the whole array. */
function accessesInside(plan: Pick<Plan, "arrays">, step: PlanStep): readonly Access[] {
  const access = (at: number, writes: boolean): Access => {
    const array = plan.arrays[plan.arrays[at]!.part?.of ?? at]!;
    return { ...placeOf(array), writes, own: false, serial: true };
  };
  switch (step.kind) {
    case "kernel":
      return step.args.map((at, k) => access(at, step.kernel.buffers[k]!.role !== "in"));
    case "copy":
      return [access(step.from, false), access(step.to, true)];
    case "branch":
      return [
        access(step.by, false),
        ...innerLists(step)
          .flat()
          .flatMap((inner) => accessesInside(plan, inner)),
      ];
    case "loop":
      return innerLists(step)
        .flat()
        .flatMap((inner) => accessesInside(plan, inner));
  }
}

function placeOf(array: PlanArray): Pick<Access, "space" | "start" | "end"> {
  if (array.region === "arena") return { space: "arena", start: array.at, end: array.at + bytesTaken(array) };
  return { space: `${array.region} ${array.at}`, start: 0, end: bytesTaken(array) };
}

function conflict(a: Access, b: Access): boolean {
  if (a.space !== b.space || a.end <= b.start || b.end <= a.start || !(a.writes || b.writes)) return false;
  return !(a.own && b.own && a.start === b.start && a.end === b.end);
}

const stepName = (step: PlanStep): string => (step.kind === "kernel" ? step.kernel.name : step.kind);

/** The phases as text, for people. */
export const phasesText = (phases: readonly Phase[]): string =>
  phases
    .map(({ works }, i) => {
      const lines = works.map((work) => {
        if (work.kind === "serial") return `  one thread: ${work.parts.map(({ step }) => stepName(step)).join(", ")}`;
        const { step, part, shares } = work;
        return `  ${shares} shares of ${step.kernel.name}: ${turnsOf(part.loop)} turns of ${part.loop.index.name}`;
      });
      return [`phase ${i}`, ...lines].join("\n");
    })
    .join("\n");
