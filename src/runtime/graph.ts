import type { DType, TypedArray } from "../core/dtype.ts";
import { GraphError, ShapeError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import type { Dim, ListShape, Shape } from "../core/shape-types.ts";
import { type Size, sizeFrom } from "../core/size.ts";
import { readValue, type ValueLike } from "../core/values.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { type Operation, Tensor, type Unfed, type Variable } from "../graph/operation.ts";
import { graphText } from "../graph/print.ts";
import { assignOp, constantOp, group, placeholderOp, variableOp } from "../ops/state.ts";
import type { NDArray } from "./ndarray.ts";
import { here, reading } from "./reading.ts";

/** Makes the initial value of a variable; `seed` follows from the graph's seed and the order of creation. */
export type Initializer = (context: {
  readonly graph: Graph;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly seed: number;
}) => Tensor;

export interface VariableOptions {
  /** Default zeros. A number fills the shape; a list or array gives every element; a tensor or function computes it. */
  readonly initial?: ValueLike | Tensor | Initializer;
  /** Default float32. */
  readonly dtype?: DType;
  /** Whether optimizers update it by default. Default true. */
  readonly trainable?: boolean;
}

/** What `graph.variables()` tells about each. */
export interface VariableInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Number of elements. */
  readonly count: number;
  readonly trainable: boolean;
  readonly variable: Variable;
}

/** The shape of a value, as far as its type tells. */
export type ValueShape<V> =
  V extends NDArray<infer S>
    ? S
    : V extends number | boolean
      ? readonly []
      : V extends TypedArray
        ? readonly [number]
        : ListShape<V>;

let graphs = 0;

/**
 * A static graph under construction: sources are made here, ops find the graph from their inputs. Nothing is
 * computed until a session runs it.
 */
export class Graph extends GraphBuilder {
  /** Decides the seeds of initializers. */
  readonly seed: number;
  #initializer: { readonly count: number; readonly op: Operation } | null = null;

  constructor(options: { readonly name?: string; readonly seed?: number } = {}) {
    super(options.name ?? (graphs++ === 0 ? "graph" : `graph_${graphs - 1}`));
    this.seed = options.seed ?? 0;
  }

  /**
   * A value to be fed at each run.
   * @param shape sizes: numbers, names such as "batch", or null for unknown; null as a whole for unknown rank
   * @throws ShapeError for something that is not a size, GraphError for a bad name
   */
  placeholder<const S extends readonly Dim[] = readonly []>(
    name: string,
    shape?: S,
    options?: { readonly dtype?: DType },
  ): Tensor<S> & Unfed;
  placeholder(name: string, shape: null, options?: { readonly dtype?: DType }): Tensor & Unfed;
  placeholder(name: string, shape: readonly Dim[] | null = [], options: { readonly dtype?: DType } = {}): Tensor {
    const sizesOf = (dims: readonly Dim[]) => dims.map((dim) => sizeFrom(dim, `placeholder "${name}"`));
    const sizes = shape === null ? null : reading("", () => sizesOf(shape));
    return this.apply(placeholderOp, [], { dtype: options.dtype ?? "float32", shape: sizes }, { name }).outputs[0]!;
  }

  /**
   * A value that never changes. Whole numbers are int32, others float32, booleans bool, unless `dtype` says otherwise.
   */
  constant<const V extends ValueLike, const S extends Shape = ValueShape<V>>(
    value: V,
    options: { readonly dtype?: DType; readonly shape?: S & readonly number[]; readonly name?: string } = {},
  ): Tensor<S> {
    const { data, shape, dtype } = reading("constant", () => readValue(value, options.dtype, options.shape));
    const name = options.name === undefined ? {} : { name: options.name };
    return this.apply(constantOp, [], { value: data, shape, dtype }, name).outputs[0] as Tensor<S>;
  }

  /**
   * A value each session keeps between runs. It has no value until its initializer ran in that session.
   * @throws ShapeError if the initial value does not have the shape
   */
  variable<const S extends readonly number[]>(name: string, shape: S, options: VariableOptions = {}): Variable<S> {
    const { dtype = "float32", trainable = true, initial = 0 } = options;
    const sizes: readonly Size[] = shape.map((size) => {
      if (Number.isInteger(size) && size >= 0) return size;
      throw new ShapeError({
        what: `variable "${name}": ${size} is not a size`,
        at: here(),
        fix: "a variable's sizes are whole numbers",
      });
    });
    const op = this.apply(variableOp, [], { dtype, shape: sizes, trainable }, { name });
    const variable = op.outputs[0] as Variable<S>;
    // The value and its assign stand in the variable's own scope, out of the way in pictures.
    const assigned = this.reenterScope(op.name, () => {
      const value = reading(`initial value of "${op.name}"`, () => this.#initialValue(initial, shape, dtype));
      return this.apply(assignOp, [variable, value], {}, { name: "initialize" });
    });
    this.setInitializer(variable, assigned);
    return variable;
  }

  /** Variables made so far: the seeds of their initializers follow from it. */
  protected get variablesMade(): number {
    return this.allVariables.length;
  }

  #initialValue(initial: NonNullable<VariableOptions["initial"]>, shape: readonly number[], dtype: DType): Tensor {
    if (initial instanceof Tensor) return initial;
    if (typeof initial !== "function") {
      const { data } = readValue(initial, dtype, shape);
      return this.apply(constantOp, [], { value: data, shape, dtype }, { name: "initialValue" }).outputs[0]!;
    }
    // A different seed for each variable, by order of creation: 2³² / golden ratio spreads neighbouring numbers.
    const seed = (this.seed + Math.imul(this.variablesMade + 1, 0x9e3779b9)) >>> 0;
    return initial({ graph: this, shape, dtype, seed });
  }

  /** One operation that initialises every variable made so far. */
  get initializer(): Operation {
    const variables = this.allVariables;
    if (variables.length === 0) {
      throw new GraphError({
        what: `graph "${this.name}" has no variables to initialise`,
        at: here(),
        fix: "make them first with graph.variable(…); without any, run the fetches at once",
      });
    }
    if (this.#initializer?.count !== variables.length) {
      const op = group(
        variables.map((variable) => variable.initializer),
        { name: "initializer" },
      );
      this.#initializer = { count: variables.length, op };
    }
    return this.#initializer!.op;
  }

  /** The parameters θ of the network y = f(x; θ), in the order they were made. */
  variables(): readonly VariableInfo[] {
    return this.allVariables.map((variable) => {
      const shape = variable.shape as readonly number[];
      const count = elementCount(shape);
      const { dtype, trainable } = variable;
      return { name: variable.op.name, shape, dtype, count, trainable, variable };
    });
  }

  /** Every operation, a line each; with `lines`, where the user made it. */
  text(options: { readonly lines?: boolean } = {}): string {
    return graphText(this, options);
  }
}
