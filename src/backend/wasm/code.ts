import { CompileError } from "../../core/errors.ts";
import { ByteWriter } from "./bytes.ts";
import { type Instruction, OPCODES, type Opcode } from "./opcodes.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

export const VALUE_TYPES: { readonly [T in ValueType]: number } = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};
/** The immediate of a block without a result. */
export const NO_RESULT = 0x40;

/** Room for the code of a small block. */
const FIRST_CAPACITY = 96;
/** Bytes that any one instruction fits in: those of a shuffle, two and 16, are the most. */
const LONGEST_INSTRUCTION = 20;

/**
 * A list of instructions, kept as the bytes they have in a module: printing copies them, the text reads them again.
 * Emitting code is most of what a first compilation does, in JavaScript the engine has not optimised yet, so each
 * instruction is written once.
 */
export class Code {
  readonly writer = new ByteWriter(FIRST_CAPACITY);
  /** Number of instructions. */
  length = 0;
  /** The integer pushed by the last instruction, if that is a constant. */
  lastConstant: number | null = null;

  /** Appends an instruction; which immediates it takes is told by `ImmediateKind`. Memory operands take no alignment. */
  op(op: Opcode, ...immediates: number[]): this {
    const instruction: Instruction = OPCODES[op];
    if (immediates.length !== instruction.count) {
      throw new CompileError({ what: `wasm: ${op} takes ${instruction.count} immediates, not ${immediates.length}` });
    }
    this.#start(instruction);
    if (immediates.length > 0) this.#immediates(instruction, immediates);
    return this;
  }

  block(type?: ValueType): this {
    return this.op("block", blockType(type));
  }
  loop(type?: ValueType): this {
    return this.op("loop", blockType(type));
  }
  if(type?: ValueType): this {
    return this.op("if", blockType(type));
  }
  else(): this {
    return this.op("else");
  }
  end(): this {
    return this.op("end");
  }

  append(other: Code): this {
    this.writer.append(other.writer);
    this.length += other.length;
    if (other.length > 0) this.lastConstant = other.lastConstant;
    return this;
  }

  #start({ bytes }: Instruction): void {
    const { writer } = this;
    this.length++;
    this.lastConstant = null;
    writer.reserve(LONGEST_INSTRUCTION);
    for (let i = 0; i < bytes.length; i++) writer.byte(bytes[i]!);
  }

  #immediates({ kind, alignment }: Instruction, immediates: readonly number[]): void {
    const { writer } = this;
    const first = immediates[0]!;
    switch (kind) {
      case "local":
      case "label":
      case "global":
      case "function":
        writer.unsigned(first);
        return;
      case "memory":
        writer.byte(alignment);
        writer.unsigned(first);
        return;
      case "i32":
        this.lastConstant = first | 0;
        writer.signed(first | 0);
        return;
      case "memory-lane":
        writer.byte(alignment);
        writer.unsigned(first);
        writer.byte(immediates[1]!);
        return;
      case "f32":
        writer.float32(first);
        return;
      case "f64":
        writer.float64(first);
        return;
      case "i64":
        writer.signed(first);
        return;
      case "v128":
        for (const word of immediates) writer.word(word);
        return;
      default:
        for (const byte of immediates) writer.byte(byte);
    }
  }
}

const blockType = (type: ValueType | undefined): number => (type === undefined ? NO_RESULT : VALUE_TYPES[type]);

export interface Func {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Beside the parameters; numbered after them. */
  readonly locals: readonly ValueType[];
  readonly code: Code;
  readonly exported?: boolean;
  /** What `encodeBody` gave for this function, where that is known already. */
  readonly body?: Uint8Array;
}
export interface FunctionImport {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}
export interface GlobalImport {
  readonly name: string;
  readonly type: "i32";
  readonly mutable: boolean;
}
/** Sizes in pages of 64 KiB. A shared memory needs a maximum. */
export interface MemoryImport {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}
/** What a module consists of. Its memory is the import `env.memory`; all other imports come from `env` too. */
export interface ModuleContent {
  readonly memory: MemoryImport;
  readonly functionImports: readonly FunctionImport[];
  readonly globalImports: readonly GlobalImport[];
  readonly functions: readonly Func[];
}
