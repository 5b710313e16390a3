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
const NAMES = [
  "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "pow", "sin", "cos", "normalQuantile", "erf",
];
const INF = Infinity;

/** The bounds promised, in ulp. */
const boundOf = (name: string): number => (name === "normalQuantile" ? 4 : name === "exp" || name === "log" ? 1 : 2);

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

  it("keeps float32 functions in float32 and int32, except pow", () => {
    for (const name of NAMES.filter((candidate) => candidate !== "pow")) {
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
    const bound = boundOf(table.name);
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

/** [argument, result] */
// biome-ignore format: pairs
const SPECIAL: { readonly [name: string]: readonly (readonly [number, number])[] } = {
  exp: [[0, 1], [-0, 1], [INF, INF], [-INF, 0], [1e30, INF], [-1e30, 0]],
  expm1: [[0, 0], [-0, -0], [INF, INF], [-INF, -1], [1e30, INF], [-1e30, -1]],
  log: [[0, -INF], [-0, -INF], [1, 0], [INF, INF], [-1, NaN], [-INF, NaN], [-1e-40, NaN]],
  log1p: [[0, 0], [-0, -0], [-1, -INF], [INF, INF], [-1.5, NaN], [-INF, NaN]],
  tanh: [[0, 0], [-0, -0], [INF, 1], [-INF, -1], [25, 1], [-25, -1]],
  sigmoid: [[0, 0.5], [-0, 0.5], [INF, 1], [-INF, 0], [1e30, 1], [-1e30, 0]],
  softplus: [[INF, INF], [-INF, 0], [-1e30, 0], [2 ** 90, 2 ** 90]],
  sin: [[0, 0], [-0, -0], [INF, NaN], [-INF, NaN]],
  cos: [[0, 1], [-0, 1], [INF, NaN], [-INF, NaN]],
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
      for (const name of ["expm1", "log1p", "tanh", "sin"]) {
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
