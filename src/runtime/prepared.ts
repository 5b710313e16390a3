import { dtypeOfArray, isFloat, type TypedArray } from "../core/dtype.ts";
import { FeedError } from "../core/errors.ts";
import { elementCount, isFullyKnown } from "../core/shape.ts";
import type { ValueLike } from "../core/values.ts";
import { describeTensor, type Tensor } from "../graph/operation.ts";
import { bindFeeds, type FedShape, type FedValue, ownMemory, readFeed } from "./feeds.ts";
import type { FetchPlan } from "./fetches.ts";
import type { Instance } from "./instance.ts";
import { staleView } from "./ndarray.ts";
import { counted, here } from "./reading.ts";

export interface PrepareOptions {
  /**
   * `false` returns views of the session's memory, which the next run of the session overwrites, and makes no arrays.
   * Default true.
   */
  readonly copy?: boolean;
  /** Shape of each fed tensor, for `feeds`; needed before the first call only if the tensors' own have open sizes. */
  readonly shapes?: readonly (readonly number[])[];
}

/** What `session.prepare` gives: fetches as a function of feeds. `R` is what it returns. */
export interface PreparedRun<R> {
  /**
   * Runs with these values, in the order in which `prepare` was given the tensors. Without any, or given `feeds`
   * themselves, it runs on what was written there.
   */
  (...values: ValueLike[]): R;
  /**
   * The memory the plan reads its fed values from, an array for each: write there and nothing is copied. What is written
   * stays until it is written again. When another plan makes memory grow, the arrays change: take them anew at each step.
   * An outdated one has length 0, and the next run says so.
   *
   * @throws FeedError if sizes are open: give `shapes`, or call once with values
   */
  readonly feeds: readonly TypedArray[];
}

/** What a prepared run needs of its session. */
export interface PreparedContext {
  readonly wanted: FetchPlan;
  readonly tensors: readonly Tensor[];
  readonly options: PrepareOptions;
  readonly checkFinite: boolean;
  /** @throws StateError after close */
  requireOpen(what: string): void;
  /**
   * The plan for these sizes, bound to memory that only this prepared run uses.
   * @param keep until the session is closed, however many other plans are made
   * @param beforeGrowth called before memory may grow
   */
  find(fed: readonly FedShape[], keep: boolean, beforeGrowth?: () => void): Instance;
}

/** @throws FeedError if the shapes given do not fit the tensors */
export function prepareRun(context: PreparedContext): PreparedRun<unknown> {
  const step = new PreparedStep(context);
  const run = (...values: ValueLike[]): unknown => step.run(values);
  return Object.defineProperty(run, "feeds", { enumerable: true, get: () => step.feeds }) as PreparedRun<unknown>;
}

/** Feeds that were handed out. */
interface Written {
  readonly instance: Instance;
  readonly shapes: readonly (readonly number[])[];
  /** As they were then. */
  readonly views: readonly TypedArray[];
}

class PreparedStep {
  readonly #context: PreparedContext;
  readonly #copy: boolean;
  /** Shapes as given, as they are known from the tensors, or of the last values. */
  #shapes: readonly (readonly number[])[] | null;
  /** For values like the last ones; null if those had shapes of their own. */
  #instance: Instance | null = null;
  #lengths: readonly number[] = [];
  /** Where the user may have written. */
  #written: Written | null = null;

