import { type DType, isFloat, isNumeric } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { broadcastShapes, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { AnyShape, Broadcast, ListShape, Result, Shape } from "../core/shape-types.ts";
import { type Size, sizeFrom } from "../core/size.ts";
import { type NestedList, readValue } from "../core/values.ts";
import { builderOf, currentBuilder, type GraphBuilder } from "../graph/builder.ts";
import {
  type DTypeContext,
  defineOp,
  type ExampleInput,
  type IndexFunction,
  type KernelBuilder,
  type OpDef,
} from "../graph/define.ts";
import { type Attrs, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { type Expr, int } from "../kernel/expr.ts";
import { constantOp } from "./constant.ts";

// ── operands ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A tensor, or a bare number or list that takes the dtype of the tensor beside it. */
export type Operand<S extends Shape = Shape> = Tensor<S> | number | boolean | NestedList;
/** The shape type an operand contributes. */
export type ShapeOf<T> = T extends Tensor<infer S> ? S : T extends number | boolean ? readonly [] : ListShape<T>;
/** The shape types of a list of operands. */
export type ShapesOf<L extends readonly unknown[]> = { readonly [I in keyof L]: ShapeOf<L[I]> };
export type BroadcastOf<A, B> = Broadcast<ShapeOf<A>, ShapeOf<B>>;
export type BroadcastResult<A, B> = Tensor<Result<BroadcastOf<A, B>>>;

export interface OpOptions {
  /** Name of the operation; made unique within its scope. */
  readonly name?: string;
}

/** A constant in the graph of `builder`. */
export function constantIn(builder: GraphBuilder, value: number | boolean | NestedList, dtype?: DType): Tensor {
  const { data, shape, dtype: natural } = readValue(value, dtype);
  return builder.apply(constantOp, [], { value: data, shape, dtype: natural }).outputs[0]!;
}

/** Operands as tensors of one graph. At least one of them must be a tensor, which decides graph and dtype. */
export function operands(op: string, values: readonly Operand[]): Tensor[] {
  const model = values.find((value): value is Tensor => value instanceof Tensor);
  if (!model) {
    throw new GraphError({
      what: `${op}: no operand is a tensor, so there is no graph to add to`,
      fix: "make one of them with graph.constant(…)",
    });
  }
  const missing = values.findIndex((value) => value === undefined || value === null);
  if (missing >= 0) throw noOperand(op, missing, values[missing]);
  return values.map((value) => (value instanceof Tensor ? value : constantIn(builderOf(model), value, model.dtype)));
}

const noOperand = (op: string, position: number, value: unknown): GraphError =>
  new GraphError({
    what: `${op}: operand ${position + 1} is ${value}`,
    at: lineOf(captureStack()),
    fix: "give a tensor or numbers; a field that is undefined has not been set: a layer's build makes its weights",
  });

/** Applies an op with one output to operands of one dtype. */
export function apply<S extends Shape = AnyShape, A extends Attrs = Attrs>(
  def: OpDef<A>,
  inputs: readonly Operand[],
  attrs: A,
  options: OpOptions = {},
): Tensor<S> {
  const tensors = operands(def.name, inputs);
  return builderOf(tensors[0]!).apply(def, tensors, attrs, options).outputs[0] as Tensor<S>;
}

/** An error in the arguments of `op`, found before there is an operation that could report it. */
export const callError = (op: string, problem: string, fix?: string): GraphError =>
  new GraphError({ what: `${op}: ${problem}`, at: lineOf(captureStack()), fix });

/** Sizes as users write them: numbers, names, or sizes taken from another tensor's shape. -1 is left to the op. */
export type Dims = readonly (Size | string)[];
export const sizesFrom = (op: string, dims: Dims): Sizes =>
  dims.map((dim) => (typeof dim === "string" ? sizeFrom(dim, op) : dim));

/** Attributes of an op that has none. */
export type NoAttrs = Record<never, never>;

/** Where an op without operands is added: a graph, or the graph of a tensor. Nothing runs at once while it is traced. */
export function builderAt(where: GraphBuilder | Tensor): GraphBuilder {
  if (where instanceof Tensor) return builderOf(where);
  return where.runsAtOnce ? (currentBuilder() ?? where) : where;
}

// ── dtype rules ──────────────────────────────────────────────────────────────────────────────────────────────────

type DTypeRule = (inputs: readonly DType[], attrs: Attrs, context: DTypeContext) => readonly DType[];

/** All operands have one dtype, which `accepts` it; the output has it too. */
const sameDType =
  (accepts: (dtype: DType) => boolean, wanted: string, fix = 'convert it first: cast(x, "float32")'): DTypeRule =>
  (inputs, _attrs, context) => {
    const [first] = inputs;
    const other = inputs.find((dtype) => dtype !== first);
    if (other) {
      // Whole numbers become floating point without loss; the other way round loses.
      const target = isFloat(first!) || !isFloat(other) ? first : other;
      context.fail(`operands have different dtypes, ${first} and ${other}`, `convert one: cast(x, "${target}")`);
    }
    if (!accepts(first!)) context.fail(`takes ${wanted}, not ${first}`, fix);
    return [first!];
  };

export const anyDType = sameDType(() => true, "any dtype");
export const numericDType = sameDType(isNumeric, "numbers");
export const floatDType = sameDType(isFloat, "floating point");
/** What all float functions have in common: floating point only, and not worth computing twice. */
export const FUNCTION = { dtypes: floatDType, cost: "expensive" } as const;
export const boolDType = sameDType((dtype) => dtype === "bool", "bool", "compare it with something: notEqual(x, 0)");
/** Operands of one dtype, output bool. */
export const compareDType: DTypeRule = (inputs, attrs, context) => {
  anyDType(inputs, attrs, context);
  return ["bool"];
};

/** Operands of one numeric dtype, output bool. */
export const orderDType: DTypeRule = (inputs, attrs, context) => {
  numericDType(inputs, attrs, context);
  return ["bool"];
};

// ── shape rules ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The output has the shape of the first operand. */
export const sameShapeRule = ([x]: readonly Sizes[]): readonly Sizes[] => [x!];
/** … also where its rank is not known. */
export const keepsShape = {
  shapes: sameShapeRule,
  shapesOfUnknown: ([x]: readonly (Sizes | null)[]): readonly (Sizes | null)[] => [x ?? null],
};
/** All operands broadcast together. */
export const broadcastRule = (inputs: readonly Sizes[], _attrs: Attrs, context: ShapeContext): readonly Sizes[] => [
  inputs.reduce((a, b) => broadcastShapes(a, b, context)),
];

// ── computing ────────────────────────────────────────────────────────────────────────────────────────────────────

/** An operand's value at an index of the output it broadcasts to. */
export function broadcastAt(operand: IndexFunction, index: readonly Expr[]): Expr {
  const own = index.slice(index.length - operand.extents.length);
  return operand(...own.map((i, axis) => (operand.extents[axis] === 1 ? int(0) : i)));
}

// ── pointwise records ────────────────────────────────────────────────────────────────────────────────────────────

type PointwiseRecord = Pick<OpDef<NoAttrs>, "name" | "doc" | "gradient" | "examples"> &
  Partial<Pick<OpDef<NoAttrs>, "dtypes" | "cost" | "commutative">>;

/** An op on each element of one tensor. `formula` is its value; without `dtypes` it takes all numbers. */
export const defineUnary = ({
  formula,
  ...record
}: PointwiseRecord & { formula(x: Expr, k: KernelBuilder): Expr }): OpDef<NoAttrs> =>
  defineOp<NoAttrs>({
    category: "pointwise",
    inputs: ["x"],
    dtypes: numericDType,
    ...keepsShape,
    cost: "cheap",
    compute: ({ in: [x], k }, index) => formula(x!(...index), k),
    ...record,
  });

/** An op on each pair of elements of two tensors that broadcast. Without `dtypes` it takes all numbers. */
export const defineBinary = ({
  formula,
  ...record
}: PointwiseRecord & { formula(a: Expr, b: Expr, k: KernelBuilder): Expr }): OpDef<NoAttrs> =>
  defineOp<NoAttrs>({
    category: "pointwise",
    inputs: ["left", "right"],
    dtypes: numericDType,
    shapes: broadcastRule,
    cost: "cheap",
    compute: ({ in: [a, b], k }, index) => formula(broadcastAt(a!, index), broadcastAt(b!, index), k),
    ...record,
  });

// ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────

type Extra = Partial<Pick<ExampleInput, "domain" | "values">>;
const exampleOf =
  (dtype: DType) =>
  (shape: readonly number[], extra: Extra = {}): ExampleInput => ({ dtype, shape, ...extra });

export const f32 = exampleOf("float32");
export const f64 = exampleOf("float64");
export const i32 = exampleOf("int32");
export const u32 = exampleOf("uint32");
export const bool = exampleOf("bool");

/** Shapes every op that broadcasts two operands is tried with; `extra` may give them a domain. */
export const broadcastExamples = (left: Extra = {}, right: Extra = left) => [
  { inputs: [f32([2, 3], left), f32([2, 3], right)], attrs: {} },
  { inputs: [f32([3], left), f32([2, 3], right)], attrs: {} },
  { inputs: [f32([2, 1, 3], left), f32([4, 1], right)], attrs: {} },
  { inputs: [f64([], left), f64([2, 2], right)], attrs: {} },
  { inputs: [f64([2, 1], left), f64([1, 3], right)], attrs: {} },
  { inputs: [f32([0, 3], left), f32([3], right)], attrs: {} },
  { inputs: [f64([], left), f64([], right)], attrs: {} },
];
/** Shapes every pointwise op of one operand is tried with. */
export const unaryExamples = (extra: Extra = {}) => [
  { inputs: [f32([2, 3], extra)], attrs: {} },
  { inputs: [f64([3], extra)], attrs: {} },
  { inputs: [f64([], extra)], attrs: {} },
  { inputs: [f32([0, 2], extra)], attrs: {} },
];
