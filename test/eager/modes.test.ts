/** One program three ways: step by step, traced, and as a graph in a session. All bits are the same. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eager } from "../../src/eager/context.ts";
import { configureEager, type EagerVariable, func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import type { Recorder } from "../../src/eager/recorder.ts";
import { currentBuilder } from "../../src/graph/builder.ts";
import {
  assign,
  type Graph,
  gradients,
  identity,
  type NDArray,
  type Operation,
  Session,
  type SessionOptions,
  setWarningHandler,
  sum,
  type Tensor,
  Variable,
} from "../../src/index.ts";
import {
  type BuiltProgram,
  buildPieces,
  buildProgram,
  type Program,
  programs,
  programText,
} from "../fuzz/random-graph.ts";
import { difference } from "../support/run-op.ts";
import { ALL_LOOPS, gathered } from "../threads/support.ts";
import { valuesOf } from "./support.ts";
import { trainEagerly, trainInSession, trainings, trainTraced } from "./trainings.ts";

/** How each of the three runs: all pairs of backends and numbers of threads come up. */
interface Turn {
  readonly eager: SessionOptions;
  readonly traced: SessionOptions;
  readonly session: SessionOptions;
}
const on = (backend: NonNullable<SessionOptions["backend"]>): SessionOptions => ({
  backend,
  compile: { verify: true },
});
const threads = (count: number): SessionOptions => ({ backend: gathered(count), compile: ALL_LOOPS });
const TURNS: Readonly<Record<string, Turn>> = {
  "all on wasm": { eager: on("wasm"), traced: on("wasm"), session: on("wasm") },
  "on javascript, the interpreter and 2 threads": {
    eager: on("javascript"),
    traced: on("interpreter"),
    session: threads(2),
  },
  "on the interpreter, 3 threads and javascript": {
    eager: on("interpreter"),
    traced: threads(3),
    session: on("javascript"),
  },
  "on 2 threads, javascript and the interpreter": {
    eager: threads(2),
    traced: on("javascript"),
    session: on("interpreter"),
  },
  "on 3 threads, wasm and 3 threads": { eager: threads(3), traced: on("wasm"), session: threads(3) },
};

// Advice about stability is right here and helps nobody.
const restore = setWarningHandler(() => {});
afterAll(() => {
  setWarningHandler(restore);
  configureEager({});
});

// ── random programs ──────────────────────────────────────────────────────────────────────────────────────────────

/** What is fetched, the new values of variables, gradients of first and second order. */
function bySession(
  { graph, feeds, variables, fetches, xs }: BuiltProgram,
  options: SessionOptions,
): readonly NDArray[] {
  const slopes = fetches.slice(fetches.length - xs.length);
  const curvatures = xs.length > 0 ? gradients(slopes, xs, { unconnected: "zero" }) : [];
  using session = new Session(graph, options);
  for (const [variable, value] of variables) session.setValue(variable, value);
  const values = session.run([...fetches, ...curvatures], feeds);
  return [...values, ...variables.map(([variable]) => session.value(variable))];
}

/** Builds the program on tensors with values, or on those of a trace: the same code for both. */
function build(
  program: Program,
  { wanted }: BuiltProgram,
  graph: Graph,
  inputs: readonly Tensor[],
  variables: readonly EagerVariable[],
  opOf?: (tensor: Tensor) => Operation,
): readonly Tensor[] {
  const placeholders = [...inputs];
  const states = [...variables];
  using outer = new GradientTape();
  using tape = new GradientTape();
  for (const each of [outer, tape]) each.watch(inputs);
  const { tensors } = buildPieces(program, {
    graph,
    ...(opOf ? { opOf } : {}),
    placeholder: () => placeholders.shift()!,
    variable: () => states.shift()!,
    constant: (_name, value) => {
      const constant = tensor(value);
      for (const each of [outer, tape]) each.watch(constant);
      return constant;
    },
  });
  // A session reads all variables as they were at the start.
  const values = tensors.map((tensor) => (tensor instanceof Variable ? identity(tensor) : tensor));
  const { derivative, assigns, fetches } = wanted;
  const xs = derivative?.xs.map((x) => tensors[x]!) ?? [];
  const slopes = derivative ? tape.gradient(sum(tensors[derivative.y]!), xs, { unconnected: "zero" }) : [];
  const curvatures = xs.length > 0 ? outer.gradient(slopes, xs, { unconnected: "zero" }) : [];
  const written = assigns.map(({ variable, value }) => assign(tensors[variable] as Variable, values[value]!));
  return [...fetches.map((fetch) => values[fetch]!), ...written, ...slopes, ...curvatures];
}

