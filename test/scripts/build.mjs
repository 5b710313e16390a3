// `npm run build`: compiles src/ to JavaScript and type declarations in a fresh dist/.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root, runTool } from "./tools.mjs";

rmSync(join(root, "dist"), { recursive: true, force: true });
const built = ["tsconfig.build.json", "src/node/tsconfig.json"].every((project) =>
  runTool("typescript", "tsc", "--project", project),
);
process.exitCode = built ? 0 : 1;
