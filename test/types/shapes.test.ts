/**
 * Shapes in the editor: what is refused, with which words and where; what is known of results; what checking costs;
 * and that the declarations suit every compiler they promise to suit, without `skipLibCheck`.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Consumer, type Diagnostic, VERSIONS } from "./compilers.ts";
import { chainOf, convolutionalModel, deepModel } from "./generated-models.ts";

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
/** As a user would import it, and with nothing that would swallow an error. */
const asConsumer = (text: string): string =>
  text
    .replaceAll("../../src/index.ts", "forerun")
    .replaceAll("../../src/tf1/index.ts", "forerun/tf1")
    .replaceAll("@ts-expect-error", "Expected:");

const ARROW = "/*→*/ ";
const mismatches = asConsumer(read("mismatches.ts"));
/** `line:column sentence` of each mistake. */
const expected = ((): readonly string[] => {
  const lines = mismatches.split("\n");
  return lines.flatMap((line, i) => {
    const sentence = /^\/\/ Expected: (.*)$/.exec(line)?.[1];
    if (sentence === undefined) return [];
    return [`${i + 2}:${lines[i + 1]!.indexOf(ARROW) + ARROW.length + 1} ${sentence}`];
  });
})();
const said = ({ line, column, text }: Diagnostic): string => {
  const sentences = new Set([...text.matchAll(/ShapeMismatch<"(.*?)">/g)].map((match) => match[1]));
  return `${line}:${column} ${sentences.size === 1 ? [...sentences][0] : text}`;
};
const inFile = (diagnostics: readonly Diagnostic[], name: string): readonly Diagnostic[] =>
  diagnostics.filter(({ file }) => file === name);

const TIMEOUT = 240_000;
let consumer: Consumer;
beforeAll(() => {
  consumer = new Consumer();
}, TIMEOUT);
afterAll(() => consumer?.remove());

test("there are as many cases as were asked for", () => {
  expect(expected.length).toBeGreaterThanOrEqual(150);
  expect(expected.filter((line) => line.includes(":0 "))).toEqual([]);
  expect(read("results.ts").match(/\.is<|\.isOpen\(/g)!.length).toBeGreaterThanOrEqual(100);
});

describe.each(VERSIONS)("TypeScript %s", (version) => {
  test("says the sentence at the wrong argument, knows the shapes of results, and accepts the declarations", {
    timeout: TIMEOUT,
  }, () => {
    const entries = consumer.entries.map((entry, i) => `export * as entry${i} from "${entry}";`).join("\n");
    const files = {
      "mismatches.ts": mismatches,
      "results.ts": asConsumer(read("results.ts")),
      "entries.ts": entries,
    };
    const { diagnostics } = consumer.check(version, files, "nodenext");
    expect(diagnostics.filter(({ file }) => file !== "mismatches.ts")).toEqual([]);
    expect(inFile(diagnostics, "mismatches.ts").map(said)).toEqual(expected);
  });

  test("accepts the declarations as a bundler finds them", { timeout: TIMEOUT }, () => {
    const entries = consumer.entries.map((entry, i) => `export * as entry${i} from "${entry}";`).join("\n");
    expect(consumer.check(version, { "entries.ts": entries }, "bundler").diagnostics).toEqual([]);
  });
});

describe("what it costs", () => {
  // What the declarations of forerun and of the language cost by themselves.
  const nothing = 'import * as fr from "forerun";\nexport const g = new fr.Graph();\n';
  test.each([
    ["a model of 50 layers", deepModel(50), 60_000],
    ["a convolutional model of 50 layers", convolutionalModel(50), 80_000],
    ["500 ops in a chain", chainOf(500), 60_000],
  ])("%s", { timeout: TIMEOUT }, (_name, text, limit) => {
    const base = consumer.check("7.0", { "model.ts": nothing }, "nodenext");
    const model = consumer.check("7.0", { "model.ts": text }, "nodenext");
    expect(model.diagnostics).toEqual([]);
    expect(model.instantiations - base.instantiations).toBeLessThan(limit);
    // It takes 0.2 s; ten times the 2 s it may take, since machines that run tests are busy.
    expect(model.checkSeconds).toBeLessThan(20);
  });
});
