/**
 * The pairs of samples/two-modes: every program prints what is committed beside it, to the letter, and the programs of
 * a pair compute the same values. UPDATE_SAMPLES=1 writes the texts anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";

const root = new URL("../../samples/two-modes/", import.meta.url);
const at = (path: string): string => fileURLToPath(new URL(path, root));

/** Files that programs of a pair share. */
const shared = ["data.ts", "model.ts"];
const pairs = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const programs = readdirSync(at(name)).filter((file) => file.endsWith(".ts") && !shared.includes(file));
    return { name, programs: programs.map((file) => `${name}/${file}`) };
  });
/** The lecture's own program is the first of the three forms of w·x + b. */
const lecture = "../seed/affine-session.ts";
pairs.find(({ name }) => name === "affine")!.programs.push(lecture);

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a program prints, in modules of its own: default graph and eager execution are as at the start of a process. */
async function output(program: string): Promise<string> {
  vi.resetModules();
  const lines: string[] = [];
  const spy = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => void lines.push(format(...values)));
  await import(at(program));
  spy.mockRestore();
  return `${lines.join("\n")}\n`;
}

const committed = (program: string): string => readFileSync(textOf(program), "utf8").replaceAll("\r\n", "\n");
const textOf = (program: string): string => at(program.replace(/\.ts$/, ".txt"));

/**
 * The values a program prints as `name = value`; a value may go on in indented lines. What TensorFlow 2 writes around
 * a value is left out. Numbers are printed so that they read back as the same bits.
 */
function valuesIn(text: string): Record<string, string> {
  const found = [...text.matchAll(/^([^─=\s][^─=\n]*) = (.*(?:\n .*)*)$/gm)];
  return Object.fromEntries(
    found.map(([, name, value]) => [name, value!.replace(/^tf\.Tensor\((.*), shape=.*$/s, "$1")]),
  );
}

describe.each(pairs)("$name", ({ programs }) => {
  test.each(programs.filter((program) => program !== lecture))(
    "%s prints what is committed beside it",
    async (program) => {
      const text = await output(program);
      if (process.env.UPDATE_SAMPLES === "1") writeFileSync(textOf(program), text);
      expect(text).toBe(committed(program));
    },
  );
});

test.each(pairs.filter(({ name }) => name !== "affine"))("$name: the same values in each mode", ({ programs }) => {
  const [first, ...others] = programs.map((program) => valuesIn(committed(program)));
  expect(Object.keys(first!).length).toBeGreaterThan(0);
  for (const other of others) expect(other).toEqual(first);
});

test("affine: the three forms print the lecture's three lines", async () => {
  const texts = await Promise.all([committed("affine/eager.ts"), committed("affine/traced.ts"), output(lecture)]);
  expect(new Set(texts)).toEqual(new Set(["x= 1.0 --> z= 2.7\nx= 0.6 --> z= 1.9\nx=-1.8 --> z=-2.9\n"]));
});

test("every pair is in the index, and every text belongs to a program", () => {
  const index = readFileSync(at("index.md"), "utf8");
  for (const { name, programs } of pairs) {
    for (const program of programs) expect(index).toContain(`(${program})`);
    const texts = readdirSync(at(name)).filter((file) => file.endsWith(".txt"));
    expect(texts.filter((file) => !existsSync(at(`${name}/${file.replace(/txt$/, "ts")}`)))).toEqual([]);
  }
});

test("row 145: the lesson shows one model in both modes, in the very lines of the programs", () => {
  const page = readFileSync(at("../../docs/eager.md"), "utf8").replaceAll("\r\n", "\n");
  const lesson = /^## From define-and-run to define-by-run\n.*?(?=^## )/ms.exec(page)![0];
  for (const name of ["PyTorch", "Chainer", "define and run", "define by run"]) expect(lesson).toContain(name);
  const lines = (text: string): readonly string[] => text.split("\n").map((line) => line.trim());
  const programs = ["graph.ts", "model.ts", "traced.ts"].map((file) => {
    expect(lesson).toContain(`(../samples/two-modes/train-step/${file})`);
    return lines(readFileSync(at(`train-step/${file}`), "utf8"));
  });
  const blocks = [...lesson.matchAll(/^```ts\n(.*?)\n```$/gms)].map(([, code]) => lines(code!));
  const sources = blocks.map((block) => programs.findIndex((program) => block.every((line) => program.includes(line))));
  expect(sources).toEqual([0, 0, 1, 2]);
});
