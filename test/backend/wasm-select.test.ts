import { describe, expect, test } from "vitest";
import * as w from "../../src/backend/wasm/select.ts";
import { byteSize, DTYPES, type DType, isFloat } from "../../src/core/dtype.ts";
import { type BinaryOp, isCompare, type UnaryOp } from "../../src/kernel/expr.ts";
import { applyBinary, applyUnary, convert, reinterpret } from "../../src/kernel/scalar.ts";
import { address, differences, instantiate, type Running, samples, snippetModule } from "../support/wasm-selection.ts";
import { BINARY_OPS, binaryTypes, snippets, UNARY_OPS, unaryTypes, widthOf } from "../support/wasm-snippets.ts";

/** Addresses of the operands and of the result; odd, since nothing promises alignment. */
const X = 0x0101;
const Y = 0x4001;
const OUT = 0x8001;

const running = instantiate(snippetModule(snippets).bytes());

/** Runs a snippet for `step` elements at a time, from `start` on, and gives what it has written. */
function runAll(
  name: string,
  given: readonly [DType, readonly number[]][],
  to: DType,
  step: number,
  start = 0,
): number[] {
  const count = given[0]![1].length;
  const result: number[] = [];
  for (let i = start; i + step <= count; i += step) {
    given.forEach(([dtype, values], operand) => {
      write(running, dtype, operand === 0 ? X : Y, values.slice(i, i + step));
    });
    running.run(name, X, Y, OUT);
    result.push(...read(running, to, OUT, step));
  }
  return result;
}
function write({ memory }: Running, dtype: DType, at: number, values: readonly number[]): void {
  const view = new DataView(memory);
  values.forEach((value, i) => {
    const to = at + i * byteSize(dtype);
    if (dtype === "float32") view.setFloat32(to, value, true);
    else if (dtype === "float64") view.setFloat64(to, value, true);
    else if (dtype === "bool") view.setUint8(to, value);
    else view.setUint32(to, value, true);
  });
}
function read({ memory }: Running, dtype: DType, at: number, count: number): number[] {
  const view = new DataView(memory);
  return Array.from({ length: count }, (_, i) => {
    const from = at + i * byteSize(dtype);
    if (dtype === "float32") return view.getFloat32(from, true);
    if (dtype === "float64") return view.getFloat64(from, true);
    if (dtype === "bool") return view.getUint8(from);
    return dtype === "int32" ? view.getInt32(from, true) : view.getUint32(from, true);
  });
}

/**
 * Compares the scalar snippet with the definition on all values, and the vector snippet on four at a time, begun at
 * four places, so that every value stands in every lane.
 */
function check(name: string, given: [DType, readonly number[]][], to: DType, expected: (i: number) => number): void {
  const show = (i: number): string => `${name}(${given.map(([, values]) => values[i])})`;
  expect(differences(runAll(`scalar ${name}`, given, to, 1), expected, show)).toEqual([]);
  for (let start = 0; start < 4; start++) {
    const padded = given.map(([dtype, values]): [DType, number[]] => [dtype, [...values, ...values.slice(0, 7)]]);
    const count = given[0]![1].length;
    const got = runAll(`vector ${name}`, padded, to, 4, start);
    const wrong = differences(
      got,
      (i) => expected((start + i) % count),
      (i) => `lane ${i % 4} of vector ${show((start + i) % count)}`,
    );
    expect(wrong).toEqual([]);
  }
}

describe.each(DTYPES)("operations of %s", (dtype) => {
  test.each(UNARY_OPS.filter((op) => unaryTypes(op).includes(dtype)))("%s", (op) => {
    const values = samples(dtype, 200);
    check(`${op} ${dtype}`, [[dtype, values]], dtype, (i) => applyUnary(op, dtype, values[i]!));
  });

  test.each(BINARY_OPS.filter((op) => binaryTypes(op).includes(dtype)))("%s", (op) => {
    const values = samples(dtype);
    const pairs = values.flatMap((x) => values.map((y) => [x, y] as const));
    const [xs, ys] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
    const to = isCompare(op) ? "bool" : dtype;
    const given: [DType, readonly number[]][] = [
      [dtype, xs],
      [dtype, ys],
    ];
    check(`${op} ${dtype}`, given, to, (i) => applyBinary(op, dtype, xs[i]!, ys[i]!));
  });

  test.each(DTYPES.filter((to) => to !== dtype))("cast to %s", (to) => {
    const values = [...samples(dtype, 300), ...samples(dtype, 300)];
    check(`cast ${dtype} ${to}`, [[dtype, values]], to, (i) => convert(values[i]!, dtype, to));
  });

  test.each(DTYPES.filter((to) => to !== dtype && to !== "bool" && dtype !== "bool"))("bits as %s", (to) => {
    const values = [...samples(dtype, 300), ...samples(dtype, 300)];
    if (!isFloat(dtype)) values.push(0x7f800001, 0x7fc00000, 0x7ff80000, 0x7ff00001, 0x3ff00000, 0x3f800000);
    const same = values.map((value) => (dtype === "int32" ? value | 0 : value));
    check(`bits ${dtype} ${to}`, [[dtype, same]], to, (i) => reinterpret(same[i]!, dtype, to));
  });
});

