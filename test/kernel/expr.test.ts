import fc from "fast-check";
import { expect, test } from "vitest";
import { allocate } from "../../src/core/dtype.ts";
import * as k from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import * as scalar from "../../src/kernel/scalar.ts";
import type { Buffer, Stmt } from "../../src/kernel/statement.ts";

type IntegerType = "int32" | "uint32";
/** An expression before the constructors simplify it. */
type Tree =
  | { readonly op: "const"; readonly value: number }
  | { readonly op: "var"; readonly name: number }
  | { readonly op: "not"; readonly x: Tree }
  | {
      readonly op: "select";
      readonly less: k.CompareOp;
      readonly x: Tree;
      readonly y: Tree;
      readonly yes: Tree;
      readonly no: Tree;
    }
  | { readonly op: k.BinaryOp; readonly x: Tree; readonly y: Tree };

const OPS = ["add", "sub", "mul", "div", "rem", "min", "max", "and", "or", "xor", "shl", "shr"] as const;
const COMPARE = ["lt", "le", "eq", "ne"] as const;
// Index arithmetic is mostly sums, products and divisions by positive constants: the rules about those must fire.
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: "large" },
    fc.record({ op: fc.constant("var" as const), name: fc.nat(3) }),
    fc.record({
      op: fc.constant("const" as const),
      value: fc.oneof(fc.integer({ min: -3, max: 12 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 2 ** 30)),
    }),
    fc.record({ op: fc.constantFrom("add", "mul"), x: tie("tree"), y: tie("tree") }),
    fc.record({
      op: fc.constantFrom("div", "rem", "mul", "add"),
      x: tie("tree"),
      y: fc.record({ op: fc.constant("const" as const), value: fc.integer({ min: 1, max: 12 }) }),
    }),
    fc.record({ op: fc.constantFrom(...OPS), x: tie("tree"), y: tie("tree") }),
    fc.record({
      op: fc.constant("select" as const),
      less: fc.constantFrom(...COMPARE),
      x: tie("tree"),
      y: tie("tree"),
      yes: tie("tree"),
      no: tie("tree"),
    }),
    fc.record({ op: fc.constant("not" as const), x: tie("tree") }),
  ),
}));
const range = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: fc.nat(6) }, fc.constantFrom(2 ** 31 - 8, 1000)), fc.nat(9))
  .chain(([min, more]) =>
    fc.record({ min: fc.constant(min), max: fc.constant(Math.min(min + more, 2 ** 31 - 1)), at: fc.nat(more) }),
  )
  .map(({ min, max, at }) => ({ min, max, value: Math.min(min + at, max) }));
const negative = range.map(({ min, max, value }) => ({ min: -max, max: -min + 0, value: -value + 0 }));

function build(tree: Tree, type: IntegerType, variables: readonly k.Expr[]): k.Expr {
  const of = (t: Tree) => build(t, type, variables);
  switch (tree.op) {
    case "const":
      return k.constant(tree.value, type);
    case "var":
      return variables[(tree as { name: number }).name]!;
    case "not":
      return k.unary("not", of(tree.x));
    case "select":
      return k.select(k.binary(tree.less, of(tree.x), of(tree.y)), of(tree.yes), of(tree.no));
    default:
      return k.binary(tree.op, of(tree.x), of(tree.y));
  }
}

function evaluate(tree: Tree, type: IntegerType, values: readonly number[]): number {
  const of = (t: Tree) => evaluate(t, type, values);
  switch (tree.op) {
    case "const":
      return type === "int32" ? tree.value | 0 : tree.value >>> 0;
    case "var":
      return values[(tree as { name: number }).name]!;
    case "not":
      return scalar.applyUnary("not", type, of(tree.x));
    case "select":
      return scalar.applyBinary(tree.less, type, of(tree.x), of(tree.y)) ? of(tree.yes) : of(tree.no);
    default:
      return scalar.applyBinary(tree.op, type, of(tree.x), of(tree.y));
  }
}

