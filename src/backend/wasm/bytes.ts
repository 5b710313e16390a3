const encoder = new TextEncoder();

/**
 * Bytes of a WebAssembly module under construction: one array that doubles. What writes single bytes and numbers does
 * not look whether they fit: `reserve` first. Numbers are in LEB128, constants and words little-endian.
 */
export class ByteWriter {
  #bytes: Uint8Array;
  /** Made for the first constant: most blocks have none. */
  #view: DataView | null = null;
  #length = 0;

  /** @param capacity bytes to begin with */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.#length + count > this.#bytes.length) this.#grow(this.#length + count);
  }
  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = null;
  }
  #viewed(): DataView {
    this.#view ??= new DataView(this.#bytes.buffer);
    return this.#view;
  }

  byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  /** A few bytes, one by one: for so few, `set` takes longer. */
  few(values: readonly number[]): void {
    for (let i = 0; i < values.length; i++) this.#bytes[this.#length++] = values[i]!;
  }

  /** An integer from 0 up to 2^32 - 1. */
  unsigned(value: number): void {
    let rest = value;
    while (rest > 127 || rest < 0) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A safe integer. */
  signed(value: number): void {
    let rest = value;
    while (rest < -64 || rest > 63) {
      const low = ((rest % 128) + 128) % 128;
      this.#bytes[this.#length++] = low | 128;
      rest = (rest - low) / 128;
    }
    this.#bytes[this.#length++] = rest & 127;
  }

  word(value: number): void {
    this.#viewed().setInt32(this.#length, value, true);
    this.#length += 4;
  }
  float32(value: number): void {
    this.#viewed().setFloat32(this.#length, value, true);
    this.#length += 4;
  }
  float64(value: number): void {
    this.#viewed().setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  get length(): number {
    return this.#length;
  }

  // ── what makes room by itself ──────────────────────────────────────────────────────────────────────────────────

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  append(other: ByteWriter): void {
    this.raw(other.#bytes.subarray(0, other.#length));
  }

  /** Writes the bytes from `start` to `end` of its own once more. */
  again(start: number, end: number): void {
    this.reserve(end - start);
    this.#bytes.copyWithin(this.#length, start, end);
    this.#length += end - start;
  }

  /** The count, then the numbers. */
  unsignedList(values: readonly number[]): void {
    this.reserve(5 + 5 * values.length);
    this.unsigned(values.length);
    for (const value of values) this.unsigned(value);
  }

  /** A string in UTF-8, its length in front. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    this.reserve(5);
    this.unsigned(bytes.length);
    this.raw(bytes);
  }

  /** What `content` writes, its length in front: written behind the room of the longest length, then moved up. */
  sized(content: () => void): void {
    this.reserve(5);
    const start = this.#length;
    this.#length += 5;
    content();
    const end = this.#length;
    this.#length = start;
    this.unsigned(end - start - 5);
    this.#bytes.copyWithin(this.#length, start + 5, end);
    this.#length += end - start - 5;
  }

  /** The bytes so far, as an array of their own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes[this.#at++]!;
  }

  unsigned(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  }

  signed(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.byte();
      // Of the last byte 0x40 is the sign.
      if (byte < 128) return value + (byte < 64 ? byte : byte - 128) * unit;
      value += (byte & 127) * unit;
    }
  }

  word(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  float32(): number {
    this.#at += 4;
    return this.#view.getFloat32(this.#at - 4, true);
  }
  float64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }
}
