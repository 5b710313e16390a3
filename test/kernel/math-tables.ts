import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FloatType } from "../../src/kernel/math/define.ts";

/** One table of test/oracles/math: arguments, exact results rounded to the type, and what the rounding left. */
export interface MathTable {
  readonly name: string;
  readonly type: FloatType;
  readonly args: readonly ArrayLike<number>[];
  readonly rounded: ArrayLike<number>;
  /** (exact - rounded) in ulp of the exact result. */
  readonly rest: (i: number) => number;
}
interface Entry {
  readonly name: string;
  readonly type: FloatType;
  readonly count: number;
  readonly columns: number;
  readonly offset: number;
}

/** Reads the tables that make-tables.py wrote into `folder`. */
export function readMathTables(folder: string): MathTable[] {
  const index = JSON.parse(readFileSync(join(folder, "math.json"), "utf8")) as Entry[];
  const file = readFileSync(join(folder, "math.bin"));
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  return index.map(({ name, type, count, columns, offset }) => {
    const size = type === "float32" ? 4 : 8;
    const column = (i: number): ArrayLike<number> => {
      const at = offset + i * count * size;
      return type === "float32" ? new Float32Array(bytes, at, count) : new Float64Array(bytes, at, count);
    };
    const rest = new Int8Array(bytes, offset + columns * count * size, count);
    const args = Array.from({ length: columns - 1 }, (_, i) => column(i));
    return { name, type, args, rounded: column(columns - 1), rest: (i) => rest[i]! / 254 };
  });
}

const LIMITS = {
  float32: { digits: 24, lowest: -126 },
  float64: { digits: 53, lowest: -1022 },
};
const words = new DataView(new ArrayBuffer(8));
/** floor(log2 |x|) of a normal float64. */
function exponentOf(x: number): number {
  words.setFloat64(0, x);
  return ((words.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** Distance of `got` from the exact result, in ulp of the exact result; Infinity where only one is finite or NaN. */
export function ulpError(got: number, rounded: number, rest: number, type: FloatType): number {
  if (Object.is(got, rounded)) return Math.abs(rest);
  if (!Number.isFinite(got) || !Number.isFinite(rounded)) return Infinity;
  // -0 for a result that is not zero is fine, the other way round it is a wrong sign of zero.
  if (rounded === 0 && got === 0) return rest === 0 ? Infinity : Math.abs(rest);
  const { digits, lowest } = LIMITS[type];
  let exponent = exponentOf(rounded);
  // Below a power of two the spacing is half as large.
  if (Math.abs(rounded) === 2 ** exponent && rest * rounded < 0) exponent--;
  const ulp = Math.max(exponent, lowest) - digits + 1;
  // 2^ulp may be subnormal, so scale in two steps.
  const difference = (got - rounded) * 2 ** Math.min(1000, -ulp) * 2 ** Math.max(0, -ulp - 1000);
  return Math.abs(difference - rest);
}
