// `npm run build`: compiles src/ to JavaScript and type declarations in a fresh dist/.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root, runTool } from "./tools.mjs";

rmSync(join(root, "dist"), { recursive: true, force: true });
process.exitCode = runTool("typescript", "tsc", "--project", "tsconfig.build.json") ? 0 : 1;
