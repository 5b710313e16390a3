import { byteSize, type DType, viewOf } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import type { ArrayValue } from "../core/values.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { here } from "../runtime/reading.ts";
import { FORBIDDEN_KEYS } from "./json.ts";
import { decodeUtf8, type FileOptions, FileSource, type FileValue, quoted } from "./reader.ts";

/*
 * The layout of safetensors, which every framework reads: eight bytes with the length of the header, the header in
 * JSON, and the arrays one after another, little-endian. Nothing in such a file can be run.
 */

const CODES = { float32: "F32", float64: "F64", int32: "I32", uint32: "U32", bool: "BOOL" } as const;
const DTYPES: ReadonlyMap<string, DType> = new Map(
  Object.entries(CODES).map(([dtype, code]) => [code, dtype as DType]),
);
/** Bits per element of all dtypes of the format, so that files with others in them can be checked and told about. */
const BITS: ReadonlyMap<string, number> = new Map([
  ["BOOL", 8],
  ["U8", 8],
  ["I8", 8],
  ["F8_E5M2", 8],
  ["F8_E4M3", 8],
  ["I16", 16],
  ["U16", 16],
  ["F16", 16],
  ["BF16", 16],
  ["I32", 32],
  ["U32", 32],
  ["F32", 32],
  ["F64", 64],
  ["I64", 64],
  ["U64", 64],
  ["C64", 64],
]);
/** The reference implementation refuses longer headers too. */
const LONGEST_HEADER = 100_000_000;
const PREFIX = 8;

