/** What each op makes of its operands' shapes, in the type checker. Types only: nothing here exists at run time. */
import type { Add, DivideExactly, IsWhole, Multiply, Subtract } from "./shape-arithmetic.ts";
import type {
  AnyShape,
  AxesOf,
  AxisOf,
  Blur,
  Broadcast,
  Conflicts,
  Differ,
  DifferentRank,
  Dim,
  FirstOf,
  Insert,
  Meet,
  MeetShapes,
  NoAxis,
  Reversed,
  Shape,
  ShapeMismatch,
  ShapeText,
  Text,
  Unranked,
  With,
  Without,
} from "./shape-types.ts";

// ── reductions ───────────────────────────────────────────────────────────────────────────────────────────────────

/** One axis, several, or null for all. */
export type AxisArgument = number | readonly number[] | null;

type Reduced<S extends Shape, Axes extends number, KeepDims> = number extends Axes
  ? [KeepDims] extends [true]
    ? Blur<S>
    : Shape
  : [KeepDims] extends [true]
    ? With<S, Axes, 1>
    : [KeepDims] extends [false]
      ? Without<S, Axes>
      : Shape;

export type Reduce<Op extends string, S extends Shape, A extends AxisArgument, KeepDims extends boolean> =
  Unranked<S> extends true
    ? [A, KeepDims] extends [null, false]
      ? readonly []
      : Shape
    : [A] extends [null]
      ? [KeepDims] extends [true]
        ? With<S, number, 1>
        : [KeepDims] extends [false]
          ? readonly []
          : Shape
      : [A] extends [number]
        ? [AxisOf<S, A>] extends [never]
          ? ShapeMismatch<NoAxis<Op, S, A>>
          : Reduced<S, AxisOf<S, A>, KeepDims>
        : [A] extends [readonly number[]]
          ? AxesOf<Op, S, A> extends infer Axes
            ? [Axes] extends [number]
              ? Reduced<S, Axes, KeepDims>
              : Axes
            : never
          : Shape;

// ── the same elements in another order or shape ──────────────────────────────────────────────────────────────────

export type Transpose<S extends Shape, P extends readonly number[] | null> =
  Unranked<S> extends true
    ? Shape
    : [P] extends [null]
      ? Reversed<S>
      : [P] extends [readonly number[]]
        ? number extends P["length"]
          ? Blur<S>
          : [P["length"] & S["length"]] extends [never]
            ? ShapeMismatch<NotAPermutation<S, P>>
            : number extends P[number]
              ? Blur<S>
              : [Exclude<keyof S & `${number}`, `${P[number]}`>] extends [never]
                ? { readonly [I in keyof P]: S[P[I] & number] }
                : ShapeMismatch<NotAPermutation<S, P>>
        : Shape;
type NotAPermutation<
  S extends Shape,
  P extends readonly unknown[],
> = `transpose: ${ShapeText<P>} is not a permutation of the axes of rank ${S["length"]}`;

/** The product of all sizes: `number` unless all are whole numbers, or all but one are 1. */
export type Elements<S extends Shape, Out = 1> = S extends readonly [infer First, ...infer Rest extends Shape]
  ? Elements<Rest, Multiply<Out, First>>
  : Out;

export type Flatten<S extends Shape> =
  Unranked<S> extends true
    ? readonly [string | number, string | number]
    : S extends readonly [infer First extends Dim, ...infer Rest extends Shape]
      ? readonly [First, Elements<Rest>]
      : ShapeMismatch<"flatten: a scalar has no axis 0 to keep">;

/** Sizes as users write them. -1 stands for a size that is worked out. */
export type DimOf<D> = D extends number ? (`${D}` extends `-${string}` ? number : D) : D extends string ? D : string;
/** The shape that a list of sizes states, as far as literals tell. */
export type ShapeFrom<D extends readonly unknown[]> = number extends D["length"]
  ? AnyShape
  : { readonly [Axis in keyof D]: DimOf<D[Axis]> };

/** The product of the whole numbers of a shape, and its names; the names of a shape with open sizes are `number`. */
type Parts<S extends readonly unknown[], Whole = 1, Names extends readonly string[] = []> = S extends readonly [
  infer First,
  ...infer Rest,
]
  ? First extends -1
    ? Parts<Rest, Whole, Names>
    : First extends string
      ? string extends First
        ? null
        : Parts<Rest, Whole, [...Names, First]>
      : IsWhole<First> extends true
        ? Parts<Rest, Multiply<Whole, First>, Names>
        : null
  : [Whole, Names];
/** What -1 stands for; `never` if there is no such size. */
type Missing<From, To> = From extends [infer Total, infer Names extends readonly string[]]
  ? To extends [infer Given, infer Named extends readonly string[]]
    ? 0 extends Total | Given
      ? number
      : [Names, Named] extends [[infer Name], []]
        ? Total extends Given
          ? Name
          : number
        : [Names, Named] extends [Named, Names]
          ? DivideExactly<Total, Given>
          : number
    : number
  : number;

