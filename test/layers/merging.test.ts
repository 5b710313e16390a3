import { describe, expect, test } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import { Conv2D } from "../../src/layers/convolution.ts";
import { maskOf, setMask } from "../../src/layers/core/context.ts";
import { input } from "../../src/layers/core/input.ts";
import { Dense } from "../../src/layers/dense.ts";
import { Add, Average, Concatenate, concatenate, Dot, Subtract } from "../../src/layers/merging.ts";
import { MaxPooling2D } from "../../src/layers/pooling.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const kinds = ["Concatenate", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Dot"];

describe("as Keras computes them", () => {
  for (const one of kerasFile("layers").cases.filter(({ layer }) => kinds.includes(layer))) {
    test(one.name, () => checkCase(one));
  }
});

describe("row 108: an Inception module", () => {
  const inception = (x: Tensor, pool: MaxPooling2D): Tensor => {
    const narrow = new Conv2D(8, 1, { name: "narrow" })(x);
    const middle = new Conv2D(8, 3, { padding: "same", name: "middle" })(new Conv2D(4, 1)(x));
    const wide = new Conv2D(4, 5, { padding: "same", name: "wide" })(new Conv2D(2, 1)(x));
    const pooled = new Conv2D(4, 1, { name: "pooled" })(pool(x));
    return concatenate([narrow, middle, wide, pooled]);
  };
  test("four branches side by side", () => {
    const good = new MaxPooling2D(3, { strides: 1, padding: "same" });
    expect(inception(input([28, 28, 3]), good).shape!.map(String)).toEqual(["batch", "28", "28", "24"]);
  });
  test("the shape error names the branch, the layer that made it, and where", () => {
    expect(messageOf(() => inception(input([28, 28, 3]), new MaxPooling2D(3, { padding: "same" })))).toBe(
      [
        "concatenate: branch 3 does not go with branch 0: 10 against 28 along axis 1",
        "  branch 0  narrow (Conv2D, made at test/layers/merging.test.ts:L:C): float32[batch, »28«, 28, 8]",
        "  branch 1  middle (Conv2D, made at test/layers/merging.test.ts:L:C): float32[batch, 28, 28, 8]",
        "  branch 2  wide (Conv2D, made at test/layers/merging.test.ts:L:C): float32[batch, 28, 28, 4]",
        "  branch 3  pooled (Conv2D, made at test/layers/merging.test.ts:L:C): float32[batch, »10«, 10, 4]",
        "at test/layers/merging.test.ts:L:C",
        'fix: only axis 3 may differ; padding "same" and equal strides keep height and width equal',
      ].join("\n"),
    );
  });
});

const a = tensor([[1, 2, 3]], { dtype: "float32" });
const b = tensor([[4, 5]], { dtype: "float32" });

describe("what is wrong", () => {
  test("branches that do not broadcast", () => {
    expect(
      messageOf(() => new Add()([new Dense(3, { name: "left" })(a), new Dense(2, { name: "right" })(a)])),
    ).toContain("add: branch 1 does not go with branch 0: 2 against 3 along axis 1\n  branch 0  ");
    const text = messageOf(() => new Add()([input([4, 3], { name: "x" }), input([2], { name: "y" })]));
    expect(text).toContain("branch 1 does not go with branch 0: 2 against 3 along axis 2");
    expect(text).toContain("branch 0  x (made at test/layers/merging.test.ts:L:C): float32[batch, 4, »3«]");
    expect(text).toContain("branch 1  y (made at test/layers/merging.test.ts:L:C): float32[batch, »2«]");
  });
  test("eager tensors and traced ones", () => {
    expect(messageOf(() => new Average()([a, b]))).toContain(
      "average: branch 1 does not go with branch 0: 2 against 3",
    );
    const traced = func((x: Tensor, y: Tensor) => new Average()([x, y]));
    expect(messageOf(() => traced(a, b))).toContain("average: branch 1 does not go with branch 0: 2 against 3");
  });
  test("numbers of branches, and no list", () => {
    expect(messageOf(() => new Subtract()([a, a, a]))).toContain("subtract: takes two branches, got 3");
    expect(messageOf(() => new Add()([a]))).toContain("add: takes a list of two tensors or more, got one tensor");
    // @ts-expect-error: no list
    expect(messageOf(() => new Add()(a))).toContain("fix: call it on a list: add([a, b])");
  });
  test("axes", () => {
    expect(messageOf(() => new Concatenate({ axis: 2 })([a, b]))).toContain(
      "concatenate: axis 2 does not exist in rank 2",
    );
    expect(messageOf(() => new Concatenate()([a, input([2, 2])]))).toContain(
      "branch 1 has rank 3, branch 0 has rank 2",
    );
    expect(messageOf(() => new Dot(0))).toContain("fix: give one axis or two, not that of the batch");
    expect(messageOf(() => new Dot(2)([a, b]))).toContain("branch 0 has no axis 2 besides that of the batch");
    expect(messageOf(() => new Dot(1)([a, b]))).toContain("branch 1 does not go with branch 0: 2 against 3 elements");
  });
});

test("a step counts if it does in one of the branches", () => {
  const [left, right, free] = [1, 2, 3].map((value) => tensor([[[value], [value]]], { dtype: "float32" }));
  setMask(left!, tensor([[true, false]]));
  setMask(right!, tensor([[false, false]]));
  expect([...(maskOf(new Add()([left!, right!])) as EagerTensor).data]).toEqual([1, 0]);
  expect(maskOf(new Add()([left!, free!]))).toBeNull();
  expect(maskOf(new Concatenate({ axis: 1 })([left!, right!]))).toBeNull();
});
