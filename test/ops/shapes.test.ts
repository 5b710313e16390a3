/** Shape and dtype rules of the pointwise, movement, reduction and indexing ops, and what their errors say. */
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { shapeText } from "../../src/core/shape.ts";
import { sizeFrom } from "../../src/core/size.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Tensor } from "../../src/graph/operation.ts";
import * as arithmetic from "../../src/ops/arithmetic.ts";
import * as comparison from "../../src/ops/comparison.ts";
import { range, sizeValue } from "../../src/ops/counting.ts";
import { exp, pow } from "../../src/ops/elementary.ts";
import * as indexing from "../../src/ops/indexing.ts";
import * as movement from "../../src/ops/movement.ts";
import { prod } from "../../src/ops/product.ts";
import * as reduction from "../../src/ops/reduction.ts";
import { OPS, opNamed } from "../../src/ops/registry.ts";
import * as slicing from "../../src/ops/slicing.ts";
import { placeholderOp } from "../../src/ops/state.ts";

type Written = readonly (number | string)[] | null;

const graph = new GraphBuilder("test");
const fresh = (shape: Written, dtype: DType = "float32", name = "x"): Tensor =>
  new GraphBuilder("test").apply(placeholderOp, [], { dtype, shape: sizes(shape) }, { name }).outputs[0]!;
/** A placeholder of the graph that all of this file shares. */
const input = (shape: Written, dtype: DType = "float32"): Tensor =>
  graph.apply(placeholderOp, [], { dtype, shape: sizes(shape) }, { name: "x" }).outputs[0]!;
const beside = (other: Tensor, shape: Written, dtype: DType = "float32", name = "y"): Tensor =>
  other.graph.apply(placeholderOp, [], { dtype, shape: sizes(shape) }, { name }).outputs[0]!;
const sizes = (shape: Written) => shape?.map((dim) => sizeFrom(dim, "test")) ?? null;

const shapeOf = (tensor: Tensor): string => shapeText(tensor.shape);

/** The message, with places in this file cut down to the name of the file. */
function messageOf(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    return (error as Error).message.replace(/(shapes\.test\.ts):\d+:\d+/g, "$1").replace(/ {2,}made at/g, "  made at");
  }
  throw new Error("nothing was thrown");
}

describe("pointwise", () => {
  test.each<[Written, Written, string]>([
    [[2, 3], [3], "[2, 3]"],
    [[2, 1, 3], [4, 1], "[2, 4, 3]"],
    [[], [2], "[2]"],
    [["batch", 784], [784], "[batch, 784]"],
    [["batch", 1], [1, "classes"], "[batch, classes]"],
    [[0, 3], [3], "[0, 3]"],
    [null, [2], "<unknown>"],
  ])("%j and %j broadcast to %s", (left, right, expected) => {
    expect(shapeOf(arithmetic.add(input(left), input(right)))).toBe(expected);
    expect(shapeOf(comparison.less(input(left), input(right)))).toBe(expected);
    expect(shapeOf(pow(input(left), input(right)))).toBe(expected);
  });

  test("one operand keeps its shape, unknown rank too", () => {
    expect(shapeOf(exp(input(["batch", 3])))).toBe("[batch, 3]");
    expect(shapeOf(arithmetic.abs(input(null)))).toBe("<unknown>");
    expect(shapeOf(comparison.cast(input(null), "int32"))).toBe("<unknown>");
  });

  test("where broadcasts all three and needs a bool", () => {
    const condition = input(["batch", 1], "bool");
    expect(shapeOf(comparison.where(condition, input([3]), 0))).toBe("[batch, 3]");
    expect(comparison.where(condition, 1, 0).dtype).toBe("float32");
    const x = fresh([3]);
    expect(messageOf(() => comparison.where(x, x, 0))).toContain(
      "where: the condition is float32, not bool\n  condition  x: float32[3]",
    );
  });

  test("two sizes that differ: both operands, both lines, the axis, a fix", () => {
    const x = fresh(["batch", 784]);
    expect(messageOf(() => arithmetic.sub(x, beside(x, [10])))).toBe(
      [
        "sub: cannot broadcast 784 with 10",
        "  left   x: float32[batch, »784«]  made at test/ops/shapes.test.ts",
        "  right  y: float32[»10«]  made at test/ops/shapes.test.ts",
        "at test/ops/shapes.test.ts",
        "fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis",
      ].join("\n"),
    );
  });

  test("the marks of where are on the operands at fault", () => {
    const x = fresh([2, 3], "bool", "c");
    const message = messageOf(() =>
      comparison.where(x, beside(x, [4], "float32", "a"), beside(x, [3], "float32", "b")),
    );
    expect(message).toContain("yes        a: float32[»4«]");
    expect(message).toContain("no         b: float32[»3«]");
    expect(message).toContain("condition  c: bool[2, 3]");
  });

  test("dtypes are not mixed", () => {
    const x = fresh([2]);
    expect(messageOf(() => arithmetic.mul(x, beside(x, [2], "int32")))).toContain(
      "mul: operands have different dtypes, float32 and int32",
    );
    expect(messageOf(() => arithmetic.div(fresh([2], "int32"), 2))).toContain("div: takes floating point, not int32");
    expect(messageOf(() => comparison.less(fresh([2], "bool"), true))).toContain("less: takes numbers, not bool");
    expect(comparison.equal(input([2], "bool"), true).dtype).toBe("bool");
  });

  test("addN wants one shape, clipByValue an interval", () => {
    const x = fresh([2, 3]);
    expect(messageOf(() => arithmetic.addN([x, x, beside(x, [2, 4])]))).toContain(
      "addN: axis 1 differs: 3 against 4\n  input 0  x: float32[2, »3«]",
    );
    expect(messageOf(() => arithmetic.addN([]))).toContain("addN: the list is empty");
    expect(messageOf(() => arithmetic.clipByValue(x, 1, -1))).toBe(
      "clipByValue: nothing lies between 1 and -1\nat test/ops/shapes.test.ts\nfix: min comes first, then max",
    );
  });
});

