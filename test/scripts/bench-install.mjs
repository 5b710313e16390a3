// Installs what the benchmarks compare with, in a folder of its own: exactly the versions of its lockfile. No script of
// a package runs; onnxruntime-node brings its libraries for the processor along and would only fetch those for GPUs.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const cwd = fileURLToPath(new URL("../bench/peers/", import.meta.url));
const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
  cwd,
  stdio: "inherit",
  shell: process.platform === "win32",
});
process.exit(status ?? 1);
