import { describe, expect, test } from "vitest";
import wabt from "wabt";
import { Code, encodeBody, type Func, ModuleBuilder, type ValueType } from "../../src/backend/wasm/assembler.ts";
import { type Instruction, OPCODES, type Opcode } from "../../src/backend/wasm/opcodes.ts";
import { snippetModule } from "../support/wasm-selection.ts";
import { snippets } from "../support/wasm-snippets.ts";

const toolkit = await wabt();
const features = { simd: true, sat_float_to_int: true, bulk_memory: true, threads: true };

/** What wabt, another implementation of the text format, makes of a module's text. */
function assembled(text: string): Uint8Array {
  const module = toolkit.parseWat("module.wat", text, features);
  try {
    return module.toBinary({}).buffer.slice();
  } finally {
    module.destroy();
  }
}

/** The contents of a module's sections, by number; the custom one, with the names, is left out. */
function sections(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = 8;
  while (at < bytes.length) {
    const id = bytes[at++]!;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (id !== 0) found.set(id, bytes.slice(at, at + size));
    at += size;
  }
  return found;
}

/** Both printings of a module are the same module, byte for byte, and it is valid. */
function expectSame(builder: ModuleBuilder): void {
  const bytes = builder.bytes();
  expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
  expect(sections(bytes)).toEqual(sections(assembled(builder.wat())));
}

const func = (name: string, code: Code, rest: Partial<Func> = {}): Func => ({
  name,
  params: [],
  results: [],
  locals: [],
  code,
  ...rest,
});
const moduleOf = (...functions: Func[]): ModuleBuilder => {
  const builder = new ModuleBuilder({ memory: { initial: 1 } });
  for (const one of functions) builder.add(one);
  return builder;
};

const structured = new Set<string>(["block", "loop", "if", "else", "end"]);
const immediatesFor = ({ kind, count }: Instruction, value: number): number[] => {
  const index = kind === "local" || kind === "global" || kind === "function" || kind === "label";
  if (kind === "shuffle") return Array.from({ length: 16 }, (_, i) => 2 * i);
  if (kind === "lane") return [1];
  if (kind === "memory-lane") return [value, 1];
  return Array.from({ length: count }, (_, i) => (index ? 0 : value + i));
};

describe("every instruction", () => {
  const builder = new ModuleBuilder({ memory: { initial: 1 } });
  builder.importFunction("callee", [], []);
  builder.importGlobal("variable", "i32", true);
  for (const [name, instruction] of Object.entries(OPCODES)) {
    if (structured.has(name)) continue;
    // Behind `unreachable` operands of any type are there.
    const code = new Code().op("unreachable").op(name as Opcode, ...immediatesFor(instruction, 20));
    builder.add(func(name, code.op("unreachable"), { params: ["i32"] }));
  }

  test("has the bytes wabt gives it", () => {
    expect(builder.functions.length).toBeGreaterThan(300);
    expectSame(builder);
  });

  test("takes its number of immediates and no other", () => {
    expect(() => new Code().op("i32.add", 1)).toThrow("i32.add takes 0 immediates, not 1");
    expect(() => new Code().op("v128.const", 1, 2)).toThrow("v128.const takes 4 immediates, not 2");
  });
});

