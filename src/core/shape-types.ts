/**
 * Shapes the editor can check. Types only: nothing here exists at run time.
 *
 * `784` is exact, `"batch"` a named size, plain `number` or `string` "known only at run time", which is
 * compatible with everything. `null` is a size nobody named. A shape whose rank is not known checks nothing.
 *
 * What an op makes of shapes is in `shape-rules.ts`, arithmetic on sizes in `shape-arithmetic.ts`. Wherever a size may
 * be a union, conditions are written `[A] extends [B]`: the naked form would try every member.
 */
export type Dim = number | string | null;
export type Shape = readonly Dim[];
/**
 * The shape of a tensor written without one. `any`, so that such a tensor is welcome where a shape is asked for, and
 * one with a shape where none is: types are gradual, and what they do not say is checked when the op is added.
 */
// biome-ignore lint/suspicious/noExplicitAny: nothing else is assignable both ways
export type AnyShape = any;

/** A type error with a sentence in it; nothing is assignable to it, so the editor prints the sentence. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeMismatch: Message;
}

/** Intersected with a parameter type: harmless when the shapes fit, the sentence when they do not. */
export type Valid<R> = R extends ShapeMismatch<string> ? R : unknown;
/** The shape of a result; unless it is known how many axes there are, any. One mistake is complained of once. */
export type Result<R> = R extends Shape ? (number extends R["length"] ? AnyShape : R) : AnyShape;

// ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Known only at run time. */
type Open<D> = number extends D ? true : string extends D ? true : null extends D ? true : false;
/** Names are decided at run time, so only two different numbers differ. Of a union, no member may fit. */
export type Differ<A, B> = [A] extends [number]
  ? [B] extends [number]
    ? [A & B] extends [never]
      ? true
      : false
    : false
  : false;
/** The more exact one of two sizes that must be equal: a number, else a name. */
export type Meet<A extends Dim, B extends Dim> =
  Open<A> extends true ? B : Open<B> extends true ? A : [A] extends [string] ? B : A;

export type Text<D> = D extends string | number ? `${D}` : "?";

// ── shapes and axes ──────────────────────────────────────────────────────────────────────────────────────────────

/** True for a shape whose rank is not known. */
export type Unranked<S extends Shape> = number extends S["length"] ? true : false;
/** Of the same rank, with no size known. */
export type Blur<S extends Shape> = { readonly [Axis in keyof S]: number };

/** `FromEnd[rank][back]` is the axis that many from the end. */
type FromEnd = [
  [never],
  [never, 0],
  [never, 1, 0],
  [never, 2, 1, 0],
  [never, 3, 2, 1, 0],
  [never, 4, 3, 2, 1, 0],
  [never, 5, 4, 3, 2, 1, 0],
  [never, 6, 5, 4, 3, 2, 1, 0],
  [never, 7, 6, 5, 4, 3, 2, 1, 0],
];
type IsUnion<T, All = T> = T extends unknown ? ([All] extends [T] ? false : true) : never;

/** Axis counted from the front; `number` if that can not be told, `never` if there is no such axis. */
export type AxisOf<S extends Shape, A extends number> = number extends A | S["length"]
  ? number
  : true extends IsUnion<A> | IsUnion<S["length"]>
    ? number
    : `${A}` extends `-${infer Back}`
      ? S["length"] extends keyof FromEnd
        ? Back extends keyof FromEnd[S["length"]] & `${number}`
          ? FromEnd[S["length"]][Back] & number
          : never
        : number
      : `${A}` extends keyof S
        ? A
        : never;

/** What is said of an axis that does not exist. */
export type NoAxis<
  Op extends string,
  S extends Shape,
  A extends number,
> = `${Op}: axis ${A} does not exist in rank ${S["length"]}`;
/** Complains of an axis that does not exist. */
export type CheckAxis<Op extends string, S extends Shape, A extends number> = [AxisOf<S, A>] extends [never]
  ? ShapeMismatch<NoAxis<Op, S, A>>
  : unknown;

/** The axes of a list as a union, `number` if they can not be told, or the complaint. */
export type AxesOf<
  Op extends string,
  S extends Shape,
  List extends readonly number[],
  Seen extends number = never,
> = number extends List["length"]
  ? number
  : List extends readonly [infer First extends number, ...infer Rest extends readonly number[]]
    ? AxisOf<S, First> extends infer Axis extends number
      ? [Axis] extends [never]
        ? ShapeMismatch<NoAxis<Op, S, First>>
        : number extends Axis
          ? number
          : [Axis] extends [Seen]
            ? ShapeMismatch<`${Op}: axis ${Axis} is named twice`>
            : AxesOf<Op, S, Rest, Seen | Axis>
      : never
    : Seen;

/** The shape without some axes. */
export type Without<
  S extends Shape,
  Axes extends number,
  Head extends Shape = readonly [],
  Seen extends readonly unknown[] = [],
> = S extends readonly [infer First extends Dim, ...infer Rest extends Shape]
  ? [Seen["length"]] extends [Axes]
    ? Without<Rest, Axes, Head, [...Seen, 0]>
    : Without<Rest, Axes, readonly [...Head, First], [...Seen, 0]>
  : Head;
/** The shape with size `D` along some axes. */
export type With<S extends Shape, Axes extends number, D> = {
  readonly [Axis in keyof S]: Axis extends `${Axes}` ? D : S[Axis];
};
/** Axes of `New` before axis `At`. */
export type Insert<
  S extends Shape,
  At extends number,
  New extends Shape,
  Head extends Shape = readonly [],
