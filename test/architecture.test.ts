/**
 * Watches over the shape of the sources: who may import whom, how long a file may be, and a few things that must not
 * be written. When a rule fails, mend the source; the tables below are the design and change only with it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lineOf, projectRoot, readSourceFiles, resolveImport, type SourceFile } from "./support/source-files.ts";

interface Reach {
  /** Folders of src, or single files of them, from which this folder may import anything. */
  readonly values: readonly string[];
  /** Where only `import type` is allowed. */
  readonly types?: readonly string[];
}

const belowRuntime = ["core", "kernel", "graph", "rewrite", "ops", "autodiff", "compiler", "backend"];

/** From the bottom up; a folder sees only what stands above it in this table, and not even all of that. */
const layers: Readonly<Record<string, Reach>> = {
  core: { values: [] },

  kernel: { values: ["core"] },
  graph: { values: ["core"], types: ["kernel"] },
  rewrite: { values: ["core", "graph"] },

  ops: { values: ["core", "kernel", "graph"] },

  autodiff: { values: ["core", "kernel", "graph", "rewrite", "ops"] },
  compiler: { values: ["core", "kernel", "graph", "rewrite", "ops"] },

  backend: { values: ["core", "kernel", "compiler/plan.ts"], types: ["graph"] },

  runtime: { values: belowRuntime },

  train: { values: [...belowRuntime, "runtime"] },
  data: { values: ["core", "graph", "runtime"] },
  eager: { values: [...belowRuntime, "runtime"] },
  inspect: { values: [...belowRuntime, "runtime"] },
  tensorboard: { values: ["core", "graph", "runtime"] },
  tf1: { values: [...belowRuntime, "runtime", "train", "eager"] },
  files: { values: [...belowRuntime, "runtime"] },
  layers: { values: [...belowRuntime, "runtime", "train", "data", "eager", "files", "tensorboard"] },
  lint: { values: [] },
  remote: { values: ["core", "graph", "compiler/pipeline.ts", "runtime", "files", "data/messages.ts"] },
  node: { values: [...belowRuntime, "runtime", "files", "tensorboard"] },
};

/** These only put the rest together, and nothing in a folder may import them. */
const entryFiles = ["src/index.ts", "src/functional.ts"];

const longestFile = 450;
const longestOpTable = 600;

/** Files that may write `as unknown as`, each with the reason why no honest type will do. */
const doubleCastReasons: Readonly<Record<string, string>> = {};

/** The parts of src whose arithmetic must give the same bits on every machine. */
const computePath = ["kernel", "ops", "compiler", "backend"];

const files = readSourceFiles("src");

const folderOf = (path: string) => path.split("/").slice(1, -1)[0] ?? "";

/** Every place where `pattern` occurs, as `path:line: text`. */
function occurrences(among: readonly SourceFile[], part: "code" | "bareCode", pattern: RegExp): string[] {
  return among.flatMap((file) =>
    [...file[part].matchAll(pattern)].map(
      (match) => `${file.path}:${lineOf(file.text, match.index)}: ${match[0].trim().replace(/\s+/g, " ")}`,
    ),
  );
}

