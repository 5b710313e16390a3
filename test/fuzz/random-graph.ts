/**
 * Random graphs. A program is a list of numbers and nothing else: every choice takes the next one, modulo what there
 * is to choose from. So any list of numbers is a valid program, and dropping or lowering some gives a smaller one:
 * fast-check can shrink a failure without knowing a thing about graphs.
 */
import fc from "fast-check";
import { allocate, type DType, isFloat, type TypedArray } from "../../src/core/dtype.ts";
import { DTypeError, ShapeError } from "../../src/core/errors.ts";
import { elementCount } from "../../src/core/shape.ts";
import type { Operation, Tensor, Variable } from "../../src/graph/operation.ts";
import { assign, Graph, gradients, NDArray, sum } from "../../src/index.ts";
import { RandomStream } from "../support/random.ts";
import { type Choices, countOf, LARGEST, NothingFits } from "./choices.ts";
import { STEPS } from "./steps.ts";

/** Leaves that are fetched: more would keep values in memory that would better fuse. */
const MOST_LEAVES = 4;
const SIZES = [2, 3, 1, 5, 0, 7, 4, 6, 11, 13];
const DTYPES: readonly DType[] = ["float32", "float64", "int32", "bool", "uint32", "float32", "float32", "int32"];

interface SourceNumbers {
  readonly kind: number;
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: number;
}
export interface Program {
  readonly sources: readonly SourceNumbers[];
  /** Each step: which kind of op, and the numbers it chooses with. */
  readonly steps: readonly (readonly number[])[];
  readonly fetches: readonly number[];
  readonly assigns: readonly (readonly [variable: number, value: number])[];
  /** Which tensor to differentiate, if any. */
  readonly differentiate: number | null;
}

const number = fc.nat(0xffff);
export const programs: fc.Arbitrary<Program> = fc.record({
  sources: fc.array(
    fc.record({
      kind: fc.nat(9),
      dtype: fc.nat(DTYPES.length - 1),
      shape: fc.array(fc.nat(SIZES.length - 1), { maxLength: 3, size: "max" }),
      values: number,
    }),
    { minLength: 1, maxLength: 5, size: "max" },
  ),
  steps: fc.array(fc.array(number, { minLength: 2, maxLength: 8, size: "max" }), {
    minLength: 1,
    maxLength: 14,
    size: "max",
  }),
  fetches: fc.array(number, { maxLength: 3, size: "max" }),
  assigns: fc.array(fc.tuple(number, number), { maxLength: 2, size: "max" }),
  differentiate: fc.option(number, { freq: 2 }),
});

/** Where a program is built: as a graph to be run, or on values at once. */
export interface Place {
  readonly graph: Graph;
  placeholder(name: string, value: NDArray): Tensor;
  variable(name: string, value: NDArray): Variable;
  constant(name: string, value: NDArray): Tensor;
  /** What made a tensor, where that is not its own operation: values keep no inputs. */
  opOf?(tensor: Tensor): Operation;
}

/** What the sources and steps of a program made. */
export interface Pieces {
  readonly tensors: readonly Tensor[];
  readonly sources: readonly Tensor[];
  readonly variables: readonly Variable[];
  /** Names of the kinds of steps that were built. */
  readonly built: readonly string[];
}

export function buildPieces(program: Program, place: Place): Pieces {
  const tensors: Tensor[] = [];
  const variables: Variable[] = [];
  program.sources.forEach((source, i) => {
    const dtype = DTYPES[source.dtype % DTYPES.length]!;
    const shape = smallShape(source.shape.map((size) => SIZES[size % SIZES.length]!));
    const value = new NDArray(randomValues(dtype, elementCount(shape), source.values), shape, dtype);
    if (source.kind % 10 < 6) tensors.push(place.placeholder(`x${i}`, value));
    else if (source.kind % 10 < 8) {
      const variable = place.variable(`v${i}`, value);
      variables.push(variable);
      tensors.push(variable);
    } else tensors.push(place.constant(`c${i}`, value));
  });
  const sources = [...tensors];
  const built: string[] = [];
  for (const numbers of program.steps) {
    const step = STEPS[numbers[0]! % STEPS.length]!;
    const made = attempt(() => step.build(choicesOf(place, tensors, numbers.slice(1))));
    if (made === null || countOf(made) > LARGEST) continue;
    built.push(step.name);
    tensors.push(made);
  }
  return { tensors, sources, variables, built };
}

