/** The exact texts of what can go wrong with the two modes, each with the line of this file it must point at. */
import { describe, expect, test } from "vitest";
import { type EagerTensor, func, GradientTape, grad, jvp, tensor, variable } from "../../src/eager/index.ts";
import { add, assign, cast, Graph, gradients, mul, neg, Session, square, sum, type Tensor } from "../../src/index.ts";
import { SGD } from "../../src/train/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

const graph = new Graph({ name: "main" });
const s = graph.placeholder("s", [2]); // [s]
const e = tensor([1, 2.5]); // [e]
const w = variable([1, 2], { name: "w" }); // [w]
const session = new Session(graph);

describe("mixing modes", () => {
  test("a value in a graph", () => {
    expect(message(() => add(s, e))) // [add s e]
      .toBe(`add: "constant" is a value, not a tensor of graph "main"
  it was made at errors.test.ts[e]
at errors.test.ts[add s e]
fix: put it into the graph as a constant, graph.constant(x.value), or feed it to a placeholder`);
    expect(session.run(add(s, graph.constant(e.value)), { s: [1, 1] }).toArray()).toEqual([2, 3.5]);
  });

  test("a symbolic tensor where operations run at once", () => {
    expect(message(() => add(e, s))) // [add e s]
      .toBe(`add: "s:0" is symbolic, a tensor of graph "main": it has no value yet
  "s:0" was made at errors.test.ts[s]
at errors.test.ts[add e s]
fix: run that graph in a Session and use what it fetches, or put values into it as constants: graph.constant(x.value)`);
  });

  test("a variable of a session can not take a value at once", () => {
    const v = graph.variable("v", [2]); // [v]
    expect(message(() => assign(v, e))) // [assign v]
      .toBe(`assign: "constant" is a value, not a tensor of graph "main"
  it was made at errors.test.ts[e]
at errors.test.ts[assign v]
fix: put it into the graph as a constant, graph.constant(x.value), or feed it to a placeholder`);
  });

  test("a value is not run", () => {
    expect(message(() => session.run(e))) // [run e]
      .toBe(`run: "constant:0" is a value already, there is nothing to run
  "constant" was made at errors.test.ts[e]
at errors.test.ts[run e]
fix: in define-by-run there are no sessions: print it, or read x.item(), x.data or x.value`);
    expect(message(() => session.prepare({ y: e }))).toContain('"constant:0" is a value already');
  });

  test("a value is fed, and is not what is fed", () => {
    expect(session.run(neg(s), { s: e }).toArray()).toEqual([-1, -2.5]);
    expect(session.run(neg(s), [[s, w]]).toArray()).toEqual([-1, -2]);
    expect(session.prepare(neg(s), [s])(e).toArray()).toEqual([-1, -2.5]);
    const wanted = (line: string) => `feed: "constant:0" is a value, not a tensor of graph "main" to feed
  "constant" was made at errors.test.ts[e]
at errors.test.ts[${line}]
fix: feed it to a placeholder: run(fetches, [[placeholder, value]])`;
    expect(message(() => session.run(neg(s), [[e, 1]]))).toBe(wanted("feed e")); // [feed e]
    expect(message(() => session.prepare(neg(s), [e]))).toBe(wanted("prepare e")); // [prepare e]
  });

  test("values are set and are constants", () => {
    const v = graph.variable("set", [2]);
    session.setValue(v, e);
    expect(session.value(v).toArray()).toEqual([1, 2.5]);
    expect(session.run(graph.constant(e)).toArray()).toEqual([1, 2.5]);
  });
});