describe("layers", () => {
  test("every source file lies in a folder of the layer table", () => {
    const strays = files
      .map(({ path }) => path)
      .filter((path) => !(folderOf(path) in layers || entryFiles.includes(path)));
    expect(strays).toEqual([]);
  });

  test("a folder imports only what its layer may see", () => {
    expect(files.filter(({ path }) => folderOf(path) in layers).flatMap(forbiddenImports)).toEqual([]);
  });

  test("sources import no package, and name the file they mean: ./file.ts", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(({ specifier }) => !/^\.\.?\/.*\.ts$/.test(specifier))
        // The one folder for Node alone: an entry of its own, which nothing else imports.
        .filter(({ specifier }) => !(folderOf(file.path) === "node" && specifier.startsWith("node:")))
        .map(({ specifier, line }) => `${file.path}:${line}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the folders have no circle, type imports included", () => {
    const edges = new Map<string, string[]>();
    for (const file of files) {
      const from = folderOf(file.path);
      const to = file.imports.map(({ specifier }) => folderOf(resolveImport(file, specifier) ?? file.path));
      edges.set(from, [...(edges.get(from) ?? []), ...to.filter((folder) => folder !== from)]);
    }
    expect(findCircle(edges)).toBeNull();
  });

  // Gradient rules call sibling ops, long after the modules have loaded: inside of ops/ a circle does no harm.
  test("the files have no circle of value imports, but for ops", () => {
    const edges = new Map(
      files
        .filter(({ path }) => folderOf(path) !== "ops")
        .map((file) => [
          file.path,
          file.imports
            .filter(({ typeOnly }) => !typeOnly)
            .map(({ specifier }) => resolveImport(file, specifier))
            .filter((path) => path !== null),
        ]),
    );
    expect(findCircle(edges)).toBeNull();
  });
});

function forbiddenImports(file: SourceFile): string[] {
  const folder = folderOf(file.path);
  const { values, types = [] } = layers[folder]!;
  const covers = (allowed: readonly string[], path: string) =>
    allowed.some((entry) => path === `src/${entry}` || path.startsWith(`src/${entry}/`));
  return file.imports.flatMap(({ specifier, typeOnly, line }) => {
    const path = resolveImport(file, specifier);
    if (path === null || covers([folder, ...values], path)) return [];
    if (covers(types, path)) {
      return typeOnly
        ? []
        : [`${file.path}:${line}: ${folder} may import only types from ${path}: write \`import type\``];
    }
    return [`${file.path}:${line}: ${folder} may not import ${path}`];
  });
}

/** A circle as a list that begins and ends with the same name, or null. */
function findCircle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): string[] | null => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return null;
    path.push(name);
    for (const next of edges.get(name) ?? []) {
      const circle = visit(next);
      if (circle !== null) return circle;
    }
    path.pop();
    done.add(name);
    return null;
  };
  for (const name of edges.keys()) {
    const circle = visit(name);
    if (circle !== null) return circle;
  }
  return null;
}

describe("sources", () => {
  test(`no file is longer than ${longestFile} lines, tables of ops than ${longestOpTable}`, () => {
    const tooLong = files
      .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
      .filter(({ path, lines }) => lines > (folderOf(path) === "ops" ? longestOpTable : longestFile));
    expect(tooLong).toEqual([]);
  });

  test("nothing has the type any", () => {
    // In the place of a type only: `any` is also a fine name for a reduction.
    const anyType = /(?:(?:[:<|&]|=>|\bas)\s*any\b(?!\s*[(.:])|,\s*any\s*>|\bany\[\]).*/g;
    expect(occurrences(files, "bareCode", anyType)).toEqual([]);
  });

  test("`as unknown as` stands only where a reason is given", () => {
    const others = files.filter(({ path }) => !(path in doubleCastReasons));
    expect(occurrences(others, "bareCode", /\bas\s+unknown\s+as\b.*/g)).toEqual([]);
    const listed = files.filter(({ path }) => path in doubleCastReasons);
    expect(listed.map(({ path }) => path)).toEqual(Object.keys(doubleCastReasons).sort());
  });

  test("the compute path uses no function of Math that engines may round differently", () => {
    // ECMAScript leaves the accuracy of these to the engine. Strings count: backends emit code as text.
    const inexact =
      /\bMath\s*\.\s*(?:a?(?:sin|cos|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log10|log1p|log2|pow|random)\b.*/g;
    const computing = files.filter(({ path }) => computePath.includes(folderOf(path)));
    expect(occurrences(computing, "code", inexact)).toEqual([]);
  });
});

describe("package", () => {
  test("needs no other package at run time", () => {
    const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as Record<string, unknown>;
    expect(manifest.dependencies).toEqual({});
    expect(manifest.peerDependencies).toBeUndefined();
    expect(manifest.optionalDependencies).toBeUndefined();
  });

  test("the project has no other top-level folders", () => {
    const committed = ["src", "test", "samples", "docs"];
    const generated = ["node_modules", "dist", "coverage"];
    const others = readdirSync(projectRoot, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .filter((name) => ![...committed, ...generated].includes(name));
    expect(others).toEqual([]);
  });
});
