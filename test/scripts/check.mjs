// `npm run check`: types, lint and formatting. Every check runs even if an earlier one failed, so one run shows all.
// `npm run typecheck` (this script with the argument `types`) stops after the types.
import { runTool } from "./tools.mjs";

const checks = [
  ["types", "types of everything", () => runTool("typescript", "tsc", "--project", "tsconfig.json")],
  // The sources once more, alone: without Node's types, so that they stay usable in a browser.
  ["types", "types of src", () => runTool("typescript", "tsc", "--project", "tsconfig.build.json", "--noEmit")],
  ["style", "lint and format", () => runTool("@biomejs/biome", "biome", "check", "--error-on-warnings")],
];

const only = process.argv[2];
let failed = false;
for (const [kind, name, run] of checks) {
  if (only !== undefined && only !== kind) continue;
  const started = performance.now();
  const passed = run();
  failed ||= !passed;
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
process.exitCode = failed ? 1 : 0;
