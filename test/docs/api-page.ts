import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { OPS } from "../../src/ops/registry.ts";
import { parseSource, projectRoot } from "../support/source-files.ts";

interface Entry {
  readonly name: string;
  readonly source: string;
  readonly purpose: string;
}

/** What programs may import, in the order in which one meets it. */
const entries: readonly Entry[] = [
  {
    name: "forerun",
    source: "src/index.ts",
    purpose:
      "Graphs, ops, derivatives, sessions, files in memory. Everything of `forerun/functional`, and tensors have methods: `matmul(x, w).add(b)`.",
  },
  {
    name: "forerun/functional",
    source: "src/functional.ts",
    purpose: "The same without the methods, so that a bundler keeps only the ops that a program calls.",
  },
  {
    name: "forerun/train",
    source: "src/train/index.ts",
    purpose:
      "Optimizers, schedules of their rates, clipping, and initial values of variables; see [optimizers.md](optimizers.md).",
  },
  {
    name: "forerun/eager",
    source: "src/eager/index.ts",
    purpose:
      "Define-by-run: tensors with values, variables, tapes, and derivatives as functions; see [eager.md](eager.md).",
  },
  {
    name: "forerun/layers",
    source: "src/layers/index.ts",
    purpose:
      "Layers, models and their training in the spelling of Keras: `fit`, callbacks, files; see [layers.md](layers.md).",
  },
  {
    name: "forerun/data",
    source: "src/data/index.ts",
    purpose:
      "Samples from arrays, files or the network to a training loop, see [input-pipeline.md](input-pipeline.md).",
  },
  { name: "forerun/inspect", source: "src/inspect/index.ts", purpose: "Pictures and texts of graphs and plans." },
  {
    name: "forerun/tensorboard",
    source: "src/tensorboard/index.ts",
    purpose: "Event files for TensorBoard, written and read without TensorFlow.",
  },
  {
    name: "forerun/tf1",
    source: "src/tf1/index.ts",
    purpose: 'The spelling of TensorFlow 1, for `import * as tf from "forerun/tf1"`. Made of the same parts.',
  },
  {
    name: "forerun/lint",
    source: "src/lint/index.ts",
    purpose: "A plugin for ESLint that finds tensors used as conditions; see [eager.md](eager.md#conditions).",
  },
  {
    name: "forerun/node",
    source: "src/node/index.ts",
    purpose: "Files on disk. The one entry that needs Node's own modules.",
  },
];

interface Names {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

/** The names a module of re-exports exports, read from its text. */
function exportsOf(source: string): Names {
  const { code } = parseSource(source, readFileSync(join(projectRoot, source), "utf8"));
  const values: string[] = [];
  const types: string[] = [];
  for (const [, typeOnly, list] of code.matchAll(/\bexport\s+(type\s+)?\{([^}]*)\}/g)) {
    for (const item of list!.split(",").map((text) => text.trim())) {
      if (item === "") continue;
      const name = item.split(/\s+/).at(-1)!;
      (typeOnly !== undefined || item.startsWith("type ") ? types : values).push(name);
    }
  }
  for (const [, name, file] of code.matchAll(/\bexport\s+\*\s+as\s+(\w+)\s+from\s+"\.\/(.*?)"/g))
    values.push(...exportsOf(posix.join(posix.dirname(source), file!)).values.map((inner) => `${name}.${inner}`));
  for (const [, name] of code.matchAll(/\bexport\s+(?:async\s+)?(?:function|const|class)\s+(\w+)/g)) values.push(name!);
  if (/\bexport\s+default\b/.test(code)) values.push("default");
  for (const [, name] of code.matchAll(/\bexport\s+(?:interface|type)\s+(\w+)/g)) types.push(name!);
  return { values: sorted(values), types: sorted(types) };
}

const sorted = (names: readonly string[]): string[] =>
  [...names].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));

function list(label: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${label}: ${names.map((name) => `\`${name}\``).join(", ")}.`, ""];
}

/** `docs/api.md`: what is public, from the entries themselves, and what a version number promises. */
export function apiPage(): string {
  const opNames = new Set(OPS.map(({ name }) => name));
  const sections = entries.flatMap(({ name, source, purpose }) => {
    const { values, types } = exportsOf(source);
    const isOp = (value: string) => name === "forerun/functional" && opNames.has(value);
    return [
      `## ${name}`,
      "",
      purpose,
      "",
      ...list(
        "Values",
        values.filter((value) => !isOp(value)),
      ),
      ...list("Ops, each described in [ops.md](ops.md)", values.filter(isOp)),
      ...list("Types", types),
    ];
  });
  return [
    "# The public API",
    "",
    "What is listed here is public; everything else is not, even where a file can be found in the package. Written from the",
    "sources by `npm run docs`; a test fails when it is out of date, so a change of the API is always seen in a review.",
    "",
    ...sections,
    promise.trim(),
    "",
  ].join("\n");
}

const promise = `
## What a version number promises

Versions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html). From 1.0.0 on, a program that uses only what
is public and runs under 1.x runs under every later 1.y. Before that, a minor version (0.2, 0.3) may break programs, and
says how to mend them in the [changelog](../CHANGELOG.md); a patch (0.1.1) does not break them.

Part of the promise:

- the names above, what they take and give, and which class of error they throw;
- files: what a version has written, every later version reads, across major versions too (old files are among the
  tests). A file of a newer format is refused by name;
- the numbers of one version: the same program gives the same bits on every system, every backend, in Node and in
  browsers, with any choice of exact passes;
- no dependencies, ES modules, Node 20 or newer. Dropping a version of Node is a major change once it is no longer
  maintained, and a minor one before 1.0.0.

Not part of it, and free to change in a minor version:

- the texts of errors, warnings, pictures and printed programs: read them, do not parse them. \`error.name\` and
  \`instanceof\` are for programs;
- the numbers from one minor version to the next, within the stated accuracy of each op;
- names that forerun gives to ops on its own, which passes there are and what they do, the source that a backend makes;
- types get stricter: a new minor version may find a mistake in the editor that it found only at run time before;
- the compiled declarations in detail; they are tried with TypeScript 5.4, 5.9 and 7;
- paths inside of \`dist/\` and \`src/\`, which the package's \`exports\` do not let through.
`;
