/**
 * `npm run profile -- mlp-train-b32`: where the time of a workload goes. For each step of its plan: time, floating-point
 * operations, bytes, and the share of the roofline, which is the time the machine needs at least for either, divided
 * by the time taken.
 *
 *     npm run profile -- matmul 512 --backend javascript
 *     npm run profile -- cnn-train-b64 --sort
 *     npm run profile -- mlp-train-b32 --threads 2      and how the phases fare on one thread and on two
 *
 * Steps run one by one in the order of the plan, pass after pass, so the caches hold what they hold in a real run; the
 * fastest time of each counts. Needs no peers.
 */
import { parseArgs } from "node:util";
import type { Backend } from "../../src/compiler/plan.ts";
import { kernelCost } from "./kernel-costs.ts";
import { peakLoop } from "./peak.ts";
import { type Linked, onOneThread, phasesTable } from "./profile-phases.ts";
import { columns, fastest, timeInTurns } from "./profiling.ts";
import { number } from "./report.ts";
import { forerunRunner } from "./workloads.ts";

const { values: options, positionals } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    ms: { type: "string", default: "1500" },
    sort: { type: "boolean", default: false },
    threads: { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const [workload, variant = ""] = positionals;
const threads = Number(options.threads);
if (workload === undefined) throw new Error("name a workload: npm run profile -- mlp-train-b32");

/** Loaded when asked for, so that each can be profiled while the other is being worked on. */
const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  wasm: async () => (await import("../../src/backend/wasm/backend.ts")).wasmBackend({ threads, gather: true }),
  javascript: async () => (await import("../../src/backend/javascript/backend.ts")).javascript,
};

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
function stepRunners(backend: Backend, linked: Linked): readonly (() => void)[] {
  const { placement, memory } = linked;
  const plan = onOneThread(linked.plan);
  const executable = linked.plan.phases.length > 0 ? backend.link(plan, placement) : linked.executable;
  if (executable.runStep) return plan.steps.map((_, step) => () => executable.runStep!(step));
  return plan.steps.map((step) => {
    const alone = backend.link(onOneThread(plan, [step]), placement);
    return () => alone.run(memory);
  });
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
timeInTurns(runners, Number(options.ms) / 2);
const times = timeInTurns(runners, Number(options.ms));
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
console.log(columns(lines, [1, headings.length - 1]));
console.log(
  `the whole call takes ${number(whole * 1000)} µs (${options.backend}${threads > 1 ? `, ${threads} threads` : ""}); its floor on one thread is ${number(allFloor * 1000)} µs ` +
    `at ${peak.toFixed(1)} GFLOP/s and the bandwidth of this working set`,
);
if (linked.plan.phases.length > 0) {
  console.log(`\n${phasesTable(chosen, linked, 2 * Number(options.ms))}`);
  const single = forerunRunner({ workload, variant }, { backend: "wasm" });
  await single.check();
  const both = [() => void single.call(turn++), call];
  timeInTurns(both, 200);
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
  for (let round = 0; round < 10; round++)
    for (const i of [0, 1] as const) best[i] = Math.min(best[i], fastest(both[i]!, Number(options.ms) / 10));
  const [one, all] = best;
  console.log(
    `the whole call takes ${number(one * 1000)} µs on 1 thread, ${number(all * 1000)} on ${threads}: ` +
      `${number(one / all)} times as fast`,
  );
}
