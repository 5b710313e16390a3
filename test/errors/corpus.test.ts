/**
 * A hundred broken programs and what they are told. Each message is compared to the letter, is short, points at the
 * user's lines and marks the axis at fault; and what it suggests is done in a second program that compiles and runs.
 */
import { describe, expect, test } from "vitest";
import { FeedError, Graph, Session, ShapeError } from "../../src/index.ts";
import { markLines } from "../support/source-lines.ts";
import { corpora } from "./corpus.ts";
import type { Corpus, Entry } from "./entry.ts";

function errorOf({ broken }: Entry): unknown {
  const graph = new Graph({ name: "main" });
  try {
    broken(graph, new Session(graph));
  } catch (error) {
    return error;
  }
  return null;
}

for (const [title, corpus] of Object.entries(corpora)) {
  describe(title, () => {
    for (const entry of corpus.entries) {
      test(entry.name, () => {
        checkMessage(entry, corpus);
        runFixed(entry);
      });
    }
  });
}

function checkMessage(entry: Entry, { url }: Corpus): void {
  const error = errorOf(entry);
  expect(error).toBeInstanceOf(Error);
  const text = markLines((error as Error).message, url);
  expect(text).toBe(entry.text);
  expect(text.split("\n").length, "lines").toBeLessThanOrEqual(12);
  expect(text, "a line of the user's").toMatch(/\.ts\[[^?\]]+\]/);
  expect(text, "a line without a mark").not.toContain("[?]");
  expect(text, "what to do").toMatch(/\nfix: \S/);
  const aboutShape = error instanceof ShapeError || (error instanceof FeedError && text.includes("wanted  "));
  if (aboutShape && entry.noAxis === undefined) expect(text, "the axis at fault").toMatch(/»[^»«]+«/);
}

function runFixed({ fixed }: Entry): void {
  const graph = new Graph({ name: "main" });
  const session = new Session(graph);
  const [fetches, feeds] = fixed(graph, session);
  if (graph.allVariables.length > 0) session.run(graph.initializer);
  session.run(fetches, feeds ?? {});
}

test("there are at least a hundred, each with a name of its own", () => {
  const names = Object.values(corpora).flatMap(({ entries }) => entries.map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(100);
  expect(new Set(names).size).toBe(names.length);
});
