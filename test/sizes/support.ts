/** Sessions that take sizes as they come, against such that make a plan for each. */
import { expect } from "vitest";
import { elementCount } from "../../src/core/shape.ts";
import { evaluateSize } from "../../src/core/size.ts";
import { type Graph, NDArray, Session, type SessionOptions, type Tensor } from "../../src/index.ts";
import { ALL_LOOPS, gathered } from "../threads/support.ts";

export type Values = readonly [name: string, value: number][];

/** Where plans run. The last ones share out every loop that can be, however short. */
export const PLACES = ["interpreter", "javascript", "wasm", "2 threads", "3 threads"] as const;
export type Place = (typeof PLACES)[number];

/** A session that runs there. */
export function sessionAt(graph: Graph, place: Place, options: SessionOptions = {}): Session {
  const compile = { verify: true, ...options.compile };
  const threads = Number(place[0]);
  if (!Number.isNaN(threads))
    return new Session(graph, { ...options, backend: gathered(threads), compile: { ...ALL_LOOPS, ...compile } });
  return new Session(graph, { threads: 1, ...options, backend: place as "wasm", compile });
}

/** Numbers that look random, for a tensor whose sizes have these values. */
export function valueFor(tensor: Tensor, values: Values, seed = 0): NDArray {
  const shape = tensor.shape!.map((size) => evaluateSize(size, new Map(values)));
  const at = (i: number): number => Math.sin(i * 12.9898 + seed * 78.233 + 0.5) * 43758.5453;
  const fraction = (i: number): number => at(i) - Math.floor(at(i));
  const from = { length: elementCount(shape) };
  if (tensor.dtype === "int32") {
    return new NDArray(
      Int32Array.from(from, (_, i) => Math.floor(fraction(i) * 8)),
      shape,
      "int32",
    );
  }
  const numbers = Array.from(from, (_, i) => fraction(i) * 4 - 2);
  return tensor.dtype === "float64"
    ? new NDArray(Float64Array.from(numbers), shape, "float64")
    : new NDArray(Float32Array.from(numbers), shape, "float32");
}

export const feedsFor = (feeds: readonly Tensor[], values: Values, seed = 0) =>
  feeds.map((tensor, i) => [tensor, valueFor(tensor, values, seed + i)] as const) as never;

/** Why sizes of a plan are exact that could be run-time integers. */
export const reasons = (session: Session, fetches: readonly Tensor[], feeds: never): string[] =>
  session
    .plan([...fetches], feeds)
    .trace.flatMap(({ events }) => events)
    .flatMap((event) => (event.kind === "exact" ? [`${event.size}: ${event.why}`] : []));

/** Shapes and elements of some values; NaN equals NaN, and 0 is not -0. */
export const bitsOf = (values: readonly NDArray[]) => values.map(({ shape, data }) => ({ shape, data: [...data] }));

/**
 * Runs fetches with sizes of all these values, in a session for run-time sizes and in one for exact ones.
 * @returns how many plans the first one made
 */
export function compare(
  graph: Graph,
  feeds: readonly Tensor[],
  fetches: readonly Tensor[],
  all: readonly Values[],
  place: Place,
): number {
  const exact = sessionAt(graph, "wasm", { sizes: "exact" });
  const many = sessionAt(graph, place, { sizes: "run-time" });
  try {
    if (graph.variables().length > 0) for (const session of [exact, many]) session.run(graph.initializer);
    const before = many.plansCompiled;
    for (const [seed, values] of all.entries()) {
      const fed = feedsFor(feeds, values, seed);
      const [wanted, found] = [exact, many].map((session) =>
        bitsOf(session.run([...fetches], fed) as unknown as NDArray[]),
      );
      expect(found, `${values.map(([name, value]) => `${name} = ${value}`)} on ${place}`).toEqual(wanted);
    }
    expect(reasons(many, fetches, feedsFor(feeds, all.at(-1)!))).toEqual([]);
    return many.plansCompiled - before;
  } finally {
    exact.close();
    many.close();
  }
}
