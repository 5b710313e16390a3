import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emitKernel, emitProgram } from "../../src/backend/javascript/emit.ts";
import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import * as k from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import { expandReductions } from "../../src/kernel/reduce.ts";
import type { Buffer, Kernel } from "../../src/kernel/statement.ts";
import { verifyKernel } from "../../src/kernel/verify.ts";
import { randomCase } from "../kernel/random-kernel.ts";

/** Runs the emitted program on copies of the arrays and gives those back. */
function runEmitted(kernel: Kernel, arrays: readonly TypedArray[]): readonly TypedArray[] {
  const program = emitProgram([{ name: "kernel", kernel }]);
  const copies = kernel.buffers.map((buffer, i) => arrays[i]?.slice() ?? allocate(buffer.dtype, buffer.size));
  new Function(`"use strict";\n${program}return kernel;`)()(...copies);
  return copies;
}

function runInterpreter(kernel: Kernel, arrays: readonly TypedArray[]): readonly TypedArray[] {
  const copies = arrays.map((array) => array.slice());
  interpretKernel(kernel, copies);
  return copies;
}

const out = (dtype: DType, size = 4, name = "y"): Buffer => ({ name, dtype, size, role: "out" });
const input = (dtype: DType, size = 4, name = "x"): Buffer => ({ name, dtype, size, role: "in" });
const i = k.indexVariable("i", 4);
/** The text of `y[i] = value` for i < 4. */
const storeOf = (dtype: DType, value: (x: (name?: string, type?: DType) => k.Expr) => k.Expr): string => {
  const inputs = new Map<string, Buffer>();
  const x = (name = "x", type = dtype) => {
    const buffer = inputs.get(name) ?? input(type, 4, name);
    inputs.set(name, buffer);
    return k.load(buffer, i);
  };
  const y = out(dtype);
  const body = [{ kind: "store", buffer: y, at: i, value: value(x) }] as const;
  const kernel: Kernel = {
    name: "f",
    buffers: [y, ...inputs.values()],
    body: [{ kind: "for", index: i, extent: k.int(4), body }],
  };
  return emitKernel(kernel, "f").split("\n")[2]!.trim();
};

