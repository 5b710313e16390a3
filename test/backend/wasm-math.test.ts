import { describe, expect, test } from "vitest";
import { allocate } from "../../src/core/dtype.ts";
import * as k from "../../src/kernel/expr.ts";
import { interpretMath } from "../../src/kernel/interpret.ts";
import { mathFunction, mathFunctionNames, mathRecipe } from "../../src/kernel/math/index.ts";
import type { Buffer, Kernel, Stmt } from "../../src/kernel/statement.ts";
import { runWasm } from "../support/wasm-kernel.ts";

const LANES = 8;

/** Special values, ordinary ones of all sizes, and NaNs of many bit patterns. */
function samples(type: "float32" | "float64"): Float32Array | Float64Array {
  const values = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 10, -10, Infinity, -Infinity, 1e-45, 1e-320, 1e38, -1e38, 1e300];
  for (let e = -160; e < 160; e += 3) values.push(1.37 * 2 ** e, -1.37 * 2 ** e);
  for (let i = -40; i <= 40; i++) values.push(i / 4, i + 0.1);
  const length = Math.ceil((values.length + 16) / LANES) * LANES;
  const array = allocate(type, length);
  array.set(values);
  const words = new Uint32Array(array.buffer);
  const nans = [0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x7fc00001, 0xffd12345];
  nans.forEach((bits, i) => {
    if (type === "float32") words[values.length + i] = bits;
    // The high word of a float64 has other fields: shift the pattern by the three bits of exponent it has more.
    else words[2 * (values.length + i) + 1] = (bits & 0x80000000) | 0x7ff80000 | (bits & 0x7ffff);
  });
  return array;
}

function kernelOf(name: string, type: "float32" | "float64", size: number, lanes: boolean): Kernel {
  return k.withFreshExpressions(() => {
    const buffer = (of: string, role: "in" | "out"): Buffer => ({ name: of, dtype: type, size, role });
    const [y, a, b] = [buffer("y", "out"), buffer("a", "in"), buffer("b", "in")];
    const lane = k.indexVariable("lane", LANES);
    const block = k.indexVariable("block", size / LANES);
    const at = k.add(k.mul(block, k.int(LANES)), lane);
    const arity = mathFunction(name, type).params.length;
    const value = k.call(mathRecipe(name), ...[k.load(a, at), k.load(b, at)].slice(0, arity));
    const store: Stmt = { kind: "store", buffer: y, at, value };
    const inner: Stmt = {
      kind: "for",
      index: lane,
      extent: k.int(LANES),
      body: [store],
      ...(lanes ? { lanes: LANES } : {}),
    };
    const body: Stmt = { kind: "for", index: block, extent: k.int(size / LANES), body: [inner] };
    return { name, buffers: [y, a, b], body: [body] };
  });
}

describe("functions of the library in WebAssembly", () => {
  const cases = mathFunctionNames().flatMap((name) =>
    (["float32", "float64"] as const).flatMap((type) => [true, false].map((lanes) => [name, type, lanes] as const)),
  );
  test.each(cases)("%s of %s, in lanes: %s, have the interpreter's bits whatever NaN comes in", (name, type, lanes) => {
    const x = samples(type);
    const second = x.slice().reverse();
    const fn = mathFunction(name, type);
    const expected = x.map((value, i) => interpretMath(fn, [value, second[i]!].slice(0, fn.params.length)));
    const [actual] = runWasm(kernelOf(name, type, x.length, lanes), [allocate(type, x.length), x, second]);
    expect(actual).toEqual(expected);
  });
});
