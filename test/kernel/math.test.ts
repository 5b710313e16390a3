import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CompileError } from "../../src/core/errors.ts";
import { childrenOf, type Expr } from "../../src/kernel/expr.ts";
import type { FloatType } from "../../src/kernel/math/define.ts";
import { mathFunction, mathFunctionNames } from "../../src/kernel/math/index.ts";
import { evaluateMath } from "./evaluate-math.ts";
import { readMathTables, ulpError } from "./math-tables.ts";

const TYPES: readonly FloatType[] = ["float32", "float64"];
// biome-ignore format: a list
const NATIVE = [
  "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "pow", "sin", "cos", "normalQuantile", "erf",
  "expNonPositive",
];
/** Of these only the float64 form is written down; float32 rounds it. */
// biome-ignore format: a list
const VIA_FLOAT64 = [
  "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh", "acosh", "atanh", "exp2", "log2", "log10", "erfc",
  "lgamma",
];
const NAMES = [...NATIVE, ...VIA_FLOAT64];
const INF = Infinity;

/** The bounds promised, in ulp. */
function boundOf(name: string, type: FloatType): number {
  if (VIA_FLOAT64.includes(name) && type === "float32") return 0.501;
  if (name === "normalQuantile" || name === "erfc") return 4;
  if (name === "lgamma") return 3;
  return name === "exp" || name === "log" ? 1 : 2;
}

describe("the registry", () => {
  it("knows every function for both float types", () => {
    expect(mathFunctionNames().sort()).toEqual([...NAMES].sort());
    for (const name of NAMES) {
      for (const type of TYPES) {
        const fn = mathFunction(name, type);
        expect(fn).toMatchObject({ name, type });
        expect(fn.result.type).toBe(type);
        expect(fn.doc).toMatch(/ulp/);
        expect(mathFunction(name, type)).toBe(fn);
      }
    }
  });

  it("refuses unknown names and types", () => {
    expect(() => mathFunction("gamma", "float32")).toThrow(CompileError);
    expect(() => mathFunction("exp", "int32")).toThrow(CompileError);
  });

  it("defines them free of branches, each let with a name of its own", () => {
    for (const name of NAMES) {
      for (const type of TYPES) {
        const fn = mathFunction(name, type);
        const names = fn.params.map((param) => param.name);
        for (const statement of fn.body) {
          expect(statement.kind).toBe("let");
          if (statement.kind === "let") names.push(statement.variable.name);
        }
        expect(new Set(names).size).toBe(names.length);
      }
    }
  });

  it("names every value that is used twice, so that printing expressions as trees repeats nothing", () => {
    for (const name of NAMES) {
      for (const type of TYPES) {
        const fn = mathFunction(name, type);
        const seen = new Set<Expr>();
        const visit = (expr: Expr): void => {
          if (expr.kind === "var" || expr.kind === "const") return;
          if (seen.has(expr)) throw new Error(`${name} in ${type} computes a ${expr.kind} twice`);
          seen.add(expr);
          childrenOf(expr).forEach(visit);
        };
        for (const statement of fn.body) if (statement.kind === "let") visit(statement.value);
        visit(fn.result);
      }
    }
  });

  it("keeps float32 functions in float32 and int32, except pow and those that round the float64 form", () => {
    for (const name of NATIVE.filter((candidate) => candidate !== "pow")) {
      const types = new Set<string>();
      const visit = (expr: Expr): void => {
        types.add(expr.type);
        childrenOf(expr).forEach(visit);
      };
      const fn = mathFunction(name, "float32");
      for (const statement of fn.body) if (statement.kind === "let") visit(statement.value);
      visit(fn.result);
      expect([...types].filter((type) => !["float32", "int32", "bool"].includes(type))).toEqual([]);
    }
  });
});

describe("against exact tables", () => {
  for (const table of readMathTables(join(import.meta.dirname, "../oracles/math"))) {
    const bound = boundOf(table.name, table.type);
    it(`${table.name} in ${table.type} is within ${bound} ulp`, () => {
      const fn = mathFunction(table.name, table.type);
      const wrong: string[] = [];
      for (let i = 0; i < table.rounded.length; i++) {
        const args = table.args.map((column) => column[i]!);
        const got = evaluateMath(fn, ...args);
        const error = ulpError(got, table.rounded[i]!, table.rest(i), table.type);
        if (!(error <= bound)) wrong.push(`${table.name}(${args}) = ${got}, not ${table.rounded[i]}: ${error} ulp`);
      }
      expect(table.rounded.length).toBeGreaterThan(2000);
      expect(wrong).toEqual([]);
    });
  }
});

