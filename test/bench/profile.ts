/**
 * `npm run profile -- mlp-train-b32`: where the time of a workload goes. For each step of its plan: time, floating-point
 * operations, bytes, and the share of the roofline, which is the time the machine needs at least for either, divided
 * by the time taken.
 *
 *     npm run profile -- matmul 512 --backend javascript
 *     npm run profile -- cnn-train-b64 --sort
 *
 * Steps run one by one in the order of the plan, pass after pass, so the caches hold what they hold in a real run; the
 * fastest time of each counts. Needs no peers.
 */
import { parseArgs } from "node:util";
import type { Backend, Executable, Placement, Plan, PlanMemory } from "../../src/compiler/plan.ts";
import { kernelCost } from "./kernel-costs.ts";
import { peakLoop } from "./peak.ts";
import { number } from "./report.ts";
import { forerunRunner } from "./workloads.ts";

const { values: options, positionals } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    ms: { type: "string", default: "1500" },
    sort: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [workload, variant = ""] = positionals;
if (workload === undefined) throw new Error("name a workload: npm run profile -- mlp-train-b32");

/** Loaded when asked for, so that each can be profiled while the other is being worked on. */
const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  wasm: async () => (await import("../../src/backend/wasm/backend.ts")).wasmBackend(),
  javascript: async () => (await import("../../src/backend/javascript/backend.ts")).javascript,
};

/** What a session linked last, and the memory it ran on. */
interface Linked {
  readonly plan: Plan;
  readonly placement: Placement;
  readonly executable: Executable;
  memory: PlanMemory;
}

/** The backend, with an eye on what passes through it. */
function observed(backend: Backend): { readonly backend: Backend; readonly linked: () => Linked } {
  let last: Linked | null = null;
  return {
    backend: {
      ...backend,
      link(plan, placement) {
        const executable = backend.link(plan, placement);
        const linked: Linked = { plan, placement, executable, memory: [] };
        last = linked;
        return {
          source: "",
          run(memory) {
            linked.memory = memory;
            executable.run(memory);
          },
        };
      },
    },
    linked() {
      if (!last) throw new Error("the workload ran no plan");
      return last;
    },
  };
}

/** One function for each step of the plan; where the backend cannot run a step alone, a plan of that step is linked. */
function stepRunners(backend: Backend, { plan, placement, executable, memory }: Linked): readonly (() => void)[] {
  if (executable.runStep) return plan.steps.map((_, step) => () => executable.runStep!(step));
  return plan.steps.map((step) => {
    const alone = backend.link({ ...plan, steps: [step] }, placement);
    return () => alone.run(memory);
  });
}

const fastest = (run: () => void, ms: number): number => {
  let best = Number.POSITIVE_INFINITY;
  for (let now = performance.now(), end = now + ms; now < end; ) {
    const start = now;
    run();
    now = performance.now();
    best = Math.min(best, now - start);
  }
  return best;
};

/** Fastest time of each step in ms, over as many passes as fit. */
function timeSteps(runners: readonly (() => void)[], ms: number): readonly number[] {
  const clock = fastest(() => {}, 20);
  const best = runners.map(() => Number.POSITIVE_INFINITY);
  for (const end = performance.now() + ms; performance.now() < end; ) {
    for (let i = 0; i < runners.length; i++) {
      const start = performance.now();
      runners[i]!();
      best[i] = Math.min(best[i]!, performance.now() - start - clock);
    }
  }
  return best;
}

/** GB/s one core moves in WebAssembly, by the bytes that a kernel works on: the project's machine, see its roofline. */
const BANDWIDTH: readonly (readonly [upTo: number, gigabytes: number])[] = [
  [32 * 1024, 119],
  [1024 ** 2, 114],
  [8 * 1024 ** 2, 84],
  [24 * 1024 ** 2, 70],
  [Number.POSITIVE_INFINITY, 38],
];
const bandwidth = (bytes: number): number => BANDWIDTH.find(([upTo]) => bytes <= upTo)![1];

const load = BACKENDS[options.backend];
if (!load) throw new Error(`there is no backend ${options.backend}; choose one of ${Object.keys(BACKENDS).join(", ")}`);
const chosen = await load();
const eye = observed(chosen);
const side = forerunRunner({ workload, variant }, { backend: eye.backend });
await side.check();
let turn = 0;
const call = (): void => {
  side.call(turn++);
};
fastest(call, Number(options.ms) / 2);
const whole = fastest(call, Number(options.ms));
const linked = eye.linked();
const runners = stepRunners(chosen, linked);
timeSteps(runners, Number(options.ms) / 2);
const times = timeSteps(runners, Number(options.ms));
const { call: peakCall, gflops } = peakLoop();
fastest(peakCall, 200);
const peak = gflops(fastest(peakCall, 200));

const headings = ["step", "kernel", "µs", "% time", "kFLOP", "GFLOP/s", "kB", "GB/s", "roofline", "bound"];
const sum = times.reduce((total, time) => total + time, 0);
let [allFlops, allBytes, allFloor] = [0, 0, 0];
const steps = linked.plan.steps.map(({ kernel }, i) => {
  const { flops, bytes } = kernelCost(kernel);
  const ms = Math.max(times[i]!, 1e-6);
  const [arithmetic, traffic] = [flops / (peak * 1e6), bytes / (bandwidth(bytes) * 1e6)];
  const floor = Math.max(arithmetic, traffic);
  allFlops += flops;
  allBytes += bytes;
  allFloor += floor;
  const cells = [
    String(i),
    kernel.name.length > 48 ? `${kernel.name.slice(0, 47)}…` : kernel.name,
    number(ms * 1000),
    ((100 * ms) / sum).toFixed(1),
    number(flops / 1000),
    number(flops / ms / 1e6),
    number(bytes / 1000),
    number(bytes / ms / 1e6),
    `${((100 * floor) / ms).toFixed(0)} %`,
    arithmetic > traffic ? "arithmetic" : "memory",
  ];
  return { ms, cells };
});
if (options.sort) steps.sort((a, b) => b.ms - a.ms);
const total = [
  "",
  `${steps.length} steps`,
  number(sum * 1000),
  "100.0",
  number(allFlops / 1000),
  number(allFlops / sum / 1e6),
  number(allBytes / 1000),
  number(allBytes / sum / 1e6),
  `${((100 * allFloor) / sum).toFixed(0)} %`,
  "",
];
const lines = [headings, ...steps.map(({ cells }) => cells), total];
const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
for (const line of lines) {
  const padded = line.map((cell, column) =>
    column === 1 || column === headings.length - 1 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
  );
  console.log(padded.join("  ").trimEnd());
}
console.log(
  `the whole call takes ${number(whole * 1000)} µs (${options.backend}); its floor is ${number(allFloor * 1000)} µs ` +
    `at ${peak.toFixed(1)} GFLOP/s and the bandwidth of this working set`,
);
