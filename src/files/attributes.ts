import { getOrMake } from "../core/collections.ts";
import { byteSize, type DType, dtypeOfArray, isDType, type TypedArray, viewOf } from "../core/dtype.ts";
import { FileError, GraphError } from "../core/errors.ts";
import { isKnown, type Size, SymbolicSize } from "../core/size.ts";
import type { OpDef } from "../graph/define.ts";
import type { Attr, Operation } from "../graph/operation.ts";
import { base64Length, fromBase64, toBase64 } from "./base64.ts";
import type { BodyText } from "./bodies.ts";
import type { FileValue } from "./reader.ts";
import { isProblem, type SizeReader, SizeWriter } from "./size-text.ts";

/** An attribute as JSON has it. */
export type AttrText = number | string | boolean | null | readonly AttrText[] | ArrayText | AsideText | BodyText;
/** A typed array: its bytes, little-endian. */
export interface ArrayText {
  readonly dtype: DType;
  readonly base64: string;
}

/** A typed array that is given beside the text, by its number: between threads, which can hand over memory. */
export interface AsideText {
  readonly array: number;
}

/**
 * What one attribute may hold, as a list of alternatives. An alternative is a base kind followed by `[]` (a list of
 * any length) or `[2]` (a list of two), repeatedly; or a word in quotes, which is just that word.
 *
 * - `number`: any number; what JSON has no digits for is `"NaN"`, `"Infinity"`, `"-Infinity"`, `"-0"`;
 * - `integer`, `count` (from 0 on), `positive` (from 1 on);
 * - `size`: an integer, or a text such as `"2*batch + 1"`;
 * - `boolean`, `string`, `dtype`, `null`, and `array`, a typed array.
 */
type Kind = readonly string[];

/** By name, which means the same in every op; `op.name` where it does not. */
const KINDS: Readonly<Record<string, Kind>> = {
  dtype: ["dtype"],
  shape: ["size[]"],
  "placeholder.shape": ["size[]", "null"],
  "constant.shape": ["count[]"],
  "constant.value": ["array"],
  "variable.shape": ["count[]"],
  trainable: ["boolean"],
  "tap.show": ["string"],

  axis: ["integer"],
  axes: ["integer[]", "null"],
  "scatterAddLike.axis": ["integer", "null"],
  permutation: ["integer[]", "null"],
  keepDims: ["boolean"],
  transposeA: ["boolean"],
  transposeB: ["boolean"],
  which: ["count"],

  multiples: ["size[]"],
  begin: ["size[]"],
  size: ["size[]"],
  "sizeValue.size": ["size"],
  length: ["size"],
  depth: ["size"],
  inputShape: ["size[]"],
  filterShape: ["size[]"],
  paddings: ["size[2][]"],

  strides: ["positive[]"],
  "stridedSlice.strides": ["integer[]"],
  "stridedPad.strides": ["integer[]"],
  window: ["positive[]"],
  dilations: ["positive[]"],
  groups: ["positive"],
  padding: ['"valid"', '"same"', "count[2][]"],
  count: ["size"],
  carries: ["count"],
  sequences: ["count"],
  shared: ["count"],
  visible: ["count"],
  reverse: ["boolean"],
  checkpoint: ["boolean"],
  rows: ["size"],
  columns: ["size"],
  k: ["size"],
  shifts: ["integer[]"],
  by: ["integer"],

  start: ["number"],
  stop: ["number"],
  value: ["number"],
  fill: ["number"],
  onValue: ["number"],
  offValue: ["number"],
  min: ["number"],
  max: ["number"],
  minimum: ["number"],
  maximum: ["number"],
  mean: ["number"],
  deviation: ["number"],
  slope: ["number"],
  alpha: ["number"],
  epsilon: ["number"],
};

/** Ops without examples to tell which attributes they have. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  placeholder: ["dtype", "shape"],
  variable: ["dtype", "shape", "trainable"],
  constant: ["value", "shape", "dtype"],
  tap: ["show"],
  cond: ["branches", "shared"],
  switchCase: ["branches", "shared"],
  scan: ["body", "carries", "sequences", "length", "visible", "reverse", "checkpoint"],
  whileLoop: ["test", "body", "carries"],
};

/** Attributes that are functions, and those that are lists of functions. */
export const BODIES: ReadonlySet<string> = new Set(["body", "test"]);
export const BODY_LISTS: ReadonlySet<string> = new Set(["branches"]);

