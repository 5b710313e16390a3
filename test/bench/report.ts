/** From measured times to verdicts: the objects of `--json`, and the table people read. */
import type { Row } from "./goals.ts";

export interface Statistics {
  readonly min_ms: number;
  readonly median_ms: number;
}

/**
 * One measured row, as `--json` writes it. Rows against a limit have `peer: "limit"` and `goal: 1`; both sides then
 * hold the value and the limit in the unit of the row (ms, kB, a factor), and the ratio is above 1 if the limit is kept.
 */
export interface Measurement {
  readonly workload: string;
  readonly variant: string;
  readonly threads: number;
  readonly ours: Statistics;
  readonly peer: string;
  readonly peer_version: string;
  readonly peers: Statistics;
  /** Minimum of the peer ÷ minimum of ours: above 1, ours is faster. */
  readonly ratio: number;
  readonly goal: number;
}

/** What came of a row: numbers, or the reason why there are none. */
export type Outcome =
  | { readonly row: Row; readonly measured: Measurement; readonly note?: string }
  | { readonly row: Row; readonly skipped: string };

export function statistics(times: readonly number[]): Statistics {
  if (times.length === 0) throw new Error("nothing was measured");
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min_ms: sorted[0]!, median_ms: median };
}

export function compare(row: Row, ours: Statistics, peers: Statistics, peerVersion: string): Measurement {
  const { workload, variant, threads, peer, must: goal } = row;
  return {
    workload,
    variant,
    threads,
    ours,
    peer,
    peer_version: peerVersion,
    peers,
    ratio: peers.min_ms / ours.min_ms,
    goal,
  };
}

/** A row whose measured value must stay below its limit. */
export function compareWithLimit(row: Row, values: readonly number[], limit = row.limit!.must): Measurement {
  return compare(row, statistics(values), { min_ms: limit, median_ms: limit }, "");
}

export type Verdict = "aim" | "met" | "missed";

export function verdict(ratio: number, row: Pick<Row, "must" | "aim">): Verdict {
  if (!(ratio >= row.must)) return "missed";
  return row.aim > row.must && ratio >= row.aim ? "aim" : "met";
}

/** The largest difference, as a share of the largest number: tells whether two sides did the same work. */
export function disagreement(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let [largest, gap] = [Number.MIN_VALUE, 0];
  for (let i = 0; i < ours.length; i++) {
    const difference = Math.abs(ours[i]! - theirs[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(ours[i]!));
    gap = Math.max(gap, difference);
  }
  return gap / largest;
}

/** Three significant digits, in plain notation. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}

const amount = (value: number, row: Row): string => {
  const unit = row.limit?.unit ?? "ms";
  return `${number(value)} ${unit === "share" ? "ms" : unit}`;
};

export const HEADINGS = ["workload", "T", "ours", "against", "theirs", "ratio", "must", "aim", "verdict"] as const;

/** One line of the table; without numbers if the row was skipped. */
export function cells(outcome: Outcome): readonly string[] {
  const { row } = outcome;
  const name = row.variant === "" ? row.workload : `${row.workload} ${row.variant}`;
  const goals = [number(row.must), number(row.aim)];
  if ("skipped" in outcome) return [name, String(row.threads), "", row.peer, "", "", ...goals, outcome.skipped];
  const { ours, peers, peer_version: version, ratio } = outcome.measured;
  const peer = version === "" ? row.peer : `${row.peer} ${version}`;
  const words = verdict(ratio, row) + (outcome.note === undefined ? "" : `; ${outcome.note}`);
  return [
    name,
    String(row.threads),
    amount(ours.min_ms, row),
    peer,
    amount(peers.min_ms, row),
    number(ratio),
    ...goals,
    words,
  ];
}

/** Lines of equal columns for a terminal. */
export function textTable(outcomes: readonly Outcome[]): string {
  const lines = [HEADINGS, ...outcomes.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(column === line.length - 1 ? 0 : widths[column]!)).join("  "))
    .join("\n");
}
