/** Derivatives as functions: against closed formulas and finite differences, on values, in traces and in graphs. */
import { describe, expect, test } from "vitest";
import {
  type Differentiable,
  EagerTensor,
  func,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  tensor,
  valueAndGrad,
  vjp,
} from "../../src/eager/index.ts";
import {
  add,
  concat,
  exp,
  Graph,
  log,
  matmul,
  mul,
  NDArray,
  pow,
  Session,
  sin,
  square,
  sum,
  type Tensor,
  tanh,
} from "../../src/index.ts";
import { difference } from "../support/run-op.ts";

const vector = (...numbers: number[]): NDArray => new NDArray(new Float64Array(numbers), [numbers.length], "float64");
const arrayIn = (x: Tensor): NDArray => (x as EagerTensor).value;

/** Runs on values, traced, and as a graph in a session; all bits must be the same. @returns the values */
function everyway(build: (...inputs: Tensor[]) => readonly Tensor[], ...inputs: NDArray[]): readonly NDArray[] {
  const values = build(...inputs.map((input) => tensor(input))).map(arrayIn);
  const traced = func((list: readonly Tensor[]) => [...build(...list)]);
  const fromTrace = (traced(inputs) as Tensor[]).map(arrayIn);
  traced.close();
  const graph = new Graph();
  const placeholders = inputs.map(({ shape, dtype }, i) => graph.placeholder(`x${i}`, shape, { dtype }));
  using session = new Session(graph);
  const fetched = session.run(
    build(...placeholders),
    placeholders.map((placeholder, i) => [placeholder, inputs[i]!] as const),
  );
  values.forEach((value, i) => {
    expect(difference(fromTrace[i]!, value), "traced").toBeNull();
    expect(difference(fetched[i]!, value), "in a session").toBeNull();
  });
  return values;
}

/** A function of a vector that uses ops of several kinds, and its value in float64. */
const bumpy: Differentiable = (x) => sum(mul(sin(x!), exp(mul(x!, 0.5)))).add(sum(square(x!)).mul(sum(tanh(x!))));
const curve: Differentiable = (x) => concat([mul(sin(x!), sum(x!)), exp(mul(x!, 0.3))], 0);
const at = vector(0.3, -0.7, 1.1);
const along = vector(0.5, 1.5, -1);

const numbersOf = (f: Differentiable, x: readonly number[]): Float64Array =>
  (f(tensor(vector(...x))) as EagerTensor).data as Float64Array;

/** Central differences: [elements of f, elements of x]. */
function differences(f: (x: readonly number[]) => ArrayLike<number>, x: NDArray, step = 1e-5): number[][] {
  const point = [...x.data];
  const moved = (k: number, by: number) => f(point.map((value, i) => (i === k ? value + by : value)));
  const columns = point.map((_, k) => {
    const [up, down] = [moved(k, step), moved(k, -step)];
    return Array.from(up, (value, i) => (value - down[i]!) / (2 * step));
  });
  return columns[0]!.map((_, i) => columns.map((column) => column[i]!));
}

function expectClose(actual: ArrayLike<number>, wanted: readonly number[], digits: number): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((value, i) => void expect(actual[i]).toBeCloseTo(value, digits));
}
const times = (rows: readonly (readonly number[])[], v: ArrayLike<number>): number[] =>
  rows.map((row) => row.reduce((total, value, i) => total + value * v[i]!, 0));
const transposed = (rows: readonly (readonly number[])[]): number[][] =>
  rows[0]!.map((_, i) => rows.map((row) => row[i]!));

describe("against finite differences", () => {
  const slopes = differences((x) => numbersOf(bumpy, x), at)[0]!;
  const rows = differences((x) => numbersOf(curve, x), at);
  const slopeAt = (x: readonly number[]) => (grad(bumpy)(tensor(vector(...x))) as EagerTensor).data;
  const curvature = differences(slopeAt, at);

  test("grad and valueAndGrad", () => {
    const [first, value, second] = everyway((x) => [grad(bumpy)(x!), ...valueAndGrad(bumpy)(x!)], at);
    expectClose(first!.data, slopes, 8);
    expect(difference(second!, first!)).toBeNull();
    expect(value!.item()).toBe(numbersOf(bumpy, [...at.data])[0]);
  });

  test("vjp: rows, weighted", () => {
    const seed = vector(1, -2, 0.5, 3, 0, -1);
    const [value, gradient] = everyway(
      (x, seed) => {
        const [y, pullback] = vjp(curve, x!);
        return [y, pullback(seed!)[0]!];
      },
      at,
      seed,
    );
    expectClose(value!.data, [...numbersOf(curve, [...at.data])], 15);
    expectClose(gradient!.data, times(transposed(rows), seed.data), 8);
  });

  test("jvp: columns, weighted", () => {
    const [, tangent] = everyway((x, v) => jvp(curve, [x!], [v!]), at, along);
    expectClose(tangent!.data, times(rows, along.data), 8);
  });

  test("jacobian", () => {
    const [all] = everyway((x) => [jacobian(curve)(x!)], at);
    expect(all!.shape).toEqual([6, 3]);
    expectClose(all!.data, rows.flat(), 8);
  });

  test("hessian and hvp", () => {
    const [all, product] = everyway((x, v) => [hessian(bumpy)(x!), hvp(bumpy, x!, v!)], at, along);
    expect(all!.shape).toEqual([3, 3]);
    expectClose(all!.data, curvature.flat(), 7);
    expectClose(product!.data, times(curvature, along.data), 7);
    transposed(all!.toArray() as number[][]).forEach((row, i) => {
      expectClose(row, (all!.toArray() as number[][])[i]!, 12);
    });
  });
});