/** Names of the attributes of an op: every operation has all of them. */
export function attributesOf(def: OpDef): readonly string[] {
  const listed = Object.hasOwn(ATTRIBUTES, def.name) ? ATTRIBUTES[def.name] : undefined;
  return listed ?? Object.keys(def.examples[0]?.attrs ?? {});
}

const kinds = new Map<string, Kind>();

/** The table above, and what an example of the op holds beyond it: ops are added faster than tables are kept. */
function kindOf(def: OpDef, name: string): Kind {
  const own = `${def.name}.${name}`;
  return getOrMake(kinds, own, () => {
    const listed = Object.hasOwn(KINDS, own) ? KINDS[own]! : Object.hasOwn(KINDS, name) ? KINDS[name]! : [];
    const found = [...listed];
    for (const { attrs } of def.examples) {
      const attr = attrs[name] ?? null;
      if (found.every((kind) => write(attr, kind, new SizeWriter()) === undefined)) found.push(kindOfExample(attr));
    }
    return found;
  });
}

function kindOfExample(attr: Attr): string {
  if (Array.isArray(attr)) return `${attr.length > 0 ? kindOfExample(attr[0]) : "number"}[]`;
  if (attr === null) return "null";
  if (ArrayBuffer.isView(attr)) return "array";
  return attr instanceof SymbolicSize ? "size" : typeof attr;
}

/** The kind of the entries of a list kind, and how many there must be; null for anything else. */
function listKind(kind: string): { readonly entry: string; readonly length: number | null } | null {
  const match = /^(.*)\[(\d*)\]$/.exec(kind);
  return match ? { entry: match[1]!, length: match[2] === "" ? null : Number(match[2]) } : null;
}

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
]);
const numberText = (value: number): number | string =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @param aside takes typed arrays, if they should not be in the text
 * @throws GraphError for what a file can not hold: functions
 */
export function attrToText(op: Operation, name: string, sizes: SizeWriter, aside?: TypedArray[]): AttrText {
  if (aside && ArrayBuffer.isView(op.attrs[name])) return { array: aside.push(op.attrs[name]) - 1 };
  const kinds = kindOf(op.def, name);
  for (const kind of kinds) {
    const text = write(op.attrs[name]!, kind, sizes);
    if (text !== undefined) return text;
  }
  const attr = op.attrs[name];
  const isFunction = typeof attr === "function";
  throw new GraphError({
    what: `serializeGraph: "${op.name}" can not be written to a file: its attribute "${name}" is ${
      isFunction ? "a function" : `${String(attr)}, not ${kinds.join(" or ")}`
    }`,
    details: [`${op.def.name} "${op.name}" was made at ${op.line ?? "an unknown line"}`],
    fix: isFunction
      ? op.def.effect === "tap"
        ? 'a file holds no code: print the value under a label, tap(x, "label"), or save the variables alone'
        : "a file holds no code: write the function with ops, without customGradient, or save the variables alone"
      : `enter the attribute in src/files/attributes.ts if the op is new`,
  });
}

function write(attr: Attr, kind: string, sizes: SizeWriter): AttrText | undefined {
  const list = listKind(kind);
  if (list) {
    if (!Array.isArray(attr) || (list.length !== null && attr.length !== list.length)) return undefined;
    const entries = (attr as readonly Attr[]).map((entry) => write(entry, list.entry, sizes));
    return entries.every((entry) => entry !== undefined) ? entries : undefined;
  }
  if (kind.startsWith('"')) return attr === kind.slice(1, -1) ? kind.slice(1, -1) : undefined;
  switch (kind) {
    case "null":
      return attr === null ? null : undefined;
    case "boolean":
      return typeof attr === "boolean" ? attr : undefined;
    case "string":
    case "dtype":
      return typeof attr === "string" ? attr : undefined;
    case "array":
      return ArrayBuffer.isView(attr) ? arrayToText(attr) : undefined;
    case "size":
      if (attr instanceof SymbolicSize) return sizes.text(attr);
      return typeof attr === "number" ? attr : undefined;
    case "number":
      return typeof attr === "number" ? numberText(attr) : undefined;
    default:
      return typeof attr === "number" && Number.isSafeInteger(attr) ? attr : undefined;
  }
}

