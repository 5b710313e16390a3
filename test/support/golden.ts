import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const root = fileURLToPath(new URL("../golden/", import.meta.url));

/** Compares a text with the stored one; `UPDATE_GOLDEN=1` stores it instead. */
export function expectGolden(name: string, text: string): void {
  const path = join(root, `${name}.txt`);
  if (process.env.UPDATE_GOLDEN === "1") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
    return;
  }
  if (!existsSync(path)) throw new Error(`no golden text ${name}: run with UPDATE_GOLDEN=1 and look at what it stores`);
  expect(`${text}\n`).toBe(readFileSync(path, "utf8").replaceAll("\r\n", "\n"));
}
