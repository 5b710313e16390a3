import type { DType } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import { childrenOf, type Expr } from "../../kernel/expr.ts";
import { type Kernel, walkStatements } from "../../kernel/statement.ts";
import type { Code, ValueType } from "./assembler.ts";
import { Locals, Region } from "./region.ts";
import type { Selection } from "./select.ts";

/** Bytes around every array that may be read, though what is there means nothing: the storage keeps them. */
export const SLACK = 65536 - 1024;

/** Which lanes take part: the first `first` of them, or those whose piece of a mask is set. */
export type Mask = { readonly first: number } | { readonly pieces: readonly number[] };

export const valueType = (type: DType): ValueType => (type === "float32" ? "f32" : type === "float64" ? "f64" : "i32");

/** Lanes of one vector register. A bool is a mask of 32 bits. */
export const pieceLanes = (type: DType): number => (type === "float64" ? 2 : 4);

/** Values of the statement at hand that hold for it alone. */
export interface Memo {
  readonly scalars: Map<Expr, number>;
  readonly splats: Map<Expr, number>;
  readonly pieces: Map<Expr, readonly number[]>;
}
const NO_USES: ReadonlyMap<Expr, number> = new Map();

/** Where the emitter stands: the block under construction, the vector loop and the masks around it. */
export class Context implements Selection {
  readonly kernel: Kernel;
  readonly remainder: number;
  /** Parameters that say which turns of its parallel loop the function does: the first, and how many; null for all. */
  readonly share: { readonly first: number; readonly count: number } | null;
  readonly locals: Locals;
  readonly root: Region;
  region: Region;
  /** Lanes of the vector loop around; 0 outside of one. */
  lanes = 0;
  mask: Mask | null = null;
  /** Masks around the current place. */
  masks = 0;
  /**
   * Inside of a function of `kernel/math`: their results do not depend on which NaN a bit pattern was taken of (a test
   * sees to it), so the instructions that make all NaNs one are left out.
   */
  looseNaN = false;
  #memo: Memo | null = null;
  /** How often each expression of the statement at hand is used. */
  uses: ReadonlyMap<Expr, number> = NO_USES;
  readonly #usesOf = new Map<Expr, ReadonlyMap<Expr, number>>();
  readonly temp: (type: ValueType) => number;
  readonly release: (local: number) => void;
  /** Buffers the kernel stores to. */
  protected readonly written: ReadonlySet<string>;
  protected readonly parameter: ReadonlyMap<string, number>;

  constructor(kernel: Kernel, remainder: number, shared = false) {
    this.kernel = kernel;
    this.remainder = remainder;
    const { length } = kernel.buffers;
    this.share = shared ? { first: length, count: length + 1 } : null;
    this.locals = new Locals(shared ? length + 2 : length);
    this.temp = this.locals.temp;
    this.release = this.locals.release;
    this.root = new Region("function", null);
    this.region = this.root;
    this.parameter = new Map(kernel.buffers.map((buffer, i) => [buffer.name, i]));
    const written = new Set<string>();
    walkStatements(kernel.body, (statement) => {
      if (statement.kind === "store") written.add(statement.buffer.name);
    });
    this.written = written;
  }

  get code(): Code {
    return this.region.code;
  }

  /** Made when something is remembered: most statements have nothing to. */
  get memo(): Memo {
    this.#memo ??= { scalars: new Map(), splats: new Map(), pieces: new Map() };
    return this.#memo;
  }
  get remembered(): Memo | null {
    return this.#memo;
  }

  /** How often each subexpression is used; of an expression seen before, in an earlier turn, that is known. */
  protected countUses(roots: readonly Expr[]): ReadonlyMap<Expr, number> {
    const [only] = roots;
    const known = roots.length === 1 && this.#usesOf.get(only!);
    if (known) return known;
    const uses = new Map<Expr, number>();
    let shared = false;
    const stack = [...roots];
    for (let expr = stack.pop(); expr; expr = stack.pop()) {
      if (expr.kind === "const" || expr.kind === "var") continue; // written again wherever they are used
      const count = uses.get(expr) ?? 0;
      uses.set(expr, count + 1);
      if (count === 0) stack.push(...childrenOf(expr));
      else shared = true;
    }
    const result = shared ? uses : NO_USES;
    if (roots.length === 1) this.#usesOf.set(only!, result);
    return result;
  }

  /** Pieces a varying value of a type has in the vector loop around. */
  pieceCount = (type: DType): number => this.lanes / pieceLanes(type);

  /** Builds a nested block; the caller appends its code where it belongs. */
  nested(kind: Region["kind"], build: (region: Region) => void, turns = 1): Region {
    const outer = this.region;
    const region = new Region(kind, outer, turns);
    this.region = region;
    build(region);
    this.region = outer;
    return region;
  }

  /** Emits into a block further out, in front of what is being built inside of it. */
  within<T>(home: Region, build: () => T): T {
    const { region, mask, masks, looseNaN } = this;
    const memo = this.#memo;
    this.region = home;
    this.mask = null;
    this.#memo = null;
    const result = build();
    this.region = region;
    this.mask = mask;
    this.masks = masks;
    this.#memo = memo;
    this.looseNaN = looseNaN;
    return result;
  }

  /** What is remembered inside of `build` does not hold after it; it may use what was known before, unless `fresh`. */
  scoped<T>(build: () => T, fresh = false): T {
    const { uses } = this;
    const memo = this.#memo;
    this.#memo =
      fresh || !memo
        ? null
        : { scalars: new Map(memo.scalars), splats: new Map(memo.splats), pieces: new Map(memo.pieces) };
    const result = build();
    this.#memo = memo;
    this.uses = uses;
    return result;
  }

  fail(what: string): never {
    throw new CompileError({ what: `wasm: kernel ${this.kernel.name}: ${what}` });
  }
}
