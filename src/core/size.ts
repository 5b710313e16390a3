import { getOrMake } from "./collections.ts";
import { ShapeError } from "./errors.ts";

/**
 * A dimension: a number, or a polynomial over named sizes such as `batch` or `2*batch + 1`.
 *
 * Symbolic sizes are interned: two equal polynomials are the same object, so `===` decides equality.
 * Their atoms are names and the irreducible terms `floor(p / q)` and `max(p, q)`.
 */
export type Size = number | SymbolicSize;

/** Values of named sizes, known once feeds are given. */
export type SizeBinding = ReadonlyMap<string, number>;

type Atom =
  | { readonly kind: "name"; readonly key: string; readonly name: string }
  | { readonly kind: "floorDiv" | "max"; readonly key: string; readonly left: Size; readonly right: Size };

/** A product of atoms, e.g. `batch * steps`; the empty product is the constant term. */
interface Term {
  readonly key: string;
  readonly atoms: readonly Atom[];
  readonly factor: number;
}

export class SymbolicSize {
  readonly terms: readonly Term[];
  readonly text: string;
  /** Use `namedSize` and the arithmetic below: they intern. */
  constructor(terms: readonly Term[], text: string) {
    this.terms = terms;
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

const interned = new Map<string, SymbolicSize>();

/**
 * Sizes of real programs have a handful of terms. A size that doubles with every operation (`n * n`, of that the
 * product with itself, …) would take all memory before anyone saw it; better to say so early.
 */
const LONGEST_TEXT = 8192;
const MOST_PRODUCTS = 1024;

function tooComplicated(a: string): ShapeError {
  return new ShapeError({
    what: `a size has become too complicated to follow: ${a.slice(0, 60)} …`,
    fix: "give sizes that are known as numbers",
  });
}

function termText(term: Term, first: boolean): string {
  const magnitude = Math.abs(term.factor);
  const sign = term.factor < 0 ? (first ? "-" : " - ") : first ? "" : " + ";
  if (term.atoms.length === 0) return sign + magnitude;
  const product = term.atoms.map((atom) => atom.key).join("*");
  return sign + (magnitude === 1 ? product : `${magnitude}*${product}`);
}

/** Interns a sum of terms; collapses to a number when nothing symbolic is left. */
function fromTerms(terms: Iterable<Term>): Size {
  const merged = new Map<string, Term>();
  for (const term of terms) {
    const known = merged.get(term.key);
    merged.set(term.key, known ? { ...term, factor: term.factor + known.factor } : term);
  }
  const kept = [...merged.values()].filter((term) => term.factor !== 0);
  // Symbols first, constant last; by key, so that the text (and so the identity) is canonical.
  kept.sort((a, b) => (a.key === "" ? 1 : b.key === "" ? -1 : a.key < b.key ? -1 : 1));
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]!.key === "") return kept[0]!.factor;
  const text = kept.map((term, i) => termText(term, i === 0)).join("");
  if (text.length > LONGEST_TEXT) throw tooComplicated(text);
  return getOrMake(interned, text, () => new SymbolicSize(kept, text));
}

const termsOf = (size: Size): readonly Term[] =>
  typeof size === "number" ? [{ key: "", atoms: [], factor: size }] : size.terms;

const fromAtom = (atom: Atom): Size => fromTerms([{ key: atom.key, atoms: [atom], factor: 1 }]);

/** The size called `name`. */
export function namedSize(name: string): Size {
  return fromAtom({ kind: "name", key: name, name });
}

export const isKnown = (size: Size): size is number => typeof size === "number";

export function addSizes(a: Size, b: Size): Size {
  if (isKnown(a) && isKnown(b)) return a + b;
  return fromTerms([...termsOf(a), ...termsOf(b)]);
}

export function multiplySizes(a: Size, b: Size): Size {
  if (isKnown(a) && isKnown(b)) return a * b + 0; // never -0
  const products: Term[] = [];
  const [left, right] = [termsOf(a), termsOf(b)];
  if (left.length * right.length > MOST_PRODUCTS) throw tooComplicated(`(${a})*(${b})`);
  for (const x of left) {
    for (const y of right) {
      const atoms = [...x.atoms, ...y.atoms].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0));
      products.push({ key: atoms.map((atom) => atom.key).join("*"), atoms, factor: x.factor * y.factor });
    }
  }
  return fromTerms(products);
}

export const subtractSizes = (a: Size, b: Size): Size => addSizes(a, multiplySizes(-1, b));
export const productOf = (sizes: readonly Size[]): Size => sizes.reduce(multiplySizes, 1);