describe("against closed formulas", () => {
  test("x⁴, to the fourth", () => {
    const power: Differentiable = (x) => pow(x!, 4);
    const orders = [power, grad(power), grad(grad(power)), grad(grad(grad(power))), grad(grad(grad(grad(power))))];
    const x = new NDArray(new Float64Array([1.5]), [], "float64");
    const values = everyway((x) => orders.map((order) => order(x!)), x);
    expectClose(
      values.map((value) => value.item()),
      [1.5 ** 4, 4 * 1.5 ** 3, 12 * 1.5 ** 2, 24 * 1.5, 24],
      10,
    );
  });

  test("a quadratic form: gradient (A + Aᵀ) x, second derivatives A + Aᵀ", () => {
    const matrix = new NDArray(new Float64Array([2, 1, 0, -1, 3, 4, 0.5, 0, 1]), [3, 3], "float64");
    const column = new NDArray(at.data, [3, 1], "float64");
    const form =
      (a: Tensor): Differentiable =>
      (x) =>
        sum(mul(x!, matmul(a, x!)));
    const [slope, second] = everyway((x, a) => [grad(form(a!))(x!), hessian(form(a!))(x!)], column, matrix);
    const both = [0, 1, 2].map((i) => [0, 1, 2].map((k) => matrix.data[3 * i + k]! + matrix.data[3 * k + i]!));
    expectClose(slope!.data, times(both, at.data), 12);
    expect(second!.shape).toEqual([3, 1, 3, 1]);
    expectClose(second!.data, both.flat(), 12);
  });

  test("of several inputs: the first for grad, all for vjp and jvp", () => {
    const product: Differentiable = (a, b) => sum(mul(square(a!), log(b!)));
    const [a, b] = [vector(1.5, -2), vector(0.5, 3)];
    const [slope, da, db, tangent] = everyway(
      (a, b) => {
        const [y, pullback] = vjp(product, a!, b!);
        return [grad(product)(a!, b!), ...pullback(add(mul(y, 0), 1)), jvp(product, [a!, b!], [b!, a!])[1]];
      },
      a,
      b,
    );
    const wanted = [
      [3 * Math.log(0.5), -4 * Math.log(3)],
      [1.5 ** 2 / 0.5, 4 / 3],
    ];
    expectClose(slope!.data, wanted[0]!, 12);
    expect(difference(da!, slope!)).toBeNull();
    expectClose(db!.data, wanted[1]!, 12);
    expect(tangent!.item()).toBeCloseTo(times(wanted.slice(0, 1), b.data)[0]! + times(wanted.slice(1), a.data)[0]!, 10);
  });

  test("what does not depend on the input has zeros", () => {
    const [slope, all, second] = everyway(
      (x) => [
        grad((x) => sum(mul(x!, 0)).add(sum(mul(x!, 0))))(x!),
        jacobian((x) => mul(x!, 0))(x!),
        hessian((x) => sum(x!))(x!),
      ],
      vector(1, 2),
    );
    expect([slope!, all!, second!].map((value) => value.data.every((x) => x === 0))).toEqual([true, true, true]);
    expect([all!.shape, second!.shape]).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  test("of nothing there are no derivatives, in the right shape", () => {
    const [all] = everyway((x) => [jacobian((x) => square(x!))(x!)], vector());
    expect(all!.shape).toEqual([0, 0]);
  });

  test("a scalar has scalars", () => {
    const x = new NDArray(new Float64Array([2]), [], "float64");
    const [first, second] = everyway((x) => [jacobian((x) => square(x!))(x!), hessian((x) => pow(x!, 3))(x!)], x);
    expect([first!.shape, first!.item(), second!.shape, second!.item()]).toEqual([[], 4, [], 12]);
  });
});

test("they leave no tape running", () => {
  const x = tensor(vector(1, 2));
  for (let i = 0; i < 3; i++) hessian((x) => sum(square(x!)))(x);
  expect(() =>
    grad(() => {
      throw new Error("of the user");
    })(x),
  ).toThrow("of the user");
  expect((x.graph as unknown as { recorders: { any: boolean } }).recorders.any).toBe(false);
  expect(x).toBeInstanceOf(EagerTensor);
});