const freshVariables = ({ variables }: BuiltProgram): readonly EagerVariable[] =>
  variables.map(([, value]) => variable(value, { dtype: value.dtype }));

function eagerly(program: Program, built: BuiltProgram): readonly NDArray[] {
  const inputs = built.feeds.map(([, value]) => tensor(value));
  const variables = freshVariables(built);
  const made = new Map<Tensor, Operation>();
  const recorder: Recorder = {
    follows: () => true,
    add: (op) => op.outputs.forEach((output) => void made.set(output, op)),
  };
  const values = eager.recorders.during(recorder, () =>
    valuesOf(build(program, built, eager, inputs, variables, (tensor) => made.get(tensor) ?? tensor.op)),
  );
  return [...values, ...valuesOf(variables)];
}

function traced(program: Program, built: BuiltProgram, session: SessionOptions): readonly NDArray[] {
  const variables = freshVariables(built);
  const run = func((inputs: readonly Tensor[]) => build(program, built, currentBuilder() as Graph, inputs, variables), {
    session,
  });
  try {
    const values = run(built.feeds.map(([, value]) => tensor(value))) as readonly Tensor[];
    return [...valuesOf(values), ...valuesOf(variables)];
  } finally {
    run.close();
  }
}

function checkProgram(program: Program, turn: Turn): number {
  const built = buildProgram(program);
  const ways: readonly (readonly [string, () => readonly NDArray[]])[] = [
    ["a session", () => bySession(built, turn.session)],
    ["step by step", () => eagerly(program, built)],
    ["a traced function", () => traced(program, built, turn.traced)],
  ];
  const results = ways.map(([name, run]) => {
    try {
      return run();
    } catch (cause) {
      throw new Error(`${name} failed on\n${programText(built)}\n${String(cause)}`, { cause });
    }
  });
  const [wanted, ...others] = results;
  for (const [way, values] of others.entries()) {
    expect(values.length).toBe(wanted!.length);
    for (const [i, value] of wanted!.entries()) {
      const found = difference(values[i]!, value);
      if (!found) continue;
      const text = `${ways[way + 1]![0]}: result ${i} of ${wanted!.length}: ${found}\n${programText(built)}`;
      throw new Error(`${text}\nit gives\n${values[i]}\na session gives\n${value}`);
    }
  }
  return built.built.length;
}

const PROGRAMS = 100;
const TRAININGS = 8;
const SEED = 20261201;

describe.each(Object.entries(TURNS).map(([name, turn], i) => ({ name, turn, seed: SEED + i })))(
  "$name",
  ({ turn, seed }) => {
    beforeAll(() => configureEager(turn.eager));

    test(`${PROGRAMS} random programs give the same values and derivatives`, () => {
      let steps = 0;
      fc.assert(
        fc.property(programs, (program) => {
          steps += checkProgram(program, turn);
        }),
        { numRuns: PROGRAMS, seed },
      );
      expect(steps).toBeGreaterThan(4 * PROGRAMS);
    }, 120_000);

    test(`${TRAININGS} random trainings give the same weights`, () => {
      fc.assert(
        fc.property(trainings, (training) => {
          const wanted = trainInSession(training, turn.session);
          expect(trainEagerly(training)).toEqual(wanted);
          expect(trainTraced(training, turn.traced)).toEqual(wanted);
        }),
        { numRuns: TRAININGS, seed },
      );
    }, 120_000);
  },
);
