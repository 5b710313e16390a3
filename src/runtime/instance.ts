import type { Backend, Executable, Plan, PlanMemory } from "../compiler/plan.ts";
import type { TypedArray } from "../core/dtype.ts";
import { StateError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { isKnown } from "../core/size.ts";
import { reachable } from "../graph/function.ts";
import type { Variable } from "../graph/operation.ts";
import type { SessionMemory } from "./memory.ts";
import { NDArray, viewArray } from "./ndarray.ts";
import { here } from "./reading.ts";
import type { Tap } from "./tap.ts";

/** A value for each feed. */
export type FedArrays = readonly (TypedArray | number)[];

/** A plan bound to the memory of a session. All runs of it share this, whatever their sizes. */
export class BoundPlan {
  readonly plan: Plan;
  readonly executable: Executable;
  readonly memory: SessionMemory;
  readonly #addresses: readonly number[];
  /** Blocks for copies of results, by the array; only if views are asked for. */
  readonly kept = new Map<number, number>();
  #views: PlanMemory = [];
  #generation = Number.NaN;
  #released = false;

  /** @throws MemoryError if the plan needs more than there is */
  constructor(plan: Plan, backend: Backend, memory: SessionMemory) {
    this.plan = plan;
    this.memory = memory;
    this.#addresses = memory.bind(plan);
    try {
      this.executable = backend.link(plan, { storage: memory.storage, addresses: this.#addresses });
    } catch (cause) {
      this.release();
      throw cause;
    }
  }

  /** True once its memory went to others. */
  get released(): boolean {
    return this.#released;
  }
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.executable?.release?.();
    this.memory.release(this.plan, this.#addresses, this.kept);
  }

  /** Makes a block for the copy of an array. True if there was none. */
  keep(array: number): boolean {
    if (this.kept.has(array)) return false;
    this.kept.set(array, this.memory.keep(this.plan.arrays[array]!));
    return true;
  }

  /** The plan's arrays as they lie now. Those that still show what they should stay the same objects. */
  get views(): PlanMemory {
    const { storage } = this.memory;
    if (this.#generation === storage.generation) return this.#views;
    this.#views = this.plan.arrays.map(({ region, dtype, length, part }, i) => {
      // What moves by sizes that only a run knows is seen from the beginning.
      const offset = part && isKnown(part.offset) ? part.offset : 0;
      const address = this.#addresses[i]! + offset;
      if (region === "arena") return storage.view(dtype, storage.arena + address, length);
      const before = this.#views[i];
      // Memory that has grown leaves views of length 0 behind.
      return before && length > 0 && before.length === length ? before : storage.view(dtype, address, length);
    });
    this.#generation = storage.generation;
    return this.#views;
  }
}

/** What a run with certain sizes needs besides its plan. */
export interface RunSizes {
  /** What the plan's array of sizes holds; null for a plan for exact sizes. */
  readonly slots: readonly number[] | null;
  readonly feeds: readonly (readonly number[])[];
  readonly results: readonly (readonly number[])[];
}

/** A plan bound to memory, for runs with certain sizes. */
export class Instance {
  readonly bound: BoundPlan;
  readonly plan: Plan;
  readonly #memory: SessionMemory;
  readonly #sizes: RunSizes;
  /** Where each fed tensor's array goes. */
  readonly #feedAt: readonly number[];
  /** Variables whose value a run needs before it starts. */
  readonly #reads: readonly Variable[];
  readonly #writes: readonly Variable[];
  /** What shows the last of the plan's results; those before are returned. */
  readonly #taps: readonly Tap[];
  readonly #fetched: readonly number[];
  /** Arrays that a run overwrites before it ends, or that no one may write to. Results are copies of them. */
  readonly #unsafe: ReadonlySet<number>;
  readonly #copiesKept = new Map<number, TypedArray>();
  /** The plan's arrays, its feeds, and its results as views; and for which state of the storage they were made. */
  #views: PlanMemory = [];
  #feeds: readonly TypedArray[] = [];
  #results: readonly NDArray[] | null = null;
  #generation = Number.NaN;

  constructor(bound: BoundPlan, sizes: RunSizes, taps: readonly Tap[]) {
    const { plan } = bound;
    this.bound = bound;
    this.plan = plan;
    this.#memory = bound.memory;
    this.#sizes = sizes;
    this.#taps = taps;
    this.#fetched = plan.results.slice(0, plan.results.length - taps.length);
    this.#feedAt = plan.feeds.map((_, feed) =>
      plan.arrays.findIndex((array) => array.region === "feed" && array.at === feed),
    );
    this.#reads = plan.fn.ops.flatMap((op) => (op.def.effect === "variable" ? [op.outputs[0] as Variable] : []));
    this.#writes = plan.fn.writes.map((write) => write.variable);
    const overwritten = new Set(plan.commits.map(({ to }) => to));
    this.#unsafe = new Set(this.#fetched.filter((at) => overwritten.has(at) || plan.arrays[at]!.region === "constant"));
  }

  get executable(): Executable {
    return this.bound.executable;
  }

  /** True once its memory went to others. */
  get released(): boolean {
    return this.bound.released;
  }

  /** True if a run that fails half way leaves variables in a mixed state. */
  get updatesInPlace(): boolean {
    const { steps, arrays } = this.plan;
    return steps.some(({ args, roots }) => roots.some((_, i) => arrays[args[i]!]!.region === "variable"));
  }

  /** The arrays that fed values are copied to, as they lie now. */
  get feeds(): readonly TypedArray[] {
    this.#look();
    return this.#feeds;
  }

  /**
   * Puts values in their places, computes, and only then commits what could not be updated in place.
   *
   * @param feeds one for each feed; those that are the plan's own feeds stay as they are. Null: all of them
   * @param copy false for views of the session's memory; then no array is made, from the second time on
   * @throws StateError if a variable has no value yet, and what the function of a tap throws
   */
  run(feeds: FedArrays | null, copy: boolean): readonly NDArray[] {
    this.#begin(feeds, copy);
    try {
      this.executable.run(this.#views);
    } catch (cause) {
      this.#failed(cause);
      throw cause;
    }
    return this.#end(copy);
  }

  /** The same, by other threads if there are any ready; else by this one. */
  async runAsync(feeds: FedArrays | null, copy: boolean): Promise<readonly NDArray[]> {
    this.#begin(feeds, copy);
    try {
      await new Promise<void>((resolve, reject) => {
        const finished = (error: unknown): void => (error === null ? resolve() : reject(error));
        if (this.executable.runAsync?.(finished)) return;
        this.executable.run(this.#views);
        resolve();
      });
    } catch (cause) {
      this.#failed(cause);
      throw cause;
    }
    return this.#end(copy);
  }

  #begin(feeds: FedArrays | null, copy: boolean): void {
    for (const variable of this.#reads)
      if (!this.#memory.initialized.has(variable)) throw this.#uninitialized(variable);
    if (!copy) this.#keepCopies();
    this.#look();
    const { slots } = this.#sizes;
    if (slots) (this.#views[this.plan.sizes!.array] as Int32Array).set(slots); // sizes are int32
    if (feeds) for (let i = 0; i < feeds.length; i++) place(feeds[i]!, this.#feeds[i]!);
  }

  #failed(cause: unknown): void {
    if (this.updatesInPlace) this.#memory.broken = cause instanceof Error ? cause.message : String(cause);
  }

  #end(copy: boolean): readonly NDArray[] {
    const results = copy ? this.#fetched.map((_, i) => this.#copyOf(i)) : this.#viewsOfResults();
    const tapped = this.#taps.map((_, i) => this.#copyOf(this.#fetched.length + i));
    for (const { from, to } of this.plan.commits) this.#views[to]!.set(this.#views[from]!);
    for (const variable of this.#writes) this.#memory.initialized.add(variable);
    for (const [i, tap] of this.#taps.entries()) tap.show(tapped[i]!);
    return results;
  }

  /** A result of the plan, as an array of its own. */
  #copyOf(result: number): NDArray {
    const { results, arrays } = this.plan;
    const at = results[result]!;
    const shape = this.#sizes.results[result]!;
    return new NDArray(this.#views[at]!.slice(0, elementCount(shape)), shape, arrays[at]!.dtype);
  }

  #viewsOfResults(): readonly NDArray[] {
    for (const [at, copy] of this.#copiesKept) copy.set(this.#views[at]!);
    this.#results ??= this.#fetched.map((at, i) => {
      const shape = this.#sizes.results[i]!;
      const view = firstOf(this.#copiesKept.get(at) ?? this.#views[at]!, elementCount(shape));
      return viewArray(view, shape, this.plan.arrays[at]!.dtype);
    });
    return this.#results;
  }

  /** Before a run, since memory may grow: blocks for results that need a copy even if views are asked for. */
  #keepCopies(): void {
    if (this.#copiesKept.size === this.#unsafe.size) return;
    for (const at of this.#unsafe) this.bound.keep(at);
    this.#generation = Number.NaN;
  }

  /** Makes the views anew if memory has changed. */
  #look(): void {
    const { storage } = this.#memory;
    if (this.#generation === storage.generation) return;
    const { arrays } = this.plan;
    const before = this.#feeds;
    this.#views = this.bound.views;
    this.#feeds = this.#feedAt.map((at, i) => {
      const length = elementCount(this.#sizes.feeds[i]!);
      // The same object as long as it shows the memory: it is what users write to.
      return before[i]?.buffer === this.#views[at]!.buffer && before[i].length === length
        ? before[i]
        : firstOf(this.#views[at]!, length);
    });
    this.#copiesKept.clear();
    for (const at of this.#unsafe) {
      const address = this.bound.kept.get(at);
      if (address !== undefined) this.#copiesKept.set(at, storage.view(arrays[at]!.dtype, address, arrays[at]!.length));
    }
    this.#results = null;
    this.#generation = storage.generation;
  }

  #uninitialized(variable: Variable): StateError {
    const needs = this.plan.fn.results.filter((result) => reachable([result.op]).includes(variable.op));
    const results = needs.filter((result) => result.op.name !== variable.op.name);
    return new StateError({
      what: `run: variable "${variable.op.name}" is not initialised in this session`,
      details: [
        `"${variable.op.name}" was made at ${variable.op.line ?? "an unknown line"}`,
        ...results.slice(0, 1).map((result) => `"${result.op.name}", which is fetched, needs it`),
      ],
      at: here(),
      fix:
        this.#memory.initialized.size === 0
          ? "run the initializer first: session.run(graph.initializer)"
          : "others are, so it was made later: take graph.initializer after the last variable (optimizers make some too)",
    });
  }
}

function place(value: TypedArray | number, into: TypedArray): void {
  if (typeof value === "number") into[0] = value;
  else if (value !== into) into.set(value);
}

/** The first elements of an array; the array itself if they are all of them. */
const firstOf = (array: TypedArray, count: number): TypedArray =>
  array.length === count ? array : array.subarray(0, count);