describe("movement", () => {
  test("reshape works out one size, with names too", () => {
    expect(shapeOf(movement.reshape(input([2, 6]), [3, -1]))).toBe("[3, 4]");
    expect(shapeOf(movement.reshape(input(["batch", 784]), [-1, 28, 28]))).toBe("[batch, 28, 28]");
    expect(shapeOf(movement.reshape(input(["batch", 6]), ["batch", 2, 3]))).toBe("[batch, 2, 3]");
    expect(shapeOf(movement.reshape(input(null), [2, 3]))).toBe("[2, 3]");
    expect(shapeOf(movement.reshape(input(null), [2, -1]))).toBe("<unknown>");
    expect(messageOf(() => movement.reshape(fresh([2, 3]), [4]))).toBe(
      [
        "reshape: [2, 3] has 6 elements, [4] has 4",
        "  x  x: float32[»2«, »3«]  made at test/ops/shapes.test.ts",
        "at test/ops/shapes.test.ts",
        "fix: the number of elements must stay the same; one size may be -1 to be worked out",
      ].join("\n"),
    );
    expect(messageOf(() => movement.reshape(fresh([2, 3]), [-2, 3]))).toContain("reshape: -2 is not a size");
  });

  test("row 11: flatten of [N, 28, 28] is [N, 784]", () => {
    expect(shapeOf(movement.flatten(input(["N", 28, 28])))).toBe("[N, 784]");
    expect(shapeOf(movement.flatten(input(["N"])))).toBe("[N, 1]");
    expect(messageOf(() => movement.flatten(fresh([])))).toContain("flatten: a scalar has no axis 0 to keep");
  });

  test("transpose", () => {
    expect(shapeOf(movement.transpose(input([2, "n", 4])))).toBe("[4, n, 2]");
    expect(shapeOf(movement.transpose(input([2, 3, 4]), [2, 0, 1]))).toBe("[4, 2, 3]");
    expect(messageOf(() => movement.transpose(fresh([2, 3]), [0, 0]))).toBe(
      [
        "transpose: [0, 0] is not a permutation of the axes of rank 2",
        "  x  x: float32[2, 3]  made at test/ops/shapes.test.ts",
        "at test/ops/shapes.test.ts",
        "fix: name each axis from 0 to 1 once",
      ].join("\n"),
    );
  });

  test("expandDims and squeeze", () => {
    expect(shapeOf(movement.expandDims(input(["n"]), -1))).toBe("[n, 1]");
    expect(shapeOf(movement.squeeze(input([1, "n", 1])))).toBe("[n]");
    expect(shapeOf(movement.squeeze(input([1, "n", 1]), 0))).toBe("[n, 1]");
    expect(messageOf(() => movement.squeeze(fresh([2, 1]), 0))).toContain(
      "squeeze: axis 0 has size 2, not 1\n  x  x: float32[»2«, 1]",
    );
    expect(messageOf(() => movement.expandDims(fresh([2]), 3))).toContain("axis 3 does not exist in rank 2");
  });

  test("a named size is squeezed only if asked for, and then checked once it is bound", () => {
    const y = movement.squeeze(input(["n", 3]), 0);
    expect(shapeOf(y)).toBe("[3]");
    expect(y.op.checks.map(({ left, right }) => [String(left), right])).toEqual([["n", 1]]);
  });

  test("broadcastTo and tile", () => {
    expect(shapeOf(movement.broadcastTo(input([3]), ["batch", 3]))).toBe("[batch, 3]");
    expect(shapeOf(movement.tile(input(["n", 3]), [2, 1]))).toBe("[2*n, 3]");
    expect(messageOf(() => movement.broadcastTo(fresh([2, 3]), [2, 4]))).toContain(
      "broadcastTo: cannot broadcast 3 to 4\n  x  x: float32[2, »3«]",
    );
    expect(messageOf(() => movement.broadcastTo(fresh([2, 3]), [3]))).toContain(
      "broadcastTo: rank 2 does not broadcast to the lower rank 1",
    );
    expect(messageOf(() => movement.tile(fresh([2, 3]), [2]))).toContain("tile: 1 multiples for rank 2");
  });

  test("filling and counting", () => {
    expect(movement.zerosLike(input(["n", 2], "int32")).toString()).toContain("shape=(?, 2), dtype=int32");
    expect(shapeOf(movement.onesLike(input(null)))).toBe("<unknown>");
    expect(shapeOf(movement.fill(graph, ["n", 2], 7))).toBe("[n, 2]");
    expect(shapeOf(range(graph, "n"))).toBe("[n]");
    expect(shapeOf(sizeValue(graph, sizeFrom("n", "test")))).toBe("[]");
  });
});

