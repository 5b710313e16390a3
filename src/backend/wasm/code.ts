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

/** How an immediate changes from one written-out turn of a loop to the next: `step` more. */
export interface Turning {
  /** Names the loop. */
  readonly loop: object;
  readonly step: number;
}

/** A place in the code that is different in each turn of `loop`. */
interface Place extends Turning {
  /** First byte, and number of bytes. */
  readonly at: number;
  readonly size: number;
  /** Null where later turns add the number of the turn to the index: the first has no instruction for that. */
  readonly value: number | null;
}

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
  /** How the offsets of the memory instructions that come now change from turn to turn of a loop. */
  along: Turning | null = null;
  /** Made when there is one: most blocks have none. */
  #places: Place[] | null = null;

  /** Appends an instruction; which immediates it takes is told by `ImmediateKind`. Memory operands take no alignment. */
  op(op: Opcode, first?: number, ...more: number[]): this {
    const instruction: Instruction = OPCODES[op];
    const given = first === undefined ? 0 : 1 + more.length;
    if (given !== instruction.count) {
      throw new CompileError({ what: `wasm: ${op} takes ${instruction.count} immediates, not ${given}` });
    }
    const { writer } = this;
    this.length++;
    this.lastConstant = null;
    writer.reserve(LONGEST_INSTRUCTION);
    writer.few(instruction.bytes);
    if (first !== undefined) this.#immediates(instruction, first, more);
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
    if (other.#places) for (const place of other.#places) this.#note({ ...place, at: place.at + this.writer.length });
    this.writer.append(other.writer);
    this.length += other.length;
    if (other.length > 0) this.lastConstant = other.lastConstant;
    return this;
  }

  // ── turns of a loop, written out ───────────────────────────────────────────────────────────────────────────────

  /** The index of `loop` is on the stack, as it is in the first turn. */
  addTurn(loop: object): void {
    this.#note({ at: this.writer.length, size: 0, value: null, loop, step: 1 });
  }

  /**
   * The code so far is one turn of `loop`: writes `count - 1` more, with what `between` writes in front of each. Bytes
   * are copied, and only the places that are different are written anew, so that a turn costs next to nothing.
   */
  repeat(loop: object, count: number, between: (turn: number) => void): void {
    const end = this.writer.length;
    const { length } = this;
    const places = [...(this.#places ?? [])];
    for (let turn = 1; turn < count; turn++) {
      between(turn);
      let copied = 0;
      for (const place of places) {
        this.writer.again(copied, place.at);
        copied = place.at + place.size;
        this.#again(place, place.loop === loop ? turn : 0);
      }
      this.writer.again(copied, end);
      this.length += length;
    }
    if (this.#places) this.#places = this.#places.filter((place) => place.loop !== loop);
    this.lastConstant = null;
  }

  #again({ loop, step, value }: Place, turn: number): void {
    if (value !== null) {
      this.writer.reserve(LONGEST_INSTRUCTION);
      this.#moving(value + turn * step, loop, step);
    } else if (turn > 0) this.op("i32.const", turn * step).op("i32.add");
    else this.addTurn(loop);
  }

  /** Writes an offset that moves with a loop. */
  #moving(value: number, loop: object, step: number): void {
    const at = this.writer.length;
    this.writer.unsigned(value);
    this.#note({ at, size: this.writer.length - at, value, loop, step });
  }

  #note(place: Place): void {
    if (this.#places) this.#places.push(place);
    else this.#places = [place];
  }

  // ── one instruction ────────────────────────────────────────────────────────────────────────────────────────────

  #immediates({ kind, alignment }: Instruction, first: number, more: readonly number[]): void {
    const { writer } = this;
    switch (kind) {
      case "local":
      case "label":
      case "global":
      case "function":
        writer.unsigned(first);
        return;
      case "memory":
        writer.byte(alignment);
        this.#offset(first);
        return;
      case "i32":
        this.lastConstant = first | 0;
        writer.signed(first | 0);
        return;
      case "memory-lane":
        writer.byte(alignment);
        this.#offset(first);
        writer.byte(more[0]!);
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
        writer.word(first);
        for (const word of more) writer.word(word);
        return;
      default:
        writer.byte(first);
        writer.few(more);
    }
  }

  #offset(value: number): void {
    const { along } = this;
    if (along) this.#moving(value, along.loop, along.step);
    else this.writer.unsigned(value);
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
