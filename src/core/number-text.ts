import type { DType } from "./dtype.ts";

/** The shortest decimal number that rounds to this float32. */
function shortestFloat32(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}

/** A value as people read it: no more digits than its dtype has, `-0` told from `0`, booleans as words. */
export function numberText(value: number, dtype: DType): string {
  if (dtype === "bool") return value ? "true" : "false";
  if (Object.is(value, -0)) return "-0";
  return dtype === "float32" && Number.isFinite(value) ? shortestFloat32(value) : String(value);
}

/** A number of bytes, digits in groups: `1,048,576 bytes`. */
export const bytesText = (bytes: number): string => `${bytes.toLocaleString("en-US")} bytes`;
