/** The rows of the benchmark: what is compared with what, and the goals of the project's performance design. */

export type PeerName =
  | "jax-js"
  | "tfjs-wasm"
  | "pytorch"
  | "onnxruntime-node"
  | "onnxruntime-web"
  | "forerun 1T"
  | "limit";

export interface Row {
  readonly workload: string;
  /** What tells rows of one workload apart; empty where nothing does. */
  readonly variant: string;
  /** Threads of both sides. */
  readonly threads: 1 | 2;
  readonly peer: PeerName;
  /** Peer ÷ ours that must be reached, and what to try for. Rows against a limit: 1, and limit ÷ aim. */
  readonly must: number;
  readonly aim: number;
  /** Of rows against a limit: the limit in its unit. Ours is given in the same. */
  readonly limit?: { readonly must: number; readonly aim: number; readonly unit: "ms" | "kB" | "×" | "share" };
}

/** Ratios against peers: `must` and `aim` by peer. */
type Ratios = Partial<Record<Exclude<PeerName, "limit">, readonly [must: number, aim: number]>>;

function against(workload: string, ratios: Ratios, variant = "", threads: 1 | 2 = 1): Row[] {
  return (Object.entries(ratios) as [PeerName, readonly [number, number]][]).map(([peer, [must, aim]]) => ({
    workload,
    variant,
    threads,
    peer,
    must,
    aim,
  }));
}

/** `unit` of "share" and "×": the limit is a least share or a largest factor, the rest are largest values. */
function limit(
  workload: string,
  variant: string,
  unit: NonNullable<Row["limit"]>["unit"],
  must: number,
  aim = must,
): Row {
  const ratio = unit === "share" ? aim / must : must / aim;
  return { workload, variant, threads: 1, peer: "limit", must: 1, aim: ratio, limit: { must, aim, unit } };
}

const matmulRows = (n: string): Row[] => [
  limit("matmul", n, "share", 0.78, 0.85),
  ...against("matmul", { "tfjs-wasm": [1.5, 1.6] }, n),
  ...against("matmul", { "forerun 1T": [1.9, 1.95] }, n, 2),
];

/** How the training step of `threads` runs in one setting; absent: two threads that wait as they do by default. */
export interface ThreadSetting {
  readonly threads?: number;
  readonly spins?: number;
  readonly pauseMs?: number;
}
/** Two settings, and how many times the time of the second the first may take. */
export interface ThreadComparison {
  readonly name: string;
  readonly setting: ThreadSetting;
  readonly against: ThreadSetting;
  readonly most: number;
}

/** Sleeping and looking longer are shown to choose between, so their limit is wide. */
const waiting = (when: string, pauseMs: number): ThreadComparison[] =>
  (
    [
      ["sleep at once", 0],
      ["look long", 1_000_000],
    ] as const
  ).map(([name, spins]) => ({
    name: `${name} ÷ default${when}`,
    setting: { spins, pauseMs },
    against: { pauseMs },
    most: 3,
  }));

export const COMPARISONS: readonly ThreadComparison[] = [
  { name: "4 ÷ 2 threads", setting: { threads: 4 }, against: {}, most: 1.3 },
  { name: "8 ÷ 2 threads", setting: { threads: 8 }, against: {}, most: 1.3 },
  ...waiting("", 0),
  ...waiting(", 0.2 ms between", 0.2),
  ...waiting(", 2 ms between", 2),
];

/** Both the fastest and the usual call count: what waits for a thread that has no core is slow only now and then. */
export const minimumOf = (name: string): string => `${name}, minimum`;
export const medianOf = (name: string): string => `${name}, median`;

const threadRows = ({ name, most }: ThreadComparison): Row[] =>
  [minimumOf(name), medianOf(name)].map((variant) => ({ ...limit("threads", variant, "×", most), threads: 2 }));

/** Run op by op, traced, and in a session. */
export const MODE_WORKLOADS = ["mlp-train-b32", "chain-1m", "chain-1k"] as const;
/** On four numbers, so that what an operation costs besides its kernel is what is measured. */
export const SMALL_OPERATIONS = { workload: "chain-4", operations: 5 } as const;

/** Compiled, a step must be twice as fast as op by op; and op by op no slower than in TensorFlow.js. */
const modeRows = (workload: string): Row[] => [
  limit("modes", `${workload}, session ÷ eager`, "×", 0.5, 0.25),
  limit("modes", `${workload}, traced ÷ eager`, "×", 0.5, 0.25),
  ...against("modes", { "tfjs-wasm": [1, 2] }, `${workload}, eager`),
];