/** `" * batch"`. */
type Times<Names extends readonly unknown[], Out extends string = ""> = Names extends readonly [
  infer First,
  ...infer Rest,
]
  ? Times<Rest, `${Out} * ${Text<First>}`>
  : Out;

export type Reshape<S extends Shape, To extends readonly unknown[]> =
  true extends Unranked<S>
    ? ShapeFrom<To>
    : number extends To["length"]
      ? Shape
      : -1 extends To[number]
        ? [Missing<Parts<S>, Parts<To>>] extends [infer D]
          ? [D] extends [never]
            ? ShapeMismatch<`reshape: ${Text<Elements<S>>} elements of ${ShapeText<S>} do not divide into ${ShapeText<To>}`>
            : { readonly [Axis in keyof To]: To[Axis] extends -1 ? D : DimOf<To[Axis]> }
          : never
        : [Parts<S>, Parts<To>] extends [
              [infer Total, infer Names extends readonly string[]],
              [infer Given, infer Named],
            ]
          ? [Names, Named] extends [Named, Names]
            ? Differ<Total, Given> extends true
              ? ShapeMismatch<`reshape: ${ShapeText<S>} has ${Text<Total>}${Times<Names>} elements, ${ShapeText<To>} has ${Text<Given>}${Times<Names>}`>
              : ShapeFrom<To>
            : ShapeFrom<To>
          : ShapeFrom<To>;

export type ExpandDims<S extends Shape, A extends number, Op extends string = "expandDims", D extends Dim = 1> =
  Unranked<S> extends true
    ? Shape
    : AxisOf<readonly [...S, 1], A> extends infer At extends number
      ? [At] extends [never]
        ? ShapeMismatch<NoAxis<Op, readonly [...S, 1], A>>
        : number extends At
          ? Blur<readonly [...S, 1]>
          : Insert<S, At, readonly [D]>
      : never;

type DropOnes<S extends Shape, Head extends Shape = readonly []> = S extends readonly [
  infer First extends Dim,
  ...infer Rest extends Shape,
]
  ? number extends First
    ? Shape
    : DropOnes<Rest, [First] extends [1] ? Head : readonly [...Head, First]>
  : Head;
type SqueezeAxes<S extends Shape, Axes> = [Axes] extends [number]
  ? number extends Axes
    ? Shape
    : FirstOf<{
          readonly [Axis in keyof S]: Axis extends `${Axes}`
            ? Differ<S[Axis], 1> extends true
              ? ShapeMismatch<`squeeze: axis ${Axis} has size ${Text<S[Axis]>}, not 1`>
              : never
            : never;
        }> extends infer Complaint
      ? [Complaint] extends [never]
        ? Without<S, Axes>
        : Complaint
      : never
  : Axes;
export type Squeeze<S extends Shape, A extends AxisArgument> =
  Unranked<S> extends true
    ? Shape
    : [A] extends [null]
      ? DropOnes<S>
      : [A] extends [number]
        ? SqueezeAxes<S, AxesOf<"squeeze", S, readonly [A]>>
        : [A] extends [readonly number[]]
          ? SqueezeAxes<S, AxesOf<"squeeze", S, A>>
          : Shape;

export type BroadcastTo<S extends Shape, To extends readonly unknown[], Op extends string = "broadcastTo"> =
  ShapeFrom<To> extends infer Wanted extends Shape
    ? true extends Unranked<S> | Unranked<Wanted>
      ? Wanted
      : Broadcast<S, Wanted> extends infer Both
        ? Both extends Shape
          ? [Both["length"] & Wanted["length"]] extends [never]
            ? ShapeMismatch<`${Op}: ${ShapeText<S>} does not broadcast to ${ShapeText<Wanted>}`>
            : [Conflicts<Both, Wanted, "", "">] extends [never]
              ? Wanted
              : ShapeMismatch<`${Op}: ${ShapeText<S>} does not broadcast to ${ShapeText<Wanted>}`>
          : ShapeMismatch<`${Op}: ${ShapeText<S>} does not broadcast to ${ShapeText<Wanted>}`>
        : never
    : never;

/** `count` entries for a rank: one for each axis. */
type EachAxis<S extends Shape, List extends readonly unknown[], Message extends string> = [
  List["length"] & S["length"],
] extends [never]
  ? ShapeMismatch<Message>
  : unknown;

export type Tile<S extends Shape, M extends readonly unknown[]> =
  true extends Unranked<S>
    ? Shape
    : number extends M["length"]
      ? Blur<S>
      : EachAxis<S, M, `tile: ${M["length"]} multiples for rank ${S["length"]}`> extends infer Complaint extends
            ShapeMismatch<string>
        ? Complaint
        : { readonly [Axis in keyof S]: Axis extends keyof M ? Multiply<S[Axis], M[Axis]> : number };

// ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────

type SliceDim<Total, From, Size> = Size extends -1 ? Subtract<Total, From> : DimOf<Size>;
type OutsideOf<S extends Shape, From extends readonly unknown[], Size extends readonly unknown[]> = FirstOf<{
  readonly [Axis in keyof S]: Axis extends keyof From & keyof Size
    ? [Subtract<S[Axis], Size[Axis] extends -1 ? From[Axis] : Add<From[Axis], Size[Axis]>>] extends [never]
      ? ShapeMismatch<`slice: axis ${Axis & string}: ${Size[Axis] extends -1
          ? "everything"
          : Text<Size[Axis]>} from ${Text<From[Axis]>} on is not inside size ${Text<S[Axis]>}`>
      : never
    : never;
}>;
export type Slice<S extends Shape, From extends readonly unknown[], Size extends readonly unknown[]> =
  Unranked<S> extends true
    ? -1 extends Size[number]
      ? Shape
      : ShapeFrom<Size>
    : number extends From["length"] | Size["length"]
      ? Blur<S>
      : [From["length"] & S["length"] & Size["length"]] extends [never]
        ? ShapeMismatch<`slice: ${From["length"]} begins and ${Size["length"]} sizes for rank ${S["length"]}`>
        : [OutsideOf<S, From, Size>] extends [never]
          ? {
              readonly [Axis in keyof S]: Axis extends keyof From & keyof Size
                ? SliceDim<S[Axis], From[Axis], Size[Axis]>
                : number;
            }
          : OutsideOf<S, From, Size>;

export type PaddedDim<D, Amounts> = Amounts extends readonly [infer Before, infer After]
  ? Add<Add<Before, D>, After>
  : number;
export type Pad<S extends Shape, P extends readonly unknown[]> =
  Unranked<S> extends true
    ? Shape
    : number extends P["length"]
      ? Blur<S>
      : [P["length"] & S["length"]] extends [never]
        ? ShapeMismatch<`pad: ${P["length"]} paddings for rank ${S["length"]}`>
        : { readonly [Axis in keyof S]: Axis extends keyof P ? PaddedDim<S[Axis], P[Axis]> : number };

/** Parts of one size, as many as there are. */
type Repeat<T, N extends number, Out extends readonly T[] = []> = Out["length"] extends N
  ? Out
  : Out["length"] extends 64
    ? readonly T[]
    : Repeat<T, N, [...Out, T]>;
type Sum<List extends readonly unknown[], Out = 0> = List extends readonly [infer First, ...infer Rest]
  ? Sum<Rest, Add<Out, First>>
  : Out;
/** Shapes of the pieces, or the complaint. */
export type Split<S extends Shape, P, A extends number> =
  Unranked<S> extends true
    ? Pieces<Shape, P>
    : AxisOf<S, A> extends infer At extends number
      ? number extends At
        ? Pieces<Blur<S>, P>
        : P extends number
          ? [DivideExactly<S[At], P>] extends [never]
            ? ShapeMismatch<`split: size ${Text<S[At]>} of axis ${A} does not divide into ${P}`>
            : Pieces<With<S, At, DivideExactly<S[At], P>>, P>
          : P extends readonly unknown[]
            ? number extends P["length"]
              ? readonly Blur<S>[]
              : Differ<Sum<P>, S[At]> extends true
                ? ShapeMismatch<`split: sizes add up to ${Text<Sum<P>>}, axis ${A} has ${Text<S[At]>}`>
                : { readonly [I in keyof P]: With<S, At, DimOf<P[I]>> }
            : never
      : never;
type Pieces<S extends Shape, P> = P extends number
  ? number extends P
    ? readonly S[]
    : Repeat<S, P>
  : P extends readonly unknown[]
    ? { readonly [I in keyof P]: S }
    : readonly S[];
export type Unstack<S extends Shape, A extends number> =
  Unranked<S> extends true
    ? readonly Shape[]
    : AxisOf<S, A> extends infer At extends number
      ? number extends At
        ? readonly Shape[]
        : Pieces<Without<S, At>, S[At] extends number ? S[At] : number>
      : never;

/** The complaint about one of several shapes to be joined along axis `At`, seen from the first. */
export type ConcatConflict<First extends Shape, S extends Shape, A extends number> =
  | DifferentRank<First, S, `concat: an input has rank ${S["length"]}, input 0 has rank ${First["length"]}`>
  | Conflicts<First, S, "concat: axis ", " differs:", `${AxisOf<First, A>}`>;