describe("slicing", () => {
  test("slice", () => {
    expect(shapeOf(slicing.slice(input([4, 5]), [1, 2], [2, -1]))).toBe("[2, 3]");
    expect(shapeOf(slicing.slice(input(["n", 5]), [1, 0], [-1, 2]))).toBe("[n - 1, 2]");
    expect(shapeOf(slicing.slice(input(null), [0, 0], [2, 2]))).toBe("[2, 2]");
    expect(messageOf(() => slicing.slice(fresh([4, 5]), [1, 3], [2, 3]))).toBe(
      [
        "slice: axis 1: 3 from 3 on is not inside size 5",
        "  x  x: float32[4, »5«]  made at test/ops/shapes.test.ts",
        "at test/ops/shapes.test.ts",
        "fix: begin and begin + size must lie between 0 and the size of the axis; -1 means to the end",
      ].join("\n"),
    );
    expect(messageOf(() => slicing.slice(fresh([4, 5]), [1], [2]))).toContain("slice: 1 begins and 1 sizes for rank 2");
  });

  test("pad", () => {
    expect(
      shapeOf(
        slicing.pad(input(["n", 5]), [
          [1, 1],
          [0, 2],
        ]),
      ),
    ).toBe("[n + 2, 7]");
    expect(messageOf(() => slicing.pad(fresh([2]), [[-1, 0]]))).toContain("pad: axis 0 is padded by -1");
  });

  test("concat, stack, split and unstack", () => {
    expect(shapeOf(slicing.concat([input(["n", 3]), input([2, 3])]))).toBe("[n + 2, 3]");
    expect(shapeOf(slicing.concat([input(["n", 3]), input(["n", 1])], -1))).toBe("[n, 4]");
    expect(shapeOf(slicing.stack([input(["n"]), input(["n"])], 1))).toBe("[n, 2]");
    expect(slicing.split(input(["n", 6]), 3, 1).map(shapeOf)).toEqual(["[n, 2]", "[n, 2]", "[n, 2]"]);
    expect(slicing.split(input([5]), [2, 3]).map(shapeOf)).toEqual(["[2]", "[3]"]);
    expect(slicing.unstack(input(["n", 2]), -1).map(shapeOf)).toEqual(["[n]", "[n]"]);
    const x = fresh([2, 3]);
    expect(messageOf(() => slicing.concat([x, beside(x, [2, 4])], 0))).toBe(
      [
        "concat: axis 1 differs: 3 against 4",
        "  input 0  x: float32[2, »3«]  made at test/ops/shapes.test.ts",
        "  input 1  y: float32[2, »4«]  made at test/ops/shapes.test.ts",
        "at test/ops/shapes.test.ts",
        "fix: all sizes but the one along axis 0 must be equal",
      ].join("\n"),
    );
    expect(messageOf(() => slicing.split(fresh([5]), 2))).toContain("split: size 5 of axis 0 does not divide into 2");
    expect(messageOf(() => slicing.unstack(fresh(["n"])))).toContain("unstack: size n of axis 0 is not a number");
  });

  test("sizes not known yet are looked at again when they are bound", () => {
    const y = slicing.slice(input(["n"]), [0], [4]);
    expect(shapeOf(y)).toBe("[4]");
    const context = {
      fail: (problem: string): never => {
        throw new Error(problem);
      },
      require: () => {},
    };
    expect(() => slicing.sliceOp.shapes([[3]], { begin: [0], size: [4] }, context)).toThrow("not inside size 3");
  });
});

