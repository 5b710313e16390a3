/** Second and higher derivatives against PyTorch: gradients of gradients, built with `gradients` alone. */
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/graph/operation.ts";
import * as fr from "../../src/index.ts";
import { loadSecondOrder, type OracleTensor, type SecondOrderCase } from "../oracles/shared.ts";
import type { Inputs } from "../support/oracle-ops.ts";

const { cases, higher } = loadSecondOrder();

const LOSSES: Readonly<Record<string, (inputs: Inputs) => Tensor>> = {
  rosenbrock: ({ x }) => {
    const [head, tail] = [fr.slice(x!, [0], [4]), fr.slice(x!, [1], [4])];
    const valley = fr.mul(100, fr.square(fr.sub(tail, fr.square(head))));
    return fr.sum(fr.add(valley, fr.square(fr.sub(1, head))));
  },
  sum_tanh: ({ x }) => fr.sum(fr.tanh(x!)),
  sum_sqrt: ({ x }) => fr.sum(fr.sqrt(x!)),
  sum_reciprocal: ({ x }) => fr.sum(fr.reciprocal(x!)),
  sum_atan: ({ x }) => fr.sum(fr.atan(x!)),
  quadratic_form: ({ x, A }) => {
    const column = fr.expandDims(x!, 1);
    return fr.mul(0.5, fr.sum(fr.mul(column, fr.matmul(A!, column))));
  },
  norm: ({ x }) => fr.sqrt(fr.sum(fr.square(x!))),
  div_broadcast: ({ a, b }) => fr.sum(fr.div(a!, b!)),
  logreg_ce: ({ x, w, b, y }) => fr.sparseSoftmaxCrossEntropy(y!, fr.affine(x!, w!, b!)),
  layernorm_sq: ({ x, g }) => {
    const normal = fr.layerNorm(x!, fr.onesLike(g!), fr.zerosLike(g!), { epsilon: 1e-3 });
    return fr.sum(fr.pow(fr.mul(normal, g!), 3));
  },
  maxpool_cube: ({ x }) => fr.sum(fr.pow(fr.maxPool2d(x!, { window: 2, strides: 2 }), 3)),
};
test("every case has a formula", () => {
  expect(Object.keys(LOSSES).sort()).toEqual(cases.map(({ name }) => name).sort());
});

const arrayOf = ({ shape, dtype, data }: OracleTensor): fr.NDArray =>
  fr.NDArray.of(dtype === "int32" ? Int32Array.from(data) : Float64Array.from(data), { shape });

const expectClose = (actual: fr.NDArray, wanted: readonly number[], what: string): void => {
  const scale = Math.max(1, ...wanted.map(Math.abs));
  expect(actual.data.length, what).toBe(wanted.length);
  wanted.forEach((x, i) => {
    expect(Math.abs(actual.data[i]! - x), `${what}[${i}] = ${actual.data[i]}, PyTorch ${x}`).toBeLessThan(
      1e-12 * scale,
    );
  });
};

describe.each(cases)("PyTorch: $name", (one: SecondOrderCase) => {
  const graph = new fr.Graph();
  const feed = (name: string, { shape, dtype }: OracleTensor) =>
    graph.placeholder(name, shape, { dtype: dtype === "int32" ? "int32" : "float64" });
  const inputs: Inputs = Object.fromEntries(Object.entries(one.in).map(([name, tensor]) => [name, feed(name, tensor)]));
  const xs = one.wrt.map((name) => inputs[name]!);
  const total = (parts: readonly Tensor[]) => parts.reduce((sum, part) => fr.add(sum, part));
  const loss = LOSSES[one.name]!(inputs);
  const grad = fr.gradients(loss, xs);
  const directions = one.wrt.map((name) => feed(`v_${name}`, one.in[name]!));
  const slope = total(grad.map((g, i) => fr.sum(fr.mul(g, directions[i]!))));
  // A loss that is linear in all of its inputs would have no second derivatives; none of these is.
  const hvp = fr.gradients(slope, xs, { unconnected: "zero" });
  const ofNorm = fr.gradients(total(grad.map((g) => fr.sum(fr.square(g)))), xs);

  const session = new fr.Session(graph, { compile: { verify: true } });
  const given = Object.entries(one.in).map(([name, tensor]) => [inputs[name]!, arrayOf(tensor)] as const);
  const along = (v: (name: string) => fr.NDArray) => [
    ...given,
    ...one.wrt.map((name, i) => [directions[i]!, v(name)] as const),
  ];

  test("loss and gradient", () => {
    const found = session.run({ loss, grad }, given);
    expectClose(found.loss, [one.loss], "loss");
    one.wrt.forEach((name, i) => void expectClose(found.grad[i]!, one.grad[name]!.data, name));
  });

  test("Hessian times a vector", () => {
    const found = session.run(
      hvp,
      along((name) => arrayOf(one.v[name]!)),
    );
    one.wrt.forEach((name, i) => void expectClose(found[i]!, one.hvp[name]!.data, name));
  });

  test("Hessian, a column at a time", () => {
    const [side] = one.hessian.shape as [number];
    const offsets = one.wrt.map((_, i) => one.wrt.slice(0, i).reduce((n, name) => n + one.in[name]!.data.length, 0));
    for (let column = 0; column < side; column++) {
      const unit = (name: string): fr.NDArray => {
        const { shape, data } = one.in[name]!;
        const offset = offsets[one.wrt.indexOf(name)]!;
        return fr.NDArray.of(
          Float64Array.from(data, (_, e) => Number(offset + e === column)),
          { shape },
        );
      };
      const found = session.run(hvp, along(unit)).flatMap(({ data }) => [...data]);
      const wanted = Array.from({ length: side }, (_, row) => one.hessian.data[row * side + column]!);
      expectClose(fr.NDArray.of(Float64Array.from(found)), wanted, `column ${column}`);
    }
  });

  test("gradient of the squared norm of the gradient", () => {
    const found = session.run(ofNorm, given);
    one.wrt.forEach((name, i) => void expectClose(found[i]!, one.grad_of_sq_grad_norm[name]!.data, name));
  });
});

test.each(higher)("PyTorch: derivatives of order 0 to 5 of $f", ({ f, x: points, derivatives_0_to_5: wanted }) => {
  const graph = new fr.Graph();
  const x = graph.placeholder("x", [points.length], { dtype: "float64" });
  const orders: Tensor[] = [f === "sin" ? fr.sin(x) : fr.exp(fr.neg(fr.square(x)))];
  for (let order = 1; order <= 5; order++) orders.push(fr.gradients(orders.at(-1)!, [x])[0]!);
  const found = new fr.Session(graph).run(orders, [[x, Float64Array.from(points)]]);
  // At each point all orders.
  found.forEach((value, order) => {
    expectClose(value, wanted.length === 6 ? wanted[order]! : wanted.map((at) => at[order]!), `order ${order}`);
  });
});
