import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder `output` beside a program, which is made if it is not there. */
export function folderFor(program: string): string {
  const folder = fileURLToPath(new URL("output", program));
  mkdirSync(folder, { recursive: true });
  return folder;
}