/** `a / b` if it is a whole polynomial, else null. Decides `reshape` with a `-1`. */
export function divideExactly(a: Size, b: Size): Size | null {
  if (b === 0) return null;
  if (a === b) return 1;
  if (isKnown(a) && isKnown(b)) return a % b === 0 ? a / b : null;
  const divisor = termsOf(b);
  if (divisor.length !== 1) return null;
  const { atoms: by, factor } = divisor[0]!;
  const quotient: Term[] = [];
  for (const term of termsOf(a)) {
    if (term.factor % factor !== 0) return null;
    const atoms = [...term.atoms];
    for (const atom of by) {
      const at = atoms.findIndex((candidate) => candidate.key === atom.key);
      if (at < 0) return null;
      atoms.splice(at, 1);
    }
    quotient.push({ key: atoms.map((atom) => atom.key).join("*"), atoms, factor: term.factor / factor });
  }
  return fromTerms(quotient);
}

/** `floor(a / b)` for positive `b`. */
export function floorDivideSizes(a: Size, b: Size): Size {
  if (isKnown(a) && isKnown(b)) return Math.floor(a / b);
  const exact = divideExactly(a, b);
  if (exact !== null) return exact;
  return fromAtom({ kind: "floorDiv", key: `floor((${a})/(${b}))`, left: a, right: b });
}

export function maxSizes(a: Size, b: Size): Size {
  if (a === b) return a;
  if (isKnown(a) && isKnown(b)) return Math.max(a, b);
  return fromAtom({ kind: "max", key: `max(${a}, ${b})`, left: a, right: b });
}

/** True or false where that can be decided for every binding, undefined otherwise. */
export function equalSizes(a: Size, b: Size): boolean | undefined {
  if (a === b) return true;
  const difference = subtractSizes(a, b);
  return isKnown(difference) ? difference === 0 : undefined;
}

function bindAtom(atom: Atom, binding: ReadonlyMap<string, Size>): Size {
  if (atom.kind === "name") return binding.get(atom.name) ?? fromAtom(atom);
  const left = bindSize(atom.left, binding);
  const right = bindSize(atom.right, binding);
  return atom.kind === "max" ? maxSizes(left, right) : floorDivideSizes(left, right);
}

/** Replaces names by their values, or by other sizes; stays symbolic where a name is not bound. */
export function bindSize(size: Size, binding: ReadonlyMap<string, Size>): Size {
  if (isKnown(size)) return size;
  let total: Size = 0;
  for (const term of size.terms) {
    let product: Size = term.factor;
    for (const atom of term.atoms) product = multiplySizes(product, bindAtom(atom, binding));
    total = addSizes(total, product);
  }
  return total;
}

/** The value of a size under a complete binding. */
export function evaluateSize(size: Size, binding: SizeBinding): number {
  const value = bindSize(size, binding);
  if (isKnown(value)) return value;
  throw new ShapeError({ what: `size ${size} is not known: nothing that was fed decides it` });
}

/** Names that occur in a size. */
export function namesIn(size: Size, into: Set<string> = new Set()): Set<string> {
  if (isKnown(size)) return into;
  for (const term of size.terms) {
    for (const atom of term.atoms) {
      if (atom.kind === "name") into.add(atom.name);
      else namesIn(atom.right, namesIn(atom.left, into));
    }
  }
  return into;
}

/** The name of a size that is just a name, else null. */
export function soleName(size: Size): string | null {
  if (isKnown(size) || size.terms.length !== 1) return null;
  const { atoms, factor } = size.terms[0]!;
  return factor === 1 && atoms.length === 1 && atoms[0]!.kind === "name" ? atoms[0]!.name : null;
}

let anonymous = 0;
/** A size nobody named (TensorFlow's `None`): printed as `?`, distinct from every other. */
export const unknownSize = (): Size => namedSize(`?${++anonymous}`);

/** As users read it: `?` for sizes nobody named. */
export const sizeText = (size: Size): string => String(size).replace(/\?\d+/g, "?");

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Turns what a user may write for a dimension into a size: a number, a name, or null for unknown. */
export function sizeFrom(dimension: number | string | null, describe: string): Size {
  if (dimension === null) return unknownSize();
  if (typeof dimension === "string") {
    if (NAME.test(dimension)) return namedSize(dimension);
    throw new ShapeError({
      what: `${describe}: "${dimension}" is not a name for a size`,
      fix: 'use a plain word such as "batch", a number, or null for an unknown size',
    });
  }
  if (Number.isInteger(dimension) && dimension >= 0) return dimension;
  throw new ShapeError({
    what: `${describe}: ${dimension} is not a size`,
    fix: "sizes are whole numbers from 0 on, a name, or null for an unknown size",
  });
}
