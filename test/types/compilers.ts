/** Runs TypeScript of several versions over programs that use the built declarations, as a user's project would. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Packages under which the versions are installed. The oldest one is the oldest that declarations promise to suit. */
export const COMPILERS = { "7.0": "typescript", "5.9": "typescript-5.9", "5.4": "typescript-5.4" } as const;
export type Version = keyof typeof COMPILERS;
export const VERSIONS = Object.keys(COMPILERS) as Version[];

export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** All lines of it. */
  readonly text: string;
}
export interface Report {
  readonly diagnostics: readonly Diagnostic[];
  /** Types made from generic ones: what checking costs, whatever the machine. */
  readonly instantiations: number;
  readonly checkSeconds: number;
}

function tsc(version: Version, ...args: string[]): string {
  const program = join(root, "node_modules", COMPILERS[version], "bin", "tsc");
  return spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 }).stdout;
}

/** A project in a folder of its own, in which `forerun` is installed: its package.json and fresh declarations. */
export class Consumer {
  readonly #folder = mkdtempSync(join(tmpdir(), "forerun-types-"));

  constructor() {
    const home = join(this.#folder, "node_modules", "forerun");
    mkdirSync(home, { recursive: true });
    cpSync(join(root, "package.json"), join(home, "package.json"));
    for (const project of ["tsconfig.build.json", "src/node/tsconfig.json"]) {
      const flags = ["--emitDeclarationOnly", "--declarationMap", "false", "--sourceMap", "false"];
      tsc("7.0", "--project", project, ...flags, "--outDir", join(home, "dist"));
    }
    if (!existsSync(join(home, "dist", "index.d.ts"))) throw new Error("no declarations were built");
    writeFileSync(join(this.#folder, "package.json"), '{ "type": "module", "private": true }');
  }

  /** Subpaths that a user may import. */
  get entries(): readonly string[] {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
    return Object.keys(exports)
      .filter((path) => path !== "./package.json")
      .map((path) => path.replace(/^\./, "forerun"));
  }

  check(version: Version, files: Readonly<Record<string, string>>, resolution: "nodenext" | "bundler"): Report {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.#folder, name), text);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: false,
      skipLibCheck: false,
      module: resolution === "nodenext" ? "nodenext" : "esnext",
      moduleResolution: resolution,
      target: "es2022",
      lib: ["es2022"],
      types: [],
      noEmit: true,
    };
    const config = join(this.#folder, "tsconfig.json");
    writeFileSync(config, JSON.stringify({ compilerOptions, files: Object.keys(files) }));
    return parseReport(tsc(version, "--project", config, "--pretty", "false", "--extendedDiagnostics"));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function parseReport(output: string): Report {
  const diagnostics: { file: string; line: number; column: number; text: string }[] = [];
  for (const line of output.split(/\r?\n/)) {
    const start = /([^/\\]+)\((\d+),(\d+)\): error (.*)$/.exec(line);
    if (start) {
      diagnostics.push({ file: start[1]!, line: Number(start[2]), column: Number(start[3]), text: start[4]! });
    } else if (/^error /.test(line)) {
      diagnostics.push({ file: "", line: 0, column: 0, text: line });
    } else if (line.startsWith("  ") && diagnostics.length > 0) {
      diagnostics.at(-1)!.text += `\n${line}`;
    }
  }
  const figure = (name: string): number => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(output)?.[1]);
  return { diagnostics, instantiations: figure("Instantiations"), checkSeconds: figure("Check time") };
}
