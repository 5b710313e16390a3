/** What a random program may do in one step. Together they reach every kind of op there is. */
import { isFloat } from "../../src/core/dtype.ts";
import { elementCount } from "../../src/core/shape.ts";
import type { ExampleInput, OpDef } from "../../src/graph/define.ts";
import type { Tensor } from "../../src/graph/operation.ts";
import * as fr from "../../src/index.ts";
import { OPS } from "../../src/ops/registry.ts";
import { type Choices, countOf, LARGEST, NothingFits, shapeOf } from "./choices.ts";

export interface StepKind {
  readonly name: string;
  build(choices: Choices): Tensor;
}

const float = (tensor: Tensor): boolean => isFloat(tensor.dtype);
const rankAtLeast = (rank: number) => (tensor: Tensor) => shapeOf(tensor).length >= rank;
const sameSpec = (a: Tensor) => (b: Tensor) => a.dtype === b.dtype && shapeOf(a).join() === shapeOf(b).join();

const broadcasts = (a: Tensor, b: Tensor): boolean => {
  const [left, right] = [shapeOf(a), shapeOf(b)];
  const rank = Math.max(left.length, right.length);
  let count = 1;
  for (let back = 1; back <= rank; back++) {
    const [x, y] = [left.at(-back) ?? 1, right.at(-back) ?? 1];
    if (x !== y && x !== 1 && y !== 1) return false;
    count *= x === 1 ? y : x;
  }
  return count <= LARGEST;
};
const partnerOf = (choices: Choices, a: Tensor): Tensor =>
  choices.tensor((b) => b.dtype === a.dtype && broadcasts(a, b));

/** True if the op takes these dtypes. */
function takes(def: OpDef, dtypes: readonly Tensor["dtype"][], attrs: OpDef["examples"][number]["attrs"]): boolean {
  try {
    def.dtypes(dtypes, attrs, {
      fail: () => {
        throw new NothingFits();
      },
    });
    return true;
  } catch (error) {
    if (error instanceof NothingFits) return false;
    throw error;
  }
}

const recordsOf = (inputs: number, ...categories: OpDef["category"][]): readonly OpDef[] =>
  OPS.filter((def) => categories.includes(def.category) && def.inputs.length === inputs && def.inputs !== "many");

/** Attributes as in one of the examples; those of pointwise ops fit any shape. */
const attrsOf = (choices: Choices, def: OpDef) => choices.of(def.examples).attrs;

const UNARY = recordsOf(1, "pointwise").concat(OPS.filter(({ name }) => /^(selu|gelu|swish|identity)$/.test(name)));
const BINARY = recordsOf(2, "pointwise");
const REDUCTIONS = recordsOf(1, "reduction").filter((def) => "keepDims" in (def.examples[0]?.attrs ?? {}));
const ARGS = REDUCTIONS.filter((def) => "axis" in def.examples[0]!.attrs);
const FOLDS = REDUCTIONS.filter((def) => "axes" in def.examples[0]!.attrs);
const ELEMENT_LOSSES = recordsOf(2, "loss").filter((def) => !("axis" in def.examples[0]!.attrs));

const axisOf = (choices: Choices, tensor: Tensor): number => {
  const rank = shapeOf(tensor).length;
  if (rank === 0) throw new NothingFits();
  return choices.next(2 * rank) - rank;
};
/** A factorisation of a number of elements, of up to three axes. */
function factors(choices: Choices, count: number): number[] {
  if (count === 0) return choices.of([[0], [0, 3], [2, 0], [1, 0, 2]]);
  const divisors = Array.from({ length: count }, (_, i) => i + 1).filter((divisor) => count % divisor === 0);
  const first = choices.of(divisors);
  const rest = count / first;
  const second = choices.of(divisors.filter((divisor) => rest % divisor === 0));
  return choices.of([[count], [first, rest], [first, second, rest / second], [rest, first]]);
}
const image = (choices: Choices): Tensor => {
  const x = choices.tensor((tensor) => float(tensor) && countOf(tensor) > 0);
  const [height, width = 1] = factors(choices, countOf(x));
  return fr.reshape(x, [1, height!, width, countOf(x) / (height! * width)]);
};
const keyOf = ({ graph, next }: Choices): Tensor => fr.foldIn(fr.randomKey(graph, next(1000)), next(7));
const smallShape = (choices: Choices): number[] => choices.of([[3], [2, 3], [], [0, 2], [7], [1, 5]]);
const tightWindow = (choices: Choices) => ({
  window: choices.of([1, 2, [2, 1], [1, 3]] as const),
  strides: choices.of([1, 2, [1, 2]] as const),
  padding: choices.of(["same", "valid"] as const),
});

