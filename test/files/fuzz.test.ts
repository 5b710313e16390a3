import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../src/files/base64.ts";
import type { JsonNode } from "../../src/files/json.ts";
import { readJson } from "../../src/files/json.ts";
import { ForerunError, parseGraph, parseSafetensors } from "../../src/index.ts";
import { makeSamples, tryFile } from "./mutate.ts";

const LIMITS = { maxDepth: 64, maxValues: 100_000 };

/** As `JSON.parse` would give it. */
function plain({ value }: JsonNode): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, node]) => [key, plain(node)]));
  return (value as readonly JsonNode[]).map(plain);
}

test("5,000 spoilt files: an error of the library or a sound graph, soon, and no object marked", () => {
  const samples = makeSamples();
  let refused = 0;
  const before = process.memoryUsage().rss;
  for (let seed = 1; seed <= 5000; seed++) if (tryFile(samples, seed).refused) refused++;
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 30);
  // Both outcomes must be common, or the mutations test nothing.
  expect(refused).toBeGreaterThan(2500);
  expect(refused).toBeLessThan(4990);
});

test("the JSON reader agrees with JSON.parse on every JSON text", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const result = readJson(text, LIMITS);
      if ("fault" in result) expect(result.fault.problem).toMatch(/is not allowed|surrogate/);
      else expect(plain(result.root)).toEqual(JSON.parse(text));
    }),
    { numRuns: 1000 },
  );
});

test("what JSON.parse refuses, the JSON reader refuses", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'[]{}:,"\\ -+.0123eE tfnu'.split("")), maxLength: 12 }),
      (text) => {
        let good = true;
        try {
          JSON.parse(text);
        } catch {
          good = false;
        }
        if (!good) expect(readJson(text, LIMITS)).toHaveProperty("fault");
      },
    ),
    { numRuns: 3000 },
  );
});

test("Base64 is that of Node, and only one text stands for each value", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(text)).toEqual(bytes);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      const bytes = fromBase64(text);
      if (bytes !== null) expect(toBase64(bytes)).toBe(text);
    }),
  );
});

test("arbitrary values and bytes", () => {
  const refuses = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(ForerunError);
    }
  };
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withMap: true, withTypedArray: true }), (value) =>
      refuses(() => parseGraph(value)),
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => refuses(() => parseSafetensors(bytes))),
    { numRuns: 500 },
  );
});