describe("row 141: reductions", () => {
  const all = [reduction.sum, reduction.mean, reduction.max, reduction.min, prod, reduction.logSumExp, reduction.norm];

  test.each(all)("axes, keepDims, no axes and all axes of %o", (reduce) => {
    const x = input(["n", 3, 4]);
    expect(shapeOf(reduce(x))).toBe("[]");
    expect(shapeOf(reduce(x, { axis: null, keepDims: true }))).toBe("[1, 1, 1]");
    expect(shapeOf(reduce(x, { axis: -1 }))).toBe("[n, 3]");
    expect(shapeOf(reduce(x, { axis: [0, 2], keepDims: true }))).toBe("[1, 3, 1]");
    expect(shapeOf(reduce(x, { axis: [] }))).toBe("[n, 3, 4]");
    expect(shapeOf(reduce(input(null)))).toBe("[]");
    expect(shapeOf(reduce(input(null), { axis: 0 }))).toBe("<unknown>");
  });

  test("wrong axes", () => {
    expect(messageOf(() => reduction.mean(fresh([2, 3]), { axis: 2 }))).toBe(
      [
        "mean: axis 2 does not exist in rank 2",
        "  x  x: float32[2, 3]  made at test/ops/shapes.test.ts",
        "at test/ops/shapes.test.ts",
        "fix: axes run from -2 to 1",
      ].join("\n"),
    );
    expect(messageOf(() => reduction.sum(fresh([2, 3]), { axis: [1, -1] }))).toContain("axis 1 is named twice");
    expect(messageOf(() => reduction.sum(fresh([]), { axis: 0 }))).toContain("fix: a scalar has no axes");
  });

  test("a mean of whole numbers is refused rather than rounded", () => {
    expect(messageOf(() => reduction.mean(fresh([2], "int32")))).toContain(
      'mean: takes floating point, not int32\n  x  x: int32[2]  made at test/ops/shapes.test.ts\nat test/ops/shapes.test.ts\nfix: convert it first: cast(x, "float32")',
    );
  });

  test("argmax is int32 and wants an element", () => {
    const y = reduction.argmax(input(["n", 10]), 1);
    expect([shapeOf(y), y.dtype]).toEqual(["[n]", "int32"]);
    expect(shapeOf(reduction.argmin(input(["n", 10]), -1, { keepDims: true }))).toBe("[n, 1]");
    expect(messageOf(() => reduction.argmax(fresh([2, 0]), 1))).toContain("argmax: axis 1 is empty");
  });

  test("any and all take bool", () => {
    expect(shapeOf(reduction.any(input(["n", 2], "bool"), { axis: 1 }))).toBe("[n]");
    expect(messageOf(() => reduction.all(fresh([2])))).toContain("all: takes bool, not float32");
  });
});

