// `npm run build`: compiles src/ to JavaScript and type declarations in a fresh dist/, without what only tests read
// and with marks that let bundlers leave out what a program does not use.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { markBuild } from "./pure.mjs";
import { stripBuild } from "./strip.mjs";
import { root, runTool } from "./tools.mjs";

rmSync(join(root, "dist"), { recursive: true, force: true });
const built = ["tsconfig.build.json", "src/node/tsconfig.json"].every((project) =>
  runTool("typescript", "tsc", "--project", project),
);
if (built) {
  stripBuild(join(root, "dist"));
  markBuild(join(root, "dist"));
}
process.exitCode = built ? 0 : 1;
