/** Tensors and variables with values: how they are made, read and printed, and that nothing of them stays. */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type EagerTensor, eager, func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  assignAdd,
  customGradient,
  eye,
  fill,
  linspace,
  mul,
  NDArray,
  randomKey,
  randomUniform,
  range,
  square,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { glorotUniform } from "../../src/train/index.ts";
import { collectGarbage } from "../support/allocations.ts";

const read = (x: Tensor): unknown => (x as EagerTensor).toArray();

describe("making them", () => {
  test("dtypes and shapes are those of constants in a graph", () => {
    const cases = [tensor(8), tensor(0.5), tensor(true), tensor([[1, 2]]), tensor([1, 2], { dtype: "float64" })];
    expect(cases.map(({ dtype, shape }) => [dtype, shape])).toEqual([
      ["int32", []],
      ["float32", []],
      ["bool", []],
      ["int32", [1, 2]],
      ["float64", [2]],
    ]);
    expect(tensor(1, { shape: [2, 2] }).toArray()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test("arrays are copied, in and for variables", () => {
    const array = new Float32Array([1, 2]);
    const [x, v, w] = [tensor(array), variable(array), variable(new NDArray(array, [2]))];
    array[0] = 99;
    expect([x.toArray(), v.toArray(), w.toArray()]).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test("variables are float32, and take a tensor, an array or an initializer", () => {
    expect([variable(1).dtype, variable([1, 2], { dtype: "int32" }).dtype, variable(tensor(1)).dtype]).toEqual([
      "float32",
      "int32",
      "int32",
    ]);
    const w = variable({ shape: [20, 10], initial: glorotUniform });
    expect([w.shape, w.data.every((x) => Math.abs(x) <= Math.sqrt(6 / 30)), new Set(w.data).size > 100]).toEqual([
      [20, 10],
      true,
      true,
    ]);
  });

  test("a value that was read stays when the variable changes", () => {
    const w = variable([1, 2]);
    const [before, doubled] = [w.value, mul(w, 2)];
    assignAdd(w, [1, 1]);
    expect([before.toArray(), read(doubled), w.toArray()]).toEqual([
      [1, 2],
      [2, 4],
      [2, 3],
    ]);
  });

  test("ops without operands are told where", () => {
    expect(read(range(eager, 3))).toEqual([0, 1, 2]);
    expect(read(eye(eager, 2))).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(read(fill(eager, [2], 0.5))).toEqual([0.5, 0.5]);
    expect(read(linspace(eager, 0, 1, 3))).toEqual([0, 0.5, 1]);
    const numbers = randomUniform(randomKey(eager, 7), [2]);
    expect(read(randomUniform(randomKey(tensor(0).graph, 7), [2]))).toEqual(read(numbers));
  });
});

describe("printing them", () => {
  test("as TensorFlow does", () => {
    expect(String(tensor(8))).toBe("tf.Tensor(8, shape=(), dtype=int32)");
    expect(String(add(tensor(5), 3))).toBe("tf.Tensor(8, shape=(), dtype=int32)");
    expect(String(tensor([1, 2.5]))).toBe("tf.Tensor([1, 2.5], shape=(2,), dtype=float32)");
    expect(String(tensor([[true], [false]]))).toBe("tf.Tensor([[true],\n [false]], shape=(2, 1), dtype=bool)");
    expect(String(variable([1, 2], { name: "w" }))).toBe("<tf.Variable 'w:0' shape=(2,) dtype=float32, numpy=[1, 2]>");
  });

  test("in console.log too, alone and in lists", () => {
    expect(inspect(tensor(8))).toBe("tf.Tensor(8, shape=(), dtype=int32)");
    expect(inspect([tensor(8), variable(1, { name: "b" })])).toBe(
      "[\n  tf.Tensor(8, shape=(), dtype=int32),\n  <tf.Variable 'b:0' shape=() dtype=float32, numpy=1>\n]",
    );
    expect(`${tensor(8)}`).toBe("tf.Tensor(8, shape=(), dtype=int32)");
  });

  test("large ones shortened, as NumPy does", () => {
    const row = "[0, 0, 0, …, 0, 0, 0]";
    const rows = [`[${row}`, row, row, "…", row, row, `${row}]`].join(",\n ");
    expect(String(fill(eager, [1000, 1000], 0))).toBe(`tf.Tensor(${rows}, shape=(1000, 1000), dtype=float32)`);
    expect(String(tensor(new Float32Array(5000)))).toBe(`tf.Tensor(${row}, shape=(5000,), dtype=float32)`);
  });
});

describe("nothing stays of them", () => {
  const heap = (): number => {
    for (let i = 0; i < 3; i++) collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  /** Bytes by which the heap grows while `run` runs, after it ran before. */
  const growth = (run: () => void): number => {
    run();
    const before = heap();
    run();
    return heap() - before;
  };
  const MEGABYTE = 2 ** 20;

  test("100,000 operations", () => {
    const run = (): void => {
      let x: Tensor = tensor(new Float32Array(64));
      for (let i = 0; i < 50_000; i++) x = mul(add(x, 1), 0.5);
      expect((x as EagerTensor).data[0]).toBeCloseTo(1, 6);
    };
    expect(growth(run)).toBeLessThan(MEGABYTE);
  });

  test("tapes, used or ended, and calls of a traced function", () => {
    const w = variable(new Float32Array(256));
    const step = func((x: Tensor) => void assignAdd(w, x));
    const x = tensor(new Float32Array(256));
    const run = (): void => {
      for (let i = 0; i < 3000; i++) {
        const tape = new GradientTape();
        tape.gradient(sum(square(w)), w);
        using ended = new GradientTape({ persistent: true });
        square(w);
        ended.stop();
        step(x);
      }
    };
    expect(growth(run)).toBeLessThan(MEGABYTE);
    step.close();
  });

  test("a tape that ended frees what it recorded, even if somebody holds the tape", () => {
    const w = variable(new Float32Array(2 ** 16));
    const tapes: GradientTape[] = [];
    const record = (end: boolean): void => {
      for (let i = 0; i < 100; i++) {
        const tape = new GradientTape({ persistent: true });
        square(w);
        tape.stop();
        if (end) tape.end();
        tapes.push(tape);
      }
    };
    record(true);
    const before = heap();
    record(true);
    expect(heap() - before).toBeLessThan(MEGABYTE);
    record(false);
    expect(heap() - before).toBeGreaterThan(20 * MEGABYTE);
  });

  test("functions that an operation carries: it is compiled once", () => {
    const x = tensor([1, 2.5]);
    const run = (): void => {
      for (let i = 0; i < 3000; i++) customGradient([x], square, (dy) => [mul(dy, i)]);
    };
    expect(growth(run)).toBeLessThan(MEGABYTE);
  });

  test("operations of more kinds than are kept", () => {
    const run = (): void => {
      const table = tensor(new Float32Array(4));
      for (let i = 0; i < 1500; i++) range(eager, i + 1);
      expect(read(add(table, 1))).toEqual([1, 1, 1, 1]);
    };
    expect(growth(run)).toBeLessThan(16 * MEGABYTE);
  });
});
