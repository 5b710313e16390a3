import { ByteReader } from "./bytes.ts";
import { type Code, type Func, type ModuleContent, NO_RESULT, VALUE_TYPES, type ValueType } from "./code.ts";
import { type Instruction, OPCODES } from "./opcodes.ts";

interface Named extends Instruction {
  readonly name: string;
  /** Bytes behind its number that the text leaves out: memory.copy names the memories, and there is but one. */
  readonly silent: number;
}
function instructionTable(): ReadonlyMap<number, Named> {
  const table = new Map<number, Named>();
  for (const [name, instruction] of Object.entries(OPCODES)) {
    const reader = new ByteReader(new Uint8Array(instruction.bytes));
    const key = readKey(reader);
    table.set(key, { ...instruction, name, silent: reader.rest });
  }
  return table;
}
/** Bytes from here on are prefixes: the number of the instruction follows in LEB128. */
const PREFIXES = 0xfc;
function readKey(reader: ByteReader): number {
  const first = reader.byte();
  return first < PREFIXES ? first : 0x10000 * first + reader.unsigned();
}

/** What numbers in the code are called. No two `$name` are the same; only characters occur that the format allows. */
interface Names {
  readonly functions: readonly string[];
  readonly globals: readonly string[];
  readonly instructions: ReadonlyMap<number, Named>;
  /** Names of value types, by their bytes. */
  readonly types: ReadonlyMap<number, string>;
}
function identifiers(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const legal = `$${name.replace(/[^\w!#$%&'*+\-./:<=>?@\\^`|~]/g, "_") || "_"}`;
    let free = legal;
    for (let i = 1; taken.has(free); i++) free = `${legal}_${i}`;
    taken.add(free);
    return free;
  });
}

/**
 * A module in the text format of the specification, chapter "Text Format"
 * (https://webassembly.github.io/spec/core/text/): one instruction a line, blocks indented. Locals are numbers,
 * parameters first, as in the instructions.
 */
export function moduleText(module: ModuleContent): string {
  const { memory, functionImports, globalImports, functions } = module;
  const all = [...functionImports, ...functions];
  const names: Names = {
    functions: identifiers(all.map(({ name }) => name)),
    globals: identifiers(globalImports.map(({ name }) => name)),
    instructions: instructionTable(),
    types: new Map(Object.entries(VALUE_TYPES).map(([name, byte]) => [byte, name])),
  };
  const lines = ["(module"];
  const imported = (name: string, what: string): void => void lines.push(`  (import "env" ${quoted(name)} (${what}))`);
  functionImports.forEach((one, i) => {
    imported(one.name, `func ${names.functions[i]}${types("param", one.params)}${types("result", one.results)}`);
  });
  const { initial, maximum, shared } = memory;
  imported(
    "memory",
    `memory $memory ${initial}${maximum === undefined ? "" : ` ${maximum}`}${shared ? " shared" : ""}`,
  );
  globalImports.forEach(({ name, type, mutable }, i) => {
    imported(name, `global ${names.globals[i]} ${mutable ? `(mut ${type})` : type}`);
  });
  functions.forEach((func, i) => {
    writeFunction(lines, func, names.functions[functionImports.length + i]!, names);
  });
  lines.push(")", "");
  return lines.join("\n");
}

const types = (word: string, list: readonly ValueType[]): string =>
  list.length === 0 ? "" : ` (${word} ${list.join(" ")})`;

/** A string constant; whatever is not plain ASCII is written as bytes of UTF-8. */
function quoted(text: string): string {
  let result = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    const plain = byte >= 0x20 && byte < 0x7f && character !== '"' && character !== "\\";
    result += plain ? character : `\\${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${result}"`;
}

function writeFunction(lines: string[], func: Func, name: string, names: Names): void {
  const { params, results, locals, exported } = func;
  const exportText = exported ? ` (export ${quoted(func.name)})` : "";
  lines.push(`  (func ${name}${exportText}${types("param", params)}${types("result", results)}`);
  if (locals.length > 0) lines.push(`   ${types("local", locals)}`);
  writeCode(lines, func.code, names);
  lines.push("  )");
}

function writeCode(lines: string[], code: Code, names: Names): void {
  const reader = new ByteReader(code.writer.finish());
  let indent = "    ";
  while (reader.rest > 0) {
    const instruction = names.instructions.get(readKey(reader))!;
    const { name, kind, silent } = instruction;
    for (let i = 0; i < silent; i++) reader.byte();
    const operands = immediateText(reader, instruction, names);
    if (name === "end" || name === "else") indent = indent.slice(2);
    lines.push(`${indent}${name}${operands}`);
    if (kind === "block" || name === "else") indent += "  ";
  }
}

function immediateText(reader: ByteReader, instruction: Instruction, names: Names): string {
  const several = (count: number, read: () => number): number[] => Array.from({ length: count }, read);
  switch (instruction.kind) {
    case "none":
      return "";
    case "local":
    case "label":
      return ` ${reader.unsigned()}`;
    case "i32":
    case "i64":
      return ` ${reader.signed()}`;
    case "f32":
      return ` ${floatText(reader.float32())}`;
    case "f64":
      return ` ${floatText(reader.float64())}`;
    case "global":
      return ` ${names.globals[reader.unsigned()]}`;
    case "function":
      return ` ${names.functions[reader.unsigned()]}`;
    case "block": {
      const type = reader.byte();
      return type === NO_RESULT ? "" : ` (result ${names.types.get(type)})`;
    }
    case "memory":
      return accessText(reader, instruction);
    case "memory-lane":
      return `${accessText(reader, instruction)} ${reader.byte()}`;
    case "lane":
    case "shuffle":
      return ` ${several(instruction.count, () => reader.byte()).join(" ")}`;
    case "v128":
      return ` i32x4 ${several(4, () => reader.word())
        .map(hexadecimal)
        .join(" ")}`;
  }
}

const hexadecimal = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;

function accessText(reader: ByteReader, { natural }: Instruction): string {
  const alignment = 2 ** reader.byte();
  const offset = reader.unsigned();
  return `${offset === 0 ? "" : ` offset=${offset}`}${alignment === natural ? "" : ` align=${alignment}`}`;
}

/** JavaScript's shortest decimals read back as the same number; only what is not finite is written differently. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
