/** Runs the measured processes of a workload and turns their times into outcomes of its rows. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundleSizes } from "../package/size.ts";
import { bundle, peersInstalled, peerVersion } from "./bundles.ts";
import { type Command, Contestant } from "./contestant.ts";
import type { PeerName, Row } from "./goals.ts";
import { peakLoop } from "./peak.ts";
import type { Assignment, Greeting } from "./protocol.ts";
import {
  compare,
  compareWithLimit,
  disagreement,
  number,
  type Outcome,
  type Statistics,
  statistics,
} from "./report.ts";

export interface Effort {
  /** Rounds of each pair of sides, and milliseconds of one round of one side. */
  readonly rounds: number;
  readonly roundMs: number;
  /** Milliseconds of the first round, which is thrown away: V8 compiles what is hot. */
  readonly warmUpMs: number;
  /** Processes started where a start is what is measured. */
  readonly starts: number;
  /** Backend of forerun; absent: the default of its sessions. */
  readonly backend?: string;
}

/** Both sides must agree to this share of the largest number. Folds in different orders differ by a tenth of it. */
const TOLERANCE = 1e-5;

/** The interpreter with PyTorch, or why there is none. */
let python: { readonly program: string } | { readonly missing: string } | null = null;
export function findPython(): { readonly program: string } | { readonly missing: string } {
  if (python) return python;
  const program = process.env.TORCH_PYTHON ?? "python3";
  const { status } = spawnSync(program, ["-c", "import torch"], { timeout: 60_000 });
  python = status === 0 ? { program } : { missing: `skipped: ${program} has no torch (TORCH_PYTHON names another)` };
  return python;
}

type SideName = "ours" | "ours eager" | "ideal" | Exclude<PeerName, "limit" | "forerun 1T">;

const PEER_FILES = {
  "jax-js": ["peers/jax.mjs"],
  "tfjs-wasm": ["peers/tfjs.mjs"],
  "onnxruntime-node": ["peers/ort.mjs"],
  "onnxruntime-web": ["peers/ort.mjs", "web"],
  ours: ["ours.ts"],
  "ours eager": ["ours-eager.ts"],
  ideal: ["ideal.ts"],
} as const;

/** How to start a side. @throws Error saying what is not installed */
async function commandOf(side: SideName): Promise<Command> {
  if (side === "pytorch") {
    const found = findPython();
    if ("missing" in found) throw new Error(found.missing);
    const file = fileURLToPath(new URL("./peers/torch_side.py", import.meta.url));
    // Its idle thread would otherwise spin on the core that the other side needs.
    return { program: found.program, args: [file], environment: { OMP_WAIT_POLICY: "PASSIVE" } };
  }
  const [file, ...words] = PEER_FILES[side];
  if (file.startsWith("peers/") && !peersInstalled()) throw new Error("skipped: npm run bench:install");
  return { program: process.execPath, args: [await bundle(file), ...words] };
}

/** A running process that has greeted, or why there is none. */
type Started = { readonly side: Contestant; readonly greeting: Greeting } | { readonly cannot: string };

export async function start(name: SideName, assignment: Assignment): Promise<Started> {
  let side: Contestant | null = null;
  try {
    side = new Contestant(await commandOf(name), assignment);
    const greeting = await side.ready();
    if (greeting.cannot === undefined) return { side, greeting };
    await side.close();
    return { cannot: greeting.cannot };
  } catch (error) {
    await side?.close();
    return { cannot: error instanceof Error ? error.message : String(error) };
  }
}

/** The side against which a row stands. */
function opponentOf({ peer }: Row): { readonly side: SideName; readonly threads?: number } {
  if (peer === "limit") return { side: "ideal" };
  return peer === "forerun 1T" ? { side: "ours", threads: 1 } : { side: peer };
}

/**
 * Rows of one workload, variant and thread count: ours in one process, each peer in its own, in turns. For a pair only
 * the rounds of ours right beside the peer's count, so both have as many tries at a quiet moment of the machine.
 */