describe("emitted JavaScript", () => {
  test("gives the bits of the interpreter on random kernels", () => {
    fc.assert(
      fc.property(randomCase, ({ kernel, arrays }) => {
        verifyKernel(kernel);
        const expanded = expandReductions(kernel);
        verifyKernel(expanded);
        const expected = runInterpreter(kernel, arrays);
        const actual = runEmitted(expanded, arrays).slice(0, expected.length);
        // toEqual compares with Object.is: NaN equals NaN, -0 differs from 0.
        expect(actual).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  test("a variable with the name of a buffer does not hide it", () => {
    const [x, y] = [input("float32"), out("float32")];
    const local = k.variable("x", "float32");
    const body = [
      { kind: "let", variable: local, value: k.load(x, i), mutable: false },
      { kind: "store", buffer: y, at: i, value: k.add(local, k.load(x, i)) },
    ] as const;
    const kernel: Kernel = { name: "f", buffers: [y, x], body: [{ kind: "for", index: i, extent: k.int(4), body }] };
    verifyKernel(kernel);
    expect(runEmitted(kernel, [new Float32Array(4), new Float32Array([1, 2, 3, 4])])[0]).toEqual(
      new Float32Array([2, 4, 6, 8]),
    );
  });

  test("elides roundings that change nothing", () => {
    expect(storeOf("float32", (x) => k.add(k.mul(x(), x("w")), x("b")))).toBe("y[i] = fround(x[i] * w[i]) + b[i];");
    expect(storeOf("float32", (x) => k.binary("max", k.unary("neg", x()), k.constant(0.5, "float32")))).toBe(
      "y[i] = Math.max(-x[i], 0.5);",
    );
    expect(storeOf("float32", (x) => k.mul(x(), k.constant(0.1, "float32")))).toBe("y[i] = x[i] * fround(0.1);");
    expect(storeOf("float64", (x) => k.add(k.mul(x(), x("w")), x("b")))).toBe("y[i] = x[i] * w[i] + b[i];");
    expect(storeOf("float32", (x) => k.select(k.lt(x(), x("w")), k.unary("abs", x()), x("w")))).toBe(
      "y[i] = x[i] < w[i] ? Math.abs(x[i]) : w[i];",
    );
  });

  test("prints index arithmetic plainly and wraps only what may overflow", () => {
    const flat = k.add(k.mul(i, k.int(6)), k.int(2));
    expect(storeOf("int32", () => k.div(flat, k.int(5)))).toBe("y[i] = ((i * 6 + 2) / 5) | 0;");
    expect(storeOf("int32", () => k.div(k.mul(i, i), k.int(8)))).toBe("y[i] = (i * i) >> 3;");
    expect(storeOf("int32", () => k.rem(k.mul(i, i), k.int(8)))).toBe("y[i] = (i * i) & 7;");
    expect(storeOf("int32", () => k.rem(k.mul(i, i), k.int(7)))).toBe("y[i] = (i * i) % 7;");
    expect(storeOf("int32", (x) => k.div(k.add(x(), k.int(-1)), x("w")))).toBe("y[i] = (((x[i] - 1) | 0) / w[i]) | 0;");
    expect(storeOf("uint32", (x) => k.binary("xor", k.mul(x(), x("w")), x("b")))).toBe(
      "y[i] = Math.imul(x[i], w[i]) ^ b[i];",
    );
    expect(storeOf("bool", (x) => k.lt(x("a", "int32"), x("b", "int32")))).toBe("y[i] = a[i] < b[i] ? 1 : 0;");
  });

  test("no whole number is -0, whatever sign its factors and remainders have", () => {
    const n = input("int32", 4, "n");
    const value = k.load(n, i);
    const y = out("float32", 12);
    const quarter = k.constant(0.25, "float32");
    const results = [k.mul(i, k.int(-3)), k.rem(value, k.int(4)), k.unary("neg", k.rem(value, k.int(3)))];
    const body = results.map((result, j) => ({
      kind: "store" as const,
      buffer: y,
      at: k.add(i, k.int(4 * j)),
      value: k.mul(k.cast(result, "float32"), quarter),
    }));
    const kernel: Kernel = { name: "f", buffers: [y, n], body: [{ kind: "for", index: i, extent: k.int(4), body }] };
    const arrays = [new Float32Array(12), Int32Array.of(-8, -7, 0, 3)];
    expect([...runEmitted(kernel, arrays)[0]!]).toEqual(
      [
        [0, -3, -6, -9],
        [0, -3, 0, 3],
        [2, 1, 0, 0],
      ]
        .flat()
        .map((whole) => whole / 4),
    );
  });

  test("rounds whole numbers to float32 only where float32 can not hold them all", () => {
    const half = k.constant(0.5, "float32");
    const text = (bits: number, negative: boolean) =>
      storeOf("float32", (x) => {
        const whole = k.and(x("n", "int32"), k.int(2 ** bits - 1));
        return k.mul(k.cast(negative ? k.sub(k.int(0), whole) : whole, "float32"), half);
      });
    expect(text(24, false)).toBe("y[i] = (n[i] & 16777215) * 0.5;");
    expect(text(25, false)).toBe("y[i] = fround(n[i] & 33554431) * 0.5;");
    expect(text(24, true)).toBe("y[i] = (0 - (n[i] & 16777215)) * 0.5;");
    expect(text(25, true)).toBe("y[i] = fround(0 - (n[i] & 33554431)) * 0.5;");
  });

  test("prints a whole kernel as a person would write it", () => {
    const [y, x, w] = [out("float32", 24), input("float32", 24), input("float32", 6, "w")];
    const [a, b] = [k.indexVariable("i0", 4), k.indexVariable("i1", 6)];
    const at = k.add(k.mul(a, k.int(6)), b);
    const store = { kind: "store", buffer: y, at, value: k.mul(k.load(x, at), k.load(w, b)) } as const;
    const inner = { kind: "for", index: b, extent: k.int(6), body: [store] } as const;
    const kernel: Kernel = {
      name: "scale",
      buffers: [y, x, w],
      body: [{ kind: "for", index: a, extent: k.int(4), body: [inner] }],
    };
    expect(emitProgram([{ name: "scale", kernel }])).toBe(`function scale(y, x, w) {
  for (let i0 = 0; i0 < 4; i0++) {
    for (let i1 = 0; i1 < 6; i1++) {
      y[i0 * 6 + i1] = x[i0 * 6 + i1] * w[i1];
    }
  }
}
`);
  });

  test("keeps names apart that JavaScript could not tell from its own", () => {
    const buffers = [out("float32", 1, "var"), input("float32", 1, "fround"), input("float32", 1, "enc/0:w")];
    const [y, a, b] = buffers as [Buffer, Buffer, Buffer];
    const zero = k.int(0);
    const t = k.variable("Math", "float32");
    const kernel: Kernel = {
      name: "names",
      buffers,
      body: [
        { kind: "let", variable: t, value: k.unary("sqrt", k.add(k.load(a, zero), k.load(b, zero))), mutable: false },
        { kind: "store", buffer: y, at: zero, value: k.mul(t, t) },
      ],
    };
    const arrays = [new Float32Array(1), Float32Array.of(2), Float32Array.of(3)];
    expect(runEmitted(kernel, arrays)).toEqual(runInterpreter(kernel, arrays));
    expect(emitKernel(kernel, "names")).toContain("function names(var_1, fround_1, enc_0_w)");
  });

  test("evaluates the extent of a loop once", () => {
    const n = input("int32", 1, "n");
    const y = out("int32", 1);
    const at = k.int(0);
    const index = k.indexVariable("j", 2 ** 31 - 1);
    const limit = k.load(y, at);
    const kernel: Kernel = {
      name: "grow",
      buffers: [y, n],
      body: [
        { kind: "store", buffer: y, at, value: k.load(n, at) },
        { kind: "for", index, extent: limit, body: [{ kind: "store", buffer: y, at, value: k.add(limit, k.int(2)) }] },
      ],
    };
    const arrays = [new Int32Array(1), Int32Array.of(5)];
    expect([...runEmitted(kernel, arrays)[0]!]).toEqual([15]);
    expect([...runInterpreter(kernel, arrays)[0]!]).toEqual([15]);
  });

  test("refuses a reduction that was not expanded, and names it can not give", () => {
    const y = out("float32", 1);
    const s = k.variable("s", "float32");
    const reduce = {
      kind: "reduce",
      variable: s,
      op: "add",
      order: "serial",
      loops: [],
      body: [],
      value: k.load(y, k.int(0)),
    } as const;
    const kernel: Kernel = { name: "sum", buffers: [y], body: [reduce] };
    expect(() => emitKernel(kernel, "sum")).toThrow("reduction s was left unexpanded");
    const empty: Kernel = { name: "empty", buffers: [y], body: [] };
    expect(() => emitProgram([{ name: "fround", kernel: empty }])).toThrow("fround can not name a kernel");
  });
});
