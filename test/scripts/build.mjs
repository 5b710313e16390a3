// `npm run build`: src/ as JavaScript, in a few files, and as type declarations, in a fresh dist/.
//
// A program that imports forerun in Node waits for every file of it to be found, read and compiled; a page without a
// bundler waits for the network. So what entries share lies in chunks: 26 files instead of 220. All lie in one
// folder, so that a module which asks for a file beside it (a worker) finds it, whichever chunk it came into. What only
// tests read is left out, and marks let bundlers leave out what a program does not use, op by op.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { build } from "esbuild";
import { markText } from "./pure.mjs";
import { stripText } from "./strip.mjs";
import { root, runTool } from "./tools.mjs";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const source = join(root, "src");
const read = (module) => readFileSync(join(source, module), "utf8");

/** Modules of src that are loaded for what they do, as paths in it. */
const withEffects = manifest.sideEffects.filter((path) => path.startsWith("./src/")).map((path) => path.slice(6));

/** Modules that a program may import, by the names of their files in dist. */
const exported = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === "object")
  .map(([key, { types }]) => [
    key === "." ? "index" : posix.basename(key),
    types.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts"),
  ]);

/** Modules that others start as workers: `new URL("./map-worker.js", import.meta.url)`. */
function workers() {
  const modules = readdirSync(source, { recursive: true }).map((name) => name.replaceAll("\\", "/"));
  return modules.flatMap((module) => {
    if (!module.endsWith(".ts")) return [];
    // Comments show how it is written.
    const code = read(module).replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, "");
    const names = [...code.matchAll(/new URL\("\.\/([\w-]+)\.js", import\.meta\.url\)/g)];
    return names.map(([, name]) => [name, posix.join(posix.dirname(module), `${name}.ts`)]);
  });
}

const published = {
  name: "published",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const module = relative(source, path).replaceAll("\\", "/");
      const stripped = stripText(module, read(module));
      return { contents: withEffects.includes(module) ? stripped : markText(stripped), loader: "ts" };
    });
  },
};

const outdir = join(root, "dist");
rmSync(outdir, { recursive: true, force: true });
const declared = ["tsconfig.build.json", "src/node/tsconfig.json"].every((project) =>
  runTool("typescript", "tsc", "--project", project, "--emitDeclarationOnly"),
);
process.exitCode = declared ? 0 : 1;
if (declared) {
  await build({
    entryPoints: [...exported, ...workers()].map(([name, module]) => ({ in: join(source, module), out: name })),
    outdir,
    chunkNames: "forerun-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    external: ["node:*"],
    target: "es2022",
    sourcemap: true,
    sourcesContent: false,
    plugins: [published],
    logLevel: "warning",
  });
}
