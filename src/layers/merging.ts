/** Layers that make one tensor of several, given as a list: `new Add()([a, b])`. */
import { GraphError, ShapeError } from "../core/errors.ts";
import { type Sizes, shapeText } from "../core/shape.ts";
import { equalSizes, isKnown } from "../core/size.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, div, maximum, minimum, mul, sub } from "../ops/arithmetic.ts";
import { logicalOr } from "../ops/comparison.ts";
import { einsum } from "../ops/einsum.ts";
import { expandDims } from "../ops/movement.ts";
import { concat } from "../ops/slicing.ts";
import { l2Normalize } from "../ops/statistics.ts";
import { here } from "../runtime/reading.ts";
import { argumentError, BuiltIn, type LayerConfig, withDefaults } from "./built-in.ts";
import { maskOf } from "./core/context.ts";
import { layerCallOf } from "./core/functional-graph.ts";
import { LINE } from "./core/internal.ts";
import { type ApplyOptions, type Given, Layer, type LayerOptions } from "./core/layer.ts";
import { tensorsIn, withTensors } from "./core/nest.ts";

/** What does not fit in which branches, for the message. */
interface Misfit {
  readonly what: string;
  /** Branches, with the axes that are at fault. */
  readonly marks: ReadonlyMap<number, readonly number[]>;
  readonly fix: string;
}

/** What layers of several tensors have in common: the shapes are looked at before, and messages name the branch. */
abstract class Merge extends BuiltIn<readonly Tensor[], Tensor> {
  constructor(args: LayerOptions & LayerConfig) {
    super(args);
  }
  abstract misfit(shapes: readonly Sizes[]): Misfit | null;

  override apply(inputs: Given<readonly Tensor[]>, options: ApplyOptions = {}): Tensor {
    const given = withTensors(inputs) as readonly Tensor[];
    const branches = tensorsIn(given);
    if (!Array.isArray(given) || branches.length < 2) {
      throw new GraphError({
        what: `${this.name}: takes a list of two tensors or more, got ${branches.length === 1 ? "one tensor" : `${branches.length} tensors`}`,
        at: here(),
        fix: `call it on a list: ${this.name}([a, b])`,
      });
    }
    const shapes = branches.map(({ shape }) => shape);
    const misfit = shapes.some((shape) => shape === null) ? null : this.misfit(shapes as readonly Sizes[]);
    if (!misfit) return super.apply(given, options);
    throw new ShapeError({
      what: `${this.name}: ${misfit.what}`,
      details: branches.map((branch, i) => `branch ${i}  ${branchText(branch, misfit.marks.get(i) ?? [])}`),
      at: here(),
      fix: misfit.fix,
    });
  }

  /** A step counts if it does in one of the branches; one without a mask counts everywhere. */
  override outputMask(inputs: readonly Tensor[]): Tensor | null {
    const masks = inputs.map(maskOf);
    if (masks.some((mask) => mask === null)) return null;
    return (masks as readonly Tensor[]).reduce((all, mask) => logicalOr(all, mask));
  }
}

/** Which layer made it, and where that was made: `conv2d (Conv2D, made at app.ts:3:9): float32[batch, 28, 28, 8]`. */
function branchText(branch: Tensor, marks: readonly number[]): string {
  const layer = layerCallOf(branch.op)?.layer;
  const maker =
    layer instanceof Layer
      ? `${layer.name} (${layer.kind}, made at ${layer[LINE] ?? "an unknown line"})`
      : `${branch.op.name} (made at ${branch.op.line ?? "an unknown line"})`;
  return `${maker}: ${branch.dtype}${shapeText(branch.shape, marks)}`;
}

// ── element by element ───────────────────────────────────────────────────────────────────────────────────────────

/** Broadcasting; of a lower rank, axes come after that of the batch. */
abstract class ElementwiseMerge extends Merge {
  readonly #combine: (a: Tensor, b: Tensor) => Tensor;