function arrayToText(array: TypedArray): ArrayText {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return { dtype: dtypeOfArray(array) ?? "float64", base64: toBase64(bytes) };
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @param aside the typed arrays that are not in the text
 * @throws FileError if the value is not of a kind this attribute has
 */
export function attrFromFile(
  def: OpDef,
  name: string,
  value: FileValue,
  sizes: SizeReader,
  aside: readonly TypedArray[] = [],
): Attr {
  if (aside.length > 0 && value.node.value instanceof Map && value.node.value.has("array"))
    return aside[value.record(["array"]).array.integer()]!;
  const kinds = kindOf(def, name);
  const { value: json } = value.node;
  const isList = typeof json === "object" && json !== null && !(json instanceof Map);
  // Alternatives mostly differ in what they look like; of those that look alike, the last one says what is wrong.
  const fitting = kinds.filter((kind) =>
    kind === "null"
      ? json === null
      : kind.startsWith('"')
        ? json === kind.slice(1, -1)
        : json !== null && isList === (listKind(kind) !== null),
  );
  const last = fitting.pop();
  if (last === undefined) {
    return value.wrong(`the attribute "${name}" of ${def.name}, ${kinds.join(" or ")},`, KIND_FIX);
  }
  for (const kind of fitting) {
    try {
      return read(value, kind, sizes);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    }
  }
  return read(value, last, sizes);
}
const KIND_FIX = "docs/files.md says how attributes are written";

function read(value: FileValue, kind: string, sizes: SizeReader): Attr {
  const list = listKind(kind);
  if (list) {
    const { maxListLength, maxRank } = value.source.limits;
    const items =
      list.entry === "size" || list.entry === "count"
        ? value.items(Math.max(maxRank, 2), "maxRank")
        : value.items(maxListLength, "maxListLength");
    if (list.length !== null && items.length !== list.length) {
      return value.fail(`${list.length} entries should stand here, not ${items.length}`, KIND_FIX);
    }
    return items.map((item) => read(item, list.entry, sizes));
  }
  const { value: json } = value.node;
  switch (kind) {
    case "null":
      return null;
    case "boolean":
      return typeof json === "boolean" ? json : value.wrong("true or false", KIND_FIX);
    case "string":
      return value.text();
    case "dtype":
      return dtypeFrom(value);
    case "array":
      return arrayFrom(value);
    case "size":
      return sizeFromFile(value, sizes);
    case "number":
      return numberFrom(value);
    case "integer":
      return value.integer();
    case "count":
      return value.count();
    case "positive": {
      const number = value.integer();
      return number >= 1 ? number : value.wrong("a whole number from 1 on", KIND_FIX);
    }
    default:
      return typeof json === "string" ? json : value.wrong(kind, KIND_FIX);
  }
}

export function dtypeFrom(value: FileValue): DType {
  const name = value.text("a dtype");
  return isDType(name) ? name : value.wrong("a dtype", "dtypes are float32, float64, int32, uint32 and bool");
}

export function numberFrom(value: FileValue): number {
  const { value: json } = value.node;
  if (typeof json === "number") return json;
  const special = typeof json === "string" ? SPECIAL.get(json) : undefined;
  return special ?? value.wrong("a number", 'besides numbers: "NaN", "Infinity", "-Infinity" and "-0"');
}

function sizeFromFile(value: FileValue, sizes: SizeReader): Size {
  if (typeof value.node.value !== "string") return value.integer("a size");
  const size = value.within(() => sizes.read(value.text("a size")));
  if (isProblem(size))
    return value.fail(`this is no size: ${size.problem}`, 'sizes are such as 3, "batch" or "2*batch + 1"');
  return isKnown(size) && !Number.isSafeInteger(size) ? value.wrong("a size") : size;
}

function arrayFrom(value: FileValue): TypedArray {
  const { dtype, base64 } = value.record(["dtype", "base64"]);
  const type = dtypeFrom(dtype);
  const text = base64.node.value;
  if (typeof text !== "string") return base64.wrong("Base64");
  const { maxArrayBytes } = value.source.limits;
  const length = base64Length(text);
  if (length !== null && length > maxArrayBytes) {
    return base64.fail(`an array of ${length} bytes`, `raise maxArrayBytes (${maxArrayBytes}) if you trust the file`);
  }
  if (length !== null && length % byteSize(type) !== 0) {
    return base64.fail(`${length} bytes are no whole number of ${type} elements`);
  }
  const bytes = fromBase64(text);
  if (bytes === null)
    return base64.fail("this is not Base64", "Base64 has the characters A-Z a-z 0-9 + / and = at its end");
  if (type === "bool" && bytes.some((byte) => byte > 1)) return base64.fail("an element of bool is neither 0 nor 1");
  return viewOf(type, bytes.buffer, 0, length! / byteSize(type));
}
