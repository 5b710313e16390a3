import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { phasesText } from "../../src/compiler/phases.ts";
import { Session } from "../../src/functional.ts";
import { batches } from "../bench/cases.ts";
import { trained } from "../bench/networks.ts";
import { projectRoot } from "../support/source-files.ts";

const [START, END] = ["<!-- phases -->\n", "<!-- /phases -->"];

/** The phases of a training step of the MLP of the benchmark, long lines broken. */
function phases(): string {
  const { graph, loss, trainStep } = trained({ network: "mlp", task: "train", batch: 32 });
  using session = new Session(graph, { threads: 2 });
  const [{ images, labels }] = batches(32, 1) as [ReturnType<typeof batches>[number]];
  return phasesText(session.plan([loss, trainStep], { images, labels }).phases).replaceAll(
    /(.{80,90}?), /g,
    "$1,\n              ",
  );
}

test("docs/threads.md shows the phases that a training step has (npm run docs writes them)", () => {
  const path = join(projectRoot, "docs/threads.md");
  const page = readFileSync(path, "utf8").replaceAll("\r\n", "\n");
  const [before, rest] = page.split(START) as [string, string];
  const after = rest.slice(rest.indexOf(END));
  const wanted = `${before}${START}\n\`\`\`\n${phases()}\n\`\`\`\n\n${after}`;
  if (process.env.UPDATE_DOCS === "1") writeFileSync(path, wanted);
  expect(readFileSync(path, "utf8").replaceAll("\r\n", "\n")).toBe(wanted);
});