const pointwise: StepKind[] = [
  ...[0, 1, 2].map(() => ({
    name: "unary",
    build: (choices: Choices) => {
      const def = choices.of(UNARY);
      const attrs = attrsOf(choices, def);
      const x = choices.tensor(({ dtype }) => takes(def, [dtype], attrs));
      return choices.graph.apply(def, [x], attrs).outputs[0]!;
    },
  })),
  ...[0, 1, 2].map(() => ({
    name: "binary",
    build: (choices: Choices) => {
      const def = choices.of(BINARY);
      const attrs = attrsOf(choices, def);
      const a = choices.tensor(({ dtype }) => takes(def, [dtype, dtype], attrs));
      return choices.graph.apply(def, [a, partnerOf(choices, a)], attrs).outputs[0]!;
    },
  })),
  {
    name: "scalar",
    build: (choices) => {
      const x = choices.tensor(({ dtype }) => dtype !== "bool");
      const value = float(x) ? choices.of([0, 1, -1, 2, 0.5, -0, Infinity]) : choices.of([0, 1, 2, 3]);
      const op = choices.of([fr.add, fr.sub, fr.mul, fr.maximum, fr.minimum] as const);
      return choices.next(2) === 0 ? op(x, value) : op(value, x);
    },
  },
  {
    name: "where",
    build: (choices) => {
      const a = choices.tensor();
      const b = partnerOf(choices, a);
      const test = choices.find((c) => c.dtype === "bool" && broadcasts(a, c) && broadcasts(b, c));
      return fr.where(test ?? fr.notEqual(a, b), a, b);
    },
  },
  {
    name: "addN",
    build: (choices) => {
      const a = choices.tensor(({ dtype }) => dtype !== "bool");
      return fr.addN([a, choices.tensor(sameSpec(a)), choices.tensor(sameSpec(a))]);
    },
  },
  {
    name: "cast",
    build: (choices) =>
      fr.cast(choices.tensor(), choices.of(["float32", "float64", "int32", "uint32", "bool"] as const)),
  },
];

/** An operation again, for passes that merge duplicates; and with its operands the other way round. */
const repeating: StepKind[] = [0, 1].map(() => ({
  name: "twin",
  build: (choices: Choices) => {
    const { def, inputs, attrs } = choices.opOf(choices.tensor((tensor) => choices.opOf(tensor).inputs.length > 0));
    // Records such as spreadLike, which only gradient rules make, trust their caller to order the operands.
    const swaps = def.category === "pointwise" || def.category === "contraction";
    return choices.graph.apply(def, swaps && choices.next(3) > 0 ? inputs.toReversed() : inputs, attrs).outputs[0]!;
  },
}));

/** Examples small enough for a random graph. */
const SMALL_EXAMPLES = OPS.flatMap((def) =>
  def.examples
    .filter(({ inputs }) => inputs.every(({ shape }) => elementCount(shape) <= LARGEST))
    .map((example) => ({ def, example })),
);

/** Elements of a tensor at hand, in the dtype and shape asked for: cut off, or repeated. */
function pieceOf(choices: Choices, { dtype, shape }: ExampleInput): Tensor {
  const needed = elementCount(shape);
  const enough = (tensor: Tensor) => needed === 0 || countOf(tensor) > 0;
  const x =
    choices.find((tensor) => tensor.dtype === dtype && enough(tensor)) ?? fr.cast(choices.tensor(enough), dtype);
  const line = fr.reshape(x, [countOf(x)]);
  const long = countOf(x) < needed ? fr.tile(line, [Math.ceil(needed / countOf(x))]) : line;
  return fr.reshape(fr.slice(long, [0], [needed]), shape);
}

/** Any record at all, as in one of its examples but on values at hand: new ops need no step of their own. */
const exemplary: StepKind[] = [0, 1, 2].map(() => ({
  name: "example",
  build: (choices: Choices) => {
    const { def, example } = choices.of(SMALL_EXAMPLES);
    const inputs = example.inputs.map((input) => pieceOf(choices, input));
    return choices.of(choices.graph.apply(def, inputs, example.attrs).outputs);
  },
}));

