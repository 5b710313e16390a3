/** What tapes record: step by step and in a traced function, where the same must come out. */
import { describe, expect, test } from "vitest";
import { EagerTensor, type EagerVariable, func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  assign,
  assignAdd,
  customGradient,
  exp,
  maxPool2d,
  mul,
  NDArray,
  neg,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from "../../src/index.ts";

/** Runs `program` in both modes, with fresh variables, and compares its results. @returns them */
function both(
  program: (x: Tensor, w: EagerVariable) => readonly (Tensor | null)[],
  x: readonly number[] = [1.5, -2],
): readonly unknown[] {
  const run = (compile: boolean): readonly unknown[] => {
    const w = variable([3, 0.5], { name: "w" });
    const step = (x: Tensor) => program(x, w);
    const traced = func(step);
    const results = (compile ? traced : step)(tensor(new Float32Array(x)));
    traced.close();
    return [...results.map((result) => (result === null ? null : (result as EagerTensor).toArray())), w.toArray()];
  };
  const results = run(false);
  expect(run(true)).toEqual(results);
  return results;
}

describe("what is followed", () => {
  test("trainable variables by themselves; others, and tensors, if they are watched", () => {
    const frozen = variable([2, 2], { trainable: false });
    const results = both((x, w) => {
      const ask = (tape: GradientTape): readonly (Tensor | null)[] => {
        const y = sum(mul(mul(x, w), frozen));
        return tape.gradient(y, [x, w, frozen], { unconnected: "none" });
      };
      const watching = (...tensors: Tensor[]) => {
        const tape = new GradientTape();
        tape.watch(...tensors);
        return tape;
      };
      return [
        ...ask(new GradientTape()),
        ...ask(new GradientTape({ watchVariables: false })),
        ...ask(watching(x)),
        ...ask(watching(frozen)),
      ];
    });
    const [dx, dw, df] = [
      [6, 1],
      [3, -4],
      [4.5, -1],
    ];
    expect(results.slice(0, -1)).toEqual([null, dw, null, null, null, null, dx, dw, null, null, dw, df]);
  });

  test("what is computed after the tape began, and until it was stopped", () => {
    const results = both((x, w) => {
      const before = square(x);
      const tape = new GradientTape({ persistent: true });
      tape.watch([x, before]);
      const inside = mul(before, w);
      tape.stop();
      const after = mul(inside, 10);
      return [
        ...tape.gradient(inside, [x, before, w], { unconnected: "none" }),
        ...tape.gradient(after, [w], { unconnected: "none" }),
      ];
    });
    expect(results.slice(0, -1)).toEqual([null, [3, 0.5], [2.25, 4], null]);
  });

  test("tensors that are not arguments, in a traced function too", () => {
    const held = tensor([2, 4], { dtype: "float32" });
    const results = both((x) => {
      const tape = new GradientTape();
      tape.watch(held);
      return [...tape.gradient(mul(square(held), x), [held])];
    });
    expect(results[0]).toEqual([6, -16]);
  });

  test("nothing while recording is paused", () => {
    const results = both((x, w) => {
      const tape = new GradientTape();
      tape.watch(x);
      const factor = tape.stopRecording(() => square(mul(x, w)));
      return [...tape.gradient(sum(mul(factor, x)), [x, w], { unconnected: "none" })];
    });
    expect(results[0]).toEqual([20.25, 1]);
    expect(results[1]).toBeNull();
  });

  test("watching more than once, and something that depends on something watched", () => {
    const results = both((x) => {
      const tape = new GradientTape();
      tape.watch(x, [x]);
      const y = square(x);
      tape.watch(y);
      return [...tape.gradient(sum(mul(y, y)), [y, x])];
    });
    expect(results.slice(0, 2)).toEqual([
      [4.5, 8],
      [13.5, -32],
    ]);
  });
});

describe("gradients", () => {
  test("in the structure of the sources", () => {
    const [a, b] = [tensor([1.5, 2]), tensor(2.5)];
    using tape = new GradientTape({ persistent: true });
    tape.watch(a, b);
    const y = sum(mul(a, b));
    const single = tape.gradient(y, a);
    expect(single).toBeInstanceOf(EagerTensor);
    expect(single.toArray()).toEqual([2.5, 2.5]);
    const { list, deep } = tape.gradient(y, { list: [b, a], deep: { er: b } });
    expect([list[0]!.item(), list[1]!.toArray(), deep.er.item()]).toEqual([3.5, [2.5, 2.5], 3.5]);
    expect(tape.gradient(y, [])).toEqual([]);
    expect(tape.gradient(y, [a, a]).map((each) => (each as EagerTensor).toArray())).toEqual([
      [2.5, 2.5],
      [2.5, 2.5],
    ]);
  });

  test("of several targets, with gradients that flow in", () => {
    const results = both((x, w) => {
      const tape = new GradientTape({ persistent: true });
      tape.watch(x);
      const ys = [mul(x, w), square(x)];
      const plain = tape.gradient(ys, [x, w]);
      const seeded = tape.gradient(ys, [x, w], { gradYs: [add(mul(x, 0), 10), null], unconnected: "zero" });
      tape.end();
      return [...plain, ...seeded];
    });
    expect(results.slice(0, -1)).toEqual([
      [6, -3.5],
      [1.5, -2],
      [30, 5],
      [15, -20],
    ]);
  });

  test('where nothing flows: "none", "zero", and the variable or tensor itself', () => {
    const results = both((x, w) => {
      const tape = new GradientTape({ persistent: true });
      tape.watch(x);
      const y = sum(square(x));
      const cut = sum(stopGradient(w));
      const found = [
        ...tape.gradient(y, [w], { unconnected: "none" }),
        ...tape.gradient(y, [w], { unconnected: "zero" }),
        ...tape.gradient(cut, [w, x], { unconnected: "zero" }),
        ...tape.gradient([x, w], [x, w]),
      ];
      tape.end();
      return found;
    });
    const [zeros, ones] = [
      [0, 0],
      [1, 1],
    ];
    expect(results.slice(0, -1)).toEqual([null, zeros, zeros, zeros, ones, ones]);
  });

  test("of ops that decompose, that have two outputs' worth of rules, and of the user's own", () => {
    const image = new Float32Array(16).map((_, i) => Math.sin(i + 1));
    const x = tensor(new NDArray(image, [1, 4, 4, 1]));
    using tape = new GradientTape();
    tape.watch(x);
    const pooled = maxPool2d(x, { window: 2 });
    const y = customGradient(
      [pooled],
      (value) => exp(value),
      (dy) => [mul(dy, 100)],
    );
    const found = (tape.gradient(y, x) as EagerTensor).data;
    expect([...found].sort((a, b) => a - b).filter((g) => g !== 0)).toEqual([100, 100, 100, 100]);
    expect(found[image.indexOf(Math.max(...image))]).toBe(100);
  });

  test("a tape that is not persistent forgets; `using` ends one", () => {
    const x = tensor(1.5);
    let outside: GradientTape;
    {
      using tape = new GradientTape({ persistent: true });
      tape.watch(x);
      expect(Number(tape.gradient(square(x), x))).toBe(3);
      expect(Number(tape.gradient(square(x), x))).toBe(3);
      outside = tape;
    }
    expect(() => outside.gradient(x, x)).toThrow("this tape has ended");
  });
});

describe("higher order", () => {
  test("tapes in tapes, to the third", () => {
    const results = both((x) => {
      const [first, second, third] = [new GradientTape(), new GradientTape(), new GradientTape()];
      for (const tape of [first, second, third]) tape.watch(x);
      const y = sum(mul(square(x), square(x)));
      const d1 = third.gradient(y, x);
      const d2 = second.gradient(sum(d1), x);
      const d3 = first.gradient(sum(d2), x);
      return [d1, d2, d3];
    });
    expect(results.slice(0, -1)).toEqual([
      [13.5, -32],
      [27, 48],
      [36, -48],
    ]);
  });

  test("a persistent tape does not record its own gradients", () => {
    using tape = new GradientTape({ persistent: true });
    const x = tensor(2.5);
    tape.watch(x);
    const slope = tape.gradient(square(x), x);
    expect(tape.gradient(slope, x, { unconnected: "none" })).toBeNull();
  });
});

describe("variables that change while they are recorded", () => {
  test("count with the value they were read with", () => {
    const results = both((x, w) => {
      const tape = new GradientTape({ persistent: true });
      tape.watch(x);
      const first = mul(square(w), x);
      assign(w, [10, 20]);
      const second = mul(square(w), x);
      assignAdd(w, [1, 1]);
      const found = [
        ...tape.gradient(first, [w, x]),
        ...tape.gradient(second, [w, x]),
        ...tape.gradient([first, second, w], [w]),
      ];
      tape.end();
      return found;
    });
    expect(results).toEqual([
      [9, -2],
      [9, 0.25],
      [30, -80],
      [100, 400],
      [40, -81],
      [11, 21],
    ]);
  });

  test("also for an outer tape that sees how an inner one went back", () => {
    const results = both((x, w) => {
      const [outer, inner] = [new GradientTape({ persistent: true }), new GradientTape()];
      const y = mul(mul(square(w), w), x);
      assign(w, [10, 20]);
      const slope = inner.gradient(y, w);
      const found = [slope, ...outer.gradient(mul(slope, w), [w])];
      outer.end();
      return found;
    });
    // 3 w² x, and 6 w x times the new w, plus the slope: w is a factor too.
    expect(results.slice(0, 2)).toEqual([
      [40.5, -1.5],
      [6 * 3 * 1.5 * 10 + 40.5, 6 * 0.5 * -2 * 20 - 1.5],
    ]);
  });

  test("an assign cuts the way back: the variable does not know where its value is from", () => {
    const results = both((x, w) => {
      const tape = new GradientTape();
      tape.watch(x);
      assign(w, square(x));
      return [...tape.gradient(sum(mul(w, x)), [x, w])];
    });
    expect(results.slice(0, 2)).toEqual([
      [2.25, 4],
      [1.5, -2],
    ]);
  });
});

describe("an update inside of what is differentiated (MAML)", () => {
  /** The loss of a line after one step of gradient descent on other data, as a function of the weights before. */
  const taskLoss = (w: Tensor, a: number): Tensor => sum(square(sub(w, a)));
  const metaLoss = (w: Tensor, rate: number): Tensor =>
    [1, 2, 4]
      .map((a) => {
        const tape = new GradientTape();
        tape.watch(w);
        const loss = add(taskLoss(w, a), sum(exp(mul(w, 0.1))));
        const adapted = sub(w, mul(tape.gradient(loss, w), rate));
        return taskLoss(adapted, a);
      })
      .reduce((total, loss) => add(total, loss));

  test("its derivative has the second derivatives in it, and descending along it works", () => {
    const rate = 0.1;
    const w = variable([0.5, 3], { dtype: "float64" });
    const losses: number[] = [];
    for (let step = 0; step < 30; step++) {
      using tape = new GradientTape();
      const loss = metaLoss(w, rate);
      const slope = tape.gradient(loss, w);
      if (step === 0) {
        // w' = w - r (2 (w - a) + 0.1 e^(0.1 w)), so dw'/dw = 1 - 2 r - 0.01 r e^(0.1 w).
        const wanted = [...w.data].map((v) =>
          [1, 2, 4].reduce((total, a) => {
            const adapted = v - rate * (2 * (v - a) + 0.1 * Math.exp(0.1 * v));
            return total + 2 * (adapted - a) * (1 - 2 * rate - 0.01 * rate * Math.exp(0.1 * v));
          }, 0),
        );
        slope.data.forEach((value, i) => void expect(value).toBeCloseTo(wanted[i]!, 12));
      }
      losses.push(Number(loss));
      assign(w, sub(w, mul(slope, 0.05)));
    }
    expect(losses.every((loss, i) => i === 0 || loss <= losses[i - 1]!)).toBe(true);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 1);
  });

  test("traced, it has the same bits", () => {
    const start = tensor([0.5, 3]);
    const slopeOf = (w: Tensor) => {
      using tape = new GradientTape();
      tape.watch(w);
      return tape.gradient(metaLoss(w, 0.1), w);
    };
    const traced = func(slopeOf);
    expect(traced(start).data).toEqual((slopeOf(start) as EagerTensor).data);
    traced.close();
  });
});

describe("native control flow", () => {
  test("what ran is what is differentiated", () => {
    const f = (start: number): number => {
      using tape = new GradientTape();
      const x = tensor(start, { dtype: "float32" });
      tape.watch(x);
      let y: Tensor = x;
      while (Number(y) < 100) y = mul(y, 3);
      if (Number(y) > 200) y = neg(y);
      return Number(tape.gradient(y, x));
    };
    expect([f(1), f(50), f(90), f(200), f(300)]).toEqual([-243, 3, -3, 1, -1]);
  });
});