/** Every distinct subexpression. */
function subexpressions(root: k.Expr): readonly k.Expr[] {
  const seen = new Set<k.Expr>();
  const visit = (expr: k.Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    k.childrenOf(expr).forEach(visit);
  };
  visit(root);
  return [...seen];
}

test.each(["int32", "uint32"] as const)("%s: simplified expressions keep their value, and ranges are sound", (type) => {
  const variable = type === "int32" ? fc.oneof({ weight: 3, arbitrary: range }, negative) : range;
  const property = fc.property(tree, fc.tuple(variable, variable, variable, variable), (shape, ranges) => {
    k.withFreshExpressions(() => {
      const variables = ranges.map((r, i) => k.variable(`v${i}`, type, r));
      const expr = build(shape, type, variables);
      // Every part is computed on its own: a wrong range deep inside need not show in the value of the whole.
      const parts = subexpressions(expr).filter((part) => part.type === type);
      const y: Buffer = { name: "y", dtype: type, size: parts.length, role: "out" };
      const lets = variables.map(
        (v, i): Stmt => ({ kind: "let", variable: v, value: k.constant(ranges[i]!.value, type), mutable: false }),
      );
      const stores = parts.map((value, i): Stmt => ({ kind: "store", buffer: y, at: k.int(i), value }));
      const out = allocate(type, parts.length);
      interpretKernel({ name: "expression", buffers: [y], body: [...lets, ...stores] }, [out]);
      expect(out[parts.indexOf(expr)]).toBe(
        evaluate(
          shape,
          type,
          ranges.map((r) => r.value),
        ),
      );
      parts.forEach((part, i) => {
        expect(out[i]).toBeGreaterThanOrEqual(part.min);
        expect(out[i]).toBeLessThanOrEqual(part.max);
      });
    });
  });
  fc.assert(property, { numRuns: 6000 });
});

test("index arithmetic folds back: (a*6 + b) / 6 is a, and the remainder b", () => {
  for (const type of ["int32", "uint32"] as const) {
    const a = k.variable("a", type, { min: 0, max: 9 });
    const b = k.variable("b", type, { min: 0, max: 5 });
    const six = k.constant(6, type);
    const flat = k.add(k.mul(a, six), b);
    expect(k.div(flat, six)).toBe(a);
    expect(k.rem(flat, six)).toBe(b);
    expect(k.div(k.div(flat, k.constant(2, type)), k.constant(3, type))).toBe(a);
  }
});

test("a sum that may wrap is not taken apart", () => {
  const a = k.variable("a", "uint32", { min: 0, max: 715827882 }); // 6a fits, 6a + 4 need not
  const four = k.constant(4, "uint32");
  const six = k.constant(6, "uint32");
  const sum = k.add(k.mul(a, six), four);
  expect(k.div(sum, six)).toMatchObject({ kind: "binary", op: "div", x: sum });
  expect(k.rem(sum, six)).toMatchObject({ kind: "binary", op: "rem", x: sum });
});

test("equal expressions are one object, and loads from two buffers of one name are two", () => {
  const i = k.indexVariable("i", 4);
  expect(k.add(i, k.int(1))).toBe(k.add(i, k.int(1)));
  const x: Buffer = { name: "x", dtype: "float32", size: 4, role: "in" };
  expect(k.load(x, i)).toBe(k.load(x, i));
  expect(k.load({ ...x, dtype: "int32" }, i).type).toBe("int32");
});

test("the bits of every NaN are those of one", () => {
  const strange = new Float32Array(Int32Array.of(-1).buffer)[0]!;
  expect(scalar.reinterpret(strange, "float32", "int32")).toBe(0x7fc00000);
  expect(scalar.reinterpret(0 / 0, "float64", "uint32")).toBe(0x7ff80000);
});

test.each([
  [0.5, 0],
  [1.5, 2],
  [2.5, 2],
  [-0.5, -0],
  [-1.5, -2],
  [-0.2, -0],
  [0.49999999999999994, 0],
  [-0, -0],
  [4503599627370495.5, 4503599627370496],
  [Infinity, Infinity],
])("nearest(%d) is %d", (x, expected) => {
  expect(scalar.nearestEven(x)).toBe(expected);
});