describe("what only graphs have", () => {
  test("placeholders", () => {
    const { graph: atOnce } = e as unknown as { graph: Graph };
    expect(message(() => atOnce.placeholder("p", []))) // [placeholder]
      .toBe(`placeholder "p": in define-by-run there is nothing to be fed later
at errors.test.ts[placeholder]
fix: use the value itself, tensor(value), or build a Graph and feed it through a Session`);
  });

  test("initializers", () => {
    expect(message(() => w.initializer)) // [initializer]
      .toBe(`variable "w" has its value already: there is no initializer to run
at errors.test.ts[initializer]
fix: leave it out: a variable of forerun/eager is initialised when it is made`);
  });

  test("gradients", () => {
    const y = sum(square(e));
    expect(message(() => gradients(y, [e]))) // [gradients]
      .toBe(`gradients: sum: float32[] is a value: it does not know how it was computed
at errors.test.ts[gradients]
fix: record the computation: with a GradientTape, or grad((x) => …)(x), of forerun/eager`);
  });

  test("minimize", () => {
    const loss = sum(square(w)); // [loss]
    expect(message(() => new SGD(0.1).minimize(loss))) // [minimize]
      .toBe(`minimize: the loss "sum" is a value: it does not know how it was computed
  it was made at errors.test.ts[loss]
at errors.test.ts[minimize]
fix: record it with a GradientTape, and applyGradients([[gradient, variable], …]); or minimize in a traced function`);
  });
});

describe("JavaScript's operators", () => {
  const symbolic = (name: string, made: string, line: string): string =>
    `"${name}" is symbolic: JavaScript's operators and conditions can not compute with it
  it was made at errors.test.ts[${made}]
at errors.test.ts[${line}]
fix: use an op, add(x, 1) or greater(x, 0), and where(condition, a, b) instead of if; a value is there once a session has run`;
  const loose = s as unknown as number;

  test("on symbolic tensors", () => {
    expect(message(() => loose + 1)).toBe(symbolic("s:0", "s", "plus")); // [plus]
    expect(message(() => -loose)).toBe(symbolic("s:0", "s", "minus")); // [minus]
    expect(message(() => (loose > 0 ? 1 : 2))).toBe(symbolic("s:0", "s", "if")); // [if]
    expect(`${s}`).toBe('Tensor("s:0", shape=(2,), dtype=float32)');
  });

  test("in a traced function", () => {
    const f = func((x: Tensor) => {
      if ((x as unknown as number) > 0) return x; // [if traced]
      return neg(x);
    });
    expect(message(() => f(e))).toBe(symbolic("trace/x:0", "call", "if traced")); // [call]
  });

  test("on values: the number in them", () => {
    const [two, loose] = [tensor(2), e as unknown as number];
    expect([Number(two), (two as unknown as number) + 1, -two, (two as unknown as number) > 1]).toEqual([
      2,
      3,
      -2,
      true,
    ]);
    expect(message(() => loose > 0)) // [vector]
      .toBe(`"constant" is float32[2]: JavaScript's operators and conditions take one number
  it was made at errors.test.ts[e]
at errors.test.ts[vector]
fix: use an op, add(x, 1) or greater(x, 0), and all(condition) or any(condition) where one answer is wanted`);
  });

  test("on a variable while a function is traced: its value is not known yet", () => {
    const f = func(() => {
      if (w.toArray()) return neg(w); // [variable]
      return w;
    });
    expect(message(f)).toBe(`variable "w" has no value while a function is traced: it is read when the function runs
at errors.test.ts[variable]
fix: use ops, where(condition, a, b) instead of if; or hand over what decides, as an argument that is no tensor`);
    let text = "";
    func(() => {
      text = String(w);
    })();
    expect(text).toBe("<tf.Variable 'w:0' shape=(2,) dtype=float32>");
  });
});

