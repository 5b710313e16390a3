import { byteSize, type DType, viewOf } from "../core/dtype.ts";
import type { ArrayValue } from "../core/values.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { FORBIDDEN_KEYS } from "./json.ts";
import { decodeUtf8, type FileOptions, FileSource, quoted } from "./reader.ts";

/*
 * The files of `numpy.savez`: a zip archive whose members are not compressed, each an array in NumPy's own layout, which
 * is a header written like a Python dictionary and the elements.
 * Sources: APPNOTE.TXT of PKWARE, 4.3; numpy.lib.format.
 */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_SIZE = 22;
/** 1980-01-01, so that the same arrays give the same file. */
const DATE = 0x21;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const DESCRIPTIONS = { float32: "<f4", float64: "<f8", int32: "<i4", uint32: "<u4", bool: "|b1" } as const;
const DTYPES: ReadonlyMap<string, DType> = new Map(
  Object.entries(DESCRIPTIONS).map(([dtype, text]) => [text, dtype as DType]),
);

/** True for what begins as a zip archive does. */
export const isNpz = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Arrays by name as `numpy.load` reads them. Deterministic, and in the order given. */
export function writeNpz(arrays: ReadonlyMap<string, ArrayValue>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [key, array] of arrays) {
    const name = new TextEncoder().encode(`${key}.npy`);
    const content = writeNpy(array);
    const about = [20, 0x800, 0, 0, DATE, crc32(content), content.length, content.length, name.length, 0] as const;
    const local = concatenated(fields([LOCAL, 4], ...about.map((n, i) => [n, WIDTHS[i]!] as const)), name, content);
    const more = [0, 0, 0, 0, at] as const;
    const central = fields(
      [CENTRAL, 4],
      [20, 2],
      ...about.map((n, i) => [n, WIDTHS[i]!] as const),
      ...more.map((n, i) => [n, i < 3 ? 2 : 4] as const),
    );
    directory.push(concatenated(central, name));
    parts.push(local);
    at += local.length;
  }
  const list = concatenated(...directory);
  const { size } = arrays;
  const end = fields([END, 4], [0, 2], [0, 2], [size, 2], [size, 2], [list.length, 4], [at, 4], [0, 2]);
  return concatenated(...parts, list, end);
}

/** Bytes of: version, flags, method, time, date, checksum, two sizes, length of the name, length of what is extra. */
const WIDTHS = [2, 2, 2, 2, 2, 4, 4, 4, 2, 2] as const;

function fields(...values: readonly (readonly [value: number, width: number])[]): Uint8Array {
  const bytes: number[] = [];
  for (const [value, width] of values) for (let i = 0; i < width; i++) bytes.push((value >>> (8 * i)) & 0xff);
  return Uint8Array.from(bytes);
}

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function writeNpy({ dtype, shape, data }: ArrayValue): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // The elements begin at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return concatenated(Uint8Array.from([...MAGIC, 1, 0]), fields([length, 2]), header, bytes);
}

/** The checksum of zip archives. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
const CRC_TABLE = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Reads the arrays of `numpy.savez`.
 * @returns arrays by name, and those of dtypes this library does not have, as text
 * @throws FileError for a file that is damaged, compressed or too large
 */
export function readNpz(
  bytes: Uint8Array,
  call: string,
  options: FileOptions,
): { readonly tensors: ReadonlyMap<string, NDArray>; readonly unsupported: ReadonlyMap<string, string> } {
  const source = new FileSource(call, options, null);
  const { limits } = source;
  if (bytes.length > limits.maxBytes) {
    throw source.error(
      `the file has ${bytes.length} bytes`,
      null,
      `raise maxBytes (${limits.maxBytes}) if you trust it`,
    );
  }
  const tensors = new Map<string, NDArray>();
  const unsupported = new Map<string, string>();
  for (const { name, content } of membersOf(source, bytes)) {
    const key = name.replace(/\.npy$/, "");
    if (FORBIDDEN_KEYS.has(key) || tensors.has(key))
      throw source.error(`the name ${quoted(key)} is not allowed here`, null);
    const array = readNpy(source, key, content);
    if (typeof array === "string") unsupported.set(key, array);
    else tensors.set(key, array);
  }
  return { tensors, unsupported };
}