describe("exp of what is not positive", () => {
  const tables = readMathTables(join(import.meta.dirname, "../oracles/math")).filter(({ name }) => name === "exp");
  for (const type of TYPES) {
    const table = tables.find((candidate) => candidate.type === type)!;
    const fn = mathFunction("expNonPositive", type);
    const [smallest, step] = type === "float32" ? [2 ** -126.5, 2 ** -149] : [2 ** -1022.5, 2 ** -1074];

    it(`is within 1 ulp of the exact tables in ${type}, or 0 where less than ${smallest}`, () => {
      let compared = 0;
      for (let i = 0; i < table.rounded.length; i++) {
        const x = table.args[0]![i]!;
        if (!(x <= 0)) continue;
        compared++;
        const [got, exact] = [evaluateMath(fn, x), table.rounded[i]!];
        // Of a result at the very boundary either is right.
        if (got === 0) expect(exact).toBeLessThan(smallest + 4 * step);
        else {
          expect(exact).toBeGreaterThan(smallest - 4 * step);
          if (!(ulpError(got, exact, table.rest(i), type) <= 1)) throw new Error(`e^${x} = ${got}, not ${exact}`);
        }
      }
      expect(compared).toBeGreaterThan(700);
    });

    it(`is never negative, and 1 at the most, in ${type}`, () => {
      for (let x = 0; x > -2000; x -= 0.37) {
        const y = evaluateMath(fn, type === "float32" ? Math.fround(x) : x);
        if (!(y >= 0 && y <= 1) || Object.is(y, -0)) throw new Error(`e^${x} = ${y}`);
      }
    });
  }

  it("is that of float64 to 1 ulp wherever the result is normal", () => {
    const fn = mathFunction("expNonPositive", "float32");
    let worst = 0;
    for (let i = 0; i < 200_000; i++) {
      const x = Math.fround(-87.336 * ((i * 0.6180339887498949) % 1));
      const exact = Math.exp(x);
      worst = Math.max(worst, Math.abs(evaluateMath(fn, x) - exact) / 2 ** (Math.floor(Math.log2(exact)) - 23));
    }
    expect(worst).toBeLessThan(1);
    expect(worst).toBeGreaterThan(0.9); // else the documented bound could be sharper
  });

  it("still gives the smallest normal numbers, rounds those just below, and then 0", () => {
    const fn = mathFunction("expNonPositive", "float32");
    expect(evaluateMath(fn, -87.3)).toBeGreaterThan(2 ** -126);
    expect(Math.abs(evaluateMath(fn, Math.fround(-87.4)) - Math.exp(Math.fround(-87.4)))).toBeLessThan(2 ** -149);
    expect(evaluateMath(fn, -87.75)).toBe(0);
    expect(evaluateMath(fn, -104)).toBe(0);
  });
});

