/** The rows of `modes`: the same step run op by op, traced, and in a session; and op by op in TensorFlow.js. */
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { Backend, Plan } from "../../src/compiler/plan.ts";
import { byteSize } from "../../src/core/dtype.ts";
import { counted } from "../../src/runtime/reading.ts";
import type { Contestant } from "./contestant.ts";
import { eagerRunner } from "./eager.ts";
import { MODE_WORKLOADS, type Row, SMALL_OPERATIONS } from "./goals.ts";
import { kernelCost } from "./kernel-costs.ts";
import { type Effort, start } from "./measure.ts";
import type { Assignment, Mode } from "./protocol.ts";
import {
  compare,
  compareWithLimit,
  disagreement,
  number,
  type Outcome,
  type Statistics,
  statistics,
} from "./report.ts";
import { forerunRunner } from "./workloads.ts";

/** What one call runs and moves. */
interface Work {
  readonly kernels: number;
  /** Inputs of kernels read once, outputs written once. */
  readonly kernelBytes: number;
  /** Into the backend's memory before a plan runs, and out of it afterwards. */
  readonly copiedBytes: number;
}

/** The work of one plan; in a session prepared without copies, results stay where they are. */
function workOf(plan: Plan, mode: Mode): Work {
  const bytesAt = (at: number): number => plan.arrays[at]!.length * byteSize(plan.arrays[at]!.dtype);
  const fed = plan.feeds.map((feed) => plan.arrays.findIndex(({ tensor }) => tensor === feed)).filter((at) => at >= 0);
  return {
    kernels: plan.steps.length,
    kernelBytes: plan.steps.reduce((bytes, { kernel }) => bytes + kernelCost(kernel).bytes, 0),
    copiedBytes: [...fed, ...(mode === "session" ? [] : plan.results)].reduce((bytes, at) => bytes + bytesAt(at), 0),
  };
}

/** A backend that notes which plans run. */
function observed(backend: Backend): { readonly backend: Backend; readonly ran: Plan[] } {
  const ran: Plan[] = [];
  const link: Backend["link"] = (plan, placement) => {
    const executable = backend.link(plan, placement);
    const run: typeof executable.run = (memory) => {
      ran.push(plan);
      executable.run(memory);
    };
    return { ...executable, run };
  };
  return { backend: { ...backend, link }, ran };
}

/** What a call does once everything is compiled. */
async function workOfCall(mode: Mode, assignment: Assignment): Promise<Work> {
  const { backend, ran } = observed(wasmBackend());
  const run = mode === "session" ? forerunRunner(assignment, { backend }) : eagerRunner(assignment, { backend });
  await run.check();
  ran.length = 0;
  await run.call(0);
  return ran
    .map((plan) => workOf(plan, mode))
    .reduce((a, b) => ({
      kernels: a.kernels + b.kernels,
      kernelBytes: a.kernelBytes + b.kernelBytes,
      copiedBytes: a.copiedBytes + b.copiedBytes,
    }));
}

const MODES: readonly Mode[] = ["session", "traced", "eager", "eager with lines"];
type Side = Mode | "tfjs-wasm";

interface Measured {
  readonly times: ReadonlyMap<Side, Statistics>;
  readonly work: ReadonlyMap<Mode, Work>;
  readonly peerVersion: string;
  /** Why there is no peer. */
  readonly skipped?: string;
}

/** All modes in turns, each in a process of its own, and the peer if it is wanted. */
async function inTurns(workload: string, withPeer: boolean, effort: Effort): Promise<Measured> {
  const assignmentOf = (mode: Mode): Assignment => ({ workload, variant: "", threads: 1, mode });
  const sides = new Map<Side, Contestant>();
  const checks = new Map<Side, readonly number[]>();
  let [peerVersion, skipped]: [string, string | undefined] = ["", undefined];
  try {
    for (const mode of MODES) {
      const started = await start(mode === "session" ? "ours" : "ours eager", assignmentOf(mode));
      if ("cannot" in started) throw new Error(`${mode}: ${started.cannot}`);
      sides.set(mode, started.side);
      checks.set(mode, started.greeting.check);
      const gap = disagreement(checks.get("session")!, started.greeting.check);
      if (gap !== 0) throw new Error(`the modes session and ${mode} differ by ${gap}: not measured`);
    }
    if (withPeer) {
      const started = await start("tfjs-wasm", { workload, variant: "", threads: 1 });
      if ("cannot" in started) skipped = started.cannot;
      else {
        sides.set("tfjs-wasm", started.side);
        peerVersion = started.greeting.version;
        const gap = disagreement(checks.get("session")!, started.greeting.check);
        if (!(gap <= 1e-5)) throw new Error(`ours and tfjs-wasm differ by ${gap}: not measured`);
      }
    }
    for (const side of sides.values()) await side.round(effort.warmUpMs);
    const times = new Map<Side, number[]>([...sides.keys()].map((side) => [side, []]));
    for (let round = 0; round < effort.rounds; round++)
      for (const [name, side] of sides) times.get(name)!.push(...(await side.round(effort.roundMs)));
    const work = new Map<Mode, Work>();
    for (const mode of ["session", "traced", "eager"] as const)
      work.set(mode, await workOfCall(mode, assignmentOf(mode)));
    return {
      times: new Map([...times].map(([side, all]) => [side, statistics(all)])),
      work,
      peerVersion,
      ...(skipped === undefined ? {} : { skipped }),
    };
  } finally {
    for (const side of sides.values()) await side.close();
  }
}

/** One row, from the times of all modes. */
function outcomeOf(row: Row, workload: string, { times, work, peerVersion, skipped }: Measured): Outcome {
  const least = (side: Side): number => times.get(side)!.min_ms;
  const note = (mode: Mode): string => {
    const { kernels, kernelBytes, copiedBytes } = work.get(mode)!;
    const megabytes = (bytes: number): string => number(bytes / 1e6);
    return `${mode} ${number(least(mode))} ms, ${counted(kernels, "kernel")}, ${megabytes(kernelBytes)} MB, ${megabytes(copiedBytes)} MB copied`;
  };
  if (row.peer !== "limit") {
    const peer = times.get("tfjs-wasm");
    if (!peer) return { row, skipped: skipped ?? "not measured" };
    return { row, measured: compare(row, times.get("eager")!, peer, peerVersion), note: note("eager") };
  }
  if (workload === SMALL_OPERATIONS.workload) {
    const mode = row.variant.endsWith("with lines") ? "eager with lines" : "eager";
    const perOperation = least(mode) / SMALL_OPERATIONS.operations;
    return { row, measured: compareWithLimit(row, [perOperation]) };
  }
  const mode = row.variant.includes("traced") ? "traced" : "session";
  return {
    row,
    measured: compareWithLimit(row, [least(mode) / least("eager")]),
    note: `${note(mode)}; ${note("eager")}`,
  };
}

export async function measureModes(rows: readonly Row[], effort: Effort): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const workload of [...MODE_WORKLOADS, SMALL_OPERATIONS.workload]) {
    const wanted = rows.filter(({ variant }) => variant.startsWith(`${workload},`));
    if (wanted.length === 0) continue;
    try {
      const measured = await inTurns(
        workload,
        wanted.some(({ peer }) => peer === "tfjs-wasm"),
        effort,
      );
      outcomes.push(...wanted.map((row) => outcomeOf(row, workload, measured)));
    } catch (error) {
      const skipped = error instanceof Error ? error.message : String(error);
      outcomes.push(...wanted.map((row) => ({ row, skipped })));
    }
  }
  return outcomes;
}