describe("indexing", () => {
  test("gather puts the axes of the indices in the place of the axis", () => {
    expect(shapeOf(indexing.gather(input(["words", 8]), input(["n", 5], "int32")))).toBe("[n, 5, 8]");
    expect(shapeOf(indexing.gather(input([2, 3, 4]), input([], "int32"), 1))).toBe("[2, 4]");
    const x = fresh([3, 2]);
    expect(messageOf(() => indexing.gather(x, beside(x, [2])))).toContain(
      "gather: indices are float32, not int32\n  x        x: float32[3, 2]",
    );
    const empty = fresh([0, 2]);
    expect(messageOf(() => indexing.gather(empty, beside(empty, [3], "int32")))).toContain("gather: axis 0 is empty");
  });

  test("scatterAdd wants what gather would give", () => {
    const indices = fresh([4], "int32", "indices");
    expect(shapeOf(indexing.scatterAdd(indices, beside(indices, [4, 2]), [3, 2]))).toBe("[3, 2]");
    expect(messageOf(() => indexing.scatterAdd(indices, beside(indices, [5, 2], "float32", "u"), [3, 2]))).toContain(
      "scatterAdd: axis 0 of the updates has size 5, not 4\n  indices  indices: int32[4]",
    );
  });

  test("row 27: oneHot adds an axis", () => {
    expect(shapeOf(indexing.oneHot(input(["n"], "int32"), 3))).toBe("[n, 3]");
    expect(shapeOf(indexing.oneHot(input(["n"], "int32"), "classes", { axis: 0 }))).toBe("[classes, n]");
    expect(messageOf(() => indexing.oneHot(fresh([2]), 3))).toContain("oneHot: indices are float32, not int32");
  });

  test("takeFlat has the shape of its indices, scatterAddFlat the one it is told", () => {
    const indices = fresh(["n", 2], "int32");
    const taken = indexing.takeFlat(beside(indices, ["n", 9]), indices);
    expect(shapeOf(taken)).toBe("[n, 2]");
    expect(shapeOf(indexing.scatterAddFlat(indices, taken, ["n", 9]))).toBe("[n, 9]");
  });
});

describe("registry", () => {
  test("names are unique and every record is documented with a formula or says what it is for", () => {
    const names = OPS.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(OPS.filter(({ doc }) => doc.split("\n")[0]!.length < 10)).toEqual([]);
  });

  test("the examples of every op pass its own rules", () => {
    const context = {
      fail: (problem: string): never => {
        throw new Error(problem);
      },
      require: (left: unknown, right: unknown, problem: string) => {
        if (left !== right) throw new Error(problem);
      },
    };
    for (const def of OPS) {
      for (const { inputs, attrs } of def.examples) {
        const shapes = def.shapes(
          inputs.map(({ shape }) => shape),
          attrs,
          context,
        );
        const dtypes = def.dtypes(
          inputs.map(({ dtype }) => dtype),
          attrs,
          context,
        );
        expect(shapes.length, def.name).toBe(dtypes.length);
        for (const { shape, values } of inputs) {
          if (values) expect(values.length, def.name).toBe(shape.reduce((n, size) => n * size, 1));
        }
      }
    }
  });

  test("a wrong name gets near ones", () => {
    expect(opNamed("reshape")).toBe(movement.reshapeOp);
    expect(messageOf(() => opNamed("reshpe"))).toContain('there is no op "reshpe"\nfix: near names: reshape');
  });
});

describe("methods", () => {
  test("do what the functions do", async () => {
    await import("../../src/ops/methods.ts");
    const x = fresh(["n", 784]);
    const w = beside(x, [784, 10]);
    const y = x.matmul(w).add(1).relu().sum({ axis: 1 });
    expect(y.toString()).toBe('Tensor("sum:0", shape=(?,), dtype=float32)');
    expect(x.graph.operations.map(({ def }) => def.name)).toEqual([
      "placeholder",
      "placeholder",
      "matmul",
      "constant",
      "add",
      "relu",
      "sum",
    ]);
    expect(Object.keys(x)).not.toContain("add");
  });
});