/** [argument, result] */
// biome-ignore format: pairs
const SPECIAL: { readonly [name: string]: readonly (readonly [number, number])[] } = {
  exp: [[0, 1], [-0, 1], [INF, INF], [-INF, 0], [1e30, INF], [-1e30, 0]],
  expNonPositive: [[0, 1], [-0, 1], [-INF, 0], [-1e30, 0], [-1000, 0]],
  expm1: [[0, 0], [-0, -0], [INF, INF], [-INF, -1], [1e30, INF], [-1e30, -1]],
  log: [[0, -INF], [-0, -INF], [1, 0], [INF, INF], [-1, NaN], [-INF, NaN], [-1e-40, NaN]],
  log1p: [[0, 0], [-0, -0], [-1, -INF], [INF, INF], [-1.5, NaN], [-INF, NaN]],
  tanh: [[0, 0], [-0, -0], [INF, 1], [-INF, -1], [25, 1], [-25, -1]],
  sigmoid: [[0, 0.5], [-0, 0.5], [INF, 1], [-INF, 0], [1e30, 1], [-1e30, 0]],
  softplus: [[INF, INF], [-INF, 0], [-1e30, 0], [2 ** 90, 2 ** 90]],
  sin: [[0, 0], [-0, -0], [INF, NaN], [-INF, NaN]],
  cos: [[0, 1], [-0, 1], [INF, NaN], [-INF, NaN]],
  tan: [[0, 0], [-0, -0], [INF, NaN], [-INF, NaN]],
  asin: [[0, 0], [-0, -0], [1.5, NaN], [-INF, NaN]],
  acos: [[1, 0], [1.5, NaN], [-1.25, NaN], [INF, NaN]],
  atan: [[0, 0], [-0, -0]],
  sinh: [[0, 0], [-0, -0], [INF, INF], [-INF, -INF], [800, INF]],
  cosh: [[0, 1], [-0, 1], [INF, INF], [-INF, INF], [-800, INF]],
  asinh: [[0, 0], [-0, -0], [INF, INF], [-INF, -INF]],
  acosh: [[1, 0], [0.5, NaN], [-INF, NaN], [INF, INF]],
  atanh: [[0, 0], [-0, -0], [1, INF], [-1, -INF], [1.5, NaN], [INF, NaN]],
  exp2: [[0, 1], [-0, 1], [INF, INF], [-INF, 0], [10, 1024], [-3, 0.125], [1e30, INF], [-1e30, 0]],
  log2: [[0, -INF], [1, 0], [8, 3], [2 ** -20, -20], [INF, INF], [-1, NaN]],
  log10: [[0, -INF], [1, 0], [1000, 3], [INF, INF], [-1, NaN]],
  erfc: [[0, 1], [-0, 1], [INF, 0], [-INF, 2], [100, 0], [-7, 2]],
  lgamma: [[0, INF], [-0, INF], [1, 0], [2, 0], [-1, INF], [-7, INF], [INF, INF], [-INF, INF]],
  erf: [[0, 0], [-0, -0], [INF, 1], [-INF, -1], [7, 1], [-7, -1]],
  normalQuantile: [[0, -INF], [-0, -INF], [1, INF], [0.5, 0], [-0.1, NaN], [1.5, NaN], [INF, NaN], [-INF, NaN]],
};

describe("special values", () => {
  for (const type of TYPES) {
    it(`are exact in ${type}`, () => {
      for (const [name, pairs] of Object.entries(SPECIAL)) {
        const fn = mathFunction(name, type);
        for (const [x, y] of [...pairs, [NaN, NaN] as const]) {
          expect([name, x, evaluateMath(fn, x)]).toEqual([name, x, y]);
        }
      }
    });

    it(`of odd functions keep the smallest numbers in ${type}`, () => {
      const tiny = type === "float32" ? 2 ** -149 : 2 ** -1074;
      for (const name of ["expm1", "log1p", "tanh", "sin", "tan", "asin", "atan", "sinh", "asinh", "atanh"]) {
        const fn = mathFunction(name, type);
        for (const x of [tiny, -tiny, 3 * tiny, -5 * tiny]) {
          expect([name, x, evaluateMath(fn, x)]).toEqual([name, x, x]);
        }
      }
    });

    it(`sine and cosine stay in [-1, 1] far beyond their bound in ${type}`, () => {
      const limit = type === "float32" ? 127 : 1023;
      for (const name of ["sin", "cos"]) {
        const fn = mathFunction(name, type);
        for (let e = 10; e < limit; e += 0.37) {
          for (const x of [2 ** e, -(2 ** e)]) {
            const y = evaluateMath(fn, type === "float32" ? Math.fround(x) : x);
            if (!(Math.abs(y) <= 1)) throw new Error(`${name}(${x}) = ${y}`);
          }
        }
      }
    });
  }
});

