import type { DType, TypedArray } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { type SizeCheck, type Sizes, specText, type TensorSpec, tupleText } from "../core/shape.ts";
import type { AnyShape, Shape } from "../core/shape-types.ts";
import type { SymbolicSize } from "../core/size.ts";
import type { Nested } from "../core/values.ts";
import type { FunctionBody } from "./body.ts";
import type { GraphBuilder } from "./builder.ts";
import type { OpDef } from "./define.ts";
import { captureStack, lineOf, type Origin, userLine } from "./origin.ts";

/** What an operation may carry besides its inputs. Symbolic sizes are replaced by numbers when a plan is made. */
export type Attr =
  | number
  | string
  | boolean
  | null
  | SymbolicSize
  | TypedArray
  | ((context: never) => unknown)
  | FunctionBody
  | readonly Attr[];
export type Attrs = Readonly<Record<string, Attr>>;

/** One node of a graph. Immutable: passes build new operations, so every earlier graph stays valid. */
export class Operation<A extends Attrs = Attrs> {
  readonly id: number;
  readonly def: OpDef<A>;
  /** Unique in its graph: `encoder/dense_1/matmul`. */
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** Operations that run whenever this one does, without passing a value (only `group` has them). */
  readonly controls: readonly Operation[];
  readonly attrs: A;
  readonly origin: Origin;
  readonly graph: GraphBuilder;
  readonly outputs: readonly Tensor[];
  /** Equalities of sizes left open until names are bound. */
  readonly checks: readonly SizeCheck[];

  constructor(fields: {
    readonly def: OpDef<A>;
    readonly name: string;
    readonly inputs: readonly Tensor[];
    readonly controls: readonly Operation[];
    readonly attrs: A;
    readonly origin: Origin;
    readonly graph: GraphBuilder;
    readonly specs: readonly TensorSpec[];
    readonly checks: readonly SizeCheck[];
    /** Makes the handles on outputs, where they are of another kind than usual. */
    readonly handle?: ((op: Operation, index: number, spec: TensorSpec) => Tensor) | undefined;
  }) {
    this.id = nextId++;
    this.def = fields.def;
    this.name = fields.name;
    this.inputs = fields.inputs;
    this.controls = fields.controls;
    this.attrs = fields.attrs;
    this.origin = fields.origin;
    this.graph = fields.graph;
    this.checks = fields.checks;
    const { handle } = fields;
    const Handle = fields.def.effect === "variable" ? Variable : Tensor;
    this.outputs = fields.specs.map((spec, index) => handle?.(this, index, spec) ?? new Handle(this, index, spec));
  }

  /** The user's line that made this operation, `file:line:column`, or null where the engine gave none. */
  get line(): string | null {
    return userLine(this.origin);
  }

  toString(): string {
    return `Operation("${this.name}", type=${this.def.name})`;
  }
}

let nextId = 1;

/** The value of a tensor: an `NDArray`, of which runtime/ndarray.ts tells the rest. */
export interface TensorValue<out S extends Shape = AnyShape> {
  readonly __shape?: S | undefined;
}

/** What the type checker can know to have no value: a placeholder. Nothing of this is there when a program runs. */
export interface Unfed {
  readonly __unfed?: "it has no value until a session runs it: session.run(x)" | undefined;
}
/** What may be asked for its value: any tensor but a placeholder. Symbolic ones say so when the program runs. */
export interface Askable {
  readonly __unfed?: undefined;
}

/** Handle on one output of an operation: what users hold. `S` exists for the type checker only. */
export class Tensor<out S extends Shape = AnyShape> {
  readonly op: Operation;
  readonly index: number;
  readonly spec: TensorSpec;
  declare readonly __shape?: S | undefined;

  constructor(op: Operation, index: number, spec: TensorSpec) {
    this.op = op;
    this.index = index;
    this.spec = spec;
  }
  get dtype(): DType {
    return this.spec.dtype;
  }
  /** Sizes, outermost first; null means unknown rank. */
  get shape(): Sizes | null {
    return this.spec.shape;
  }
  get rank(): number | null {
    return this.spec.shape?.length ?? null;
  }
  /** TensorFlow's name of a tensor: `matmul:0`. */
  get name(): string {
    return `${this.op.name}:${this.index}`;
  }
  get graph(): GraphBuilder {
    return this.op.graph;
  }
  /**
   * The elements of a tensor that has a value, row-major. Do not write there: others may refer to the same array.
   * @throws GraphError for a symbolic tensor, which has none: in define-by-run every tensor has
   */
  get data(): TypedArray {
    throw this.noValue("data");
  }
  /** The value as an `NDArray`. @throws GraphError for a symbolic tensor */
  get value(): TensorValue<S> {
    throw this.noValue("value");
  }
  /** The one number in it. @throws GraphError for a symbolic tensor, ShapeError if there is not exactly one */
  item(this: this & Askable): number {
    throw this.noValue("item");
  }
  /** Nested lists; a number for a scalar. @throws GraphError for a symbolic tensor */
  toArray(this: this & Askable): Nested {
    throw this.noValue("toArray");
  }
  /** The error of somebody who asks a symbolic tensor for its value. */
  protected noValue(asked: string): GraphError {
    return new GraphError({
      what: `${asked}: "${this.name}" is symbolic, it has no value ${this.graph.isTrace ? "while a function is traced" : "until a session runs it"}`,
      details: [`it was made at ${this.op.line ?? "an unknown line"}`],
      at: lineOf(captureStack()),
      fix: this.graph.isTrace
        ? "return it from the function and ask the result; tap(x) shows it at each run"
        : "session.run(x) gives the value; tensors of forerun/eager have one at once",
    });
  }
  /** As TensorFlow 1 prints it: `Tensor("add_2:0", shape=(), dtype=int32)`. */
  toString(): string {
    return `Tensor("${this.name}", shape=${tupleText(this.shape)}, dtype=${this.dtype})`;
  }
  /** What Node prints for `console.log(tensor)`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
  /**
   * `x > 0`, `x + 1` and `-x` would compute with the text of a tensor.
   * @throws GraphError that names the op to use
   */
  [Symbol.toPrimitive](hint: "number" | "string" | "default"): number | string {
    if (hint === "string") return this.toString();
    throw new GraphError({
      what: `"${this.name}" is symbolic: JavaScript's operators and conditions can not compute with it`,
      details: [`it was made at ${this.op.line ?? "an unknown line"}`],
      at: lineOf(captureStack()),
      fix: "use an op, add(x, 1) or greater(x, 0), and where(condition, a, b) instead of if; a value is there once a session has run",
    });
  }
}

/** A tensor whose value a session keeps between runs. Reading it gives the value at the start of the run. */
export class Variable<out S extends Shape = AnyShape> extends Tensor<S> {
  /** Writes the initial value; run it once per session, alone or through `graph.initializer`. */
  get initializer(): Operation {
    return this.graph.initializerOf(this);
  }
  get trainable(): boolean {
    return this.op.attrs.trainable === true;
  }
}

/** The elements of a constant, or null for any other tensor. */
export function constantValue({ op }: Tensor): TypedArray | null {
  const { value } = op.attrs;
  return op.def.effect === "constant" && ArrayBuffer.isView(value) ? value : null;
}

/** `x: float32[batch, 784]`, as error messages and prints show a tensor. */
export function describeTensor(tensor: Tensor): string {
  const name = tensor.index === 0 ? tensor.op.name : tensor.name;
  return `${name}: ${specText(tensor.spec)}`;
}
