import { Code, type Func, ModuleBuilder, type ValueType } from "../../src/backend/wasm/assembler.ts";
import type { Selection } from "../../src/backend/wasm/select.ts";
import { type ArrayOf, type DType, viewOf } from "../../src/core/dtype.ts";
import { RandomStream, seedOf } from "./random.ts";

/** A function under construction that lends locals as the emitter does: a released one is lent again. */
export class Scratch implements Selection {
  readonly code = new Code();
  readonly remainder = 0;
  readonly locals: ValueType[] = [];
  readonly #free: number[] = [];
  readonly #parameters: number;

  constructor(parameters: number) {
    this.#parameters = parameters;
  }
  temp(type: ValueType): number {
    const at = this.#free.findIndex((local) => this.locals[local - this.#parameters] === type);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    return this.#parameters + this.locals.push(type) - 1;
  }
  release(local: number): void {
    if (this.#free.includes(local)) throw new Error(`local ${local} released twice`);
    this.#free.push(local);
  }
  /** Locals that were lent and not given back. */
  get lent(): number {
    return this.locals.length - this.#free.length;
  }
}

/** Pushes one of the addresses a snippet is given. */
export const address = (s: Selection, which: 0 | 1 | 2): void => void s.code.op("local.get", which);

/** A function of three addresses (two operands, one result) whose body is a snippet. */
export function snippetFunction(name: string, build: (s: Scratch) => void): Func {
  const s = new Scratch(3);
  build(s);
  if (s.lent > 0) throw new Error(`${name}: ${s.lent} locals were not released`);
  return { name, params: ["i32", "i32", "i32"], results: [], locals: s.locals, code: s.code, exported: true };
}

/** A module of snippets with one page of memory. `%` is function 0. */
export function snippetModule(snippets: Readonly<Record<string, (s: Scratch) => void>>): ModuleBuilder {
  const builder = new ModuleBuilder({ memory: { initial: 1 } });
  builder.importFunction("remainder", ["f64", "f64"], ["f64"]);
  for (const [name, build] of Object.entries(snippets)) builder.add(snippetFunction(name, build));
  return builder;
}

export interface Running {
  /** Calls one snippet with the addresses of both operands and of the result. */
  run(name: string, x: number, y: number, out: number): void;
  view<D extends DType>(dtype: D, at: number, length: number): ArrayOf[D];
  readonly memory: ArrayBuffer;
}
export function instantiate(bytes: Uint8Array): Running {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(bytes as BufferSource);
  const env = { memory, remainder: (x: number, y: number) => x % y };
  const { exports } = new WebAssembly.Instance(module, { env });
  return {
    run: (name, x, y, out) => (exports[name] as (...at: number[]) => void)(x, y, out),
    view: (dtype, at, length) => viewOf(dtype, memory.buffer, at, length),
    memory: memory.buffer,
  };
}

// ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────

const FLOATS = [
  ...[0, 0.1, 0.49999997, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 7.25, 1e10, 8388607.5, 8388609, 16777217, 2147483520],
  ...[2147483647, 2147483648, 4294967295, 4294967296, 4503599627370495.5, 9007199254740994, 3.4028234663852886e38],
  ...[1.401298464324817e-45, 1.1754942106924411e-38, 1.1754943508222875e-38, 3.4028235677973366e38, Infinity],
];
const DOUBLES = [5e-324, 2.225073858507201e-308, 2.2250738585072014e-308, Number.MAX_VALUE, 0.49999999999999994];
const WORDS = [0, 1, 2, 3, 7, 31, 32, 33, 0x7fff, 0x10000, 0x1000001, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001];

/** Values of a dtype where operations go wrong, and some at random. */
export function samples(dtype: DType, random = 8): number[] {
  const stream = new RandomStream(seedOf(dtype));
  if (dtype === "bool") return [0, 1];
  if (dtype === "int32" || dtype === "uint32") {
    const words = WORDS.flatMap((word) => [word, -word]);
    for (let i = 0; i < random; i++) words.push(stream.bits() >>> stream.whole(0, 24));
    return [...new Set(words.map((word) => (dtype === "int32" ? word | 0 : word >>> 0)))];
  }
  const floats = dtype === "float64" ? [...FLOATS, ...DOUBLES] : FLOATS.map(Math.fround);
  const values = [Number.NaN, ...floats.flatMap((x) => [x, -x])];
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < random; i++) {
    bits.setUint32(0, stream.bits());
    bits.setUint32(4, stream.bits());
    values.push(dtype === "float32" ? bits.getFloat32(0) : bits.getFloat64(0));
    values.push(dtype === "float32" ? Math.fround(stream.between(-9, 9)) : stream.between(-9, 9));
  }
  return values;
}

/** What differs, by `Object.is`: all NaN count as one. */
export function differences(
  got: ArrayLike<number>,
  expected: (index: number) => number,
  describe: (index: number) => string,
): string[] {
  const wrong: string[] = [];
  for (let i = 0; i < got.length && wrong.length < 8; i++) {
    if (!Object.is(got[i], expected(i))) wrong.push(`${describe(i)}: ${got[i]}, not ${expected(i)}`);
  }
  return wrong;
}