/** What a program wants of its pieces, as places among the tensors: the same wherever they are built. */
export interface Wanted {
  readonly fetches: readonly number[];
  readonly assigns: readonly { readonly variable: number; readonly value: number }[];
  readonly derivative: { readonly y: number; readonly xs: readonly number[] } | null;
}

/** @param pieces those of a graph: values do not know who uses them */
export function wantedOf(program: Program, { tensors, sources, variables }: Pieces): Wanted {
  const at = (tensor: Tensor): number => tensors.indexOf(tensor);
  // Whatever nothing else uses, so that most of what was built counts, and some of what is used.
  const leaves = tensors.filter((tensor) => !tensors.some(({ op }) => op.inputs.includes(tensor)));
  const fetches = new Set([
    ...leaves.slice(-MOST_LEAVES).map(at),
    ...program.fetches.map((choice) => choice % tensors.length),
  ]);
  const assigns = new Map<Variable, number>();
  for (const [which, choice] of variables.length === 0 ? [] : program.assigns) {
    const variable = variables[which % variables.length]!;
    const values = tensors.filter(({ shape, dtype }) => `${shape}` === `${variable.shape}` && dtype === variable.dtype);
    if (!assigns.has(variable)) assigns.set(variable, at(values[choice % values.length]!));
  }
  return {
    fetches: [...fetches],
    assigns: [...assigns].map(([variable, value]) => ({ variable: at(variable), value })),
    derivative: program.differentiate === null ? null : derivativeOf(tensors, sources, program.differentiate),
  };
}

function derivativeOf(tensors: readonly Tensor[], sources: readonly Tensor[], choice: number): Wanted["derivative"] {
  const ys = tensors.filter(({ dtype }) => isFloat(dtype));
  const xs = sources.filter(({ dtype }) => isFloat(dtype));
  if (ys.length === 0 || xs.length === 0) return null;
  // The last ones have the most behind them.
  const y = ys[ys.length - 1 - (choice % Math.min(ys.length, 4))]!;
  return { y: tensors.indexOf(y), xs: xs.map((x) => tensors.indexOf(x)) };
}

export interface BuiltProgram {
  readonly graph: Graph;
  readonly feeds: readonly (readonly [Tensor, NDArray])[];
  readonly variables: readonly (readonly [Variable, NDArray])[];
  readonly fetches: readonly Tensor[];
  /** Names of the kinds of steps that were built. */
  readonly built: readonly string[];
  readonly wanted: Wanted;
  /** Tensors with gradients, which are the last of the fetches. */
  readonly xs: readonly Tensor[];
}

export function buildProgram(program: Program): BuiltProgram {
  const graph = new Graph();
  const feeds: (readonly [Tensor, NDArray])[] = [];
  const variables: (readonly [Variable, NDArray])[] = [];
  const pieces = buildPieces(program, {
    graph,
    placeholder(name, value) {
      const placeholder = graph.placeholder(name, value.shape, { dtype: value.dtype });
      feeds.push([placeholder, value]);
      return placeholder;
    },
    variable(name, value) {
      const variable = graph.variable(name, value.shape, { dtype: value.dtype });
      variables.push([variable, value]);
      return variable;
    },
    constant: (name, value) => graph.constant(value, { name }),
  });
  const { tensors, built } = pieces;
  const wanted = wantedOf(program, pieces);
  const { derivative } = wanted;
  const xs = derivative?.xs.map((x) => tensors[x]!) ?? [];
  const derivatives = derivative ? gradients(sum(tensors[derivative.y]!), xs, { unconnected: "zero" }) : [];
  const fetches = [
    ...wanted.fetches.map((fetch) => tensors[fetch]!),
    ...wanted.assigns.map(({ variable, value }) => assign(tensors[variable] as Variable, tensors[value]!)),
    ...derivatives,
  ];
  return { graph, feeds, variables, fetches, built, wanted, xs };
}