interface Member {
  readonly name: string;
  readonly content: Uint8Array;
}

function membersOf(source: FileSource, bytes: Uint8Array): readonly Member[] {
  const whole = "the file was cut off or changed, or is no zip archive; write it again with numpy.savez";
  const damaged = (problem: string) => source.error(problem, null, whole);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - END_SIZE;
  // NumPy writes no comment after the directory.
  if (end < 0 || view.getUint32(end, true) !== END) throw damaged("the end of the archive is missing");
  const [count, length, start] = [
    view.getUint16(end + 10, true),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
  ];
  if (start + length !== end) throw damaged("the directory of the archive is not where it should be");
  if (count > source.limits.maxCount)
    throw source.error(`${count} arrays`, null, "raise maxCount if you trust the file");
  const members: Member[] = [];
  let [at, next] = [start, 0];
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) throw damaged(`entry ${i} of the directory is damaged`);
    const [method, crc, packed, size] = [10, 16, 20, 24].map((offset) =>
      offset === 10 ? view.getUint16(at + offset, true) : view.getUint32(at + offset, true),
    ) as [number, number, number, number];
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      view.getUint16(at + offset, true),
    ) as [number, number, number];
    const offset = view.getUint32(at + 42, true);
    if (at + 46 + nameLength > end) throw damaged(`entry ${i} of the directory is damaged`);
    const name = decodeUtf8(bytes.subarray(at + 46, at + 46 + nameLength));
    if (name === null || nameLength > source.limits.maxNameLength)
      throw damaged(`entry ${i} of the directory has no name that can be read`);
    at += 46 + nameLength + extraLength + commentLength;
    if (method !== 0) {
      throw source.error(
        `${quoted(name)} is compressed`,
        null,
        "write the file with numpy.savez, not with savez_compressed",
      );
    }
    // Members follow one another, so that a small file can not stand for a large one.
    if (offset !== next || offset + 30 > start || view.getUint32(offset, true) !== LOCAL)
      throw damaged(`${quoted(name)} is not where it should be`);
    const from = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
    if (packed !== size || from + size > start) throw damaged(`the data of ${quoted(name)} is cut off`);
    const content = bytes.subarray(from, from + size);
    if (crc32(content) !== crc) throw damaged(`the data of ${quoted(name)} is damaged: its checksum is another`);
    members.push({ name, content });
    next = from + size;
  }
  return members;
}

const HEADER = /^\{'descr': '([^']{1,16})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? *\}\s*$/;

/** The array; the text of its spec if this library does not have the dtype. */
function readNpy(source: FileSource, name: string, bytes: Uint8Array): NDArray | string {
  const fail = (problem: string, fix?: string): never => {
    throw source.error(`array ${quoted(name)}: ${problem}`, null, fix);
  };
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) fail("it does not begin as arrays of NumPy do");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [from, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (from + length > bytes.length) fail("its header is cut off");
  const match = HEADER.exec(decodeUtf8(bytes.subarray(from, from + length)) ?? "");
  if (!match)
    return fail(
      "its header can not be understood",
      "write it with numpy.savez: plain arrays, no records and no objects",
    );
  const [, description = "", order, sizes = ""] = match;
  const shape = sizes
    .split(",")
    .map((size) => size.trim())
    .filter((size) => size !== "")
    .map(Number);
  if (shape.length > source.limits.maxRank) fail(`it has rank ${shape.length}`, "raise maxRank if you trust the file");
  if (order === "True" && shape.length > 1)
    fail("its elements stand in the order of Fortran", "write numpy.ascontiguousarray(array)");
  const dtype = DTYPES.get(description);
  if (!dtype) return `${description}[${shape.join(", ")}]`;
  const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const rest = bytes.length - from - length;
  if (count * byteSize(dtype) !== rest)
    fail(`${dtype}[${shape.join(", ")}] takes ${count * byteSize(dtype)} bytes, there are ${rest}`);
  // A copy: the bytes may stand at any offset, a typed array may not.
  const data = new Uint8Array(rest);
  data.set(bytes.subarray(from + length));
  if (dtype === "bool" && data.some((byte) => byte > 1)) fail("an element of bool is neither 0 nor 1");
  return new NDArray(viewOf(dtype, data.buffer, 0, count), shape, dtype);
}