/** What a file of values holds. */
export interface SafetensorsFile {
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, NDArray>;
  /** Arrays of dtypes this library does not have, as `F16[3, 4]`. */
  readonly unsupported: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Writes arrays. Deterministic: the wider dtypes first, so that all data is aligned, and by name within them. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, ArrayValue>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) => byteSize(y.dtype) - byteSize(x.dtype) || (a < b ? -1 : a > b ? 1 : 0),
  );
  const forbidden = [...tensors.keys(), ...metadata.keys()].find((name) => FORBIDDEN_KEYS.has(name));
  if (forbidden !== undefined) {
    throw new GraphError({
      what: `saveVariables: "${forbidden}" can not be a name in a file`,
      at: here(),
      fix: "JSON readers of other programs might take it for something else; choose another name",
    });
  }
  const parts: string[] = [];
  if (metadata.size > 0) parts.push(`"__metadata__":${JSON.stringify(Object.fromEntries(metadata))}`);
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    const offsets = [end, end + data.byteLength];
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype: CODES[dtype], shape, data_offsets: offsets })}`);
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  // Spaces after the header put the data on a multiple of eight.
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, PREFIX, PREFIX + headerLength);
  bytes.set(json, PREFIX);
  let at = PREFIX + headerLength;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

interface Entry {
  readonly name: string;
  readonly place: FileValue;
  readonly code: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a file in the layout of safetensors. Everything is checked before anything is allocated: the data of all arrays
 * must fill the file exactly, without holes and overlaps.
 *
 * @throws FileError
 */
export function parseSafetensors(bytes: Uint8Array, options: FileOptions = {}): SafetensorsFile {
  return readSafetensors(bytes, "parseSafetensors", options);
}

/** The same on behalf of another call, which errors name. */
export function readSafetensors(bytes: Uint8Array, call: string, options: FileOptions): SafetensorsFile {
  const { header, source, from } = headerOf(bytes, call, options);
  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, place] of source.json(header).entries("the header, an object,")) {
    if (name === "__metadata__") {
      for (const [key, value] of place.entries("an object of texts")) metadata.set(key, stringOf(value));
    } else entries.push(entryOf(name, place));
    if (entries.length > source.limits.maxCount) {
      throw source.error(`more than ${source.limits.maxCount} arrays`, null, "raise maxCount if you trust the file");
    }
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkOffsets(source, entries, bytes.length - from);
  const tensors = new Map<string, NDArray>();
  const unsupported = new Map<string, string>();
  for (const { name, place, code, shape, begin, end } of entries) {
    const dtype = DTYPES.get(code);
    if (dtype === undefined) {
      unsupported.set(name, `${code}[${shape.join(", ")}]`);
      continue;
    }
    // A copy: the bytes may stand at any offset, a typed array may not. (Not `slice`: a Buffer's makes a view.)
    const data = new Uint8Array(end - begin);
    data.set(bytes.subarray(from + begin, from + end));
    if (dtype === "bool" && data.some((byte) => byte > 1)) place.fail("an element of BOOL is neither 0 nor 1");
    tensors.set(name, new NDArray(viewOf(dtype, data.buffer, 0, data.length / byteSize(dtype)), shape, dtype));
  }
  return { tensors, unsupported, metadata };
}

function headerOf(bytes: Uint8Array, call: string, options: FileOptions) {
  const early = new FileSource(call, options, null);
  const fail = (problem: string, fix?: string): never => {
    throw early.error(problem, null, fix);
  };
  if (!(bytes instanceof Uint8Array)) fail("this is no Uint8Array", "give the bytes of the file");
  const { maxBytes } = early.limits;
  if (bytes.length > maxBytes)
    fail(`the file has ${bytes.length} bytes`, `raise maxBytes (${maxBytes}) if you trust it`);
  const whole = "the file was cut off, or is no safetensors file";
  if (bytes.length < PREFIX) fail(`${bytes.length} bytes are no safetensors file`, whole);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(LONGEST_HEADER)) fail(`the header would have ${length} bytes`, whole);
  if (length > BigInt(bytes.length - PREFIX)) {
    fail(`the header would have ${length} bytes, ${bytes.length - PREFIX} follow`, whole);
  }
  const from = PREFIX + Number(length);
  const header = decodeUtf8(bytes.subarray(PREFIX, from));
  if (header === null) return fail("the header is not UTF-8", whole);
  if (!header.startsWith("{")) return fail("the header does not begin with {", whole);
  return { header, from, source: new FileSource(call, options, header) };
}

function stringOf(value: FileValue): string {
  return typeof value.node.value === "string" ? value.node.value : value.wrong("a text", "metadata are texts by name");
}

function entryOf(name: string, place: FileValue): Entry {
  const { limits } = place.source;
  if (name.length > limits.maxNameLength) place.fail(`a name of ${name.length} characters`, "raise maxNameLength");
  const { dtype, shape, data_offsets: offsets } = place.record(["dtype", "shape", "data_offsets"]);
  const code = dtype.text("a dtype");
  const bits = BITS.get(code);
  if (bits === undefined)
    return dtype.fail(`there is no dtype ${quoted(code)}`, `dtypes are ${[...BITS.keys()].join(", ")}`);
  const sizes = shape.items(limits.maxRank, "maxRank").map((size) => size.count());
  const pair = offsets.items(2, "maxListLength").map((offset) => offset.count());
  if (pair.length !== 2) offsets.wrong("the offsets of begin and end");
  const [begin, end] = pair as [number, number];
  // Sizes of 0 first: with one, the others may be as large as they like.
  const count = sizes.includes(0) ? 0 : sizes.reduce((n, size) => n * size, 1);
  const length = (count * bits) / 8;
  if (!Number.isSafeInteger(length) || end - begin !== length) {
    offsets.fail(`${code}[${sizes.join(", ")}] takes ${length} bytes, the offsets leave ${end - begin}`);
  }
  if (length > limits.maxArrayBytes)
    place.fail(`an array of ${length} bytes`, "raise maxArrayBytes if you trust the file");
  return { name, place, code, shape: sizes, begin, end };
}

/** The arrays, by offset, must follow each other from 0 to the end of the file. */
function checkOffsets(source: FileSource, entries: readonly Entry[], available: number): void {
  let end = 0;
  let last: Entry | null = null;
  for (const entry of entries) {
    if (entry.end > available) {
      entry.place.fail(
        `the data ends at byte ${entry.end}, there are ${available}`,
        "the file was cut off; fetch it again",
      );
    }
    if (entry.begin < end) entry.place.fail(`the data overlaps that of ${quoted(last!.name)}`);
    if (entry.begin > end) entry.place.fail(`${entry.begin - end} bytes in front of the data belong to nothing`);
    end = entry.end;
    last = entry;
  }
  if (end < available) {
    throw source.error(
      `${available - end} bytes at the end belong to nothing`,
      null,
      "the file was written over a longer one; write it again",
    );
  }
}
