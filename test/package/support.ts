/** Packs the package and installs it as its users do; shared by the tests and scripts beside this file. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { projectRoot } from "../support/source-files.ts";
import type { Trained, Wanted } from "./threads/training.ts";

export interface Packed {
  readonly folder: string;
  readonly tarball: string;
  readonly files: readonly PackedFile[];
  /** Bytes of the tarball, and of the files in it. */
  readonly size: number;
  readonly unpackedSize: number;
}
export interface PackedFile {
  readonly path: string;
  readonly size: number;
}
/** The part of `npm pack --json` that is read here. */
type PackReport = Pick<Packed, "files" | "size" | "unpackedSize"> & { readonly filename: string };

export interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}
export const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as Manifest;

/** `forerun`, `forerun/train` and the rest: what programs may import. */
export const entries: readonly string[] = Object.keys(manifest.exports)
  .filter((key) => key !== "./package.json")
  .map((key) => key.replace(/^\./, "forerun"));

export interface Outcome {
  readonly ok: boolean;
  /** Both streams, or why the program could not be started. */
  readonly output: string;
  readonly stdout: string;
}

/** Runs a program to its end and keeps what it prints. */
export function run(program: string, args: readonly string[], cwd: string, seconds = 60): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: seconds * 1000,
    maxBuffer: 64 * 2 ** 20,
    shell: process.platform === "win32" && !program.includes("\\"),
  });
  return { ok: status === 0, output: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`, stdout: stdout ?? "" };
}

/** Runs npm, through the copy of it that runs this where there is one. */
export function npm(args: readonly string[], cwd: string, seconds?: number): Outcome {
  const cli = process.env.npm_execpath;
  if (cli !== undefined && basename(cli) === "npm-cli.js") return run(process.execPath, [cli, ...args], cwd, seconds);
  return run("npm", args, cwd, seconds);
}

/** Runs the command of an installed development tool. */
export function tool(packageName: string, binName: string, args: readonly string[], cwd: string): Outcome {
  const folder = join(projectRoot, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    bin: string | Record<string, string>;
  };
  return run(process.execPath, [join(folder, typeof bin === "string" ? bin : bin[binName]!), ...args], cwd);
}

export function checked(outcome: Outcome, what: string): Outcome {
  if (!outcome.ok) throw new Error(`${what} failed:\n${outcome.output}`);
  return outcome;
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "forerun-package-"));
export const removeFolder = (path: string): void => rmSync(path, { recursive: true, force: true });

/** Built and packed in a copy, so that nobody's `dist` is touched. The caller removes the folder. */
export function pack(): Packed {
  const folder = temporaryFolder();
  const copy = join(folder, "forerun");
  const wanted = ["src", "test/scripts", "package.json", "tsconfig.json", "tsconfig.build.json", ".gitignore"];
  for (const path of [...wanted, "README.md", "CHANGELOG.md", "LICENSE"])
    cpSync(join(projectRoot, path), join(copy, path), { recursive: true });
  symlinkSync(join(projectRoot, "node_modules"), join(copy, "node_modules"), "junction");
  checked(run(process.execPath, ["test/scripts/build.mjs"], copy, 120), "npm run build");
  const { stdout } = checked(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], copy),
    "npm pack",
  );
  const [report] = JSON.parse(stdout) as [PackReport];
  return { ...report, folder, tarball: join(folder, report.filename) };
}

/** A new project in which the tarball is the only thing installed; needs no network, as there are no dependencies. */
export async function install(packed: Packed): Promise<string> {
  const project = join(packed.folder, "user");
  mkdirSync(project, { recursive: true });
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "user", version: "1.0.0", private: true, type: "module" }),
  );
  checked(
    npm(["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", packed.tarball], project),
    "npm install of the tarball",
  );
  cpSync(join(projectRoot, "test/package/app"), project, { recursive: true });
  writeFileSync(join(project, "smoke.js"), smokeProgram);
  await buildThreadPrograms(project);
  return project;
}

/** In the programs of tests, the sources become the package. */
const asPublished: Plugin = {
  name: "as published",
  setup({ onResolve }) {
    onResolve({ filter: /\/src\/(?:\w+\/)?index\.ts$/ }, ({ path }) => ({
      path: path.replace(/^.*\/src\//, "forerun/").replace(/\/index\.ts$/, ""),
      external: true,
    }));
  },
};

/** The programs in `threads/`, which use what other tests use too, as `threads-node.js` and so on. */
async function buildThreadPrograms(project: string): Promise<void> {
  const names = { node: "threads-node", page: "threads-page", "page-worker": "threads-worker" };
  await build({
    absWorkingDir: join(projectRoot, "test/package/threads"),
    entryPoints: Object.entries(names).map(([name, out]) => ({ in: `./${name}.ts`, out })),
    outdir: project,
    bundle: true,
    format: "esm",
    target: "es2022",
    plugins: [asPublished],
    logLevel: "warning",
  });
}

/** Trains on threads with the installed package, in the Node that `start` runs. */
export function trainInNode(
  project: string,
  wanted: readonly Wanted[],
  start: (args: readonly string[]) => Outcome = (args) => run(process.execPath, args, project, 120),
): readonly Trained[] {
  const { stdout } = checked(start(["threads-node.js", JSON.stringify(wanted)]), "threads-node.js");
  return JSON.parse(stdout) as Trained[];
}

/** Imports every entry, trains, and prints the numbers of exports and the losses as JSON. */
const smokeProgram = `import { trainTinyNet } from "./tiny-net.js";
const exported = {};
for (const entry of ${JSON.stringify(entries)}) exported[entry] = Object.keys(await import(entry)).sort();
const losses = {
  wasm: trainTinyNet("wasm"),
  javascript: trainTinyNet("javascript"),
  interpreter: trainTinyNet("interpreter"),
};
console.log(JSON.stringify({ node: process.version, exported, losses }));
`;

export interface Smoke {
  readonly node: string;
  readonly exported: Readonly<Record<string, readonly string[]>>;
  readonly losses: Readonly<Record<"wasm" | "javascript" | "interpreter", readonly string[]>>;
}
