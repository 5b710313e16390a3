import { expect, test } from "vitest";
import * as eager from "../../src/eager/index.ts";
import { add, cond, greater, less, mul, scan, sum, type Tensor, tanh, whileLoop } from "../../src/index.ts";
import { noise, shaped } from "./support.ts";

test("a traced function runs branches and loops as a plan, with the bits of step by step", () => {
  const w = eager.variable([0.5, -0.25, 0.75], { dtype: "float64" });
  const shift = eager.tensor([1, 2, 3], { dtype: "float64" });
  const program = (x: Tensor): Tensor => {
    const [last, ys] = scan(
      (h: Tensor, row: Tensor) => {
        const next = cond(
          greater(sum(row), 0),
          () => tanh(add(mul(h, w), row)),
          () => mul(h, shift),
        );
        return [next, next];
      },
      w,
      x,
    );
    const grown = whileLoop(
      (c) => less(sum(mul(c, c)), 40),
      (c) => add(mul(c, 2), shift),
      last,
    );
    return add(sum(ys), sum(grown));
  };
  const x = eager.tensor(shaped(noise(12, 5), [4, 3]) as number[][], { dtype: "float64" });
  const traced = eager.func(program as never) as unknown as (x: Tensor) => eager.EagerTensor;
  expect(traced(x).item()).toBe((program(x) as eager.EagerTensor).item());
  expect(traced(x).item()).toBe((program(x) as eager.EagerTensor).item());
});
