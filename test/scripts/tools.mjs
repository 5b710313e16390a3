// Shared by the scripts beside it: runs an installed development tool as a Node program, the same on every system.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs the command that an installed package declares as `bin`; its output goes to the terminal. True if it succeeded. */
export function runTool(packageName, binName, ...args) {
  const manifestFile = join(root, "node_modules", packageName, "package.json");
  const { bin } = JSON.parse(readFileSync(manifestFile, "utf8"));
  const program = join(dirname(manifestFile), typeof bin === "string" ? bin : bin[binName]);
  const { status } = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: "inherit" });
  return status === 0;
}
