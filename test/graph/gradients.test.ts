import { describe, expect, test } from "vitest";
import {
  argmax,
  cast,
  customGradient,
  exp,
  type Feeds,
  type GradientOptions,
  Graph,
  gradients,
  log1p,
  mul,
  neg,
  Session,
  sin,
  square,
  step,
  stopGradient,
  type Tensor,
} from "../../src/index.ts";
import { opNamed } from "../../src/ops/registry.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);
const run = (tensor: Tensor, feeds: Feeds): unknown => new Session(tensor.graph as Graph).run(tensor, feeds).toArray();

function scalar(): { readonly graph: Graph; readonly x: Tensor<readonly []> } {
  const graph = new Graph();
  return { graph, x: graph.placeholder("x", [], { dtype: "float64" }) };
}

describe("row 65: gradients are tensors of the same graph", () => {
  test("second and third derivative of x³", () => {
    const { x } = scalar();
    const y = x.mul(x).mul(x);
    const [first] = gradients(y, [x]);
    const [second] = gradients(first!, [x]);
    const [third] = gradients(second!, [x]);
    const [fourth] = gradients(third!, [x], { unconnected: "zero" });
    const values = new Session(x.graph as Graph).run([first!, second!, third!, fourth!], { x: 2 });
    expect(values.map((value) => value.item())).toEqual([12, 12, 6, 0]);
  });

  test("several ys are summed, and a value used twice gets both gradients", () => {
    const { x } = scalar();
    const [gradient] = gradients([square(x), x.mul(3)], [x]);
    expect(run(gradient!, { x: 5 })).toBe(13);
    const [twice] = gradients(mul(x, x), [x]);
    expect(run(twice!, { x: 5 })).toBe(10);
  });

  test("of an op that is written out, and one of whose operands depends on another: each path counts once", () => {
    const { x } = scalar();
    // 1 + x² for these: 2 x.
    const y = x.graph.apply(opNamed("hinge"), [neg(x), x], {}).outputs[0]!;
    expect(run(gradients(y, [x])[0]!, { x: 5 })).toBe(10);
  });

  test("row 67: in intermediate values too, all in one run", () => {
    const { graph, x } = scalar();
    const y = graph.placeholder("y", [], { dtype: "float64" });
    const z = x.mul(y);
    const loss = square(z);
    const found = gradients(loss, [z, x, y]);
    const values = new Session(graph).run(found, { x: 2, y: 3 });
    expect(values.map((value) => value.item())).toEqual([12, 36, 24]);
  });

  test("of y in itself is one", () => {
    const { x } = scalar();
    expect(run(gradients(x, [x])[0]!, { x: 7 })).toBe(1);
  });

  test("gradYs weigh the ys; null leaves one out", () => {
    const { graph, x } = scalar();
    const weight = graph.constant(10, { dtype: "float64" });
    const [gradient] = gradients([square(x), x.mul(3)], [x], { gradYs: [weight, null] });
    expect(run(gradient!, { x: 5 })).toBe(100);
  });

  test("stopGradients and stopGradient treat values as constants", () => {
    const { x } = scalar();
    const inner = square(x);
    const y = inner.mul(x);
    expect(run(gradients(y, [x])[0]!, { x: 2 })).toBe(12);
    expect(run(gradients(y, [x], { stopGradients: [inner] })[0]!, { x: 2 })).toBe(4);
    expect(run(gradients(stopGradient(inner).mul(x), [x])[0]!, { x: 2 })).toBe(4);
  });

  test("customGradient replaces the rule", () => {
    const { x } = scalar();
    // log(1 + eˣ) with the gradient written so that it does not overflow.
    const y = customGradient(
      [x],
      (value) => log1p(exp(value!)),
      (dy, [value]) => [dy.mul(value!.sigmoid())],
    );
    expect(run(gradients(y, [x])[0]!, { x: 1000 })).toBe(1);
    expect(run(y, { x: 0 })).toBeCloseTo(Math.log(2), 15);
    const wrong = customGradient(
      [x],
      (value) => square(value!),
      () => [],
    );
    expect(() => gradients(wrong, [x])).toThrow("customGradient: the rule gave 0 gradients for 1 inputs");
  });

  test("a chain of 10,000 ops does not overflow the stack", () => {
    const { x } = scalar();
    let y: Tensor = x;
    for (let i = 0; i < 10_000; i++) y = i % 2 === 0 ? y.add(1) : y.sub(1);
    const [gradient] = gradients(y, [x]);
    expect(run(gradient!, { x: 3 })).toBe(1);
    expect(run(y, { x: 3 })).toBe(3);
  });

  test("a chain of 3,000 ops with gradients of their own", () => {
    const { x } = scalar();
    let y: Tensor = x;
    for (let i = 0; i < 3_000; i++) y = sin(y);
    const [gradient] = gradients(y, [x]);
    const value = run(gradient!, { x: 0.5 }) as number;
    let [wanted, inner] = [1, 0.5];
    for (let i = 0; i < 3_000; i++) {
      wanted *= Math.cos(inner);
      inner = Math.sin(inner);
    }
    expect(value / wanted).toBeCloseTo(1, 10);
  });

  test("rule zero is a gradient of zeros, not a cut", () => {
    const { x } = scalar();
    expect(run(gradients(step(x), [x])[0]!, { x: 2 })).toBe(0);
  });

  test("what nobody asked for leaves the graph again", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [2, 2]);
    const w = graph.variable("w", [2, 2]);
    const before = graph.operations.length;
    gradients(x.matmul(w).sum(), [w]);
    const matmuls = graph.operations.slice(before).filter(({ def }) => def.name === "matmul");
    // One for the product, one for the gradient of w; none for the gradient of x.
    expect(matmuls.length).toBe(2);
  });
});

