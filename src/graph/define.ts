import type { DType } from "../core/dtype.ts";
import type { ShapeContext, Sizes, TensorSpec } from "../core/shape.ts";
import type { BinaryOp, Expr, UnaryOp } from "../kernel/expr.ts";
import type { Extent } from "../kernel/extent.ts";
import type { MathRecipe } from "../kernel/math/define.ts";
import type { ReduceOp } from "../kernel/statement.ts";
import type { Attrs, Operation, Tensor } from "./operation.ts";

/**
 * Everything about one op, in one place: what it is called, how it reads, which shapes and dtypes it takes, what it
 * computes, how it is differentiated, and examples. Tests, documentation and the coverage matrix are generated from
 * these records. Exactly one of `compute`, `kernel`, `decompose`, `control` and `effect` is given.
 */
export interface OpDef<A extends Attrs = Attrs> {
  readonly name: string;
  readonly category: OpCategory;
  /** First line: a summary. Then the forward formula in TeX, and what a reader should know. Empty in the published package. */
  readonly doc: string;
  /** Names of the operands; `"many"` for any number of them. */
  readonly inputs: readonly string[] | "many";

  /** Dtypes of the outputs. Throws through `context.fail` what it does not take. */
  dtypes(inputs: readonly DType[], attrs: A, context: DTypeContext): readonly DType[];
  /** Shapes of the outputs, from inputs of known rank (sources may have unknown rank themselves: null). */
  shapes(inputs: readonly Sizes[], attrs: A, context: ShapeContext): readonly (Sizes | null)[];
  /** Shapes when some input has unknown rank (null). Default: every output has unknown rank. */
  shapesOfUnknown?(inputs: readonly (Sizes | null)[], attrs: A, context: ShapeContext): readonly (Sizes | null)[];

  /**
   * How derivatives pass through:
   * - a rule: given operands, outputs and incoming gradients, the gradients of the operands (null: none flows there);
   * - `"zero"`: the derivative exists and is 0 everywhere it exists (step, floor);
   * - `"none"`: the op cuts the path (argmax, comparisons), and an error may name it;
   * - `"via-decompose"`: differentiate what it decomposes into;
   * - `"through-bodies"`: differentiate the functions it runs.
   */
  readonly gradient: GradientRule<A> | "zero" | "none" | "via-decompose" | "through-bodies";

  /** Primitive: the value at an index. "An array is a function of its index." */
  compute?(context: ComputeContext<A>, index: readonly Expr[]): Expr;
  /** Primitive written as loops, for what no formula per element says well (scatter, sort). Fills its one output. */
  kernel?(context: LoopContext<A>): void;
  /** Composite: the same thing in terms of other ops; called with sizes bound to numbers. */
  decompose?(op: Operation<A>): readonly Tensor[];
  /** Runs functions, its bodies: which one, or how often. Its outputs are made together. */
  readonly control?: "branch" | "scan" | "while";
  /** Things only the builder and the session understand. */
  readonly effect?: "placeholder" | "variable" | "constant" | "assign" | "group" | "tap";

  /** `"expensive"` values are not computed twice to save a buffer (exp, division by a function, random bits). */
  readonly cost?: "free" | "cheap" | "expensive";
  /** True if swapping the two operands gives the same bits. */
  readonly commutative?: boolean;

  /** Drive documentation, differential tests and gradient checks alike. */
  readonly examples: readonly OpExample<A>[];
}

export type OpCategory =
  | "source"
  | "pointwise"
  | "movement"
  | "reduction"
  | "contraction"
  | "indexing"
  | "neural"
  | "loss"
  | "random"
  | "control"
  | "state";

export interface GradientContext<A extends Attrs = Attrs> {
  readonly op: Operation<A>;
  /** Operands. */
  readonly x: readonly Tensor[];
  /** Outputs. */
  readonly y: readonly Tensor[];
  /** Gradient of each output; null where nothing flows back. */
  readonly dy: readonly (Tensor | null)[];
  /** `dy[0]`, for ops with one output, whose gradient always exists. */
  readonly g: Tensor;
  /**
   * False for an operand whose gradient nobody asks for and that would be computed at once: expensive rules give null
   * for it. In a graph always true, since what is not used leaves it again.
   */
  wants(operand: number): boolean;
}
/** Declared as a method, so that a record of particular attributes is also a record of any attributes. */
export type GradientRule<A extends Attrs = Attrs> = {
  rule(context: GradientContext<A>): readonly (Tensor | null)[];
}["rule"];

