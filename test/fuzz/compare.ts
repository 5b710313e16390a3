/** The property every program must have: however it is compiled and wherever it runs, the bits are the same. */

import type { Operation, Tensor } from "../../src/graph/operation.ts";
import { type CompileOptions, Graph, type NDArray, Session, type SessionOptions, ShapeError } from "../../src/index.ts";
import { placeholderOp } from "../../src/ops/state.ts";
import { difference, OPTIONAL_PASSES } from "../support/run-op.ts";
import { gathered } from "../threads/support.ts";
import { type BuiltProgram, buildProgram, type Program, programText } from "./random-graph.ts";

interface Way {
  readonly name: string;
  readonly backend: NonNullable<SessionOptions["backend"]>;
  readonly compile: CompileOptions;
}

const REFERENCE: Way = {
  name: "interpreter, no passes",
  backend: "interpreter",
  compile: { disable: OPTIONAL_PASSES },
};
const ALWAYS: readonly Way[] = [
  { name: "wasm", backend: "wasm", compile: {} },
  { name: "wasm, no passes", backend: "wasm", compile: { disable: OPTIONAL_PASSES } },
  { name: "the schedule of wasm, interpreted", backend: "interpreter", compile: { target: "vector" } },
  { name: "javascript", backend: "javascript", compile: {} },
  { name: "interpreter", backend: "interpreter", compile: {} },
  { name: "javascript, no passes", backend: "javascript", compile: { disable: OPTIONAL_PASSES } },
];
/** One of them each time: every loop that may be is shared out, however short. */
const THREADED: readonly Way[] = [2, 3].map((threads) => ({
  name: `wasm, ${threads} threads`,
  backend: gathered(threads),
  compile: { parallelFrom: 0 },
}));
const WITHOUT_ONE: readonly Way[] = [
  ...OPTIONAL_PASSES.map(
    (pass, i): Way => ({
      name: `without ${pass}`,
      backend: i % 2 === 0 ? "wasm" : "javascript",
      compile: { disable: [pass], ...(i % 2 === 0 ? {} : { target: "vector" }) },
    }),
  ),
  { name: "not in place", backend: "wasm", compile: { inPlace: false } },
];

/** Values fetched and, after the run, of the variables; and the same of a second run from the same state. */
function run(program: BuiltProgram, way: Way): readonly NDArray[] {
  const { graph, feeds, variables, fetches } = program;
  const session = new Session(graph, { backend: way.backend, compile: { ...way.compile, verify: true } });
  const once = (): readonly NDArray[] => {
    for (const [variable, value] of variables) session.setValue(variable, value);
    const values = session.run(fetches, feeds);
    return [...values, ...variables.map(([variable]) => session.value(variable))];
  };
  // The second run finds what the first left in its memory.
  const values = [...once(), ...once()];
  session.close();
  return values;
}

/** The same graph, fed through placeholders that name the sizes of axis 0. Null where a rule needs the number. */
function withNamedSizes(program: BuiltProgram): BuiltProgram | null {
  if (program.variables.length > 0) return null;
  const graph = new Graph();
  const map = new Map<Tensor, Tensor>();
  const fed = new Map(program.feeds);
  try {
    for (const op of program.graph.operations) {
      const named = op.def === placeholderOp ? namedSource(graph, op) : null;
      const outputs =
        named ??
        graph.apply(
          op.def,
          op.inputs.map((input) => map.get(input)!),
          op.attrs,
          { name: op.name },
        ).outputs;
      op.outputs.forEach((output, i) => void map.set(output, outputs[i]!));
    }
  } catch (error) {
    if (error instanceof ShapeError) return null;
    throw error;
  }
  const feeds = [...fed].map(([tensor, value]) => [map.get(tensor)!, value] as const);
  return { ...program, graph, feeds, fetches: program.fetches.map((fetch) => map.get(fetch)!) };
}
function namedSource(graph: Graph, { name, outputs }: Operation): readonly Tensor[] {
  const { shape, dtype } = outputs[0]!;
  const dims = (shape as readonly number[]).map((size, axis) => (axis === 0 && size !== 1 ? `n${size}` : size));
  return [graph.placeholder(name, dims, { dtype })];
}

export interface Counts {
  programs: number;
  runs: number;
  named: number;
  readonly steps: Map<string, number>;
}
export const newCounts = (): Counts => ({ programs: 0, runs: 0, named: 0, steps: new Map() });

/**
 * @param thorough tries switching off every pass; otherwise one of them, a different one each time
 * @throws Error with the graph as text and both results
 */
export function checkProgram(program: Program, counts: Counts, thorough = false): void {
  const built = buildProgram(program);
  const turn = counts.programs++;
  for (const step of built.built) counts.steps.set(step, (counts.steps.get(step) ?? 0) + 1);
  const attempt = (way: Way, of: BuiltProgram = built): readonly NDArray[] => {
    counts.runs++;
    try {
      return run(of, way);
    } catch (cause) {
      // A named size does not broadcast, even if 1 is fed for it: no bug, and nothing to compare.
      if (of !== built && cause instanceof ShapeError) return [];
      throw new Error(`${way.name} failed on\n${programText(of)}\n${String(cause)}`, { cause });
    }
  };
  const wanted = attempt(REFERENCE);
  const compare = (way: Way, actual: readonly NDArray[]): void => {
    for (const [i, value] of wanted.entries()) {
      const found = difference(actual[i]!, value);
      if (!found) continue;
      const text = `${way.name}: result ${i} of ${wanted.length}: ${found}\n${programText(built)}`;
      throw new Error(`${text}\n${way.name} gives\n${actual[i]}\n${REFERENCE.name} gives\n${value}`);
    }
  };
  const some = (ways: readonly Way[]): readonly Way[] => (thorough ? ways : [ways[turn % ways.length]!]);
  for (const way of [...ALWAYS, ...some(THREADED), ...some(WITHOUT_ONE)]) {
    compare(way, attempt(way));
  }
  if (!thorough && turn % 4 !== 0) return;
  const named = withNamedSizes(built);
  const way: Way = { ...ALWAYS[0]!, name: "named sizes" };
  const found = named ? attempt(way, named) : [];
  if (found.length === 0) return;
  counts.named++;
  compare(way, found);
}