export const ROWS: readonly Row[] = [
  ...against("mlp-train-b32", { "jax-js": [3.3, 4], "tfjs-wasm": [12, 14], pytorch: [1.4, 1.5] }),
  ...against("mlp-train-b32", { pytorch: [2.5, 3], "forerun 1T": [1.5, 1.6] }, "", 2),
  ...against("mlp-train-b128", { "jax-js": [2.2, 2.5], "tfjs-wasm": [10.5, 11], pytorch: [0.72, 0.8] }),
  ...against("mlp-train-b128", { pytorch: [1.2, 1.4], "forerun 1T": [1.6, 1.8] }, "", 2),
  // tfjs-wasm has no gradient kernel of a convolution: its row says so.
  ...against("cnn-train-b64", { "jax-js": [150, 200], "tfjs-wasm": [1, 1], pytorch: [0.8, 0.9] }),
  ...against("cnn-train-b64", { pytorch: [1.4, 1.5], "forerun 1T": [1.8, 1.95] }, "", 2),
  ...["256", "512", "1024"].flatMap(matmulRows),
  ...against("chain-1m", { "jax-js": [1.1, 1.2], "tfjs-wasm": [3, 3.3] }),
  ...against("chain-1m", { "forerun 1T": [1.8, 1.9] }, "", 2),
  ...against("exp-1m", {
    "onnxruntime-node": [0.75, 0.9],
    pytorch: [2, 2.5],
    "jax-js": [12, 16],
    "tfjs-wasm": [12, 16],
  }),
  ...against("softmax-1024", { "tfjs-wasm": [1.05, 1.25] }),
  ...against("softmax-1024", { "onnxruntime-node": [0.95, 1.1] }, "", 2),
  ...against("sum-axis0", { pytorch: [1, 1.2] }),
  ...against("sum-axis1", { pytorch: [0.75, 0.9] }),
  ...against("mlp-infer-b1", { "onnxruntime-node": [1, 1.3], "onnxruntime-web": [1.5, 1.7] }),
  ...against("mlp-infer-b64", { "onnxruntime-node": [0.55, 0.6], "onnxruntime-web": [1.5, 1.7] }),
  ...against("cnn-infer-b1", { "onnxruntime-web": [1.5, 2], "onnxruntime-node": [0.5, 0.6] }),
  ...against("cnn-infer-b64", { "onnxruntime-web": [1.5, 2], "onnxruntime-node": [0.5, 0.6] }),
  ...COMPARISONS.flatMap(threadRows),
  ...MODE_WORKLOADS.flatMap(modeRows),
  limit("modes", `${SMALL_OPERATIONS.workload}, an operation, eager`, "ms", 0.005, 0.002),
  limit("modes", `${SMALL_OPERATIONS.workload}, an operation, eager with lines`, "ms", 0.01, 0.005),
  limit("start", "", "ms", 200, 150),
  ...against("start", { "tfjs-wasm": [1.5, 2], "jax-js": [1.5, 2] }),
  limit("compile", "first plan of a process", "ms", 30, 15),
  limit("compile", "later plan", "ms", 30, 15),
  // Twice the steady time: nothing is in the caches yet. Code that waits for V8's optimiser takes four times.
  limit("compile", "first step ÷ steady step", "×", 2),
  limit("compile-scale", "10,000 ops", "ms", 5000, 2000),
  // Linear, but for caches and garbage: an op of 10,000 may take twice as long as one of 1,000.
  limit("compile-scale", "time an op, 10,000 ÷ 1,000", "×", 2),
  limit("memory", "mlp-train-b32, arena ÷ live", "×", 1.2, 1.05),
  limit("memory", "mlp-train-b128, arena ÷ live", "×", 1.2, 1.05),
  limit("memory", "cnn-train-b64, arena ÷ live", "×", 1.2, 1.05),
  limit("size", "core", "kB", 60, 40),
  limit("size", "forward program", "kB", 30, 12),
];

export const WORKLOADS: readonly string[] = [...new Set(ROWS.map(({ workload }) => workload))];

/** Rows of the named workloads (all, if none is named) and thread count. @throws Error naming an unknown workload */
export function selectRows(only: readonly string[], threads?: number): readonly Row[] {
  for (const name of only) {
    if (!WORKLOADS.includes(name)) throw new Error(`no workload is called ${name}; there are ${WORKLOADS.join(", ")}`);
  }
  return ROWS.filter(
    (row) => (only.length === 0 || only.includes(row.workload)) && (threads === undefined || row.threads === threads),
  );
}