export interface DTypeContext {
  fail(problem: string, fix?: string): never;
}

/** An operand as a function of its index; `flat` takes one row-major element number instead. */
export interface IndexFunction {
  (...index: Expr[]): Expr;
  flat(element: Expr): Expr;
  /** The value of the element that has this index in an array of the same elements but of other sizes. */
  regrouped(sizes: Sizes, index: readonly Expr[]): Expr;
  /** Its sizes as the graph knows them. */
  readonly sizes: Sizes;
  /** Its sizes; in a plan for many sizes those that vary are expressions. */
  readonly extents: readonly Extent[];
  /**
   * Its sizes, for rules that need numbers.
   * @throws OpenSizeError where a size is known only at run time: the op then has plans for exact sizes
   */
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** What an op makes; sizes as those of its operands. */
export type OutputInfo = Pick<IndexFunction, "sizes" | "extents" | "shape" | "dtype">;

export interface ComputeContext<A extends Attrs = Attrs> {
  readonly in: readonly IndexFunction[];
  readonly attrs: A;
  readonly output: OutputInfo;
  readonly k: KernelBuilder;
}

/** What a `compute` rule may emit besides plain expressions. */
export interface KernelBuilder {
  unary(op: UnaryOp, x: Expr): Expr;
  binary(op: BinaryOp, x: Expr, y: Expr): Expr;
  /** A function of `kernel/math`: exp, log, tanh, sigmoid, pow … */
  call(fn: MathRecipe, ...args: Expr[]): Expr;
  constant(value: number, type: DType): Expr;
  /** An int32 constant. */
  int(value: number): Expr;
  cast(x: Expr, type: DType): Expr;
  bitcast(x: Expr, type: DType): Expr;
  select(test: Expr, yes: Expr, no: Expr): Expr;
  /** As `select`, but whatever computing `yes` needs happens only if `test` holds: for loads that may be out of bounds. */
  when(test: Expr, yes: () => Expr, no: Expr): Expr;
  /** Gives a value a name, so that it is computed once. */
  let(hint: string, value: Expr): Expr;
  /**
   * Folds `value` over all index tuples. `order` fixes the order of the floating-point operations: see
   * `ReduceStmt`. The loop is placed in the outermost scope in which all it uses is known.
   */
  reduce(
    op: ReduceOp,
    extents: readonly Extent[],
    value: (...index: Expr[]) => Expr,
    order?: "serial" | "interleaved",
  ): Expr;
}

/** What a `kernel` rule works with: operands are still formulas, the output is written element by element. */
export interface LoopContext<A extends Attrs = Attrs> extends ComputeContext<A> {
  readonly loops: LoopBuilder;
}
export interface LoopBuilder {
  /** `for i in 0 … extent - 1`, in increasing order. */
  loop(extent: Extent, body: (index: Expr) => void): void;
  /** Runs `body` only if `test` holds. */
  branch(test: Expr, body: () => void): void;
  /** Reads back an element of the output, by row-major number. */
  load(element: Expr): Expr;
  /** Writes an element of the output. */
  store(element: Expr, value: Expr): void;
}

export interface ExampleInput extends TensorSpec {
  readonly shape: readonly number[];
  /** Where random values are drawn; default [-1, 1], for integers [0, 10]. Keeps away from kinks and poles. */
  readonly domain?: readonly [number, number];
  /** Exact values, where random ones would not do. */
  readonly values?: readonly number[];
}
export interface OpExample<A extends Attrs = Attrs> {
  readonly inputs: readonly ExampleInput[];
  readonly attrs: A;
  /** Shown in the documentation. */
  readonly note?: string;
}

/** Checks a record and returns it with its attribute type kept. */
export function defineOp<A extends Attrs>(def: OpDef<A>): OpDef<A> {
  const meanings = [def.compute, def.kernel, def.decompose, def.control, def.effect].filter(
    (meaning) => meaning !== undefined,
  ).length;
  if (meanings !== 1)
    throw new Error(`op ${def.name}: give exactly one of compute, kernel, decompose, control and effect`);
  return def;
}
