import type { Backend, Executable, Plan, PlanMemory } from "../compiler/plan.ts";
import type { TypedArray } from "../core/dtype.ts";
import { StateError } from "../core/errors.ts";
import { knownShape } from "../core/shape.ts";
import { reachable } from "../graph/function.ts";
import type { Variable } from "../graph/operation.ts";
import type { SessionMemory } from "./memory.ts";
import { NDArray, viewArray } from "./ndarray.ts";
import { here } from "./reading.ts";
import type { Tap } from "./tap.ts";

/** A value for each feed. */
export type FedArrays = readonly (TypedArray | number)[];

/** A plan bound to the memory of a session. */
export class Instance {
  readonly plan: Plan;
  readonly executable: Executable;
  readonly #memory: SessionMemory;
  readonly #addresses: readonly number[];
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
  /** Blocks for such copies, by the array; only if views are asked for. */
  readonly #kept = new Map<number, number>();
  readonly #copiesKept = new Map<number, TypedArray>();
  /** The plan's arrays, its feeds, and its results as views; and for which state of the storage they were made. */
  #views: PlanMemory = [];
  #feeds: readonly TypedArray[] = [];
  #results: readonly NDArray[] | null = null;
  #generation = Number.NaN;
  #released = false;

  /** @throws MemoryError if the plan needs more than there is */
  constructor(plan: Plan, backend: Backend, memory: SessionMemory, taps: readonly Tap[]) {
    this.plan = plan;
    this.#memory = memory;
    this.#taps = taps;
    this.#fetched = plan.results.slice(0, plan.results.length - taps.length);
    this.#addresses = memory.bind(plan);
    try {
      this.executable = backend.link(plan, { storage: memory.storage, addresses: this.#addresses });
    } catch (cause) {
      this.release();
      throw cause;
    }
    this.#feedAt = plan.feeds.map((_, feed) =>
      plan.arrays.findIndex((array) => array.region === "feed" && array.at === feed),
    );
    this.#reads = plan.fn.ops.flatMap((op) => (op.def.effect === "variable" ? [op.outputs[0] as Variable] : []));
    this.#writes = plan.fn.writes.map((write) => write.variable);
    const overwritten = new Set(plan.commits.map(({ to }) => to));
    this.#unsafe = new Set(this.#fetched.filter((at) => overwritten.has(at) || plan.arrays[at]!.region === "constant"));
  }

  /** True once its memory went to others. */
  get released(): boolean {
    return this.#released;
  }
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.executable?.release?.();
    this.#memory.release(this.plan, this.#addresses, this.#kept);
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
    const { fn, results, arrays } = this.plan;
    const at = results[result]!;
    return new NDArray(this.#views[at]!.slice(), knownShape(fn.results[result]!.shape), arrays[at]!.dtype);
  }

  #viewsOfResults(): readonly NDArray[] {
    const { plan } = this;
    for (const [at, copy] of this.#copiesKept) copy.set(this.#views[at]!);
    this.#results ??= this.#fetched.map((at, i) =>
      viewArray(
        this.#copiesKept.get(at) ?? this.#views[at]!,
        knownShape(plan.fn.results[i]!.shape),
        plan.arrays[at]!.dtype,
      ),
    );
    return this.#results;
  }

  /** Before a run, since memory may grow: blocks for results that need a copy even if views are asked for. */
  #keepCopies(): void {
    if (this.#kept.size === this.#unsafe.size) return;
    for (const at of this.#unsafe) this.#kept.set(at, this.#memory.keep(this.plan.arrays[at]!));
    this.#generation = Number.NaN;
  }

  /** Makes the views anew if memory has changed. Those that still show what they should stay the same objects. */
  #look(): void {
    const { storage } = this.#memory;
    if (this.#generation === storage.generation) return;
    const { arrays } = this.plan;
    this.#views = arrays.map(({ region, dtype, length, part }, i) => {
      const address = this.#addresses[i]! + (part?.offset ?? 0);
      if (region === "arena") return storage.view(dtype, storage.arena + address, length);
      const before = this.#views[i];
      // Memory that has grown leaves views of length 0 behind.
      return before && length > 0 && before.length === length ? before : storage.view(dtype, address, length);
    });
    this.#feeds = this.#feedAt.map((at) => this.#views[at]!);
    this.#copiesKept.clear();
    for (const [at, address] of this.#kept)
      this.#copiesKept.set(at, storage.view(arrays[at]!.dtype, address, arrays[at]!.length));
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
