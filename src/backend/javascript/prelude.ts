import { getOrMake } from "../../core/collections.ts";
import type { Buffer } from "../../kernel/statement.ts";

/** Small functions that emitted code may call. Each is written out only where it is used. */
export interface Helper {
  readonly name: string;
  readonly needs: readonly string[];
  readonly text: string;
}

const helper = (name: string, text: string, needs: readonly string[] = []): [string, Helper] => [
  name,
  { name, needs, text },
];

/**
 * In the order they are written. The words of a float64 are taken as a little-endian machine lays them out, as
 * WebAssembly's memory does. A NaN shows the bits of the canonical NaN.
 */
export const HELPERS: ReadonlyMap<string, Helper> = new Map([
  helper("fround", "const fround = Math.fround;"),
  helper(
    "nearest",
    `// To the nearest whole number, ties to even: beyond 2^52 there are no fractions left.
function nearest(x) {
  const size = Math.abs(x);
  if (!(size < 4503599627370496)) return x;
  const whole = size + 4503599627370496 - 4503599627370496;
  return x < 0 ? -whole : x > 0 ? whole : x;
}`,
  ),
  helper(
    "toInt32",
    `// Truncates and saturates; NaN gives 0.
function toInt32(x) {
  return x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : x | 0;
}`,
  ),
  helper(
    "toUint32",
    `// Truncates and saturates; NaN gives 0.
function toUint32(x) {
  return x >= 4294967295 ? 4294967295 : x > 0 ? x >>> 0 : 0;
}`,
  ),
  helper(
    "words",
    `const words = new Int32Array(2);
const wordsAsFloat32 = new Float32Array(words.buffer);
const wordsAsFloat64 = new Float64Array(words.buffer);`,
  ),
  helper(
    "bitsOfFloat32",
    `function bitsOfFloat32(x) {
  wordsAsFloat32[0] = x;
  return x === x ? words[0] : 0x7fc00000;
}`,
    ["words"],
  ),
  helper(
    "float32OfBits",
    `function float32OfBits(bits) {
  words[0] = bits;
  return wordsAsFloat32[0];
}`,
    ["words"],
  ),
  helper(
    "bitsOfFloat64",
    `// The high word: sign, exponent and the 20 leading bits of the fraction.
function bitsOfFloat64(x) {
  wordsAsFloat64[0] = x;
  return x === x ? words[1] : 0x7ff80000;
}`,
    ["words"],
  ),
  helper(
    "float64OfBits",
    `// From its high word; the low word is 0.
function float64OfBits(bits) {
  words[0] = 0;
  words[1] = bits;
  return wordsAsFloat64[0];
}`,
    ["words"],
  ),
]);

/** Every name the prelude may define at the top level: emitted code gives none of them to a variable. */
export const PRELUDE_NAMES: readonly string[] = [...HELPERS.keys(), "wordsAsFloat32", "wordsAsFloat64"];

/** The text of the given helpers and of those they need. */
export function preludeText(used: ReadonlySet<string>): string {
  const wanted = new Set<string>();
  const want = (name: string): void => {
    wanted.add(name);
    HELPERS.get(name)!.needs.forEach(want);
  };
  used.forEach(want);
  return [...HELPERS.values()].flatMap(({ name, text }) => (wanted.has(name) ? [text] : [])).join("\n\n");
}

const RESERVED = `
  arguments await break case catch class const continue debugger default delete do else enum eval export extends
  false finally for function if implements import in instanceof interface let new null package private protected
  public return static super switch this throw true try typeof undefined var void while with yield
  Math Infinity NaN Int32Array Float32Array Float64Array`;

/** Turns LoopIR names into distinct JavaScript identifiers, unchanged where that is possible. */
export class Names {
  readonly #taken: Set<string>;
  readonly #variables = new Map<string, string>();
  /** Apart, since in LoopIR a buffer and a variable may have one name. */
  readonly #buffers = new Map<string, string>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set([...RESERVED.trim().split(/\s+/), ...PRELUDE_NAMES, ...taken]);
  }

  of(name: string): string {
    return getOrMake(this.#variables, name, () => this.fresh(name));
  }
  ofBuffer({ name }: Buffer): string {
    return getOrMake(this.#buffers, name, () => this.fresh(name));
  }

  /** A new identifier like `name`. */
  fresh(name: string): string {
    const cleaned = name.replace(/[^A-Za-z0-9_$]/g, "_").replace(/^(?=[0-9]|$)/, "_");
    let identifier = cleaned;
    for (let i = 1; this.#taken.has(identifier); i++) identifier = `${cleaned}_${i}`;
    this.#taken.add(identifier);
    return identifier;
  }
}
