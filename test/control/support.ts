import { expect } from "vitest";
import { type CompileOptions, type Graph, gradients, mul, Session, sum, type Tensor } from "../../src/index.ts";
import { gathered } from "../threads/support.ts";

type Feeds = readonly (readonly [Tensor, unknown])[];

/** Passes that can be left out, without which programs must give the same bits. */
export const OPTIONAL = [
  "prune-outputs",
  "fold-constants",
  "simplify",
  "merge-duplicates",
  "fold-primitives",
  "merge-primitives",
  "fuse",
  "vectorise",
  "tile",
  "order",
  "memory",
];

/** Values of the fetches, flat, by one backend. */
export function values(
  graph: Graph,
  fetches: readonly Tensor[],
  feeds: Feeds,
  backend: "interpreter" | "javascript" | "wasm" | "threads" = "wasm",
  compile: CompileOptions = {},
): number[][] {
  const options = { verify: true, ...compile };
  const session =
    backend === "threads"
      ? new Session(graph, { backend: gathered(3), compile: { parallelFrom: 0, ...options } })
      : new Session(graph, { backend, threads: 1, compile: options });
  try {
    if (graph.variables().length > 0) session.run(graph.initializer);
    const run = (): number[][] =>
      (session.run([...fetches], [...feeds] as never) as unknown as { data: ArrayLike<number> }[]).map(({ data }) =>
        Array.from(data),
      );
    const first = run();
    // The second run finds the arena as the first one left it.
    expect(run()).toEqual(first);
    return first;
  } finally {
    session.close();
  }
}

/** The same values, after every backend and every switched-off pass gave the same bits. */
export function everywhere(graph: Graph, fetches: readonly Tensor[], feeds: Feeds = []): number[][] {
  const wanted = values(graph, fetches, feeds, "interpreter");
  for (const backend of ["javascript", "wasm", "threads"] as const)
    expect(values(graph, fetches, feeds, backend), backend).toEqual(wanted);
  for (const pass of OPTIONAL)
    expect(values(graph, fetches, feeds, "wasm", { disable: [pass] }), `without ${pass}`).toEqual(wanted);
  expect(values(graph, fetches, feeds, "javascript", { disable: ["fuse", "memory"] })).toEqual(wanted);
  return wanted;
}

/**
 * Compares gradients of `Σ y` in each x, and of a function of those gradients, with central differences in float64.
 * `at` are the values of the xs, flat, and of anything else that is fed.
 */
export function checkTwice(
  graph: Graph,
  y: Tensor,
  xs: readonly Tensor[],
  at: readonly (readonly [Tensor, number[] | number, (readonly number[])?])[],
): void {
  const first = gradients(y, xs);
  const folded = first
    .map((g, i) => sum(mul(g!, g!, { name: `square${i}` })))
    .reduce((a, b) => (a as unknown as { add(b: Tensor): Tensor }).add(b));
  const second = gradients(folded, xs, { unconnected: "zero" });
  const session = new Session(graph, { threads: 1, compile: { verify: true } });
  const run = (fetches: readonly Tensor[], feeds: readonly (readonly [Tensor, unknown])[]): number[][] =>
    (session.run([...fetches], feeds as never) as unknown as { data: ArrayLike<number> }[]).map(({ data }) =>
      Array.from(data),
    );
  const feedsWith = (which?: Tensor, element = 0, by = 0) =>
    at.map(([tensor, value, shape]) => {
      const flat = [value].flat();
      const moved = flat.map((x, i) => (tensor === which && i === element ? x + by : x));
      return [tensor, typeof value === "number" ? moved[0]! : shaped(moved, shape ?? [moved.length])] as const;
    });
  const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  for (const [of, found] of [
    [y, first],
    [folded, second],
  ] as const) {
    const got = run(found as readonly Tensor[], feedsWith());
    xs.forEach((x, k) => {
      got[k]!.forEach((gradient, element) => {
        const h = 1e-5;
        const [up] = run([of], feedsWith(x, element, h));
        const [down] = run([of], feedsWith(x, element, -h));
        const difference = (total(up!) - total(down!)) / (2 * h);
        const scale = Math.max(1, Math.abs(difference));
        expect(Math.abs(gradient - difference) / scale, `${of.name} in ${x.name}[${element}]`).toBeLessThan(1e-6);
      });
    });
  }
  session.close();
}

/** Nested lists of a shape. */
export function shaped(flat: readonly number[], shape: readonly number[]): unknown {
  if (shape.length === 0) return flat[0];
  const [size, ...rest] = shape;
  const each = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: size! }, (_, i) => shaped(flat.slice(i * each, (i + 1) * each), rest));
}

/** Numbers without a pattern, in [-1, 1). */
export function noise(count: number, seed = 1): number[] {
  let state = seed * 2654435761;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}