describe("atan2", () => {
  const { PI } = Math;
  // C99, F.9.1.4: [y, x, angle].
  // biome-ignore format: triples
  const cases: readonly (readonly [number, number, number])[] = [
    [0, -0, PI], [-0, -0, -PI], [0, 0, 0], [-0, 0, -0], [0, -1, PI], [-0, -1, -PI], [0, 1, 0], [-0, 1, -0],
    [-1, 0, -PI / 2], [-1, -0, -PI / 2], [1, 0, PI / 2], [1, -0, PI / 2], [1, -INF, PI], [-1, -INF, -PI],
    [1, INF, 0], [-1, INF, -0], [INF, 1, PI / 2], [-INF, -1, -PI / 2], [INF, -INF, 3 * PI / 4],
    [-INF, -INF, -3 * PI / 4], [INF, INF, PI / 4], [-INF, INF, -PI / 4], [NaN, 1, NaN], [1, NaN, NaN], [NaN, INF, NaN],
    [1, 1, PI / 4], [-1, -1, -3 * PI / 4],
  ];
  for (const type of TYPES) {
    it(`keeps the special cases of C99 in ${type}`, () => {
      const fn = mathFunction("atan2", type);
      for (const [y, x, angle] of cases) {
        const wanted = type === "float32" ? Math.fround(angle) : angle;
        expect([y, x, evaluateMath(fn, y, x)]).toEqual([y, x, wanted]);
      }
    });
  }
});

describe("lgamma below 0", () => {
  it("is the reflection, to 4e-16 of its size or of 1", () => {
    const fn = mathFunction("lgamma", "float64");
    // biome-ignore format: pairs, by mpmath
    const cases: readonly (readonly [number, number])[] = [[-1e-300, 690.7755278982137], [-1e-20, 46.051701859880914], [-0.1, 2.3689613327287886], [-0.5, 1.2655121234846454], [-0.9, 2.3580731673920323], [-1.1, 2.273651152924463], [-1.5, 0.860047015376481], [-2.4570247382208006, 5.619192358950097e-17], [-3.7, -1.3797399049658245], [-10.25, -14.20399790093109], [-33.3, -84.75261573729159], [-170.6, -708.4624470872853], [-10000.3, -82110.33429318407], [-90949470.17729282, -1575773669.968716]];
    for (const [x, y] of cases) {
      expect(Math.abs(evaluateMath(fn, x) - y) / Math.max(1, Math.abs(y))).toBeLessThan(9e-16);
    }
  });
});

describe("pow", () => {
  // C99, F.9.4.4.
  // biome-ignore format: triples
  const cases: readonly (readonly [number, number, number])[] = [
    [0, -3, INF], [-0, -3, -INF], [0, -2, INF], [-0, -2, INF], [-0, -2.5, INF], [0, -INF, INF], [-0, -INF, INF],
    [0, 3, 0], [-0, 3, -0], [0, 2, 0], [-0, 2, 0], [-0, 0.5, 0], [0, 1e-30, 0], [-0, -1e-30, INF], [0, INF, 0],
    [-1, INF, 1], [-1, -INF, 1], [1, INF, 1], [1, NaN, 1], [1, -5, 1],
    [NaN, 0, 1], [NaN, -0, 1], [INF, 0, 1], [-INF, -0, 1], [0, 0, 1], [-0, 0, 1], [5, 0, 1], [-5, -0, 1],
    [-2, 0.5, NaN], [-2, -1.5, NaN], [NaN, 1, NaN], [2, NaN, NaN], [0, NaN, NaN], [NaN, INF, NaN], [INF, NaN, NaN],
    [0.5, -INF, INF], [-0.5, -INF, INF], [2, -INF, 0], [-2, -INF, 0],
    [0.5, INF, 0], [-0.5, INF, 0], [2, INF, INF], [-2, INF, INF],
    [-INF, -3, -0], [-INF, -2, 0], [-INF, -2.5, 0], [-INF, 3, -INF], [-INF, 2, INF], [-INF, 2.5, INF],
    [INF, -1, 0], [INF, 1, INF], [INF, 1e-30, INF], [INF, -1e-30, 0], [-INF, -INF, 0], [-INF, INF, INF],
    [2, 10, 1024], [-2, 3, -8], [-2, 2, 4], [-1, 2 ** 60, 1], [-1, 2 ** 20 + 1, -1], [10, -2, 0.01], [4, 0.5, 2],
    [2, 5000, INF], [-2, 5001, -INF], [2, -5000, 0], [-2, -5001, -0], [1.5, 1e30, INF], [0.5, 1e30, 0],
  ];
  for (const type of TYPES) {
    it(`keeps the special cases of C99 in ${type}`, () => {
      const fn = mathFunction("pow", type);
      const round = type === "float32" ? Math.fround : (x: number) => x;
      for (const [x, y, z] of cases) {
        expect([x, y, evaluateMath(fn, round(x), round(y))]).toEqual([x, y, round(z)]);
      }
    });
  }
});