export async function measureSides(rows: readonly Row[], effort: Effort): Promise<readonly Outcome[]> {
  const { workload, variant, threads } = rows[0]!;
  const assignment: Assignment = {
    workload,
    variant,
    threads,
    ...(effort.backend === undefined ? {} : { backend: effort.backend }),
  };
  const ours = await start("ours", assignment);
  if ("cannot" in ours) return rows.map((row) => ({ row, skipped: ours.cannot }));
  const outcomes: Outcome[] = [];
  try {
    await ours.side.round(effort.warmUpMs);
    for (const row of rows) {
      const opponent = opponentOf(row);
      const theirs = await start(opponent.side, { ...assignment, threads: opponent.threads ?? threads });
      if ("cannot" in theirs) {
        outcomes.push({ row, skipped: theirs.cannot });
        continue;
      }
      try {
        outcomes.push(await duel(row, ours, theirs, effort));
      } finally {
        await theirs.side.close();
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    for (const row of rows.slice(outcomes.length)) outcomes.push({ row, skipped: reason });
  } finally {
    await ours.side.close();
  }
  return outcomes;
}

type Running = Extract<Started, { side: Contestant }>;

async function duel(row: Row, ours: Running, theirs: Running, effort: Effort): Promise<Outcome> {
  if (row.peer !== "limit") {
    const gap = disagreement(ours.greeting.check, theirs.greeting.check);
    if (!(gap <= TOLERANCE)) return { row, skipped: `the two sides disagree by ${gap.toExponential(1)}: not measured` };
  }
  await theirs.side.round(effort.warmUpMs);
  const [a, b]: [number[], number[]] = [[], []];
  for (let round = 0; round < effort.rounds; round++) {
    a.push(...(await ours.side.round(effort.roundMs)));
    b.push(...(await theirs.side.round(effort.roundMs)));
  }
  const [mine, other] = [statistics(a), statistics(b)];
  if (row.peer !== "limit") return { row, measured: compare(row, mine, other, theirs.greeting.version) };
  return shareOfIdeal(row, mine, other, theirs.greeting.note ?? "");
}

/** A matmul against the time in which the required share of the ideal would do it. */
function shareOfIdeal(row: Row, ours: Statistics, ideal: Statistics, words: string): Outcome {
  const flops = 2 * Number(row.variant) ** 3;
  const gflops = peakLoop().gflops(ideal.min_ms);
  const allowed = flops / (gflops * row.limit!.must * 1e6);
  const reached = flops / (ours.min_ms * 1e6);
  const note = `${reached.toFixed(1)} of ${gflops.toFixed(1)} GFLOP/s: ${(reached / gflops).toFixed(3)} (${words})`;
  return { row, measured: compare(row, ours, { min_ms: allowed, median_ms: allowed }, ""), note };
}

// ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Milliseconds from the start of a process to the line that it prints, and the loss in it. */
function timeStart({ program, args }: Command): Promise<{ readonly ms: number; readonly loss: number }> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [ms, text, errors] = [0, "", ""];
    child.stdout.on("data", (chunk) => {
      text += String(chunk);
      if (ms === 0 && /^\{.*\}$/m.test(text)) ms = performance.now() - begun;
    });
    child.stderr.on("data", (chunk) => {
      errors += String(chunk);
    });
    child.on("error", reject);
    child.on("exit", () => {
      const line = /^\{.*\}$/m.exec(text)?.[0];
      if (line === undefined) reject(new Error(errors.trim().slice(-500) || "it ended without a loss"));
      else resolve({ ms, loss: (JSON.parse(line) as { loss: number }).loss });
    });
  });
}

const START_FILES = { "tfjs-wasm": "peers/start-tfjs.mjs", "jax-js": "peers/start-jax.mjs" } as const;

