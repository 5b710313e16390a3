/**
 * Puts measured rows into README.md and docs/performance.md, between the lines `<!-- bench -->` and `<!-- /bench -->`.
 *
 *     tsx test/bench/write-docs.ts rows.json          the rows of `npm run bench -- --json rows.json`
 *     tsx test/bench/write-docs.ts rows.json --dry    prints what would be written
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ROWS, type Row } from "./goals.ts";
import { type Measurement, number, verdict } from "./report.ts";

const START = "<!-- bench -->";
const END = "<!-- /bench -->";

/** Processor, Node and month: what a figure without is worth nothing. */
export function describeMachine(date = new Date()): string {
  const [first] = cpus();
  const month = date.toLocaleDateString("en-GB", { month: "long", year: "numeric" });
  return `${cpus().length} × ${first?.model.trim() ?? "unknown processor"}, ${process.platform}, Node ${process.versions.node}, ${month}`;
}

const rowOf = ({ workload, variant, threads, peer }: Measurement): Row | undefined =>
  ROWS.find(
    (row) => row.workload === workload && row.variant === variant && row.threads === threads && row.peer === peer,
  );

function markdownTable(headings: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = headings.map((_, column) => (column === 0 ? "---" : "---:"));
  return [line(headings), line(rule), ...lines.map(line)].join("\n");
}

const amount = (value: number, row: Row): string =>
  `${number(value)} ${row.limit === undefined || row.limit.unit === "share" ? "ms" : row.limit.unit}`;

const nameOf = (row: Row): string => `\`${row.workload}\`${row.variant === "" ? "" : ` ${row.variant}`}`;

/** Every row, with the goal and whether it was reached. */
export function fullTable(measured: readonly Measurement[]): string {
  const lines = measured.flatMap((one) => {
    const row = rowOf(one);
    if (!row) return [];
    return [
      [
        nameOf(row),
        String(one.threads),
        amount(one.ours.min_ms, row),
        one.peer_version === "" ? one.peer : `${one.peer} ${one.peer_version}`,
        amount(one.peers.min_ms, row),
        number(one.ratio),
        number(row.must),
        number(row.aim),
        verdict(one.ratio, row),
      ],
    ];
  });
  return markdownTable(["workload", "threads", "forerun", "against", "theirs", "ratio", "must", "aim", ""], lines);
}

/** For the README: one line for each workload, one column for each peer, on one thread. */
export function shortTable(measured: readonly Measurement[]): string {
  const peers = ["tfjs-wasm", "jax-js", "onnxruntime-web", "onnxruntime-node", "pytorch"];
  const timed = measured.filter(({ threads, peer }) => threads === 1 && peers.includes(peer));
  const columns = peers.filter((peer) => timed.some((one) => one.peer === peer));
  const names = [...new Set(timed.map(({ workload, variant }) => `${workload}|${variant}`))];
  const lines = names.map((name) => {
    const [workload, variant] = name.split("|") as [string, string];
    const ours = timed.filter((one) => one.workload === workload && one.variant === variant);
    const cells = columns.map((peer) => {
      const one = ours.find((candidate) => candidate.peer === peer);
      return one ? `${number(one.peers.min_ms)} ms (${number(one.ratio)} ×)` : "";
    });
    const best = Math.min(...ours.map((one) => one.ours.min_ms));
    return [`\`${workload}\`${variant === "" ? "" : ` ${variant}`}`, `${number(best)} ms`, ...cells];
  });
  const headings = columns.map((peer) => `${peer} ${timed.find((one) => one.peer === peer)!.peer_version}`.trim());
  return markdownTable(["one thread", "forerun", ...headings], lines);
}

/** The text with the block between the markers replaced. @throws Error if a marker is missing */
export function replaceBlock(text: string, block: string, file: string): string {
  const [from, to] = [text.indexOf(START), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${file} lacks the lines ${START} and ${END}`);
  return `${text.slice(0, from + START.length)}\n\n${block}\n\n${text.slice(to)}`;
}

/** Rewrites the blocks; `dry` prints them instead. */
export function writeDocs(measured: readonly Measurement[], dry = false): void {
  const machine = describeMachine();
  const blocks = {
    "README.md": `Fastest times, each peer in turns with forerun in one run; in brackets how many times as long it takes. ${machine}.\n\n${shortTable(measured)}`,
    "docs/performance.md": `Measured with \`npm run bench\`: minima; \`ratio\` is theirs ÷ ours. ${machine}.\n\n${fullTable(measured)}`,
  };
  for (const [file, block] of Object.entries(blocks)) {
    const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
    if (dry) console.log(`── ${file}\n${block}\n`);
    else writeFileSync(path, replaceBlock(readFileSync(path, "utf8"), block, file));
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [file, flag] = process.argv.slice(2);
  if (file === undefined) throw new Error("name the file that `npm run bench -- --json FILE` wrote");
  writeDocs(JSON.parse(readFileSync(file, "utf8")) as Measurement[], flag === "--dry");
}
