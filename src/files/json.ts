/**
 * A JSON reader for files nobody vouches for. `JSON.parse` would do for good ones; this one also refuses duplicate keys
 * (of which `JSON.parse` silently keeps the last) and keys that mean something to JavaScript objects, stops at depths
 * and counts that would exhaust memory, and remembers where each value stands, so that an error can say so.
 */

/** A value and the offset of its first character in the text. Objects are maps: their keys can shadow nothing. */
export interface JsonNode {
  readonly value: JsonValue;
  readonly at: number;
}
export type JsonValue = string | number | boolean | null | readonly JsonNode[] | ReadonlyMap<string, JsonNode>;

export interface JsonLimits {
  /** Lists and objects within each other. */
  readonly maxDepth: number;
  /** Values in all, each of which takes memory of its own. */
  readonly maxValues: number;
}

/** What is wrong with a text, where, and what to do about it. */
export interface JsonFault {
  readonly problem: string;
  readonly at: number;
  readonly fix: string;
}

/** Thrown inside of this module alone; callers get it as a value, and make an error of theirs that names the file. */
class Fault extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault) {
    super(fault.problem);
    this.fault = fault;
  }
}

/** Reads a whole text. */
export function readJson(
  text: string,
  limits: JsonLimits,
): { readonly root: JsonNode } | { readonly fault: JsonFault } {
  try {
    return { root: new JsonReader(text, limits).document() };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.fault };
    throw error;
  }
}

/** Keys that, assigned to an object, would change what it is instead of what it holds. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Longer numbers than any float64 needs. */
const LONGEST_NUMBER = 400;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const WRITE_JSON = "write the file with JSON.stringify, or mend it by hand";
/** Half of a character of two code units: such a string can not be written as UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;

class JsonReader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): JsonNode {
    this.#space();
    const root = this.#node(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`${this.#seen()} after the end of the value`);
    return root;
  }

  #fail(problem: string, at = this.#at, fix = WRITE_JSON): never {
    throw new Fault({ problem, at, fix });
  }

  /** What stands at the current place, for messages. */
  #seen(): string {
    if (this.#at >= this.#text.length) return "the end of the text";
    return `the character ${JSON.stringify(String.fromCodePoint(this.#text.codePointAt(this.#at)!))}`;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #node(depth: number): JsonNode {
    if (++this.#values > this.#limits.maxValues) {
      this.#fail(`more than ${this.#limits.maxValues} values`, this.#at, "raise maxValues if you trust the file");
    }
    const at = this.#at;
    return { value: this.#value(depth), at };
  }

  #value(depth: number): JsonValue {
    const char = this.#text[this.#at];
    if (char === "{" || char === "[") {
      if (depth >= this.#limits.maxDepth) {
        this.#fail(
          `lists and objects are nested deeper than ${this.#limits.maxDepth}`,
          this.#at,
          "raise maxDepth if you trust the file",
        );
      }
      return char === "{" ? this.#object(depth + 1) : this.#list(depth + 1);
    }
    if (char === '"') return this.#string();
    if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) return this.#number();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const special = /^(?:NaN|Infinity|undefined)/.exec(this.#text.slice(this.#at, this.#at + 9));
    if (special) this.#fail(`JSON has no ${special[0]}`, this.#at, `write it as a string: "${special[0]}"`);
    return this.#fail(`${this.#seen()} where a value should begin`);
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) {
      const what = this.#text.startsWith("-Infinity", this.#at) ? "JSON has no -Infinity" : "a minus without digits";
      this.#fail(what, this.#at, 'write it as a string: "-Infinity"');
    }
    const after = this.#text[this.#at + digits.length];
    if (after !== undefined && /[0-9.eE+\-A-Za-z_]/.test(after)) this.#fail("a number that is not written as in JSON");
    const value = Number(digits);
    if (digits.length > LONGEST_NUMBER || !Number.isFinite(value)) {
      this.#fail(
        "a number too large for float64",
        this.#at,
        'numbers reach up to 1.8e308; write "Infinity" as a string',
      );
    }
    this.#at += digits.length;
    return value;
  }

  #string(): string {
    const start = this.#at++;
    const text = this.#text;
    const parts: string[] = [];
    let from = this.#at;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (Number.isNaN(code)) this.#fail("a string that does not end", start);
      if (code < 0x20) this.#fail("a control character in a string", this.#at, "write it as an escape, such as \\n");
      if (code === 0x22) break;
      if (code !== 0x5c) {
        this.#at++;
        continue;
      }
      parts.push(text.slice(from, this.#at));
      parts.push(this.#escape());
      from = this.#at;
    }
    parts.push(text.slice(from, this.#at++));
    const value = parts.length === 1 ? parts[0]! : parts.join("");
    if (LONE_SURROGATE.test(value)) {
      this.#fail("a string with half of a surrogate pair", start, "such a string is no Unicode text; remove it");
    }
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? "";
    if (letter === "u") {
      const hex = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail("an escape \\u without four hexadecimal digits");
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (plain === undefined) this.#fail(`an escape JSON does not have, ${JSON.stringify(`\\${letter}`)}`);
    this.#at += 2;
    return plain;
  }

  #list(depth: number): readonly JsonNode[] {
    const items: JsonNode[] = [];
    this.#items("]", () => items.push(this.#node(depth)));
    return items;
  }

  #object(depth: number): ReadonlyMap<string, JsonNode> {
    const entries = new Map<string, JsonNode>();
    this.#items("}", () => {
      const at = this.#at;
      if (this.#text[at] !== '"') this.#fail(`${this.#seen()} where a key in quotes should begin`);
      const key = this.#string();
      if (FORBIDDEN_KEYS.has(key)) {
        this.#fail(
          `the key "${key}" is not allowed`,
          at,
          "no file of this library has such a key; do not trust this one",
        );
      }
      if (entries.has(key)) {
        this.#fail(`the key ${JSON.stringify(key.slice(0, 80))} stands twice in one object`, at, "remove one of them");
      }
      this.#space();
      if (this.#text[this.#at] !== ":") this.#fail(`${this.#seen()} where ":" should be`);
      this.#at++;
      this.#space();
      entries.set(key, this.#node(depth));
    });
    return entries;
  }

  /** Items with commas between them, up to the closing bracket. */
  #items(close: "]" | "}", read: () => void): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      read();
      this.#space();
      const char = this.#text[this.#at];
      if (char !== "," && char !== close) this.#fail(`${this.#seen()} where "," or "${close}" should be`);
      this.#at++;
      if (char === close) return;
      this.#space();
    }
  }
}

const WORDS: readonly (readonly [string, boolean | null])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

/** `line 12, column 5`, both counted from 1. */
export function positionText(text: string, at: number): string {
  const before = text.slice(0, at);
  const lines = before.split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}