export type Concat<Shapes extends readonly Shape[], A extends number> = number extends Shapes["length"]
  ? Shapes[number] extends infer S extends Shape
    ? ConcatUnknown<S, A>
    : never
  : Shapes extends readonly [infer First extends Shape, ...infer Rest extends readonly Shape[]]
    ? Unranked<First> extends true
      ? Shape
      : number extends AxisOf<First, A>
        ? Blur<First>
        : Joined<First, Rest, `${AxisOf<First, A>}`>
    : Shape;
type ConcatUnknown<S extends Shape, A extends number> =
  Unranked<S> extends true ? Shape : number extends AxisOf<S, A> ? Blur<S> : With<S, AxisOf<S, A>, number>;
type Joined<S extends Shape, Rest extends readonly Shape[], At extends string> = Rest extends readonly [
  infer Next extends Shape,
  ...infer More extends readonly Shape[],
]
  ? Unranked<Next> extends true
    ? Joined<{ readonly [Axis in keyof S]: Axis extends At ? number : S[Axis] }, More, At>
    : Joined<
        {
          readonly [Axis in keyof S]: Axis extends keyof Next
            ? Axis extends At
              ? Add<S[Axis], Next[Axis]>
              : Meet<S[Axis] & Dim, Next[Axis] & Dim>
            : S[Axis];
        },
        More,
        At
      >
  : S;

export type StackConflict<First extends Shape, S extends Shape> =
  | DifferentRank<First, S, `stack: an input has rank ${S["length"]}, input 0 has rank ${First["length"]}`>
  | Conflicts<First, S, "stack: axis ", " differs:">;

export type Stack<Shapes extends readonly Shape[], A extends number> =
  MeetAll<Shapes> extends infer S extends Shape ? ExpandDims<S, A, "stack", Shapes["length"]> : never;
/** What is known of shapes that must be equal. */
export type MeetAll<Shapes extends readonly Shape[]> = number extends Shapes["length"]
  ? Shapes[number]
  : Shapes extends readonly [infer First extends Shape, ...infer Rest extends readonly Shape[]]
    ? MetWith<First, Rest>
    : Shape;
type MetWith<S extends Shape, Rest extends readonly Shape[]> = Rest extends readonly [
  infer Next extends Shape,
  ...infer More extends readonly Shape[],
]
  ? MetWith<MeetShapes<S, Next>, More>
  : S;

export type Gather<S extends Shape, I extends Shape, A extends number> = true extends Unranked<S> | Unranked<I>
  ? Shape
  : AxisOf<S, A> extends infer At extends number
    ? [At] extends [never]
      ? ShapeMismatch<NoAxis<"gather", S, A>>
      : number extends At
        ? Shape
        : Insert<Without<S, At>, At, I>
    : never;

// ── normalisation ────────────────────────────────────────────────────────────────────────────────────────────────

/** One number per feature, in a vector. */
export type CheckFeatures<Op extends string, Name extends string, S extends Shape, V extends Shape, A extends number> =
  Unranked<V> extends true
    ? unknown
    : V extends readonly [infer N]
      ? number extends AxisOf<S, A>
        ? unknown
        : Differ<N, S[AxisOf<S, A>]> extends true
          ? ShapeMismatch<`${Op}: ${Name} has ${Text<N>} numbers, axis ${A} of x has ${Text<S[AxisOf<S, A>]>} features`>
          : unknown
      : ShapeMismatch<`${Op}: ${Name} needs rank 1, not ${V["length"]}`>;

// ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────

export type AssignConflict<S extends Shape, V extends Shape> =
  | DifferentRank<S, V, `assign: variable has rank ${S["length"]}, value ${V["length"]}`>
  | Conflicts<S, V, "assign: axis ", " differs:">;

// ── losses ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Losses do not broadcast: labels and predictions have one shape. */
export type LossConflict<Op extends string, A extends Shape, B extends Shape, Names extends string> =
  | DifferentRank<A, B, `${Op}: ${Names} have different ranks, ${A["length"]} and ${B["length"]}`>
  | Conflicts<A, B, `${Op}: ${Names} differ along axis `, ",">;
/** Class numbers have the shape of the scores without the axis of the classes. */
export type ClassConflict<Op extends string, Labels extends Shape, Scores extends Shape, A extends number> =
  Unranked<Scores> extends true
    ? never
    : number extends AxisOf<Scores, A>
      ? never
      : LossConflict<Op, Labels, Without<Scores, AxisOf<Scores, A>>, "labels and rows of scores">;
/** One value per element or row, or a scalar. */
export type LossResult<S, Reduction> = [Reduction] extends ["none"]
  ? S extends Shape
    ? S
    : Shape
  : [Reduction] extends ["mean" | "sum"]
    ? readonly []
    : Shape;
export type Rows<S extends Shape, A extends number> =
  Unranked<S> extends true ? Shape : number extends AxisOf<S, A> ? Shape : Without<S, AxisOf<S, A>>;