describe.each(DTYPES)("pieces of %s", (dtype) => {
  const width = widthOf(dtype);
  const [a, b, untouched] = dtype === "bool" ? [[1, 0, 1, 1], [0, 1, 0, 0], 1] : [[1, 2, 3, 4], [-0, 6, 7, 8], 99];
  /** The result of a snippet on `a` and `b`. */
  const result = (name: string, count = width): number[] => {
    write(running, dtype, X, a);
    write(running, dtype, Y, b);
    write(
      running,
      dtype,
      OUT,
      Array.from({ length: 8 }, () => untouched),
    );
    running.run(name, X, Y, OUT);
    return read(running, dtype, OUT, count);
  };

  test("parts are stored and nothing behind them", () => {
    for (let count = 1; count < width; count++) {
      const expected = [...a.slice(0, count), ...Array.from({ length: 6 - count }, () => untouched)];
      expect(result(`part ${dtype} ${count}`, 6)).toEqual(expected);
    }
  });

  test("one value in all lanes", () => {
    const expected = Array.from({ length: width }, () => a[3]);
    expect(result(`splat ${dtype}`)).toEqual(expected);
    expect(result(`splatLoad ${dtype}`)).toEqual(expected);
  });

  test("single lanes", () => {
    for (let lane = 0; lane < width; lane++) {
      expect(result(`extract ${dtype} ${lane}`, 1)).toEqual([a[lane]]);
      const replaced = a.slice(0, width);
      replaced[lane] = dtype === "int32" || dtype === "uint32" ? 0 : b[0]!;
      expect(result(`replace ${lane} ${dtype}`)).toEqual(replaced);
      replaced[lane] = b[2]!;
      expect(result(`laneLoad ${lane} ${dtype}`)).toEqual(replaced);
    }
  });

  test("choice by a mask", () => {
    for (let mask = 0; mask < 16; mask++) {
      const picks = [0, 1, 2, 3].map((lane) => (mask >> lane) & 1);
      write(running, "bool", X - 4, picks);
      const integers = dtype === "int32" || dtype === "uint32";
      const expected = picks.map((pick, lane) => (pick ? a[lane]! : integers ? b[lane]! + 0 : b[lane]!));
      expect(result(`select ${dtype}`, 4)).toEqual(expected);
    }
  });

  test("constants", () => {
    const values = samples(dtype);
    const store = (value: number) => (s: w.Selection) => {
      address(s, 2);
      w.scalarConst(s, value, dtype);
      w.scalarStore(s, dtype, 0);
      address(s, 2);
      w.vectorConst(s, value, dtype);
      w.vectorStore(s, dtype, 8);
    };
    const one = instantiate(snippetModule(Object.fromEntries(values.map((value, i) => [i, store(value)]))).bytes());
    values.forEach((value, i) => {
      one.run(`${i}`, X, Y, OUT);
      expect(read(one, dtype, OUT, 1)).toEqual([value]);
      expect(read(one, dtype, OUT + 8, width)).toEqual(Array.from({ length: width }, () => value));
    });
  });
});

