// Writes the pages of docs/ that are made from the sources.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, "run", "test/docs"], {
  stdio: "inherit",
  env: { ...process.env, UPDATE_DOCS: "1" },
});
process.exit(status ?? 1);