export async function measureStart(rows: readonly Row[], { starts, backend }: Effort): Promise<readonly Outcome[]> {
  const assignment = JSON.stringify({ workload: "start", variant: "", threads: 1, backend });
  const ours = { program: process.execPath, args: [await bundle("start-ours.ts", true), assignment] };
  const outcomes: Outcome[] = [];
  for (const row of rows) {
    try {
      const file = row.peer === "limit" ? null : START_FILES[row.peer as keyof typeof START_FILES];
      if (file && !peersInstalled()) throw new Error("skipped: npm run bench:install");
      const theirs = file === null ? null : { program: process.execPath, args: [await bundle(file), assignment] };
      const [a, b]: [number[], number[]] = [[], []];
      // The first of each fills the caches of the file system.
      for (let i = 0; i <= starts; i++) {
        const mine = await timeStart(ours);
        const other = theirs && (await timeStart(theirs));
        if (other && disagreement([mine.loss], [other.loss]) > TOLERANCE)
          throw new Error(`the losses ${mine.loss} and ${other.loss} differ: not measured`);
        if (i === 0) continue;
        a.push(mine.ms);
        if (other) b.push(other.ms);
      }
      const version =
        row.peer === "jax-js" ? peerVersion("@jax-js/jax") : theirs ? peerVersion("@tensorflow/tfjs-core") : "";
      outcomes.push({
        row,
        measured: theirs ? compare(row, statistics(a), statistics(b), version) : compareWithLimit(row, a),
      });
    } catch (error) {
      outcomes.push({ row, skipped: error instanceof Error ? error.message : String(error) });
    }
  }
  return outcomes;
}

// ── against limits alone ─────────────────────────────────────────────────────────────────────────────────────────

type Values = Readonly<Record<string, number | readonly number[]>>;

/** One process of `own.ts`: values by the variant of a row. */
async function ownValues(workload: string, variant: string, backend: string | undefined): Promise<Values> {
  const assignment = JSON.stringify({ workload, variant, threads: 1, backend });
  const { stdout, stderr, status } = spawnSync(process.execPath, [await bundle("own.ts"), assignment], {
    encoding: "utf8",
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`it failed: ${stderr.trim().slice(-300)}`);
  return JSON.parse(stdout) as Values;
}

export async function measureOwn(rows: readonly Row[], effort: Effort): Promise<readonly Outcome[]> {
  const { workload } = rows[0]!;
  const runs = workload === "compile" ? effort.starts : 1;
  const outcomes: Outcome[] = [];
  const collected = new Map<string, Values[]>();
  for (const row of rows) {
    try {
      // The rows of a network each need a plan of their own; the others come from one process, or several alike.
      const about = workload === "memory" ? row.variant.split(",")[0]! : "";
      let found = collected.get(about);
      if (!found) {
        found = [];
        for (let i = 0; i < runs; i++) found.push(await ownValues(workload, about, effort.backend));
        collected.set(about, found);
      }
      const measured = compareWithLimit(
        row,
        found.flatMap((values) => values[row.variant] ?? []),
      );
      outcomes.push({ row, measured, ...noteOf(workload, row, found[0]!) });
    } catch (error) {
      outcomes.push({ row, skipped: error instanceof Error ? error.message : String(error) });
    }
  }
  return outcomes;
}

function noteOf(workload: string, row: Row, values: Values): { readonly note?: string } {
  const value = (name: string): string => number(Number(values[name]));
  if (workload === "memory") {
    const kilobytes = (name: string): string => (Number(values[name]) / 1000).toFixed(1);
    return { note: `arena ${kilobytes("arenaBytes")} kB, live ${kilobytes("liveBytes")} kB` };
  }
  if (row.variant === "10,000 ops")
    return { note: `100 ops ${value("100 ops")} ms, 1,000 ops ${value("1,000 ops")} ms` };
  return {};
}

export async function measureSize(rows: readonly Row[]): Promise<readonly Outcome[]> {
  const sizes = await bundleSizes();
  const names: Readonly<Record<string, string>> = {
    core: "all of forerun",
    "forward program": "forward program, forerun/functional",
  };
  return rows.map((row) => {
    const { minified, compressed } = sizes.find(({ name }) => name === names[row.variant])!;
    return {
      row,
      measured: compareWithLimit(row, [compressed / 1000]),
      note: `${names[row.variant]}, ${number(minified / 1000)} kB before gzip`,
    };
  });
}