  constructor(context: PreparedContext) {
    this.#context = context;
    const { options, tensors } = context;
    this.#copy = options.copy ?? true;
    this.#shapes = options.shapes ?? knownShapes(tensors);
    if (options.shapes && options.shapes.length !== tensors.length) {
      throw new FeedError({
        what: `prepare: ${counted(options.shapes.length, "shape")} for ${counted(tensors.length, "tensor")}`,
        at: here(),
        fix: "give a shape for each tensor that is fed, in their order",
      });
    }
    if (!this.#shapes) return;
    // Ahead, so that the first step computes and does nothing else.
    const fed = this.#withShapes(this.#shapes);
    bindFeeds(fed);
    this.#instance = context.find(fed, false);
    this.#lengths = this.#shapes.map(elementCount);
  }

  get feeds(): readonly TypedArray[] {
    const { requireOpen, find, tensors } = this.#context;
    requireOpen("feeds of a prepared run");
    if (!this.#shapes) {
      const open = tensors.find((tensor) => !isFullyKnown(tensor.shape))!;
      throw new FeedError({
        what: `feeds: sizes of "${open.op.name}" are not known yet`,
        details: [describeTensor(open)],
        at: here(),
        fix: "give them to prepare, { shapes: [[…], …] }, or call once with values before",
      });
    }
    const shapes = this.#shapes;
    const before = this.#written;
    const instance = before?.shapes === shapes ? before.instance : find(this.#withShapes(shapes), true);
    const views = instance.feeds;
    if (before?.views !== views) this.#written = { instance, shapes, views };
    return views;
  }

  run(values: readonly ValueLike[]): unknown {
    const { requireOpen, tensors, wanted, checkFinite } = this.#context;
    requireOpen("a prepared run");
    if (values.length === 0 && this.#written) return this.#runOnFeeds(this.#written);
    requireValues(tensors, values);
    const known = this.#instance;
    if (known && !known.released && !checkFinite && this.#fit(values))
      return wanted.pack(known.run(values as readonly (TypedArray | number)[], this.#copy));
    return this.#runNew(
      values.map((value, i) => readFeed(tensors[i]!, value, checkFinite)),
      values,
    );
  }

  #runNew(fed: readonly FedValue[], values: readonly ValueLike[]): unknown {
    const { find, tensors, options, wanted } = this.#context;
    let data: readonly TypedArray[] = fed.map((value) => value.data);
    const instance = find(fed, false, () => {
      data = data.map(ownMemory);
    });
    // A flat array says no more than its length, so the next one of that length needs the same plan. Anything else
    // has a shape of its own, and is read anew each time.
    const plain = values.every((value, i) => ArrayBuffer.isView(value) || isNumberFor(tensors[i]!, value));
    this.#instance = plain ? instance : null;
    this.#lengths = data.map(({ length }) => length);
    if (!options.shapes) this.#shapes = fed.map(({ shape }) => shape);
    return wanted.pack(instance.run(data, this.#copy));
  }

  #runOnFeeds({ instance, views }: Written): unknown {
    const { tensors, wanted, checkFinite } = this.#context;
    // Values written into an array that is none any more are lost, without a word from the engine.
    const now = instance.feeds;
    if (views.some((view, i) => view.length !== now[i]!.length))
      throw staleView("a prepared run without values: feeds", "take step.feeds again, and write the values there");
    if (checkFinite) now.forEach((view, i) => void readFeed(tensors[i]!, view, true));
    return wanted.pack(instance.run(null, this.#copy));
  }

  /** True if a run can take the values as they are. */
  #fit(values: readonly ValueLike[]): boolean {
    const { tensors } = this.#context;
    return values.every((value, i) => {
      const tensor = tensors[i]!;
      if (!ArrayBuffer.isView(value)) return isNumberFor(tensor, value);
      return value.length === this.#lengths[i] && dtypeOfArray(value) === tensor.dtype;
    });
  }

  #withShapes(shapes: readonly (readonly number[])[]): readonly FedShape[] {
    return this.#context.tensors.map((tensor, i) => ({ tensor, shape: shapes[i]! }));
  }
}

/** @throws FeedError unless there is a value for each tensor */
export function requireValues(tensors: readonly Tensor[], values: readonly ValueLike[]): void {
  if (values.length === tensors.length) return;
  throw new FeedError({
    what: `a prepared run takes ${counted(tensors.length, "value")}, not ${values.length}`,
    details: [`one each for ${tensors.map((tensor) => `"${tensor.op.name}"`).join(", ")}`],
    at: here(),
    fix: "give the values in the order in which prepare was given the tensors",
  });
}

/** True for a number fed to a scalar whose dtype holds all numbers. */
const isNumberFor = (tensor: Tensor, value: ValueLike): value is number =>
  typeof value === "number" && tensor.shape?.length === 0 && isFloat(tensor.dtype);

function knownShapes(tensors: readonly Tensor[]): readonly (readonly number[])[] | null {
  const shapes = tensors.map(({ shape }) => shape);
  return shapes.every(isFullyKnown) ? (shapes as readonly (readonly number[])[]) : null;
}
