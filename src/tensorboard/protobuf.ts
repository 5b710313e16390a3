import { FileError } from "../core/errors.ts";

/*
 * Protocol Buffers, as far as event files need them. A message is its fields one after another, in any order. A field is
 * a key, `number << 3 | wire type`, and a value; four wire types are in use (https://protobuf.dev/programming-guides/encoding):
 *
 *     0  varint             seven bits a byte, the lowest first; the top bit says that more follow
 *     1  eight bytes        a double
 *     2  length-delimited   a varint with the number of bytes, and they: texts, bytes, messages, packed lists
 *     5  four bytes         a float
 */
const VARINT = 0;
const EIGHT_BYTES = 1;
const DELIMITED = 2;
const FOUR_BYTES = 5;

// ── writing: every function gives the bytes of one field ─────────────────────────────────────────────────────────

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A whole number; a negative one as its two's complement in 64 bits. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

const key = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType);

/** An int32, int64, uint32, uint64, or the number of an enum. */
export const integer = (field: number, value: number): Uint8Array => concatenate([key(field, VARINT), varint(value)]);

export const boolean = (field: number, value: boolean): Uint8Array => integer(field, value ? 1 : 0);

export function double(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return concatenate([key(field, EIGHT_BYTES), bytes]);
}

export function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concatenate([key(field, FOUR_BYTES), bytes]);
}

export const bytes = (field: number, value: Uint8Array): Uint8Array =>
  concatenate([key(field, DELIMITED), varint(value.length), value]);

export const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value));

/** A message within another one, from its own fields. */
export const message = (field: number, ...fields: readonly Uint8Array[]): Uint8Array =>
  bytes(field, concatenate(fields));

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** One field as it stands in a file. How it reads is up to who knows the message. */
export class Field {
  readonly number: number;
  /** What follows the key: the value, without the length of a length-delimited one. */
  readonly value: Uint8Array;
  readonly #wireType: number;
  readonly #message: Message;

  constructor(number: number, wireType: number, value: Uint8Array, message: Message) {
    this.number = number;
    this.value = value;
    this.#wireType = wireType;
    this.#message = message;
  }

  #expect(wireType: number, wanted: string): Uint8Array {
    if (this.#wireType === wireType) return this.value;
    throw this.#message.damaged(`field ${this.number} is no ${wanted}: it has wire type ${this.#wireType}`, this.value);
  }
  get #view(): DataView {
    return new DataView(this.value.buffer, this.value.byteOffset, this.value.byteLength);
  }

  /** A whole number, signed; beyond 2⁵³ the nearest number there is. */
  integer(): number {
    let value = 0n;
    this.#expect(VARINT, "whole number").forEach((byte, i) => {
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    });
    return Number(BigInt.asIntN(64, value));
  }
  double(): number {
    this.#expect(EIGHT_BYTES, "double");
    return this.#view.getFloat64(0, true);
  }
  float(): number {
    this.#expect(FOUR_BYTES, "float");
    return this.#view.getFloat32(0, true);
  }
  /** The floats of a repeated field: packed into one, or one to each. */
  floats(): number[] {
    if (this.#wireType === FOUR_BYTES) return [this.float()];
    const { length } = this.#expect(DELIMITED, "list of floats");
    return Array.from({ length: Math.floor(length / 4) }, (_, i) => this.#view.getFloat32(4 * i, true));
  }
  doubles(): number[] {
    if (this.#wireType === EIGHT_BYTES) return [this.double()];
    const { length } = this.#expect(DELIMITED, "list of doubles");
    return Array.from({ length: Math.floor(length / 8) }, (_, i) => this.#view.getFloat64(8 * i, true));
  }
  bytes(): Uint8Array {
    return this.#expect(DELIMITED, "bytes");
  }
  text(): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes());
    } catch (error) {
      if (error instanceof FileError) throw error;
      throw this.#message.damaged(`the text of field ${this.number} is not UTF-8`, this.value);
    }
  }
  message(): Message {
    return new Message(this.bytes(), this.#message.damaged);
  }
}

/** Makes the error for something wrong at the beginning of `at`, which is a part of the file's own bytes. */
export type Damaged = (problem: string, at: Uint8Array) => FileError;

/** The fields of a message, in the order they stand. Fields that nobody asks for are passed over. */
export class Message {
  readonly damaged: Damaged;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, damaged: Damaged) {
    this.#bytes = bytes;
    this.damaged = damaged;
  }

  /** The error for a message whose fields make no sense together. */
  fault(problem: string): FileError {
    return this.damaged(problem, this.#bytes);
  }

  /** @throws FileError if the bytes are no message */
  *[Symbol.iterator](): Generator<Field> {
    for (let rest = this.#bytes; rest.length > 0; ) {
      const key = this.#varintAt(rest);
      rest = rest.subarray(key.length);
      const wireType = key.value % 8;
      const length = this.#lengthOf(wireType, rest);
      if (wireType === DELIMITED) rest = rest.subarray(this.#varintAt(rest).length);
      if (length > rest.length) {
        throw this.damaged(`a field should have ${length} bytes, ${rest.length} are left of its message`, rest);
      }
      yield new Field(Math.floor(key.value / 8), wireType, rest.subarray(0, length), this);
      rest = rest.subarray(length);
    }
  }

  #lengthOf(wireType: number, rest: Uint8Array): number {
    switch (wireType) {
      case VARINT:
        return this.#varintAt(rest).length;
      case EIGHT_BYTES:
        return 8;
      case FOUR_BYTES:
        return 4;
      case DELIMITED:
        return this.#varintAt(rest).value;
      default:
        throw this.damaged(`there is no wire type ${wireType}`, rest);
    }
  }

  /** A varint without sign, and how many bytes it takes. */
  #varintAt(rest: Uint8Array): { readonly value: number; readonly length: number } {
    let value = 0;
    for (let i = 0; i < Math.min(rest.length, LONGEST_VARINT); i++) {
      value += (rest[i]! & 0x7f) * 2 ** (7 * i);
      if (rest[i]! < 0x80) return { value, length: i + 1 };
    }
    throw this.damaged("a number does not end", rest);
  }
}
const LONGEST_VARINT = 10;