describe("what the definition does not show", () => {
  test("lanes of a mask are all ones or all zeros", () => {
    const lanes = (name: string): number[] => {
      write(running, "bool", X, [0, 1, 0, 1]);
      write(running, "bool", Y, [1, 0, 1, 0]);
      running.run(`${name} mask`, X, Y, OUT);
      return read(running, "int32", OUT, 4);
    };
    expect(lanes("load")).toEqual([0, -1, 0, -1]);
    expect(lanes("splat")).toEqual([-1, -1, -1, -1]);
    expect(lanes("splatLoad")).toEqual([-1, -1, -1, -1]);
    for (const name of ["replace", "laneLoad"]) {
      expect(lanes(`${name} 0`)).toEqual([-1, -1, 0, -1]);
      expect(lanes(`${name} 2`)).toEqual([0, -1, -1, -1]);
    }
    const one = instantiate(
      snippetModule({
        constants: (s) => {
          address(s, 2);
          w.vectorConst(s, 1, "bool");
          w.vectorStore(s, "int32", 0);
          address(s, 2);
          w.vectorConst(s, 0, "bool");
          w.vectorStore(s, "int32", 16);
        },
      }).bytes(),
    );
    one.run("constants", X, Y, OUT);
    expect(read(one, "int32", OUT, 8)).toEqual([-1, -1, -1, -1, 0, 0, 0, 0]);
  });

  test("the bits of a NaN are canonical, whatever bits it has", () => {
    const view = new DataView(running.memory);
    for (const word of [0x7f800001, 0xff800001, 0xffc00000, 0x7fffffff]) {
      for (let lane = 0; lane < 4; lane++) view.setUint32(X + 4 * lane, word, true);
      running.run("vector bits float32 uint32", X, Y, OUT);
      expect(read(running, "uint32", OUT, 4)).toEqual(Array.from({ length: 4 }, () => 0x7fc00000));
      running.run("scalar bits float32 uint32", X, Y, OUT);
      expect(view.getUint32(OUT, true)).toBe(0x7fc00000);
    }
    // The last is told from an infinity by its low word alone.
    for (const high of [0xfff80000, 0x7fffffff, 0x7ff00000]) {
      for (let lane = 0; lane < 4; lane++) {
        view.setUint32(X + 8 * lane, 1, true);
        view.setUint32(X + 8 * lane + 4, high, true);
      }
      running.run("vector bits float64 uint32", X, Y, OUT);
      expect(read(running, "uint32", OUT, 4)).toEqual(Array.from({ length: 4 }, () => 0x7ff80000));
      running.run("scalar bits float64 uint32", X, Y, OUT);
      expect(view.getUint32(OUT, true)).toBe(0x7ff80000);
    }
  });

  test("reasons for going lane by lane", () => {
    const without: string[] = [];
    for (const op of BINARY_OPS) {
      for (const type of binaryTypes(op)) if (w.laneByLane(op, type) !== null) without.push(`${op} ${type}`);
    }
    expect(without).toEqual([
      "div int32",
      "div uint32",
      "rem int32",
      "rem uint32",
      "rem float32",
      "rem float64",
      "shl int32",
      "shl uint32",
      "shr int32",
      "shr uint32",
    ]);
  });

  test("what LoopIR does not allow is refused", () => {
    const refused = (op: UnaryOp | BinaryOp, type: DType, build: (s: w.Selection) => void): void => {
      expect(() => snippetModule({ bad: build }), `${op} ${type}`).toThrow(`wasm: ${op} of ${type}`);
    };
    refused("not", "float32", (s) => w.scalarUnary(s, "not", "float32"));
    refused("not", "float64", (s) => w.vectorUnary(s, "not", "float64"));
    refused("sqrt", "int32", (s) => w.scalarUnary(s, "sqrt", "int32"));
    refused("xor", "float32", (s) => w.scalarBinary(s, "xor", "float32"));
    refused("and", "float64", (s) => w.vectorBinary(s, "and", "float64"));
  });

  test.each(["int32", "uint32"] as const)("division of %s by constants", (type) => {
    const divisors = [0, 1, 2, 3, 7, -1, -2, -(2 ** 31)].map((y) => (type === "int32" ? y : y >>> 0));
    for (const op of ["div", "rem"] as const) {
      const module = Object.fromEntries(
        divisors.map((y) => [
          `${y}`,
          (s: w.Selection) => {
            address(s, 2);
            address(s, 0);
            w.scalarLoad(s, type, 0);
            w.scalarConst(s, y, type);
            w.scalarBinary(s, op, type);
            w.scalarStore(s, type, 0);
          },
        ]),
      );
      const one = instantiate(snippetModule(module).bytes());
      for (const x of samples(type)) {
        write(one, type, X, [x]);
        for (const y of divisors) {
          one.run(`${y}`, X, Y, OUT);
          expect(read(one, type, OUT, 1)[0], `${x} ${op} ${y}`).toBe(applyBinary(op, type, x, y));
        }
      }
    }
  });

  test.each(["int32", "uint32"] as const)("all lanes of %s shifted by one count", (type) => {
    const values = samples(type, 20);
    const counts = [0, 1, 31, 32, 33, -1];
    for (const op of ["shl", "shr"] as const) {
      for (let i = 0; i + 4 <= values.length; i += 4) {
        for (const count of counts) {
          write(running, type, X, values.slice(i, i + 4));
          write(running, "int32", Y, [count]);
          running.run(`shift ${op} ${type}`, X, Y, OUT);
          const expected = values.slice(i, i + 4).map((x) => applyBinary(op, type, x, count));
          expect(read(running, type, OUT, 4)).toEqual(expected);
        }
      }
    }
  });
});
