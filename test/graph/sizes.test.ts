/** Symbolic sizes against plain numbers: whatever is done to them, binding before or after gives the same. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addSizes,
  bindSize,
  divideExactly,
  equalSizes,
  evaluateSize,
  floorDivideSizes,
  isKnown,
  maxSizes,
  multiplySizes,
  namedSize,
  namesIn,
  type Size,
  sizeFrom,
  sizeText,
  soleName,
  subtractSizes,
  unknownSize,
} from "../../src/core/size.ts";

type Formula =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | {
      readonly kind: "add" | "subtract" | "multiply" | "max" | "floor";
      readonly left: Formula;
      readonly right: Formula;
    };

const names = ["batch", "steps", "width"] as const;

const { formula } = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 4 },
    fc.record({ kind: fc.constant("number" as const), value: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ kind: fc.constant("name" as const), name: fc.constantFrom(...names) }),
    fc.record({
      kind: fc.constantFrom("add" as const, "subtract" as const, "multiply" as const, "max" as const, "floor" as const),
      left: tie("formula"),
      right: tie("formula"),
    }),
  ),
}));
const binding = fc.record({
  batch: fc.integer({ min: 1, max: 9 }),
  steps: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
});

/** Divisors must be positive: 1 + the square of the right side. */
function symbolic(f: Formula): Size {
  if (f.kind === "number") return f.value;
  if (f.kind === "name") return namedSize(f.name);
  const [a, b] = [symbolic(f.left), symbolic(f.right)];
  if (f.kind === "add") return addSizes(a, b);
  if (f.kind === "subtract") return subtractSizes(a, b);
  if (f.kind === "multiply") return multiplySizes(a, b);
  if (f.kind === "max") return maxSizes(a, b);
  return floorDivideSizes(a, addSizes(1, multiplySizes(b, b)));
}
function numeric(f: Formula, values: Readonly<Record<string, number>>): number {
  if (f.kind === "number") return f.value;
  if (f.kind === "name") return values[f.name]!;
  const [a, b] = [numeric(f.left, values), numeric(f.right, values)];
  if (f.kind === "add") return a + b;
  if (f.kind === "subtract") return a - b;
  if (f.kind === "multiply") return a * b;
  if (f.kind === "max") return Math.max(a, b);
  return Math.floor(a / (1 + b * b));
}
/** Numbers beyond which a double is not exact prove nothing. */
const isExact = (value: number): boolean => Number.isSafeInteger(value) && Math.abs(value) < 2 ** 40;

describe("for any formula", () => {
  test("binding names gives the number", () => {
    fc.assert(
      fc.property(formula, binding, (f, values) => {
        const wanted = numeric(f, values);
        fc.pre(isExact(wanted));
        expect(evaluateSize(symbolic(f), new Map(Object.entries(values))) + 0).toBe(wanted + 0);
      }),
      { numRuns: 500 },
    );
  });

  test("binding in two goes is binding at once", () => {
    fc.assert(
      fc.property(formula, binding, (f, values) => {
        const size = symbolic(f);
        const partly = bindSize(size, new Map([["batch", values.batch]]));
        expect(namesIn(partly).has("batch")).toBe(false);
        const all = new Map(Object.entries(values));
        expect(evaluateSize(partly, all)).toBe(evaluateSize(size, all));
      }),
      { numRuns: 300 },
    );
  });

  test("what is called equal is equal, and what is called different never equal", () => {
    fc.assert(
      fc.property(formula, formula, binding, (f, g, values) => {
        const decided = equalSizes(symbolic(f), symbolic(g));
        if (decided === undefined) return;
        expect(numeric(f, values) === numeric(g, values)).toBe(decided);
      }),
      { numRuns: 500 },
    );
  });

  test("an exact quotient times the divisor is the size again, as the same object", () => {
    fc.assert(
      fc.property(formula, formula, (f, g) => {
        const [size, by] = [symbolic(f), symbolic(g)];
        fc.pre(by !== 0);
        expect(divideExactly(multiplySizes(size, by), isKnown(by) ? by : 1)).not.toBeNull();
        const quotient = divideExactly(size, by);
        if (quotient !== null) expect(multiplySizes(quotient, by)).toBe(size);
      }),
      { numRuns: 300 },
    );
  });

  test("addition and multiplication commute and distribute, to the very object", () => {
    fc.assert(
      fc.property(formula, formula, formula, (f, g, h) => {
        const [a, b, c] = [symbolic(f), symbolic(g), symbolic(h)];
        expect(addSizes(a, b)).toBe(addSizes(b, a));
        expect(multiplySizes(a, b)).toBe(multiplySizes(b, a));
        expect(multiplySizes(a, addSizes(b, c))).toBe(addSizes(multiplySizes(a, b), multiplySizes(a, c)));
        expect(subtractSizes(a, a)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe("sizes as users see them", () => {
  const batch = namedSize("batch");

  test("texts", () => {
    expect(String(addSizes(multiplySizes(2, batch), 1))).toBe("2*batch + 1");
    expect(String(subtractSizes(multiplySizes(batch, namedSize("steps")), 3))).toBe("batch*steps - 3");
    expect(String(floorDivideSizes(addSizes(batch, 1), 2))).toBe("floor((batch + 1)/(2))");
    expect(String(maxSizes(batch, 1))).toBe("max(batch, 1)");
    expect(sizeText(multiplySizes(2, unknownSize()))).toBe("2*?");
  });

  test("names nobody gave are all different", () => {
    expect(equalSizes(unknownSize(), unknownSize())).toBeUndefined();
    expect(sizeFrom(null, "x")).not.toBe(sizeFrom(null, "x"));
    expect(sizeFrom("batch", "x")).toBe(batch);
    expect(sizeFrom(3, "x")).toBe(3);
  });

  test("a sole name is recognised", () => {
    expect(soleName(batch)).toBe("batch");
    for (const size of [3, multiplySizes(2, batch), addSizes(batch, 1), maxSizes(batch, 2)]) {
      expect(soleName(size)).toBeNull();
    }
  });

  test("a size nothing decides is an error", () => {
    expect(() => evaluateSize(batch, new Map())).toThrow("size batch is not known: nothing that was fed decides it");
  });
});
