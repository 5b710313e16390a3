import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { graphviz } from "../../samples/support/graphviz.ts";
import { type Subject, toSvg } from "../../src/inspect/index.ts";

/** An image of the documentation is what is drawn today; `UPDATE_GOLDEN=1` draws it anew. */
export async function expectImage(name: string, subject: Subject): Promise<void> {
  const path = join(import.meta.dirname, "../../docs/images", name);
  const svg = await toSvg(subject, { layout: graphviz });
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, svg);
  expect(svg).toBe(readFileSync(path, "utf8").replaceAll("\r\n", "\n"));
}