  constructor(combine: (a: Tensor, b: Tensor) => Tensor, options: LayerOptions) {
    super({ ...options });
    this.#combine = combine;
  }
  override misfit(shapes: readonly Sizes[]): Misfit | null {
    const rank = Math.max(...shapes.map((shape) => shape.length));
    const aligned = shapes.map((shape) => {
      const missing = new Array<number>(shape.length === 0 ? 0 : rank - shape.length).fill(1);
      return [...shape.slice(0, 1), ...missing, ...shape.slice(1)];
    });
    for (let axis = 0; axis < rank; axis++) {
      const sizes = aligned.map((shape) => shape[axis]!);
      const first = sizes.findIndex((size) => size !== 1);
      const other = sizes.findIndex((size) => size !== 1 && first >= 0 && equalSizes(sizes[first]!, size) === false);
      if (other < 0) continue;
      const own = (branch: number): number[] => [axis - (axis > 0 ? rank - shapes[branch]!.length : 0)];
      return {
        what: `branch ${other} does not go with branch ${first}: ${sizes[other]} against ${sizes[first]} along axis ${axis}`,
        marks: new Map([first, other].map((branch) => [branch, own(branch)])),
        fix: "branches have equal shapes, or size 1 where one is repeated: project one with new Dense(…) or new Conv2D(…, 1)",
      };
    }
    return null;
  }
  override call(inputs: readonly Tensor[]): Tensor {
    const rank = Math.max(...inputs.map((input) => input.rank!));
    return inputs.map((input) => raised(input, rank)).reduce(this.#combine);
  }
}

function raised(x: Tensor, rank: number): Tensor {
  let y = x;
  while (y.rank! < rank) y = expandDims(y, 1);
  return y;
}

/** The sum of all: `a + b + …`. */
export class Add extends ElementwiseMerge {
  static readonly kind: string = "Add";
  constructor(options: LayerOptions = {}) {
    super(add, options);
  }
}
/** The product of all. */
export class Multiply extends ElementwiseMerge {
  static readonly kind: string = "Multiply";
  constructor(options: LayerOptions = {}) {
    super(mul, options);
  }
}
/** The mean of all. */
export class Average extends ElementwiseMerge {
  static readonly kind: string = "Average";
  constructor(options: LayerOptions = {}) {
    super(add, options);
  }
  override call(inputs: readonly Tensor[]): Tensor {
    return div(super.call(inputs), inputs.length);
  }
}
/** The largest of all. Where several are, the gradient goes to the first. */
export class Maximum extends ElementwiseMerge {
  static readonly kind: string = "Maximum";
  constructor(options: LayerOptions = {}) {
    super(maximum, options);
  }
}
/** The smallest of all. Where several are, the gradient goes to the first. */
export class Minimum extends ElementwiseMerge {
  static readonly kind: string = "Minimum";
  constructor(options: LayerOptions = {}) {
    super(minimum, options);
  }
}
/** The first minus the second. */
export class Subtract extends ElementwiseMerge {
  static readonly kind: string = "Subtract";
  constructor(options: LayerOptions = {}) {
    super(sub, options);
  }
  override misfit(shapes: readonly Sizes[]): Misfit | null {
    return shapes.length > 2 ? onlyTwo(shapes.length) : super.misfit(shapes);
  }
}

const onlyTwo = (count: number): Misfit => ({
  what: `takes two branches, got ${count}`,
  marks: new Map(),
  fix: "give it a list of two",
});

// ── side by side ─────────────────────────────────────────────────────────────────────────────────────────────────

/** All in a row along one axis. The other axes must have equal sizes. */
export class Concatenate extends Merge {
  static readonly kind: string = "Concatenate";
  readonly #axis: number;