describe("a gradient that does not exist", () => {
  test("the op that cuts the path is named, with its line", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3]); // [x of argmax]
    const best = argmax(square(x), 0, { name: "best" }); // [argmax]
    const y = cast(best, "float32").mul(2);
    expect(message(() => gradients(y, [x]))) // [gradients]
      .toBe(`gradients: no gradient flows from "mul:0" to "x:0"
  the path is cut by argmax "best" at gradients.test.ts[argmax], which has no derivative
  "x:0" was made at gradients.test.ts[x of argmax]
at gradients.test.ts[gradients]
fix: go around it with differentiable ops, or pass { unconnected: "zero" } or { unconnected: "none" }`);
  });

  test("there is no path at all", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []); // [x]
    const y = square(graph.placeholder("other", [])); // [y]
    expect(message(() => gradients(y, [x]))) // [no path]
      .toBe(`gradients: no gradient flows from "square:0" to "x:0"
  "square:0", made at gradients.test.ts[y], does not depend on "x:0"
  "x:0" was made at gradients.test.ts[x]
at gradients.test.ts[no path]
fix: differentiate what depends on it, or pass { unconnected: "zero" } or { unconnected: "none" }`);
  });

  test('is zeros with "zero", null with "none"', () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["n", 2]);
    const y = square(graph.placeholder("other", []));
    const [zero] = gradients(y, [x], { unconnected: "zero" });
    expect(run(zero!, { x: [[1, 2]] })).toEqual([[0, 0]]);
    expect(gradients(y, [x], { unconnected: "none" })).toEqual([null]);
  });

  test("wrong arguments", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [2]);
    const whole = graph.placeholder("n", [], { dtype: "int32" }); // [whole]
    const foreign = new Graph({ name: "other" }).placeholder("foreign", []); // [other graph]
    const y = square(x); // [square]
    expect(message(() => gradients(whole, [whole]))) // [int]
      .toBe(`gradients: n: int32[] is not floating point
  "n" was made at gradients.test.ts[whole]
at gradients.test.ts[int]
fix: derivatives need floating point: compute it from float32, cast(x, "float32")`);
    expect(message(() => gradients(y, [foreign]))) // [foreign]
      .toMatch(
        /^gradients: "foreign:0" belongs to graph "other", "square:0" to "graph.*"\n {2}"foreign" was made at gradients.test.ts\[other graph\]\nat gradients.test.ts\[foreign\]\nfix: /,
      );
    const weighed = (options: GradientOptions) => gradients(y, [x], options); // [weighed]
    expect(message(() => weighed({ gradYs: [] }))) //
      .toBe(`gradients: 0 gradYs for 1 ys
at gradients.test.ts[weighed]
fix: give one gradient for each y; null lets none flow in`);
    expect(message(() => weighed({ gradYs: [graph.constant(1.5)] }))) // [seed]
      .toBe(`gradients: gradYs[0] is float32[], its y is float32[2]
  y    square: float32[2]  made at gradients.test.ts[square]
  grad constant: float32[]  made at gradients.test.ts[seed]
at gradients.test.ts[weighed]
fix: an incoming gradient has the shape and dtype of its y`);
    expect(() => gradients([], [x])).toThrow("gradients: there is nothing to differentiate");
  });
});
