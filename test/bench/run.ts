/**
 * `npm run bench`: every workload of the project's performance goals against its peers, in one run.
 *
 *     --only mlp-train-b32,matmul    these workloads alone
 *     --threads 1|2                  rows with that many threads on both sides
 *     --backend wasm|javascript      of forerun; else what its sessions choose
 *     --quick                        shorter rounds: everything in less than five minutes
 *     --json FILE                    the measured rows, as described in `report.ts`
 *     --write-docs                   puts the table into README.md and docs/performance.md
 *
 * Each side runs in a process of its own, in turns with the other; what both compute is compared first; warm-up is not
 * counted; the ratio of the fastest times counts. `npm run bench:install` installs the peers. PyTorch is used where
 * `python3 -c "import torch"` works (`TORCH_PYTHON` names another interpreter).
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Row, selectRows } from "./goals.ts";
import { type Effort, findPython, measureOwn, measureSides, measureSize, measureStart } from "./measure.ts";
import { measureModes } from "./measure-modes.ts";
import { measureThreads } from "./measure-threads.ts";
import { type Outcome, textTable } from "./report.ts";
import { describeMachine, writeDocs } from "./write-docs.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    threads: { type: "string" },
    backend: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    "write-docs": { type: "boolean", default: false },
  },
});

const effort: Effort = {
  ...(options.quick
    ? { rounds: 3, roundMs: 120, warmUpMs: 300, starts: 3 }
    : { rounds: 12, roundMs: 250, warmUpMs: 1000, starts: 10 }),
  ...(options.backend === undefined ? {} : { backend: options.backend }),
};

/** Rows that one set of processes measures together, in the order of the table. */
function groups(rows: readonly Row[]): readonly (readonly Row[])[] {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const alone = ["start", "compile", "compile-scale", "memory", "size", "threads", "modes"].includes(row.workload);
    const key = alone ? row.workload : `${row.workload}|${row.variant}|${row.threads}`;
    found.set(key, [...(found.get(key) ?? []), row]);
  }
  return [...found.values()];
}

function measure(rows: readonly Row[]): Promise<readonly Outcome[]> {
  switch (rows[0]!.workload) {
    case "start":
      return measureStart(rows, effort);
    case "compile":
    case "compile-scale":
    case "memory":
      return measureOwn(rows, effort);
    case "modes":
      return measureModes(rows, effort);
    case "threads":
      return measureThreads(rows, effort);
    case "size":
      return measureSize(rows);
    default:
      return measureSides(rows, effort);
  }
}

const only = options.only?.split(",").filter((name) => name !== "") ?? [];
const rows = selectRows(only, options.threads === undefined ? undefined : Number(options.threads));
const started = performance.now();
console.log(describeMachine());
if (rows.some(({ peer }) => peer === "pytorch")) {
  const python = findPython();
  if ("missing" in python) console.log(`PyTorch ${python.missing}`);
}
const outcomes: Outcome[] = [];
for (const group of groups(rows)) {
  const { workload, variant, threads } = group[0]!;
  process.stderr.write(`measuring ${workload} ${variant} ${threads}T …\n`);
  outcomes.push(...(await measure(group)));
}
console.log(textTable(outcomes));
console.log(`took ${((performance.now() - started) / 1000).toFixed(0)} s; times are minima, the ratio is of minima`);
const measured = outcomes.flatMap((outcome) => ("measured" in outcome ? [outcome.measured] : []));
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(measured, null, 2)}\n`);
if (options["write-docs"]) writeDocs(measured);
