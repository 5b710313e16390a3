/** Windows that slide over sequences, images and volumes, in the type checker. Types only: nothing here runs. */
import type { Add, CeilDivide, FloorDivide, Multiply, Subtract } from "./shape-arithmetic.ts";
import type { PaddedDim } from "./shape-rules.ts";
import type { Differ, Dim, FirstOf, Shape, ShapeMismatch, Text, Unranked, Valid } from "./shape-types.ts";

/** How each rank is spoken of, by the number of axes over which windows slide. */
interface Words {
  1: { axes: ["width"]; one: "sequence"; many: "sequences need rank 3 [batch, width, channels]" };
  2: { axes: ["height", "width"]; one: "image"; many: "images need rank 4 [batch, height, width, channels]" };
  3: {
    axes: ["depth", "height", "width"];
    one: "volume";
    many: "volumes need rank 5 [batch, depth, height, width, channels]";
  };
}
interface FilterWords {
  1: "filters need rank 3 [width, inputs, outputs]";
  2: "filters need rank 4 [height, width, inputs, outputs]";
  3: "filters need rank 5 [depth, height, width, inputs, outputs]";
}
export type Dimensions = keyof Words;
type RankOf<N extends Dimensions> = { 1: 3; 2: 4; 3: 5 }[N];

/** One number counts for all axes. */
type At<P, Axis> = P extends readonly unknown[] ? (Axis extends keyof P ? P[Axis] : number) : P;
type Span<Taps, Dilation> = Dilation extends 1 ? Taps : Add<Multiply<Subtract<Taps, 1>, Dilation>, 1>;
type Padded<Size, Padding> = [Padding] extends ["valid"]
  ? Size
  : [Padding] extends [readonly unknown[]]
    ? PaddedDim<Size, Padding>
    : number;
/** Positions of a window along one axis. */
type Positions<Op extends string, Name, Size, Taps, Stride, Padding, Dilation> = [Padding] extends ["same"]
  ? CeilDivide<Size, Stride>
  : [Subtract<Padded<Size, Padding>, Span<Taps, Dilation>>] extends [infer Steps]
    ? [Steps] extends [never]
      ? ShapeMismatch<`${Op}: a window of ${Text<Span<Taps, Dilation>>} does not fit into ${Name & string} ${Text<Padded<Size, Padding>>}`>
      : Add<FloorDivide<Steps, Stride>, 1>
    : never;

/** A shape, unless some entry is a complaint: then the first of those. */
type Sound<S extends readonly unknown[]> =
  FirstOf<{ readonly [Axis in keyof S]: Extract<S[Axis], ShapeMismatch<string>> }> extends infer Complaint
    ? [Complaint] extends [never]
      ? S
      : Complaint
    : never;
type Slid<Op extends string, Names, Middle extends Shape, Taps, Strides, Padding, Dilations> = Sound<{
  readonly [Axis in keyof Middle]: Positions<
    Op,
    At<Names, Axis>,
    Middle[Axis],
    At<Taps, Axis>,
    At<Strides, Axis>,
    At<Padding, Axis>,
    At<Dilations, Axis>
  >;
}>;

/** A complaint about images of another rank. */
export type CheckImage<N extends Dimensions, Op extends string, X extends Shape> =
  Unranked<X> extends true
    ? unknown
    : [X["length"] & RankOf<N>] extends [never]
      ? ShapeMismatch<`${Op}: ${Words[N]["many"]}, not rank ${X["length"]}`>
      : unknown;

/** What is left of `[batch, …, channels]` after a window has slid over it. `Channels` null keeps those there are. */
export type Window<
  N extends Dimensions,
  Op extends string,
  X extends Shape,
  Taps,
  Strides,
  Padding,
  Dilations = 1,
  Channels = null,
> =
  Unranked<X> extends true
    ? Shape
    : [X["length"] & RankOf<N>] extends [never]
      ? ShapeMismatch<`${Op}: ${Words[N]["many"]}, not rank ${X["length"]}`>
      : X extends readonly [infer Batch, ...infer Middle extends Shape, infer Own]
        ? Slid<Op, Words[N]["axes"], Middle, Taps, Strides, Padding, Dilations> extends infer Places
          ? Places extends Shape
            ? readonly [Batch, ...Places, [Channels] extends [null] ? Own : Channels]
            : Places
          : never
        : Shape;

/** Sizes of the window and output channels, from filters `[…, inputs, outputs]`. */
export type Convolution<
  N extends Dimensions,
  Op extends string,
  X extends Shape,
  F extends Shape,
  Strides,
  Padding,
  Dilations,
> = F extends readonly [...infer Taps extends Shape, Dim, infer Outputs extends Dim]
  ? Window<N, Op, X, Taps, Strides, Padding, Dilations, Outputs>
  : Window<N, Op, X, number, number, number, number, number>;

/** A complaint about the filters, or about what comes out; nothing more to say of images of another rank. */
export type CheckFilters<
  N extends Dimensions,
  Op extends string,
  X extends Shape,
  F extends Shape,
  Groups extends number,
  Out,
> =
  Unranked<F> extends true
    ? unknown
    : [F["length"] & RankOf<N>] extends [never]
      ? ShapeMismatch<`${Op}: ${FilterWords[N]}, not rank ${F["length"]}`>
      : [X["length"] & RankOf<N>] extends [never]
        ? unknown
        : [X, F] extends [
              readonly [...Shape, infer Channels extends Dim],
              readonly [...Shape, infer Inputs extends Dim, Dim],
            ]
          ? Differ<Channels, Multiply<Inputs, Groups>> extends true
            ? ShapeMismatch<`${Op}: the ${Words[N]["one"]} has ${Text<Channels>} channels, the filters take ${[
                Groups,
              ] extends [1]
                ? Text<Inputs>
                : `${Groups} groups of ${Text<Inputs>}`}`>
            : Valid<Out>
          : unknown;
