import type { Tensor } from "../graph/operation.ts";
import type { Call, LoweredProgram } from "./passes/lower.ts";
import { readsOf } from "./passes/order.ts";

/** Where a result of a body goes, if it can go there at once. */
export interface ResultPlace {
  readonly array: number;
  /** The param whose array that is: what is carried on takes the place of what was carried here. Null: nobody's. */
  readonly instead: Tensor | null;
}

/**
 * A program as the planner sees it: when each of its calls runs. Time counts kernels; what runs functions takes from the
 * first to the last of theirs, so that what it reads and writes is there all the while.
 */
export interface Frame {
  readonly calls: readonly Call[];
  readonly isMain: boolean;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** When all calls are done, and results are taken. */
  readonly end: number;
  /** For each tensor that is read, the number of the last call that does; past the last one for results. */
  readonly readLast: ReadonlyMap<Tensor, number>;
  lastReadOf(tensor: Tensor): number | undefined;
  readonly params: ReadonlySet<Tensor>;
  readonly places: ReadonlyMap<Tensor, ResultPlace>;
}

/** Kernels, and what is copied around them, counted as one each. */
const durationOf = ({ calls }: LoweredProgram): number => calls.reduce((sum, call) => sum + callDuration(call), 1);
const callDuration = (call: Call): number =>
  call.kind === "kernel" ? 1 : call.bodies.reduce((sum, body) => sum + durationOf(body), 1);

/** When the bodies of a call begin, if it does at `start`: one after another. */
export function bodyStarts(call: Call & { readonly kind: "control" }, start: number): readonly number[] {
  let time = start + 1;
  return call.bodies.map((body) => {
    const begins = time;
    time += durationOf(body);
    return begins;
  });
}

/** @param places for a body: where its results go */
export function frameOf(
  { fn, calls }: LoweredProgram,
  start: number,
  places: ReadonlyMap<Tensor, ResultPlace> | null = null,
): Frame {
  const starts: number[] = [];
  const ends: number[] = [];
  const readLast = new Map<Tensor, number>();
  let time = start;
  calls.forEach((call, i) => {
    starts.push(time);
    time += callDuration(call);
    ends.push(time - 1);
    for (const tensor of readsOf(call)) readLast.set(tensor, i);
  });
  const end = time;
  for (const result of fn.results) readLast.set(result, calls.length);
  const lastReadOf = (tensor: Tensor): number | undefined => {
    const last = readLast.get(tensor);
    return last === undefined ? undefined : (ends[last] ?? end);
  };
  const params = new Set(fn.params);
  return { calls, isMain: places === null, starts, ends, end, readLast, lastReadOf, params, places: places ?? NOWHERE };
}
const NOWHERE: ReadonlyMap<Tensor, ResultPlace> = new Map();