describe("bytes and text agree", () => {
  test("on all that instruction selection writes", () => expectSame(snippetModule(snippets)));

  test("on numbers", () => {
    const code = new Code();
    const integers = [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
    const signed = integers.flatMap((n) => [n, -n]);
    for (const n of signed) code.op("i32.const", n | 0).op("drop");
    for (const n of [...signed, 2 ** 53 - 1, -(2 ** 53) + 1]) code.op("i64.const", n).op("drop");
    const reals = [0, 0.1, 1 / 3, 1e21, 1e-7, 5e-324, 1.4e-45, Number.MAX_VALUE, 3.4028234663852886e38, Infinity];
    for (const x of [...reals, ...reals.map((real) => -real), Number.NaN]) {
      code.op("f32.const", x).op("drop").op("f64.const", x).op("drop");
    }
    for (const n of integers) code.op("i32.const", 0).op("i32.load8_u", n).op("drop");
    code.op("v128.const", -1, 2 ** 31, 7, 0x7f800000).op("drop");
    expectSame(moduleOf(func("numbers", code)));
  });

  test("turns of a loop are copied, but for its index and the offsets that move", () => {
    const inner = {};
    const outer = {};
    const load = (code: Code, loop: object, step: number, offset: number): void => {
      code.along = { loop, step };
      code.op("i32.load", offset);
      code.along = null;
      code.op("drop");
    };
    const nested = new Code().op("local.get", 0);
    load(nested, inner, 100, 56);
    load(nested.op("local.get", 0), outer, 8, 4);
    nested.op("local.get", 1);
    nested.addTurn(inner);
    nested.op("drop").repeat(inner, 2, (turn) => nested.op("i32.const", turn).op("drop"));
    const copied = new Code().op("nop").append(nested).op("local.get", 2);
    copied.addTurn(outer);
    copied.op("drop").repeat(outer, 3, () => {});

    const written = new Code();
    for (const turn of [0, 1, 2]) {
      written.op("nop");
      for (const turnInside of [0, 1]) {
        if (turnInside > 0) written.op("i32.const", 1).op("drop");
        written
          .op("local.get", 0)
          .op("i32.load", 56 + turnInside * 100)
          .op("drop");
        written
          .op("local.get", 0)
          .op("i32.load", 4 + turn * 8)
          .op("drop")
          .op("local.get", 1);
        if (turnInside > 0) written.op("i32.const", 1).op("i32.add");
        written.op("drop");
      }
      written.op("local.get", 2);
      if (turn > 0) written.op("i32.const", turn).op("i32.add");
      written.op("drop");
    }
    expect(encodeBody(func("f", copied))).toEqual(encodeBody(func("f", written)));
    expect(copied.length).toBe(written.length);
  });

  test("an unsigned word is the signed one with its bits", () => {
    const words = (n: number): Uint8Array => encodeBody(func("f", new Code().op("i32.const", n)));
    expect(words(2 ** 32 - 1)).toEqual(words(-1));
    expect(words(2 ** 31)).toEqual(words(-(2 ** 31)));
  });

  test("on blocks, locals, calls and globals", () => {
    const builder = new ModuleBuilder({ memory: { initial: 3, maximum: 65536 } });
    const callee = builder.importFunction("remainder", ["f64", "f64"], ["f64"]);
    const arena = builder.importGlobal("arena", "i32", true);
    const fixed = builder.importGlobal("array 0", "i32", false);
    const locals: ValueType[] = ["i32", "i32", "v128", "v128", "v128", "i32", "f64", "f32", "i64"];
    const inner = new Code().op("local.get", 0).op("br_if", 1).loop().op("local.get", 1).op("br_if", 0).end();
    const code = new Code().block().append(inner).end();
    code.op("local.get", 0).if("f64").op("f64.const", 1).else().op("f64.const", 2).end();
    code.op("f64.const", 3).op("call", callee).op("local.set", 8);
    code.op("global.get", arena).op("global.get", fixed).op("i32.add").op("global.set", arena);
    for (let local = 0; local < 200; local++) code.op("local.get", local + 2).op("drop");
    const many = Array.from({ length: 200 }, () => "i32" as const);
    const first = builder.add(
      func("first", code, { params: ["i32", "i32"], locals: [...locals, ...many], exported: true }),
    );
    expect(first).toBe(1);
    builder.add(func("second", new Code().op("i32.const", 4).op("i32.const", 5).op("call", first), { exported: true }));
    builder.add(func("third", new Code().block("i32").op("i32.const", 4).end(), { results: ["i32"] }));
    expectSame(builder);
    const text = builder.wat();
    expect(text).toContain(`(import "env" "remainder" (func $remainder (param f64 f64) (result f64)))`);
    expect(text).toContain(`(import "env" "array 0" (global $array_0 i32))`);
    expect(text).toContain("call $first");
  });

  test("on shared memory, and a module without functions", () => {
    expectSame(new ModuleBuilder({ memory: { initial: 2, maximum: 512, shared: true } }));
    expect(() => new ModuleBuilder({ memory: { initial: 2, shared: true } })).toThrow(
      "a shared memory needs a maximum",
    );
  });

  test("on names of any kind", () => {
    const names = ["", "a b", "a_b", "a(b)", 'say "é"', "back\\slash", "a b", "matmul/relu.2"];
    const builder = moduleOf(...names.map((name) => func(name, new Code())));
    builder.add(func('out "é" \\ ;;', new Code(), { exported: true }));
    expectSame(builder);
    expect(builder.wat()).toContain("(func $a_b_1");
  });
});

describe("functions", () => {
  const add = func("add", new Code().op("local.get", 0).op("local.get", 1).op("i32.add"), {
    params: ["i32", "i32"],
    results: ["i32"],
    exported: true,
  });

  test("with a body encoded before give the same module", () => {
    const long = func("long", new Code());
    for (let i = 0; i < 9000; i++) long.code.op("f64.const", i).op("drop");
    const plain = moduleOf(add, long).bytes();
    expect(moduleOf(add, { ...long, body: encodeBody(long) }).bytes()).toEqual(plain);
    expect(moduleOf({ ...add, body: encodeBody(add) }, { ...long, body: encodeBody(long) }).bytes()).toEqual(plain);
  });

  test("run, and their names are in stack traces", () => {
    const builder = moduleOf(add, func("trap_here", new Code().op("unreachable"), { exported: true }));
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new WebAssembly.Module(builder.bytes() as BufferSource);
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    expect((exports.add as (x: number, y: number) => number)(2, 3)).toBe(5);
    let trace = "";
    try {
      (exports.trap_here as () => void)();
    } catch (error) {
      trace = (error as Error).stack ?? "";
    }
    expect(trace).toContain("trap_here");
  });

  test("come after all imports", () => {
    const builder = moduleOf(add);
    expect(() => builder.importFunction("late", [], [])).toThrow("import of late after a function was added");
  });

  test("are written one instruction a line, blocks indented", () => {
    const code = new Code().block().loop();
    code.op("local.get", 0).op("v128.load", 16).op("local.set", 1).op("local.get", 0).op("br_if", 0).end().end();
    expect(moduleOf(func("kernel", code, { params: ["i32"], locals: ["v128"], exported: true })).wat()).toBe(
      `(module
  (import "env" "memory" (memory $memory 1))
  (func $kernel (export "kernel") (param i32)
    (local v128)
    block
      loop
        local.get 0
        v128.load offset=16 align=4
        local.set 1
        local.get 0
        br_if 0
      end
    end
  )
)
`,
    );
    expect(code.length).toBe(9);
  });
});
