import { byteSize } from "../../core/dtype.ts";
import { type Expr, exactInteger } from "../../kernel/expr.ts";
import type { Buffer } from "../../kernel/statement.ts";
import type { Turning } from "./code.ts";
import { Context, SLACK } from "./context.ts";
import type { Access, Facts, Pointer, Region } from "./region.ts";

/** An index as a sum: `constant + Σ coefficient · atom`. */
export interface Affine {
  readonly constant: number;
  readonly terms: ReadonlyMap<Expr, number>;
}

/** Splits an index into the variables it is linear in; what can wrap or is not linear is an atom. */
export function affineOf(root: Expr): Affine {
  let constant = 0;
  const terms = new Map<Expr, number>();
  const visit = (expr: Expr, factor: number): void => {
    if (expr.kind === "const") constant += factor * expr.value;
    else if (
      expr.kind === "binary" &&
      (expr.op === "add" || expr.op === "sub") &&
      exactInteger(expr.op, expr.x, expr.y)
    ) {
      visit(expr.x, factor);
      visit(expr.y, expr.op === "add" ? factor : -factor);
    } else if (
      expr.kind === "binary" &&
      expr.op === "mul" &&
      expr.y.kind === "const" &&
      exactInteger("mul", expr.x, expr.y)
    ) {
      visit(expr.x, factor * expr.y.value);
    } else {
      const sum = (terms.get(expr) ?? 0) + factor;
      if (sum === 0) terms.delete(expr);
      else terms.set(expr, sum);
    }
  };
  visit(root, 1);
  return { constant, terms };
}

/** An address that a pointer can follow: `base + bytes · Σ coefficient · atom`. */
interface Sum extends Pick<Access, "moving" | "fixed" | "home" | "key"> {
  readonly base: number;
  readonly bytes: number;
}

/** Where an element lies: an address in a local, what is left of the constant, and how that grows. */
interface Place {
  readonly local: number;
  readonly offset: number;
  readonly turning: Turning | null;
}

/**
 * Addresses of loads and stores. The part that changes in a loop is a pointer that the loop moves; constants go into
 * the instruction.
 */
export abstract class AddressEmitter extends Context {
  abstract facts(expr: Expr): Facts;
  abstract scalar(expr: Expr): void;
  /** How the offset that `address` returned last changes from turn to turn of an unrolled loop. */
  protected turning: Turning | null = null;

  /** True if an access certainly lies inside its buffer. */
  protected inside(buffer: Buffer, at: Expr): boolean {
    return at.min >= 0 && at.max < buffer.size;
  }
  /** True if reading there does no harm, even where the value is not wanted. */
  protected harmless(buffer: Buffer, at: Expr): boolean {
    const bytes = byteSize(buffer.dtype);
    return at.min * bytes >= -SLACK && (at.max - buffer.size) * bytes <= SLACK;
  }

  /** An index as the current block sees it. */
  protected access(at: Expr): Access {
    const known = this.region.accesses.get(at);
    if (known) return known;
    const { constant, terms } = affineOf(at);
    let stride: number | null = 0;
    let least = 0;
    const moving = new Map<Expr, number>();
    const loose: [Expr, number][] = [];
    for (const [atom, coefficient] of terms) {
      const facts = this.facts(atom);
      if (facts.varying) {
        if (stride !== null && atom.kind === "var" && this.region.find(atom.name)?.lane) stride += coefficient;
        else stride = null;
        continue;
      }
      least += Math.min(coefficient * atom.min, coefficient * atom.max);
      if (!facts.stable) loose.push([atom, coefficient]);
      else moving.set(atom, coefficient);
    }
    const access = { stride, constant, loose, fixed: least < 0, ...this.#sum(moving) };
    this.region.accesses.set(at, access);
    return access;
  }

  /**
   * Pushes the address of an element, `more` elements on, less the part that is returned: the offset for the
   * instruction. In the turns of an unrolled loop that offset grows: `turning` says how. Where offsets are not free
   * (`folds: false`: splat loads, see docs/performance.md), the turns move the pointer instead.
   */
  protected address(buffer: Buffer, access: Access, more: number, folds: boolean): number {
    const bytes = byteSize(buffer.dtype);
    const base = this.parameter.get(buffer.name);
    if (base === undefined) this.fail(`${buffer.name} is no buffer of it`);
    const { moving, loose, fixed, home, key } = access;
    const constant = (access.constant + more) * bytes;
    const sum = { base: base!, bytes, moving, fixed, home, key };
    const { local, offset, turning } = this.#pointer(sum, constant, folds && loose.length === 0);
    this.code.op("local.get", local);
    for (const [atom, coefficient] of loose) this.#addScaled(atom, coefficient * bytes);
    this.turning = turning;
    return offset;
  }

  /** Writes memory instructions whose offset is the one `address` returned, along with its `turning`. */
  protected moving(turning: Turning | null, write: () => void): void {
    const { code } = this;
    code.along = turning;
    write();
    code.along = null;
  }

  #addScaled(atom: Expr, scale: number): void {
    this.scalar(atom);
    if (scale !== 1) {
      const power = 31 - Math.clz32(scale);
      if (scale === 2 ** power) this.code.op("i32.const", power).op("i32.shl");
      else this.code.op("i32.const", scale).op("i32.mul");
    }
    this.code.op("i32.add");
  }

