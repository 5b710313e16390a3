import fc from "fast-check";
import { allocate, DTYPES, type DType, isFloat, isInteger, type TypedArray } from "../../src/core/dtype.ts";
import type { Expr, VarExpr } from "../../src/kernel/expr.ts";
import * as k from "../../src/kernel/expr.ts";
import { mathFunction, mathRecipe } from "../../src/kernel/math/index.ts";
import { printKernel } from "../../src/kernel/print.ts";
import type { Buffer, Kernel, ReduceOp, Stmt } from "../../src/kernel/statement.ts";

/** A whole number below `n`. */
export type Pick = (n: number) => number;

const SIZE = 12;
const FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  0.1,
  -3.7,
  1e-40,
  5e-324,
  3e38,
  1e300,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
];
const ODD_FLOATS = [Infinity, -Infinity, Number.NaN, 8388609.5, 2251799813685249.5, 2147483646.7, 4294967294.5];
const INTEGERS = [0, 1, -1, 2, 3, 5, 7, 31, 32, 33, 100, -6, 65535, 2 ** 31 - 1, -(2 ** 31), 0x7fc00000, 0x3f800000];

export function randomValue(type: DType, pick: Pick): number {
  if (type === "bool") return pick(2);
  if (!isFloat(type)) return INTEGERS[pick(INTEGERS.length)]!;
  const table = pick(4) === 0 ? ODD_FLOATS : FLOATS;
  return table[pick(table.length)]!;
}

const buffersOf = (role: "in" | "out"): readonly Buffer[] =>
  DTYPES.map((dtype) => ({ name: `${role}_${dtype}`, dtype, size: SIZE, role }));

/** Arrays for the buffers of a kernel, the inputs filled with interesting values. */
export function randomArrays(kernel: Kernel, pick: Pick): readonly TypedArray[] {
  return kernel.buffers.map((buffer) => {
    const array = allocate(buffer.dtype, buffer.size);
    if (buffer.role !== "scratch") for (let i = 0; i < array.length; i++) array[i] = randomValue(buffer.dtype, pick);
    return array;
  });
}

/** A kernel of every kind of statement and expression, valid by construction. */
export function randomKernel(pick: Pick): Kernel {
  return k.withFreshExpressions(() => new Builder(pick).kernel());
}

/** A kernel that is one vector loop: whatever may stand in one, with every lane storing to elements of its own. */
export function randomVectorKernel(pick: Pick): Kernel {
  return k.withFreshExpressions(() => {
    const lane = k.indexVariable("lane", 4 * (1 + pick(SIZE / 4)));
    return new Builder(pick, lane).kernel();
  });
}

export interface Case {
  readonly kernel: Kernel;
  readonly arrays: readonly TypedArray[];
}