const reducing: StepKind[] = [
  ...[0, 1].map(() => ({
    name: "fold",
    build: (choices: Choices) => {
      const def = choices.of(FOLDS);
      const attrs = { axes: null, keepDims: choices.next(2) === 1 };
      const x = choices.tensor(({ dtype }) => takes(def, [dtype], attrs));
      const rank = shapeOf(x).length;
      const mask = choices.next(2 ** rank + 1);
      const axes = mask === 2 ** rank ? null : Array.from({ length: rank }, (_, i) => i).filter((i) => (mask >> i) & 1);
      return choices.graph.apply(def, [x], { ...attrs, axes }).outputs[0]!;
    },
  })),
  {
    name: "arg",
    build: (choices) => {
      const def = choices.of(ARGS);
      const x = choices.tensor((tensor) => tensor.dtype !== "bool" && countOf(tensor) > 0);
      const attrs = { axis: axisOf(choices, x), keepDims: choices.next(2) === 1 };
      return choices.graph.apply(def, [x], attrs).outputs[0]!;
    },
  },
  {
    name: "softmax",
    build: (choices) => {
      const x = choices.tensor(float);
      return choices.of([fr.softmax, fr.logSoftmax] as const)(x, { axis: axisOf(choices, x) });
    },
  },
  {
    name: "layerNorm",
    build: (choices) => {
      const x = choices.tensor((tensor) => float(tensor) && shapeOf(tensor).length > 0);
      const size = shapeOf(x).at(-1)!;
      const vector = () =>
        choices.find((tensor) => tensor.dtype === x.dtype && shapeOf(tensor).join() === `${size}`) ??
        fr.cast(fr.range(x, size), x.dtype);
      return fr.layerNorm(x, vector(), vector());
    },
  },
];

const moving: StepKind[] = [
  {
    name: "reshape",
    build: (choices) => {
      const x = choices.tensor();
      return fr.reshape(x, factors(choices, countOf(x)));
    },
  },
  {
    name: "transpose",
    build: (choices) => {
      const x = choices.tensor(rankAtLeast(2));
      const left = shapeOf(x).map((_, axis) => axis);
      return fr.transpose(
        x,
        shapeOf(x).map(() => left.splice(choices.next(left.length), 1)[0]!),
      );
    },
  },
  {
    name: "expandDims",
    build: (choices) => {
      const x = choices.tensor();
      return fr.expandDims(x, choices.next(shapeOf(x).length + 1));
    },
  },
  { name: "squeeze", build: (choices) => fr.squeeze(choices.tensor((tensor) => shapeOf(tensor).includes(1))) },
  {
    name: "broadcastTo",
    build: (choices) => {
      const x = choices.tensor((tensor) => countOf(tensor) <= LARGEST / 3);
      const grown = shapeOf(x).map((size) => (size === 1 ? choices.of([3, 1, 0, 2]) : size));
      return fr.broadcastTo(x, choices.next(2) === 0 ? grown : [choices.of([2, 3, 1]), ...grown]);
    },
  },
  {
    name: "tile",
    build: (choices) => {
      const x = choices.tensor();
      return fr.tile(
        x,
        shapeOf(x).map(() => choices.of([1, 2, 3, 0])),
      );
    },
  },
  ...[0, 1].map(() => ({
    name: "slice",
    build: (choices: Choices) => {
      const x = choices.tensor(rankAtLeast(1));
      const begin = shapeOf(x).map((size) => choices.next(size + 1));
      return fr.slice(
        x,
        begin,
        shapeOf(x).map((size, axis) => choices.of([-1, choices.next(size - begin[axis]! + 1)])),
      );
    },
  })),
  {
    name: "pad",
    build: (choices) => {
      const x = choices.tensor();
      const value = x.dtype === "bool" ? choices.next(2) : choices.of([0, 1, 5]);
      return fr.pad(
        x,
        shapeOf(x).map(() => [choices.next(3), choices.next(2)] as const),
        value,
      );
    },
  },
  ...[0, 1].map(() => ({
    name: "concat",
    build: (choices: Choices) => {
      const a = choices.tensor(rankAtLeast(1));
      const axis = choices.next(shapeOf(a).length);
      const others = (tensor: Tensor) =>
        shapeOf(tensor)
          .map((size, i) => (i === axis ? "" : size))
          .join();
      const joins = (b: Tensor) =>
        b.dtype === a.dtype && shapeOf(b).length === shapeOf(a).length && others(b) === others(a);
      const parts = [a, ...Array.from({ length: 1 + choices.next(2) }, () => choices.tensor(joins))];
      return fr.concat(parts, axis);
    },
  })),
  {
    name: "stack",
    build: (choices) => {
      const a = choices.tensor();
      return fr.stack([a, choices.tensor(sameSpec(a))], choices.next(shapeOf(a).length + 1));
    },
  },
  {
    name: "split",
    build: (choices) => {
      const x = choices.tensor(rankAtLeast(1));
      const axis = choices.next(shapeOf(x).length);
      const first = choices.next(shapeOf(x)[axis]! + 1);
      return choices.of(fr.split(x, [first, shapeOf(x)[axis]! - first], axis));
    },
  },
  {
    name: "reverse",
    build: (choices) => {
      const x = choices.tensor(rankAtLeast(1));
      return fr.reverse(x, axisOf(choices, x));
    },
  },
  { name: "flatten", build: (choices) => fr.flatten(choices.tensor(rankAtLeast(1))) },
  { name: "stopGradient", build: (choices) => fr.stopGradient(choices.tensor()) },
];