  constructor(
    options: LayerOptions & {
      /** Default -1, the last one. */
      readonly axis?: number | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { axis: -1 });
    super(full);
    this.#axis = full.axis;
  }
  override misfit(shapes: readonly Sizes[]): Misfit | null {
    const [first, ...others] = shapes;
    const rank = first!.length;
    const along = this.#axis < 0 ? this.#axis + rank : this.#axis;
    if (!(along >= 0 && along < rank)) {
      return {
        what: `axis ${this.#axis} does not exist in rank ${rank}`,
        marks: new Map(),
        fix: `give an axis from 0 to ${rank - 1}, or -1 for the last`,
      };
    }
    for (const [i, shape] of others.entries()) {
      const branch = i + 1;
      if (shape.length !== rank) {
        return {
          what: `branch ${branch} has rank ${shape.length}, branch 0 has rank ${rank}`,
          marks: new Map(),
          fix: "give all branches the same rank: new Flatten(), new Reshape([…])",
        };
      }
      const axis = shape.findIndex((size, at) => at !== along && equalSizes(size, first![at]!) === false);
      if (axis < 0) continue;
      return {
        what: `branch ${branch} does not go with branch 0: ${shape[axis]} against ${first![axis]} along axis ${axis}`,
        marks: new Map([0, branch].map((at) => [at, [axis]])),
        fix: `only axis ${along} may differ; padding "same" and equal strides keep height and width equal`,
      };
    }
    return null;
  }
  override call(inputs: readonly Tensor[]): Tensor {
    return concat(inputs, this.#axis);
  }
  /** Along another axis than the last, steps would change places. */
  override outputMask(inputs: readonly Tensor[]): Tensor | null {
    const isLast = this.#axis === -1 || this.#axis === inputs[0]!.rank! - 1;
    return isLast ? super.outputMask(inputs) : null;
  }
}

// ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DotOptions extends LayerOptions {
  /** Scale to length 1 along the axes before: the result is the cosine of the angle. Default false. */
  readonly normalize?: boolean | undefined;
}

/**
 * The products of two tensors, example by example, summed over an axis of each: `[batch, a, k]` and `[batch, b, k]` with
 * axes 2 give `[batch, a, b]`; two of rank 2 give `[batch, 1]`.
 * @param axes over which is summed: one for both, or one each
 */
export class Dot extends Merge {
  static readonly kind: string = "Dot";
  static override readonly positional: readonly string[] = ["axes"];
  readonly #axes: readonly [number, number];
  readonly #normalize: boolean;

  /** @throws GraphError for axes that are none, or that of the batch */
  constructor(axes: number | readonly [number, number], options: DotOptions = {}) {
    const full = withDefaults(options, { normalize: false });
    super({ axes, ...full });
    const both = typeof axes === "number" ? ([axes, axes] as const) : axes;
    if (both.length !== 2 || !both.every((axis) => Number.isInteger(axis) && axis !== 0)) {
      throw argumentError("Dot", "axes", axes, "give one axis or two, not that of the batch: 1, [1, 2], -1");
    }
    this.#axes = both;
    this.#normalize = full.normalize;
  }
  override misfit(shapes: readonly Sizes[]): Misfit | null {
    if (shapes.length !== 2) return onlyTwo(shapes.length);
    const places = this.#axes.map((axis, i) => (axis < 0 ? axis + shapes[i]!.length : axis));
    const missing = places.findIndex((axis, i) => axis < 1 || axis >= shapes[i]!.length);
    if (missing >= 0) {
      return {
        what: `branch ${missing} has no axis ${this.#axes[missing]} besides that of the batch: its rank is ${shapes[missing]!.length}`,
        marks: new Map(),
        fix: "give axes that both have: 1, [1, 2], -1",
      };
    }
    const [left, right] = shapes.map((shape, i) => shape[places[i]!]!);
    if (!isKnown(left!) || !isKnown(right!) || left === right) return null;
    return {
      what: `branch 1 does not go with branch 0: ${right} against ${left} elements to be summed over`,
      marks: new Map(places.map((axis, branch) => [branch, [axis]])),
      fix: "give the axes along which both have equal sizes",
    };
  }
  override call(inputs: readonly Tensor[]): Tensor {
    const places = this.#axes.map((axis, i) => (axis < 0 ? axis + inputs[i]!.rank! : axis));
    const [left, right] = inputs.map((input, i) =>
      this.#normalize ? l2Normalize(input, { axis: places[i]! }) : input,
    );
    const letters = ["ijklmno", "pqrstuv"].map((names, i) =>
      [...names.slice(0, inputs[i]!.rank! - 1)].map((name, axis) => (axis + 1 === places[i] ? "z" : name)).join(""),
    );
    const kept = letters.join("").replaceAll("z", "");
    const product = einsum(`b${letters[0]},b${letters[1]}->b${kept}`, left!, right!);
    return product.rank === 1 ? expandDims(product, 1) : product;
  }
  override outputMask(): null {
    return null;
  }
}

// ── as functions ─────────────────────────────────────────────────────────────────────────────────────────────────

/** `new Concatenate(options)(inputs)`. */
export const concatenate = (
  inputs: readonly Tensor[],
  options?: ConstructorParameters<typeof Concatenate>[0],
): Tensor => new Concatenate(options)(inputs);
