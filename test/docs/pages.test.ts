import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { apiPage } from "./api-page.ts";
import { opsPage } from "./ops-page.ts";
import { passesPage } from "./passes-page.ts";

/** Pages that are written from the sources. */
const pages: readonly (readonly [file: string, text: () => string])[] = [
  ["passes.md", passesPage],
  ["ops.md", opsPage],
  ["api.md", apiPage],
];

test.each(pages)("docs/%s is what the sources say (npm run docs writes it)", (file, text) => {
  const path = fileURLToPath(new URL(`../../docs/${file}`, import.meta.url));
  if (process.env.UPDATE_DOCS === "1") writeFileSync(path, text());
  expect(readFileSync(path, "utf8").replaceAll("\r\n", "\n")).toBe(text());
});