/** A small generator of uniform numbers (mulberry32). After `budget` choices it only makes the simplest one. */
function chooser(seed: number, budget: number): Pick {
  let state = seed;
  let left = budget;
  return (n) => {
    if (left-- <= 0) return 0;
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** Shrinks by making ever fewer choices of the same sequence; failures are printed as text. */
const cases = (make: (pick: Pick) => Kernel): fc.Arbitrary<Case> =>
  fc.tuple(fc.integer(), fc.integer({ min: 0, max: 1500 })).map(([seed, budget]) => {
    const kernel = make(chooser(seed, budget));
    const arrays = randomArrays(kernel, chooser(seed + 1, 1000));
    return { kernel, arrays, [fc.toStringMethod]: () => printKernel(kernel) };
  });
export const randomCase = cases(randomKernel);
export const randomVectorCase = cases(randomVectorKernel);

const hasMath = (name: string, type: DType): boolean => {
  try {
    return mathFunction(name, type) !== undefined;
  } catch {
    return false;
  }
};
const MATH = ["exp", "log", "sin", "tanh"].filter((name) => hasMath(name, "float32") && hasMath(name, "float64"));

class Builder {
  readonly #pick: Pick;
  /** Index of the vector loop that is the whole kernel; null for kernels without one. */
  readonly #lane: VarExpr | null;
  /** Element of each output that belongs to a lane. */
  readonly #own = new Map<Buffer, Expr>();
  readonly #inputs = buffersOf("in");
  readonly #outputs = buffersOf("out");
  /** What is in scope, by block. */
  #variables: readonly VarExpr[] = [];
  #mutable: readonly VarExpr[] = [];
  #indices: readonly VarExpr[] = [];
  #count = 0;

  constructor(pick: Pick, lane: VarExpr | null = null) {
    this.#pick = pick;
    this.#lane = lane;
  }

  kernel(): Kernel {
    const lane = this.#lane;
    if (lane) {
      this.#indices = [lane];
      for (const buffer of this.#outputs) {
        this.#own.set(buffer, this.#pick(4) === 0 ? k.sub(k.int(SIZE - 1), lane) : lane);
      }
      const lanes = lane.max + 1;
      const body: Stmt = { kind: "for", index: lane, extent: k.int(lanes), lanes, body: this.#block(3) };
      return { name: "random", buffers: [...this.#outputs, ...this.#inputs], body: [body] };
    }
    return { name: "random", buffers: [...this.#outputs, ...this.#inputs], body: this.#block(3) };
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#pick(list.length)]!;
  }
  #name = (base: string): string => `${base}${this.#count++}`;
  #type = (): DType => this.#one(DTYPES);

  #scoped<T>(build: () => T): T {
    const [variables, mutable, indices] = [this.#variables, this.#mutable, this.#indices];
    const result = build();
    this.#variables = variables;
    this.#mutable = mutable;
    this.#indices = indices;
    return result;
  }

  #block(depth: number): readonly Stmt[] {
    return this.#scoped(() => {
      const out: Stmt[] = [];
      for (let i = this.#pick(3) + 1; i > 0; i--) out.push(...this.#statement(depth));
      return [...out, ...this.#store()];
    });
  }

  #statement(depth: number): readonly Stmt[] {
    const kind = this.#pick(depth > 0 ? 9 : 3);
    switch (kind === 7 && this.#lane ? 0 : kind) {
      case 0:
      case 1:
        return this.#store();
      case 2:
        return this.#set();
      case 3: {
        const variable = k.variable(this.#name("t"), this.#type());
        const statement: Stmt = {
          kind: "let",
          variable,
          value: this.#value(variable.type, 3),
          mutable: this.#pick(2) > 0,
        };
        this.#variables = [...this.#variables, variable];
        if (statement.mutable) this.#mutable = [...this.#mutable, variable];
        return [statement];
      }
      case 4: {
        const lane = this.#lane;
        // The first lanes only: the tail of a longer loop.
        const first = lane && this.#pick(3) === 0 ? k.lt(lane, k.int(this.#pick(lane.max + 2))) : null;
        return [{ kind: "if", test: first ?? this.#value("bool", 2), body: this.#block(depth - 1) }];
      }
      case 5:
      case 6: {
        const extent = this.#pick(4);
        const variable = this.#pick(3) === 0 && !this.#lane; // an extent that is not constant
        const limit = variable ? k.and(this.#value("int32", 1), k.int(3)) : k.int(extent);
        const index = k.indexVariable(this.#name("i"), limit.max);
        return this.#scoped(() => {
          this.#indices = [...this.#indices, index];
          const unroll =
            !variable && extent > 1 && this.#pick(2) > 0
              ? { unroll: extent === 2 || this.#pick(2) > 0 ? extent : 1 }
              : {};
          return [{ kind: "for", index, extent: limit, ...unroll, body: this.#block(depth - 1) }];
        });
      }
      case 7: {
        const left = k.variable(this.#name("n"), "int32");
        const value = k.and(this.#value("int32", 1), k.int(3));
        const down: Stmt = { kind: "set", variable: left, value: k.sub(left, k.int(1)) };
        const body = [down, ...this.#block(depth - 1)];
        this.#variables = [...this.#variables, left];
        return [
          { kind: "let", variable: left, value, mutable: true },
          { kind: "while", test: k.lt(k.int(0), left), body },
        ];
      }
      default:
        return [this.#reduce(depth)];
    }
  }

  #reduce(depth: number): Stmt {
    const type = this.#type();
    const ops: readonly ReduceOp[] =
      type === "bool"
        ? ["or", "and", "max"]
        : isFloat(type)
          ? ["add", "mul", "max", "min"]
          : ["add", "mul", "max", "min", "or", "and"];
    const loops = Array.from({ length: this.#pick(3) + 1 }, () => {
      const extent = this.#pick(5);
      return { index: k.indexVariable(this.#name("r"), extent), extent };
    });
    const variable = k.variable(this.#name("sum"), type);
    const statement = this.#scoped((): Stmt => {
      this.#indices = [...this.#indices, ...loops.map((loop) => loop.index)];
      const body = this.#pick(3) === 0 ? this.#block(depth - 1) : [];
      const order = this.#lane || this.#pick(2) > 0 ? "serial" : "interleaved";
      return { kind: "reduce", variable, op: this.#one(ops), order, loops, body, value: this.#value(type, 2) };
    });
    this.#variables = [...this.#variables, variable];
    return statement;
  }

  #store(): readonly Stmt[] {
    const buffer = this.#one(this.#outputs);
    return [{ kind: "store", buffer, at: this.#own.get(buffer) ?? this.#index(), value: this.#value(buffer.dtype, 4) }];
  }

  #set(): readonly Stmt[] {
    if (this.#mutable.length === 0) return this.#store();
    const variable = this.#one(this.#mutable);
    return [{ kind: "set", variable, value: this.#value(variable.type, 3) }];
  }

  /** An index inside 0 … SIZE - 1. */
  #index(): Expr {
    const sum = this.#indices.reduce(
      (all, index) => k.add(k.mul(all, k.int(this.#pick(4) + 1)), index),
      k.int(this.#pick(3)),
    );
    if (this.#pick(4) === 0) return k.and(this.#value("int32", 1), k.int(7));
    return sum.max < SIZE ? sum : k.rem(sum, k.int(SIZE));
  }

  #value(type: DType, depth: number): Expr {
    if (depth === 0 || this.#pick(8) === 0) return this.#leaf(type);
    const again = (other = type) => this.#value(other, depth - 1);
    if (this.#pick(8) === 0) return k.select(again("bool"), again(), again());
    if (this.#pick(8) === 0) {
      // A load that is in range only where the select lets it be evaluated.
      const at = k.sub(this.#index(), k.int(this.#pick(8)));
      const inside = k.and(k.le(k.int(0), at), k.lt(at, k.int(SIZE)));
      return k.select(inside, k.load(this.#inputOf(type), at), again());
    }
    if (this.#pick(5) === 0) return k.cast(again(this.#type()), type);
    if (type !== "bool" && this.#pick(6) === 0) {
      return k.bitcast(again(this.#one(DTYPES.filter((other) => other !== "bool"))), type);
    }
    if (type === "bool") {
      const kind = this.#pick(3);
      if (kind === 0) return k.unary("not", again());
      if (kind === 1)
        return k.binary(this.#one(["and", "or", "xor", "min", "max", "lt", "eq"] as const), again(), again());
      const other = this.#type();
      return k.binary(this.#one(["lt", "le", "eq", "ne"] as const), again(other), again(other));
    }
    if (isFloat(type) && MATH.length > 0 && this.#pick(10) === 0) return k.call(mathRecipe(this.#one(MATH)), again());
    if (this.#pick(4) === 0) {
      const common = ["neg", "abs", "floor", "ceil", "trunc", "nearest"] as const;
      return k.unary(this.#one([...common, isFloat(type) ? ("sqrt" as const) : ("not" as const)]), again());
    }
    if (isInteger(type) && this.#pick(3) === 0) {
      return k.binary(this.#one(["and", "or", "xor", "shl", "shr"] as const), again(), again());
    }
    return k.binary(this.#one(["add", "sub", "mul", "div", "rem", "min", "max"] as const), again(), again());
  }

  #bufferOf = (type: DType): Buffer => this.#one([...this.#inputs, ...this.#outputs].filter((b) => b.dtype === type));

  #inputOf = (type: DType): Buffer => (this.#lane ? this.#inputs.find((b) => b.dtype === type)! : this.#bufferOf(type));

  #leaf(type: DType): Expr {
    const known = this.#variables.filter((variable) => variable.type === type);
    const kind = this.#pick(4);
    if (kind === 0) return k.constant(randomValue(type, this.#pick), type);
    if (kind === 1 && known.length > 0) return this.#one(known);
    if (kind === 2 && type === "int32" && this.#indices.length > 0) return this.#one(this.#indices);
    const buffer = this.#bufferOf(type);
    return k.load(buffer, this.#own.get(buffer) ?? this.#index());
  }
}
