/**
 * Shapes the editor can check. Types only: nothing here exists at run time.
 *
 * `784` is exact, `"batch"` a named size, plain `number` or `string` "known only at run time", which is
 * compatible with everything. `null` is a size nobody named.
 */
export type Dim = number | string | null;
export type Shape = readonly Dim[];

/** A type error with a sentence in it; nothing is assignable to it, so the editor prints the sentence. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeMismatch: Message;
}

type Open<D extends Dim> = number extends D ? true : string extends D ? true : null extends D ? true : false;
/** Names are decided at run time, so only two different numbers are a mismatch. */
type Compatible<A extends Dim, B extends Dim> = true extends Open<A> | Open<B>
  ? true
  : [A] extends [B]
    ? true
    : A extends string
      ? true
      : B extends string
        ? true
        : false;

type Text<D extends Dim> = D extends string | number ? `${D}` : "?";

type BroadcastDim<A extends Dim, B extends Dim> = [A] extends [1]
  ? B
  : [B] extends [1]
    ? A
    : Compatible<A, B> extends true
      ? Open<A> extends true
        ? B
        : A extends string
          ? B
          : A
      : ShapeMismatch<`cannot broadcast ${Text<A>} with ${Text<B>}`>;

/** NumPy broadcasting, aligned at the last axis. */
export type Broadcast<A extends Shape, B extends Shape> = number extends A["length"] | B["length"]
  ? Shape
  : A extends readonly [...infer AHead extends Shape, infer ALast extends Dim]
    ? B extends readonly [...infer BHead extends Shape, infer BLast extends Dim]
      ? [Broadcast<AHead, BHead>, BroadcastDim<ALast, BLast>] extends [infer Head, infer Last]
        ? Head extends Shape
          ? Last extends Dim
            ? readonly [...Head, Last]
            : Last
          : Head
        : never
      : A
    : B;

export type MatMul<A extends Shape, B extends Shape> = number extends A["length"] | B["length"]
  ? Shape
  : A extends readonly [...infer ABatch extends Shape, infer M extends Dim, infer K1 extends Dim]
    ? B extends readonly [...infer BBatch extends Shape, infer K2 extends Dim, infer N extends Dim]
      ? Compatible<K1, K2> extends true
        ? Broadcast<ABatch, BBatch> extends infer Batch
          ? Batch extends Shape
            ? readonly [...Batch, M, N]
            : Batch
          : never
        : ShapeMismatch<`matmul: inner sizes differ, ${Text<K1>} (left) against ${Text<K2>} (right)`>
      : ShapeMismatch<"matmul: the right operand needs rank 2 or more">
    : ShapeMismatch<"matmul: the left operand needs rank 2 or more">;

/** Intersected with a parameter type: harmless when the shapes fit, the sentence when they do not. */
export type Valid<R> = R extends ShapeMismatch<string> ? R : unknown;
export type Result<R> = R extends Shape ? R : Shape;
