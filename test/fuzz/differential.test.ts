import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { setWarningHandler } from "../../src/index.ts";
import { checkProgram, newCounts } from "./compare.ts";
import { programs } from "./random-graph.ts";
import { STEPS } from "./steps.ts";

const COUNT = 2000;
const SEED = 20261128;

// Advice about stability is right here and helps nobody.
const restore = setWarningHandler(() => {});
afterAll(() => void setWarningHandler(restore));

test(`${COUNT} random graphs give the same bits however they are compiled and wherever they run`, () => {
  const counts = newCounts();
  fc.assert(
    fc.property(programs, (program) => checkProgram(program, counts)),
    { numRuns: COUNT, seed: SEED },
  );
  // The property would hold of programs that do nothing.
  expect(counts.programs).toBeGreaterThanOrEqual(COUNT);
  expect([...counts.steps.keys()].sort()).toEqual([...new Set(STEPS.map((step) => step.name))].sort());
  const built = [...counts.steps.values()].reduce((sum, count) => sum + count, 0);
  expect(built).toBeGreaterThan(4 * COUNT);
  expect(counts.named).toBeGreaterThan(COUNT / 20);
}, 300_000);