  /** A local that holds the sum, and what is left of the constant. */
  #pointer(sum: Sum, constant: number, folds: boolean): Place {
    const { base, fixed, home } = sum;
    if (sum.moving.size === 0) {
      if (constant === 0 || (constant > 0 && !fixed)) return { local: base, offset: constant, turning: null };
      return { local: this.#biased(base, constant), offset: 0, turning: null };
    }
    const key = `${base}|${folds && home.turns > 1 ? "f" : "s"}${fixed ? constant : ""}|${sum.key}`;
    let pointer = home.pointers.get(key);
    if (!pointer || constant < pointer.bias) {
      pointer = this.#make(sum, fixed ? constant : Math.min(0, constant), folds);
      home.pointers.set(key, pointer);
    }
    return { local: pointer.local, offset: constant - pointer.bias, turning: pointer.turning ?? null };
  }

  #biased(base: number, constant: number): number {
    const key = `${base}|${constant}`;
    const known = this.root.pointers.get(key);
    if (known) return known.local;
    const local = this.locals.make("i32");
    this.root.code.op("local.get", base).op("i32.const", constant).op("i32.add").op("local.set", local);
    this.root.pointers.set(key, { local, bias: constant });
    return local;
  }

  #make(sum: Sum, bias: number, folds: boolean): Pointer {
    const { bytes, moving, home } = sum;
    const local = this.locals.make("i32");
    const here = [...moving].filter(([atom]) => this.facts(atom).home === home);
    const rest = this.#without(sum, here);
    const [atom, coefficient] = here[0]!;
    if (here.length === 1 && atom.kind === "var" && home.indexName === atom.name) {
      // Only the loop's own index changes here: the loop moves the pointer.
      const scale = coefficient * bytes;
      this.within(home.parent!, () => {
        this.#start(rest, bias);
        if (home.first !== null)
          this.code.op("local.get", home.first).op("i32.const", scale).op("i32.mul").op("i32.add");
        this.code.op("local.set", local);
      });
      if (folds && scale > 0 && home.turns > 1 && home === this.#innermostLoop()) {
        home.allTurns.push({ local, step: scale * home.turns });
        return { local, bias, turning: { loop: home, step: scale } };
      }
      home.eachTurn.push({ local, step: scale });
      return { local, bias };
    }
    this.within(home, () => {
      this.#start(rest, bias);
      for (const [term, factor] of here) this.#addScaled(term, factor * bytes);
      this.code.op("local.set", local);
    });
    return { local, bias };
  }

  #start(sum: Sum, constant: number): void {
    const { local, offset } = this.#pointer(sum, constant, false);
    this.code.op("local.get", local);
    if (offset !== 0) this.code.op("i32.const", offset).op("i32.add");
  }

  /** The sum without the atoms of its innermost block. */
  #without(sum: Sum, atoms: readonly (readonly [Expr, number])[]): Sum {
    const moving = new Map(sum.moving);
    for (const [atom] of atoms) moving.delete(atom);
    return { ...sum, ...this.#sum(moving) };
  }

  /** Atoms with the block in which all of them are known, and as text. */
  #sum(moving: ReadonlyMap<Expr, number>): Pick<Access, "moving" | "home" | "key"> {
    let home = this.root;
    const names: string[] = [];
    for (const [atom, coefficient] of moving) {
      const region = this.facts(atom).home;
      if (region.depth > home.depth) home = region;
      names.push(`${atom.id}*${coefficient}`);
    }
    return { moving, home, key: names.sort().join() };
  }

  #innermostLoop(): Region {
    let region = this.region;
    while (region.kind !== "loop" && region.parent) region = region.parent;
    return region;
  }
}