describe("tapes", () => {
  const recorded = (tape: GradientTape): Tensor => {
    tape.watch(e);
    return sum(square(e)); // [y]
  };

  test("used twice", () => {
    const tape = new GradientTape();
    const y = recorded(tape);
    tape.gradient(y, e);
    expect(message(() => tape.gradient(y, e))) // [twice]
      .toBe(`GradientTape.gradient: this tape has given its gradients, and forgot what it had recorded
at errors.test.ts[twice]
fix: ask for all gradients in one call, or make the tape { persistent: true }`);
  });

  test("used after the end", () => {
    const tape = new GradientTape({ persistent: true });
    const y = recorded(tape);
    tape.gradient(y, e);
    tape.end();
    const wanted = (what: string, line: string) => `GradientTape.${what}: this tape has ended
at errors.test.ts[${line}]
fix: ask for gradients before the end of the block that has the tape`;
    expect(message(() => tape.gradient(y, e))).toBe(wanted("gradient", "gradient")); // [gradient]
    expect(message(() => tape.jacobian(y, e))).toBe(wanted("jacobian", "jacobian")); // [jacobian]
    expect(message(() => tape.watch(e))).toBe(wanted("watch", "watch")); // [watch]
    expect(message(() => tape.stopRecording(() => 1))).toBe(wanted("stopRecording", "stop")); // [stop]
  });

  test("a source that was not watched, or that the target does not depend on", () => {
    using tape = new GradientTape({ persistent: true });
    const y = sum(square(e)); // [unwatched y]
    expect(message(() => tape.gradient(y, e))) // [unwatched]
      .toBe(`GradientTape.gradient: "sum" does not depend on constant: float32[2]
  "constant" was made at errors.test.ts[e]
  the tape did not watch it
at errors.test.ts[unwatched]
fix: tape.watch(x) before it is used; trainable variables are watched by themselves`);
    expect(message(() => tape.gradient(y, w))) // [elsewhere]
      .toBe(`GradientTape.gradient: "sum" does not depend on w: float32[2]
  "w" was made at errors.test.ts[w]
at errors.test.ts[elsewhere]
fix: compute the target from it while the tape records, or pass { unconnected: "zero" }`);
  });

  test("what can not be watched or differentiated", () => {
    using tape = new GradientTape({ persistent: true });
    expect(message(() => tape.watch(s))) // [watch s]
      .toBe(`GradientTape.watch: Tensor("s:0", shape=(2,), dtype=float32) is not a tensor with a value
at errors.test.ts[watch s]
fix: watch what tensor(…) or variable(…) gave, or what was computed from that`);
    const whole = tensor(3); // [whole]
    tape.watch(whole);
    const y = square(whole); // [square]
    expect(message(() => tape.gradient(y, whole))) // [whole gradient]
      .toBe(`gradients: square: int32[] is not floating point
  "square" was made at errors.test.ts[square]
at errors.test.ts[whole gradient]
fix: derivatives need floating point: compute it from float32, cast(x, "float32")`);
    expect(tape.gradient(cast(whole, "float32"), whole, { unconnected: "none" })).toBeNull();
  });

  test("grad of a vector, of nothing, and of what is no tensor", () => {
    const f = grad((x) => square(x)); // [vector y]
    expect(message(() => f(e))) // [grad vector]
      .toBe(`grad: the function must give one number, not square: float32[2]
  "square" was made at errors.test.ts[vector y]
at errors.test.ts[grad vector]
fix: reduce it, mean(y) or sum(y), or use vjp or jacobian`);
    expect(message(() => f(5 as unknown as Tensor))) // [grad 5]
      .toBe(`grad: 5 is no tensor to differentiate in
at errors.test.ts[grad 5]
fix: give tensors: tensor(value) makes one`);
    expect(message(() => jvp((x) => square(x!), [e], []))) // [jvp]
      .toBe(`jvp: 0 tangents for 1 inputs
at errors.test.ts[jvp]
fix: give a tangent for each input, of its shape`);
  });
});

