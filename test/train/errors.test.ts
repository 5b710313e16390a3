import { expect, test } from "vitest";
import { Graph, square, stopGradient, type Tensor, type Variable } from "../../src/index.ts";
import { Adam, clipByGlobalNorm, GradientDescent, glorotUniform, SGD } from "../../src/train/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

test("a loss that depends on no trainable variable", () => {
  const graph = new Graph();
  const x = graph.placeholder("x");
  graph.variable("w", []);
  const frozen = graph.variable("frozen", [], { trainable: false });
  const loss = square(x.mul(frozen)); // [loss]
  expect(message(() => new Adam().minimize(loss))) // [minimize]
    .toBe(`minimize: the loss "square" depends on no trainable variable
  "square" was made at errors.test.ts[loss]
  it depends on "frozen", made with { trainable: false }
  it does not depend on "w"
at errors.test.ts[minimize]
fix: compute the loss from graph.variable(…)s, or name what to update: minimize(loss, { variables: [w] })`);
});

test("every path to the variables is cut", () => {
  const graph = new Graph();
  const w = graph.variable("w", []); // [w]
  const loss = square(stopGradient(w)); // [cut]
  expect(message(() => new Adam().minimize(loss))) // [minimize cut]
    .toBe(`gradients: no gradient flows from "square:0" to "w:0"
  the path is cut by stopGradient "stopGradient" at errors.test.ts[cut], which has no derivative
  "w:0" was made at errors.test.ts[w]
at errors.test.ts[minimize cut]
fix: go around it with differentiable ops, or pass { unconnected: "zero" } or { unconnected: "none" }`);
});

test("a variable named explicitly that the loss does not depend on", () => {
  const graph = new Graph();
  const w = graph.variable("w", []);
  const other = graph.variable("other", []); // [other]
  const loss = square(w); // [square]
  expect(message(() => new Adam().minimize(loss, { variables: [w, other] }))) // [named]
    .toBe(`gradients: no gradient flows from "square:0" to "other:0"
  "square:0", made at errors.test.ts[square], does not depend on "other:0"
  "other:0" was made at errors.test.ts[other]
at errors.test.ts[named]
fix: differentiate what depends on it, or pass { unconnected: "zero" } or { unconnected: "none" }`);
});

test("a loss that is not one number, or no tensor at all", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch"]);
  const loss = square(x.mul(graph.variable("w", []))); // [vector]
  expect(message(() => new Adam().minimize(loss))) // [minimize vector]
    .toBe(`minimize: the loss is one number, not square: float32[batch]
  "square" was made at errors.test.ts[vector]
at errors.test.ts[minimize vector]
fix: reduce it: mean(loss), or sum(loss)`);
  expect(message(() => new Adam().minimize(0.5 as unknown as Tensor))) // [number]
    .toBe(`minimize: the loss is not a tensor: 0.5
at errors.test.ts[number]
fix: give the symbolic tensor, not a value that was fetched`);
});

test("what is updated is a variable", () => {
  const graph = new Graph();
  const x = graph.placeholder("x");
  expect(message(() => new Adam().minimize(square(x), { variables: [x as Tensor as Variable] }))) // [placeholder]
    .toBe(`minimize: Tensor("x:0", shape=(), dtype=float32) is not a variable
at errors.test.ts[placeholder]
fix: make it with graph.variable(…); gradients(loss, [x]) differentiates in other tensors`);
});

test("pairs that do not fit", () => {
  const graph = new Graph();
  const w = graph.variable("w", [2]);
  const descent = new GradientDescent();
  const gradient = graph.constant([1, 2], { dtype: "float32", name: "g" });
  expect(message(() => descent.applyGradients([]))) // [none]
    .toBe(`applyGradients: there is nothing to update
at errors.test.ts[none]
fix: give the pairs of computeGradients(loss)`);
  const twice = [[gradient, w] as const, [gradient, w] as const];
  expect(message(() => descent.applyGradients(twice))) // [twice]
    .toBe('applyGradients: "w" is there twice\nat errors.test.ts[twice]\nfix: add up its gradients first');
  expect(message(() => descent.applyGradients([[gradient.sum({ name: "total" }), w]]))) // [shape]
    .toBe(`applyGradients: total: float32[] is no gradient for w: float32[2]
at errors.test.ts[shape]
fix: a gradient has the shape and dtype of its variable; leave out variables without one`);
});

test("settings out of range", () => {
  const graph = new Graph();
  const rates = graph.placeholder("rates", [3]); // [rates]
  expect(message(() => new Adam(rates))) // [rate]
    .toBe(`adam: the learning rate is one number, not float32[3]
  "rates" was made at errors.test.ts[rates]
at errors.test.ts[rate]
fix: feed it through a scalar: graph.placeholder("rate")`);
  expect(message(() => new SGD(Number.NaN))) // [nan]
    .toBe("sgd: NaN is not a learning rate\nat errors.test.ts[nan]\nfix: give a finite number");
  expect(message(() => new SGD(0.1, { momentum: 1.5 }))) // [momentum]
    .toBe("sgd: momentum is 1.5\nat errors.test.ts[momentum]\nfix: give a number from 0 to below 1");
  expect(message(() => new Adam(0.1, { beta2: 1 }))) // [beta2]
    .toBe("adam: beta2 is 1\nat errors.test.ts[beta2]\nfix: give a number from 0 to below 1");
  expect(message(() => clipByGlobalNorm([], 1))) // [empty]
    .toBe("clipByGlobalNorm: there is nothing to clip\nat errors.test.ts[empty]\nfix: give at least one tensor");
  expect(message(() => clipByGlobalNorm([graph.constant(1.5)], 0))) // [zero]
    .toBe("clipByGlobalNorm: 0 is not a norm\nat errors.test.ts[zero]\nfix: give a positive number");
});

test("slots that do not exist", () => {
  const graph = new Graph();
  const w = graph.variable("w", []);
  const adam = new Adam();
  expect(message(() => adam.slots(w))) // [slots]
    .toBe(`adam: nothing is kept for "w"
at errors.test.ts[slots]
fix: call minimize first; some algorithms keep nothing`);
});

test("random initial values are floating point", () => {
  const graph = new Graph();
  expect(message(() => graph.variable("count", [2], { dtype: "int32", initial: glorotUniform }))) // [int]
    .toBe(`initializer: random initial values are floating point, the variable is int32
at errors.test.ts[int]
fix: give a constant or a list as initial value, or make the variable float32`);
});