> = Head["length"] extends At
  ? readonly [...Head, ...New, ...S]
  : S extends readonly [infer First extends Dim, ...infer Rest extends Shape]
    ? Insert<Rest, At, New, readonly [...Head, First]>
    : Shape;
export type Reversed<S extends Shape, Tail extends Shape = readonly []> = S extends readonly [
  infer First extends Dim,
  ...infer Rest extends Shape,
]
  ? Reversed<Rest, readonly [First, ...Tail]>
  : Tail;

/** `"0, 2"` of a list of numbers. */
export type ListText<List extends readonly unknown[], Out extends string = ""> = List extends readonly [
  infer First,
  ...infer Rest,
]
  ? ListText<Rest, Out extends "" ? Text<First> : `${Out}, ${Text<First>}`>
  : Out;
/** `[batch, 784]`. */
export type ShapeText<S extends readonly unknown[]> = `[${ListText<S>}]`;

// ── two shapes ───────────────────────────────────────────────────────────────────────────────────────────────────

/** The first complaint in a list. */
export type FirstOf<List> = List extends readonly [infer First, ...infer Rest]
  ? [First] extends [never]
    ? FirstOf<Rest>
    : First
  : never;
/** Both shapes must be equal, except along some axes. The sentence is `<Of><axis><Says> <size> against <size>`. */
export type Conflicts<
  A extends Shape,
  B extends Shape,
  Of extends string,
  Says extends string,
  Except extends string = never,
> = true extends Unranked<A> | Unranked<B>
  ? never
  : [A["length"] & B["length"]] extends [never]
    ? never
    : FirstOf<{
        readonly [Axis in keyof A]: Axis extends Except
          ? never
          : Axis extends keyof B
            ? Differ<A[Axis], B[Axis]> extends true
              ? ShapeMismatch<`${Of}${Axis & string}${Says} ${Text<A[Axis]>} against ${Text<B[Axis]>}`>
              : never
            : never;
      }>;
/** Unless the ranks are equal, the sentence. */
export type DifferentRank<A extends Shape, B extends Shape, Message extends string> = true extends
  | Unranked<A>
  | Unranked<B>
  ? never
  : [A["length"] & B["length"]] extends [never]
    ? ShapeMismatch<Message>
    : never;
/** A complaint, or nothing to complain of. */
export type Unless<Complaint> = [Complaint] extends [never] ? unknown : Complaint;
/** What is known of a shape from two that must be equal. */
export type MeetShapes<A extends Shape, B extends Shape> =
  Unranked<A> extends true
    ? B
    : Unranked<B> extends true
      ? A
      : { readonly [Axis in keyof A]: Axis extends keyof B ? Meet<A[Axis], B[Axis] & Dim> : A[Axis] };

type BroadcastDim<A extends Dim, B extends Dim> = [A] extends [1]
  ? B
  : [B] extends [1]
    ? A
    : Differ<A, B> extends true
      ? 1 extends A | B
        ? number
        : ShapeMismatch<`cannot broadcast ${Text<A>} with ${Text<B>}`>
      : Meet<A, B>;

type Aligned<A extends Shape, B extends Shape, Tail extends Shape = readonly []> = A extends readonly [
  ...infer AHead extends Shape,
  infer ALast extends Dim,
]
  ? B extends readonly [...infer BHead extends Shape, infer BLast extends Dim]
    ? [BroadcastDim<ALast, BLast>] extends [infer Last extends Dim]
      ? Aligned<AHead, BHead, readonly [Last, ...Tail]>
      : BroadcastDim<ALast, BLast>
    : readonly [...A, ...Tail]
  : readonly [...B, ...Tail];
/** NumPy broadcasting, aligned at the last axis. */
export type Broadcast<A extends Shape, B extends Shape> = true extends Unranked<A> | Unranked<B>
  ? Shape
  : // Through `infer`, so that nothing that compares the unresolved type walks down the recursion.
    Aligned<A, B> extends infer Both
    ? Both
    : never;

export type MatMul<A extends Shape, B extends Shape, Op extends string = "matmul"> = true extends
  | Unranked<A>
  | Unranked<B>
  ? Shape
  : A extends readonly [...infer ABatch extends Shape, infer M extends Dim, infer K1 extends Dim]
    ? B extends readonly [...infer BBatch extends Shape, infer K2 extends Dim, infer N extends Dim]
      ? Differ<K1, K2> extends true
        ? ShapeMismatch<`${Op}: inner sizes differ, ${Text<K1>} (left) against ${Text<K2>} (right)`>
        : Broadcast<ABatch, BBatch> extends infer Batch
          ? Batch extends Shape
            ? readonly [...Batch, M, N]
            : Batch
          : never
      : ShapeMismatch<`${Op}: the right operand needs rank 2 or more`>
    : ShapeMismatch<`${Op}: the left operand needs rank 2 or more`>;

type Nested<V extends readonly unknown[], Head extends Shape = readonly []> = [V[0]] extends [
  number | boolean | undefined,
]
  ? readonly [...Head, V["length"]]
  : [V[0]] extends [readonly unknown[]]
    ? Nested<V[0], readonly [...Head, V["length"]]>
    : Shape;
/** The shape of a nested list of numbers, and of nothing else. */
export type ListShape<V> = V extends readonly unknown[] ? Result<Nested<V>> : AnyShape;
