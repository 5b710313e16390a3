/** The rows of `threads`: the training step of the MLP with more threads than cores, and with other ways of waiting. */
import type { Contestant } from "./contestant.ts";
import { COMPARISONS, medianOf, minimumOf, type Row, type ThreadSetting } from "./goals.ts";
import { type Effort, start } from "./measure.ts";
import { compareWithLimit, number, type Outcome, type Statistics, statistics } from "./report.ts";

const WORKLOAD = "mlp-train-b32";

/** Two settings, each in a process of its own, in turns. */
async function inTurns(
  settings: readonly [ThreadSetting, ThreadSetting],
  effort: Effort,
): Promise<readonly [Statistics, Statistics]> {
  const sides: Contestant[] = [];
  try {
    for (const setting of settings) {
      const started = await start("ours", { workload: WORKLOAD, variant: "", threads: 2, ...setting });
      if ("cannot" in started) throw new Error(started.cannot);
      sides.push(started.side);
      await started.side.round(effort.warmUpMs);
    }
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < effort.rounds; round++)
      for (const i of [0, 1] as const) times[i].push(...(await sides[i]!.round(effort.roundMs)));
    return [statistics(times[0]), statistics(times[1])];
  } finally {
    for (const side of sides) await side.close();
  }
}

export async function measureThreads(rows: readonly Row[], effort: Effort): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, setting, against } of COMPARISONS) {
    const wanted = rows.filter(({ variant }) => variant === minimumOf(name) || variant === medianOf(name));
    if (wanted.length === 0) continue;
    try {
      const [ours, other] = await inTurns([setting, against], effort);
      for (const row of wanted) {
        const key = row.variant === minimumOf(name) ? "min_ms" : "median_ms";
        const note = `${number(ours[key])} and ${number(other[key])} ms`;
        outcomes.push({ row, measured: compareWithLimit(row, [ours[key] / other[key]]), note });
      }
    } catch (error) {
      const skipped = error instanceof Error ? error.message : String(error);
      outcomes.push(...wanted.map((row) => ({ row, skipped })));
    }
  }
  return outcomes;
}