/** Rules refuse some of what is tried; that is what they are for. Anything else is a finding. */
function attempt(build: () => Tensor): Tensor | null {
  try {
    return build();
  } catch (error) {
    if (error instanceof ShapeError || error instanceof DTypeError || error instanceof NothingFits) return null;
    throw error;
  }
}

function choicesOf({ graph, opOf }: Place, tensors: readonly Tensor[], numbers: readonly number[]): Choices {
  let used = 0;
  const next = (count: number): number => (count === 0 ? 0 : (numbers[used++] ?? 0) % count);
  const find = (fits: (tensor: Tensor) => boolean): Tensor | null => {
    const fitting = tensors.filter(fits);
    if (fitting.length === 0) return null;
    const choice = next(2 * fitting.length);
    // The upper half of the range goes to the last three.
    return choice < fitting.length ? fitting[choice]! : fitting.at(-1 - (choice % Math.min(3, fitting.length)))!;
  };
  return {
    graph,
    opOf: opOf ?? (({ op }) => op),
    next,
    of: (list) => list[next(list.length)]!,
    find,
    tensor: (fits = () => true) => {
      const found = find(fits);
      if (found) return found;
      throw new NothingFits();
    },
  };
}

function smallShape(shape: readonly number[]): readonly number[] {
  const small: number[] = [];
  for (const size of shape) small.push(elementCount([...small, size]) <= LARGEST ? size : 1);
  return small;
}

const SPECIAL_FLOATS = [NaN, Infinity, -Infinity, -0, 0, 1, -1, 2 ** -149, -(2 ** -140), 2 ** -126, 3e38, -1e30, 1e-30];
const SPECIAL_WHOLE = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, 2, 7, 31, 32];

/** Plain numbers mostly, so that specials do not drown everything; some arrays have none of them. */
export function randomValues(dtype: DType, count: number, seed: number): TypedArray {
  const random = new RandomStream(seed);
  const specialOneIn = [0, 3, 12][random.whole(0, 2)]!;
  const data = allocate(dtype, count);
  for (let i = 0; i < count; i++) {
    const special = specialOneIn > 0 && random.whole(1, specialOneIn) === 1;
    if (dtype === "bool") data[i] = random.whole(0, 1);
    else if (isFloat(dtype)) data[i] = special ? pick(random, SPECIAL_FLOATS) : random.between(-3, 3);
    else data[i] = special ? pick(random, SPECIAL_WHOLE) : random.whole(dtype === "int32" ? -4 : 0, 9);
  }
  return data;
}
const pick = (random: RandomStream, list: readonly number[]): number => list[random.whole(0, list.length - 1)]!;

// ── as text ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The operations that the fetches need, with what is fed: enough to write a test from. */
export function programText({ graph, feeds, variables, fetches }: BuiltProgram): string {
  const needed = new Set<Operation>();
  const stack = fetches.map((fetch) => fetch.op);
  for (let op = stack.pop(); op; op = stack.pop()) {
    if (needed.has(op)) continue;
    needed.add(op);
    stack.push(...op.inputs.map((input) => input.op));
  }
  const lines = graph.operations
    .filter((op) => needed.has(op))
    .map(({ name, def, inputs, attrs, outputs }) => {
      const given = [...feeds, ...variables].find(([tensor]) => tensor === outputs[0]);
      const from = inputs.map((input) => input.op.name).join(", ");
      const specs = outputs.map(({ dtype, shape }) => `${dtype}[${shape?.join(", ")}]`).join(", ");
      const value = given ? ` = ${valuesText(given[1].data)}` : "";
      return `  ${name}: ${specs} = ${def.name}(${from}) ${attrsText(attrs)}${value}`;
    });
  return [...lines, `  fetch ${fetches.map((fetch) => fetch.op.name).join(", ")}`].join("\n");
}
const valuesText = (data: TypedArray): string =>
  `[${Array.from(data, (x) => (Object.is(x, -0) ? "-0" : String(x))).join(", ")}]`;
const attrsText = (attrs: Operation["attrs"]): string =>
  JSON.stringify(attrs, (_, value: unknown) => (ArrayBuffer.isView(value) ? valuesText(value as TypedArray) : value));