const int32 = ({ dtype }: Tensor): boolean => dtype === "int32";
const contracting: StepKind[] = [
  {
    name: "gather",
    build: (choices) => {
      const indices = choices.tensor((tensor) => int32(tensor) && countOf(tensor) <= 8);
      const x = choices.tensor((tensor) => shapeOf(tensor).length > 0 && countOf(tensor) > 0);
      return choices.next(3) === 0 ? fr.takeFlat(x, indices) : fr.gather(x, indices, axisOf(choices, x));
    },
  },
  {
    name: "scatterAdd",
    build: (choices) => {
      const indices = choices.tensor((tensor) => int32(tensor) && shapeOf(tensor).length === 1);
      const updates = choices.tensor((u) => u.dtype !== "bool" && shapeOf(u)[0] === shapeOf(indices)[0]);
      return fr.scatterAdd(indices, updates, [choices.of([3, 1, 5]), ...shapeOf(updates).slice(1)]);
    },
  },
  {
    name: "scatterAddFlat",
    build: (choices) => {
      const indices = choices.tensor(int32);
      const fits = (u: Tensor) => u.dtype !== "bool" && shapeOf(u).join() === shapeOf(indices).join();
      return fr.scatterAddFlat(indices, choices.tensor(fits), choices.of([[3], [2, 2], [5, 1]]));
    },
  },
  {
    name: "oneHot",
    build: (choices) =>
      fr.oneHot(choices.tensor(int32), choices.of([3, 1, 5]), {
        dtype: choices.of(["float32", "float64", "int32", "bool"] as const),
      }),
  },
  ...[0, 1].map(() => ({
    name: "matmul",
    build: (choices: Choices) => {
      const a = choices.tensor((tensor) => shapeOf(tensor).length >= 2 && tensor.dtype !== "bool");
      const columns = shapeOf(a).at(-1)!;
      const flip = choices.next(2) === 1;
      const b = choices.find(
        (c) => c.dtype === a.dtype && shapeOf(c).length >= 2 && shapeOf(c).at(flip ? -1 : -2) === columns,
      );
      return b ? fr.matmul(a, b, { transposeB: flip }) : fr.matmul(a, a, { transposeB: true });
    },
  })),
  {
    name: "conv2d",
    build: (choices) => {
      const x = image(choices);
      const channels = shapeOf(x)[3]!;
      const filters = choices.tensor((w) => w.dtype === x.dtype && countOf(w) > 0 && countOf(w) % channels === 0);
      const [height, width = 1, rest = 1] = factors(choices, countOf(filters) / channels);
      const { strides, padding } = tightWindow(choices);
      return fr.conv2d(x, fr.reshape(filters, [height!, width, channels, rest]), { strides, padding });
    },
  },
  {
    name: "pool",
    build: (choices) => choices.of([fr.maxPool2d, fr.averagePool2d] as const)(image(choices), tightWindow(choices)),
  },
];

const losing: StepKind[] = [
  {
    name: "loss",
    build: (choices) => {
      const def = choices.of(ELEMENT_LOSSES);
      const a = choices.tensor(float);
      return choices.graph.apply(def, [a, choices.tensor(sameSpec(a))], attrsOf(choices, def)).outputs[0]!;
    },
  },
  {
    name: "crossEntropy",
    build: (choices) => {
      const logits = choices.tensor((tensor) => float(tensor) && shapeOf(tensor).length > 0 && countOf(tensor) > 0);
      const axis = axisOf(choices, logits);
      if (choices.next(2) === 0) return fr.softmaxCrossEntropy(choices.tensor(sameSpec(logits)), logits, { axis });
      return fr.sparseSoftmaxCrossEntropy(fr.argmax(choices.tensor(sameSpec(logits)), axis), logits, { axis });
    },
  },
];

const drawing: StepKind[] = [
  {
    name: "random",
    build: (choices) => {
      const [key, shape] = [keyOf(choices), smallShape(choices)];
      const dtype = choices.of(["float32", "float64"] as const);
      return choices.of([
        () => fr.randomUniform(key, shape, { dtype }),
        () => fr.randomNormal(key, shape, { dtype }),
        () => fr.randomBits(key, shape),
        () => fr.randomUniformInt(key, shape, { minimum: -3, maximum: 8 }),
        () => fr.randomPermutation(key, choices.of([5, 1, 7])),
      ])();
    },
  },
  {
    name: "range",
    build: (choices) => fr.range(choices.graph, choices.of([3, 5, 0]), choices.of(["int32", "float32"] as const)),
  },
  { name: "like", build: (choices) => choices.of([fr.zerosLike, fr.onesLike] as const)(choices.tensor()) },
];

export const STEPS: readonly StepKind[] = [
  ...pointwise,
  ...repeating,
  ...exemplary,
  ...reducing,
  ...moving,
  ...contracting,
  ...losing,
  ...drawing,
];
