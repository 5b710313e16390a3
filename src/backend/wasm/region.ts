import type { Expr, VarExpr } from "../../kernel/expr.ts";
import { Code, type Turning, type ValueType } from "./code.ts";

/** A variable of LoopIR and the WASM locals that hold it. */
export interface Binding {
  readonly variable: VarExpr;
  readonly region: Region;
  readonly mutable: boolean;
  /** True if each lane of the enclosing vector loop has a value of its own. */
  readonly varying: boolean;
  /** How many masks stood around the definition: inside of those, setting it needs no blending. */
  readonly masks: number;
  /** One local if the value is the same in all lanes. */
  scalar?: number;
  /** That value in every lane of a vector. */
  splat?: number;
  /** One local for each piece if it varies. */
  pieces?: readonly number[];
  /** True for the index of the vector loop itself. */
  readonly lane?: boolean;
}

/** A pointer that moves with a loop: `local += step` after each turn, or after all turns that are written out. */
interface Bump {
  readonly local: number;
  readonly step: number;
}

/**
 * A block of the code under construction. Its instructions are appended to those of its parent when it is finished, so
 * until then anything may be put in front of it: that is how values are hoisted out of loops.
 *
 * What has been computed here, and holds to the end of the block, is remembered.
 */
export class Region {
  readonly kind: "function" | "loop" | "lanes" | "branch" | "inline";
  readonly parent: Region | null;
  readonly depth: number;
  readonly code: Code;
  readonly bindings = new Map<string, Binding>();
  readonly facts = new Map<Expr, Facts>();
  readonly accesses = new Map<Expr, Access>();
  readonly scalars = new Map<Expr, number>();
  readonly splats = new Map<Expr | string, number>();
  readonly pieces = new Map<Expr, readonly number[]>();
  readonly pointers = new Map<string, Pointer>();

  // Loops only.
  /** Turns written out: only the first is emitted, `Code.repeat` makes the others of it. */
  readonly turns: number;
  readonly eachTurn: Bump[] = [];
  readonly allTurns: Bump[] = [];
  /** Name of the loop's index. */
  indexName = "";
  /** Local with the value the index starts at, where that is not 0. */
  first: number | null = null;

  constructor(kind: Region["kind"], parent: Region | null, turns = 1) {
    this.kind = kind;
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
    // The body of a function that is written in place is part of the block around it.
    this.code = kind === "inline" ? parent!.code : new Code();
    this.turns = turns;
  }

  find(name: string): Binding | undefined {
    for (let region: Region | null = this; region; region = region.parent) {
      const binding = region.bindings.get(name);
      if (binding || region.kind === "inline") return binding;
    }
    return undefined;
  }
}

/** A byte address in a local, less the part that goes into the instruction. */
export interface Pointer {
  readonly local: number;
  /** Part of the constant offset that is in the local already: 0 or negative. */
  readonly bias: number;
  /** How offsets to it change from one written-out turn to the next, if it moves only after all of them. */
  readonly turning?: Turning;
}

/** What is known of an expression at a place. */
export interface Facts {
  /** The outermost block in which all that it uses is defined. */
  readonly home: Region;
  readonly varying: boolean;
  /** True if it has the same value wherever it is computed inside of its home, and can be computed without harm. */
  readonly stable: boolean;
}

/** An index as the code of a block sees it. */
export interface Access {
  /** Elements from one lane to the next; null if the index is not linear in the lane. */
  readonly stride: number | null;
  /** What is left without the lane: a constant and a sum of atoms. */
  readonly constant: number;
  /** Atoms that a pointer can follow, with their coefficients. */
  readonly moving: ReadonlyMap<Expr, number>;
  /** Atoms that must be added at each access, with theirs. */
  readonly loose: readonly (readonly [Expr, number])[];
  /** True if the atoms can sum up to less than 0, so that the constant must be added before memory is reached. */
  readonly fixed: boolean;
  /** The innermost block that defines one of the moving atoms. */
  readonly home: Region;
  /** The moving atoms as text. */
  readonly key: string;
}

/** The locals of one function. */
export class Locals {
  readonly types: ValueType[] = [];
  readonly #first: number;
  readonly #free = new Map<ValueType, number[]>();

  constructor(params: number) {
    this.#first = params;
  }
  make(type: ValueType): number {
    this.types.push(type);
    return this.#first + this.types.length - 1;
  }
  /** A local for a short time; `release` it. */
  temp = (type: ValueType): number => this.#free.get(type)?.pop() ?? this.make(type);
  release = (local: number): void => {
    const type = this.types[local - this.#first]!;
    const free = this.#free.get(type);
    if (free) free.push(local);
    else this.#free.set(type, [local]);
  };
}
