import { CompileError } from "../../core/errors.ts";
import { ByteWriter } from "./bytes.ts";
import {
  type Func,
  type FunctionImport,
  type GlobalImport,
  type MemoryImport,
  type ModuleContent,
  VALUE_TYPES,
  type ValueType,
} from "./code.ts";
import { moduleText } from "./wat.ts";

export { Code, type Func, type ValueType } from "./code.ts";

/**
 * Modules of WebAssembly: a `ModuleBuilder` gathers functions and prints them as bytes or as text. The layout of the
 * bytes is that of the specification, chapter "Binary Format" (https://webassembly.github.io/spec/core/binary/).
 */

// ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Locals as runs of one type, then the instructions. */
function writeBody(writer: ByteWriter, func: Func): void {
  if (func.body) {
    writer.raw(func.body);
    return;
  }
  const { locals } = func;
  let runs = 0;
  for (let i = 0; i < locals.length; i++) if (locals[i] !== locals[i - 1]) runs++;
  writer.reserve(10 + 6 * runs);
  writer.unsigned(runs);
  for (let i = 0; i < locals.length; ) {
    let end = i + 1;
    while (end < locals.length && locals[end] === locals[i]) end++;
    writer.unsigned(end - i);
    writer.byte(VALUE_TYPES[locals[i]!]);
    i = end;
  }
  writer.append(func.code.writer);
  writer.reserve(1);
  writer.byte(END);
}

/**
 * Locals and instructions of one function, without the length in front. It holds no addresses in the module, only
 * indices of the functions and globals it uses: where those agree, the bytes serve in any module.
 */
export function encodeBody(func: Func): Uint8Array {
  const writer = new ByteWriter(func.code.writer.length + 64);
  writeBody(writer, func);
  return writer.finish();
}

// ── modules ──────────────────────────────────────────────────────────────────────────────────────────────────────

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** Closes every function. */
const END = 0x0b;
const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 };
/** What an import or export is. */
const EXTERNAL = { function: 0, memory: 2, global: 3 };
const FUNCTION_TYPE = 0x60;
/** Subsection of the custom section "name" with the names of functions, for stack traces and profilers. */
const FUNCTION_NAMES = 1;

/** A module that imports its memory, `env.memory`, and whatever else it needs from `env`. */
export class ModuleBuilder implements ModuleContent {
  readonly memory: MemoryImport;
  readonly functionImports: FunctionImport[] = [];
  readonly globalImports: GlobalImport[] = [];
  readonly functions: Func[] = [];

  constructor(options: { memory: MemoryImport }) {
    this.memory = options.memory;
    if (options.memory.shared && options.memory.maximum === undefined) {
      throw new CompileError({ what: "wasm: a shared memory needs a maximum" });
    }
  }

  /** @returns the function's index. Imports come before all functions of the module's own. */
  importFunction(name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.functions.length > 0)
      throw new CompileError({ what: `wasm: import of ${name} after a function was added` });
    return this.functionImports.push({ name, params, results }) - 1;
  }

  /** @returns the global's index. */
  importGlobal(name: string, type: "i32", mutable: boolean): number {
    return this.globalImports.push({ name, type, mutable }) - 1;
  }

  /** @returns the function's index. */
  add(func: Func): number {
    return this.functionImports.length + this.functions.push(func) - 1;
  }

  /** The module as text that assembles to the same module. */
  wat(): string {
    return moduleText(this);
  }

  bytes(): Uint8Array {
    let estimate = 1024;
    for (const { body, code, name } of this.functions) estimate += (body ?? code.writer).length + name.length + 64;
    const writer = new ByteWriter(estimate);
    for (const byte of HEADER) writer.byte(byte);
    const signatures = new Map<string, number>();
    const signature = ({ params, results }: FunctionImport): number => {
      const key = `${params} ${results}`;
      const known = signatures.get(key);
      if (known !== undefined) return known;
      signatures.set(key, signatures.size);
      return signatures.size - 1;
    };
    const imported = this.functionImports.map(signature);
    const own = this.functions.map(signature);
    if (signatures.size > 0) this.#section(writer, SECTION.type, () => this.#types(writer, signatures));
    this.#section(writer, SECTION.import, () => this.#imports(writer, imported));
    if (own.length > 0) this.#section(writer, SECTION.function, () => writer.unsignedList(own));
    if (this.functions.some(({ exported }) => exported)) {
      this.#section(writer, SECTION.export, () => this.#exports(writer));
    }
    if (own.length > 0) {
      this.#section(writer, SECTION.code, () => {
        writer.reserve(5);
        writer.unsigned(this.functions.length);
        for (const func of this.functions) writer.sized(() => writeBody(writer, func));
      });
    }
    this.#section(writer, SECTION.custom, () => this.#names(writer));
    return writer.finish();
  }

  #section(writer: ByteWriter, id: number, content: () => void): void {
    writer.reserve(1);
    writer.byte(id);
    writer.sized(content);
  }

  #types(writer: ByteWriter, signatures: ReadonlyMap<string, number>): void {
    writer.reserve(5);
    writer.unsigned(signatures.size);
    for (const key of signatures.keys()) {
      const sides = key.split(" ").map((side) => (side === "" ? [] : (side.split(",") as ValueType[])));
      writer.reserve(1);
      writer.byte(FUNCTION_TYPE);
      for (const side of sides) writer.unsignedList(side.map((type) => VALUE_TYPES[type]));
    }
  }

  #imports(writer: ByteWriter, signatures: readonly number[]): void {
    const start = (name: string, kind: number): void => {
      writer.text("env");
      writer.text(name);
      writer.reserve(16);
      writer.byte(kind);
    };
    writer.reserve(5);
    writer.unsigned(this.functionImports.length + 1 + this.globalImports.length);
    this.functionImports.forEach(({ name }, i) => {
      start(name, EXTERNAL.function);
      writer.unsigned(signatures[i]!);
    });
    const { initial, maximum, shared } = this.memory;
    start("memory", EXTERNAL.memory);
    writer.byte((maximum === undefined ? 0 : 1) + (shared ? 2 : 0));
    writer.unsigned(initial);
    if (maximum !== undefined) writer.unsigned(maximum);
    for (const { name, type, mutable } of this.globalImports) {
      start(name, EXTERNAL.global);
      writer.byte(VALUE_TYPES[type]);
      writer.byte(mutable ? 1 : 0);
    }
  }

  #exports(writer: ByteWriter): void {
    const first = this.functionImports.length;
    writer.reserve(5);
    writer.unsigned(this.functions.reduce((count, { exported }) => count + (exported ? 1 : 0), 0));
    this.functions.forEach(({ name, exported }, i) => {
      if (!exported) return;
      writer.text(name);
      writer.reserve(6);
      writer.byte(EXTERNAL.function);
      writer.unsigned(first + i);
    });
  }

  #names(writer: ByteWriter): void {
    writer.text("name");
    writer.reserve(1);
    writer.byte(FUNCTION_NAMES);
    writer.sized(() => {
      const all = [...this.functionImports, ...this.functions];
      writer.reserve(5);
      writer.unsigned(all.length);
      all.forEach(({ name }, i) => {
        writer.reserve(5);
        writer.unsigned(i);
        writer.text(name);
      });
    });
  }
}
