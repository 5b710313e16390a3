import {
  addSizes,
  floorDivideSizes,
  isKnown,
  maxSizes,
  multiplySizes,
  namedSize,
  type Size,
  unknownSize,
} from "../core/size.ts";

/*
 * Sizes as text: `batch`, `2*batch + 1`, `floor((height - 3)/(2)) + 1`, `max(a, b)`. Sizes nobody named are `?1`, `?2` …
 * in the order in which the file mentions them; their numbers inside a program mean nothing elsewhere.
 */

/** Longest text of a size that is read, and deepest nesting: far beyond what a program leads to. */
const LONGEST = 2000;
const DEEPEST = 20;

/** Writes sizes; one writer per file, so that one unnamed size has one number in it. */
export class SizeWriter {
  readonly #unnamed = new Map<string, string>();

  text(size: Size): string {
    if (isKnown(size)) return String(size);
    const terms = size.terms.map(({ atoms, factor }) => {
      const key = atoms
        .map((atom) => {
          if (atom.kind === "name") return this.#name(atom.name);
          const [left, right] = [this.text(atom.left), this.text(atom.right)];
          return atom.kind === "max" ? `max(${left}, ${right})` : `floor((${left})/(${right}))`;
        })
        .sort()
        .join("*");
      return { key, factor };
    });
    // Sorted again: renamed sizes may stand in another order.
    terms.sort((a, b) => (a.key === "" ? 1 : b.key === "" ? -1 : a.key < b.key ? -1 : 1));
    return terms
      .map(({ key, factor }, i) => {
        const sign = factor < 0 ? (i === 0 ? "-" : " - ") : i === 0 ? "" : " + ";
        const magnitude = Math.abs(factor);
        return sign + (key === "" ? magnitude : magnitude === 1 ? key : `${magnitude}*${key}`);
      })
      .join("");
  }

  #name(name: string): string {
    if (!name.startsWith("?")) return name;
    let text = this.#unnamed.get(name);
    if (text === undefined) {
      text = `?${this.#unnamed.size + 1}`;
      this.#unnamed.set(name, text);
    }
    return text;
  }
}

/** Reads sizes; one reader per file. */
export class SizeReader {
  readonly #unnamed = new Map<string, Size>();

  /** The size, or what is wrong with the text. */
  read(text: string): Size | { readonly problem: string } {
    if (text.length > LONGEST) return { problem: `the text of a size has ${text.length} characters` };
    const parser = new SizeParser(text, (name) => {
      const known = this.#unnamed.get(name);
      if (known !== undefined) return known;
      const fresh = unknownSize();
      this.#unnamed.set(name, fresh);
      return fresh;
    });
    return parser.whole();
  }
}

const TOKEN = /\s*(?:(\d{1,15})|(\?\d{1,9}|[A-Za-z_]\w*)|([-+*/(),]))/y;
/** True for what a reader gives back instead of a size. */
export const isProblem = (value: unknown): value is { readonly problem: string } =>
  typeof value === "object" && value !== null && "problem" in value;

/** Sums of products; every operation goes through the arithmetic of sizes, so what comes out is canonical. */
class SizeParser {
  readonly #tokens: string[] = [];
  readonly #unnamed: (name: string) => Size;
  #next = 0;
  #problem: string | null = null;

  constructor(text: string, unnamed: (name: string) => Size) {
    this.#unnamed = unnamed;
    let at = 0;
    while (at < text.trimEnd().length) {
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (!match) {
        this.#problem = `${JSON.stringify(text[at])} can not stand in a size`;
        return;
      }
      this.#tokens.push(match[1] ?? match[2] ?? match[3]!);
      at = TOKEN.lastIndex;
    }
  }

  whole(): Size | { readonly problem: string } {
    const size = this.#sum(0);
    if (this.#problem === null && this.#next < this.#tokens.length) this.#problem = `${this.#seen()} after the size`;
    return this.#problem === null ? size : { problem: this.#problem };
  }

  #seen(): string {
    const token = this.#tokens[this.#next];
    return token === undefined ? "the end of the text" : `"${token.slice(0, 20)}"`;
  }
  #fail(problem: string): number {
    this.#problem ??= problem;
    this.#next = this.#tokens.length;
    return 0;
  }
  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next++;
    return true;
  }
  #expect(token: string): void {
    if (!this.#take(token)) this.#fail(`${this.#seen()} where "${token}" should be`);
  }

  #sum(depth: number): Size {
    if (depth > DEEPEST) return this.#fail("a size nested too deep");
    let total = this.#take("-") ? multiplySizes(-1, this.#product(depth)) : this.#product(depth);
    for (;;) {
      if (this.#take("+")) total = addSizes(total, this.#product(depth));
      else if (this.#take("-")) total = addSizes(total, multiplySizes(-1, this.#product(depth)));
      else return total;
    }
  }

  #product(depth: number): Size {
    let product = this.#factor(depth);
    while (this.#take("*")) product = multiplySizes(product, this.#factor(depth));
    return product;
  }

  #factor(depth: number): Size {
    const token = this.#tokens[this.#next];
    if (token === undefined || /^[-+*/(),]$/.test(token)) return this.#fail(`${this.#seen()} where a size should be`);
    this.#next++;
    if (/^\d/.test(token)) return Number(token);
    if (token.startsWith("?")) return this.#unnamed(token);
    if (this.#tokens[this.#next] !== "(") return namedSize(token);
    this.#next++;
    if (token === "max") {
      const left = this.#sum(depth + 1);
      this.#expect(",");
      const right = this.#sum(depth + 1);
      this.#expect(")");
      return maxSizes(left, right);
    }
    if (token !== "floor") return this.#fail(`there is no function "${token.slice(0, 20)}" of sizes`);
    this.#expect("(");
    const left = this.#sum(depth + 1);
    for (const bracket of [")", "/", "("]) this.#expect(bracket);
    const right = this.#sum(depth + 1);
    for (const bracket of [")", ")"]) this.#expect(bracket);
    if (right === 0) return this.#fail("a size divided by 0");
    return floorDivideSizes(left, right);
  }
}