describe("traced functions", () => {
  const leaky = () => {
    let leaked: Tensor | null = null;
    const f = func(function f(x: Tensor) {
      const y = leaked ? add(x, leaked) : neg(x); // [again]
      leaked = neg(x); // [leaked]
      return y;
    });
    f(e);
    return { f, leaked: leaked as unknown as Tensor };
  };
  const leak = (name: string, line: string): string =>
    `"${name}" stands for a value inside of a call of the traced function "f": here it has none
  it was made at errors.test.ts[leaked]
at errors.test.ts[${line}]
fix: return it from the function, and use what the function returns when it is called`;

  test("a tensor that leaks out of one", () => {
    const { f, leaked } = leaky();
    expect(message(() => neg(leaked))).toBe(leak("trace/neg_1:0", "outside")); // [outside]
    expect(message(() => mul(leaked, e))).toBe(leak("trace/neg_1:0", "beside")); // [beside]
    expect(message(() => func((x: Tensor) => add(x, leaked))(e))).toBe(leak("trace/neg_1:0", "inside")); // [inside]
    expect(message(() => f(tensor([[1.5, 2]])))).toBe(leak("trace/neg_1:0", "again"));
    expect(message(() => add(e, leaked))) // [into eager]
      .toBe(`add: "trace/neg_1:0" stands for a value inside of the traced function "f": outside it has none
  "trace/neg_1:0" was made at errors.test.ts[leaked]
at errors.test.ts[into eager]
fix: return it from the function, and use what the function returns when it is called`);
    expect(message(() => session.run(leaked))) // [run leaked]
      .toBe(`run: "trace/neg_1:0" stands for a value inside of the traced function "f"
  "trace/neg_1" was made at errors.test.ts[leaked]
at errors.test.ts[run leaked]
fix: return it from the function, and use what the function returns when it is called`);
    expect(message(() => f(leaked as EagerTensor))) // [call leaked]
      .toBe(`a traced function was called with "trace/neg_1:0", which is symbolic
  it was made at errors.test.ts[leaked]
at errors.test.ts[call leaked]
fix: call it with values, tensor(…); in a graph call the function it was made of`);
  });

  test("tensors of a graph", () => {
    expect(message(() => func((x: Tensor) => add(x, s))(e))) // [foreign]
      .toBe(`add: tensor "s:0" belongs to graph "main", not to graph "traced"
  "s:0" was made at errors.test.ts[s]
at errors.test.ts[foreign]
fix: build both operands in one graph; a value crosses graphs only by fetching it here and feeding it there`);
  });

  test("placeholders, sessions and variables inside", () => {
    const inside = (build: (x: Tensor, graph: Graph) => unknown): string =>
      message(() => func((x: Tensor) => build(x, x.graph as Graph))(e)); // [inside call]
    expect(inside((_, graph) => graph.placeholder("p", []))) // [placeholder inside]
      .toBe(`placeholder "p" in the traced function "traced": nothing can be fed to it
at errors.test.ts[placeholder inside]
fix: make it an argument of the function`);
    expect(inside((x, graph) => new Session(graph).run(x, { "trace/x": [1, 2] }))) // [run inside]
      .toBe(`run: "trace/x:0" stands for a value inside of the traced function "traced"
  "trace/x" was made at errors.test.ts[inside call]
at errors.test.ts[run inside]
fix: return it from the function, and use what the function returns when it is called`);
    const made = (
      name: string,
      line: string,
    ) => `variable "${name}" was made in a traced function: it would be new at each call
at errors.test.ts[${line}]
fix: make it outside, with variable(…) of forerun/eager, and use it in the function`;
    expect(inside(() => variable(1, { name: "v" }))).toBe(made("v", "eager variable")); // [eager variable]
    expect(inside((_, graph) => graph.variable("v", []))).toBe(made("trace/v", "graph variable")); // [graph variable]
  });

  test("asynchronous ones", async () => {
    expect(message(() => func(async (x: Tensor) => x, { name: "f" })(e))) // [async]
      .toBe(`f: a traced function can not be asynchronous
at errors.test.ts[async]
fix: await outside of it, and hand over what was awaited`);
    // What such a function does later fails, which must not end the process.
    const later = func(async (x: Tensor) => neg(await Promise.resolve(x)));
    expect(() => later(e)).toThrow("can not be asynchronous");
    await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("a shape it was not traced for", () => {
    const f = func((x: Tensor) => neg(x), { shapes: [[null, 2]] });
    expect(message(() => f(e))) // [shapes]
      .toBe(`x has shape [2], and was to be traced for [null, 2]
at errors.test.ts[shapes]
fix: call it with such a shape, or put null where sizes differ`);
  });

  test("shapes that do not fit are told as anywhere", () => {
    const f = func((x: Tensor) => add(x, tensor([1.5, 2, 3]))); // [three]
    expect(message(() => f(e))) // [misfit]
      .toBe(`add: cannot broadcast 2 with 3
  left   trace/x: float32[»2«]         made at errors.test.ts[misfit]
  right  trace/constant: float32[»3«]  made at errors.test.ts[three]
at errors.test.ts[three]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`);
  });
});
