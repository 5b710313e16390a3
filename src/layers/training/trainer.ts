import { getOrMake } from "../../core/collections.ts";
import { GraphError, ShapeError, StateError } from "../../core/errors.ts";
import { type PreparedEntry, Program, type ProgramArgument, type ProgramEntry } from "../../eager/program.ts";
import { GradientTape } from "../../eager/tape.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import { TraceGraph } from "../../eager/trace.ts";
import type { Tensor } from "../../graph/operation.ts";
import { sizeValue } from "../../ops/counting.ts";
import { assign } from "../../ops/state.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import type { Optimizer } from "../../train/optimizer.ts";
import { withCall } from "../core/context.ts";
import { MODULES, OUTPUT_NAMES, PREPARE, TRAINED, TRIAL } from "../core/internal.ts";
import type { ApplyOptions, Layer } from "../core/layer.ts";
import type { Module } from "../core/module.ts";
import { mapTensors, type TensorNest, tensorsIn } from "../core/nest.ts";
import { findRecord } from "../core/weight.ts";
import { SparseCategoricalCrossentropy } from "../losses/index.ts";
import { checkChoices } from "./choices.ts";
import { Objective, type ObjectiveOptions } from "./objective.ts";
import { type NamedArray, OpenAxes } from "./open-axes.ts";
import type { ArrayNest } from "./structure.ts";

/** What is done with a batch. */
export type Mode = "train" | "test" | "predict";

/** Arrays of a batch, taken apart. */
export interface BatchArrays {
  readonly x: ArrayNest;
  readonly y: ArrayNest | null;
  /** Of samples, for each output or one for all; null for 1. */
  readonly weight: ArrayNest | null;
}

/** Numbers by name: what a batch or an epoch reports. */
export type Logs = Record<string, number>;

/** What trains: a model that was compiled. */
export interface Trainable extends Layer<TensorNest, TensorNest, ApplyOptions> {
  [OUTPUT_NAMES](count: number): readonly string[];
  [PREPARE](inputs: TensorNest, options: ApplyOptions, again?: boolean): void;
}

export interface TrainerOptions extends ObjectiveOptions {
  readonly optimizer: Optimizer;
  /** How plans run: backend, threads, memory. */
  readonly session?: SessionOptions | undefined;
}

/** A function of batches of one kind: shapes without the batch, and dtypes. */
export interface Step {
  readonly entry: ProgramEntry;
  run(batch: BatchArrays): readonly NDArray[];
  /** Memory to write batches of this size to: then nothing is copied on the way. */
  prepare(batch: BatchArrays): PreparedEntry;
}

/**
 * The compiled steps of a model: training, evaluation and prediction, each one plan. They work on one memory, in which
 * weights are updated in place.
 *
 * The training step is what one would write by hand with a tape, traced: call the model, take the loss, go back through
 * the tape, apply the gradients.
 */
export class Trainer {
  readonly optimizer: Optimizer;
  readonly #model: Trainable;
  readonly #options: TrainerOptions;
  /** Null until a step is asked for: threads are taken when there is work for them. */
  #opened: Program | null = null;
  readonly #steps = new Map<string, { readonly step: Step; readonly modules: readonly Module[] }>();
  readonly #axes = new OpenAxes();
  /** What was frozen when the model was compiled. It stays so, and what is frozen later is trained: as in Keras. */
  readonly #frozen: ReadonlySet<Module>;
  #objective: Objective | null = null;
  /** All layers, as training knows them; null before the first step. */
  #modules: readonly Module[] | null = null;
  /** The outputs of the last prediction that was traced, for their structure. */
  #outputs: unknown = null;

  constructor(model: Trainable, options: TrainerOptions) {
    this.#model = model;
    this.#options = options;
    this.optimizer = options.optimizer;
    checkChoices(options);
    this.#frozen = new Set([...model[MODULES]()].filter(({ trainable }) => !trainable));
  }

  get program(): Program {
    this.#opened ??= new Program(this.#model.name, this.#options.session);
    return this.#opened;
  }
  /** Known from the first batch on. */
  get objective(): Objective | null {
    return this.#objective;
  }

  get #trained(): readonly EagerVariable[] {
    return this.#model[TRAINED]((module) => !this.#frozen.has(module));
  }

  /** The step for batches like this one; traced and compiled when there has been none like it. */
  step(mode: Mode, batch: BatchArrays): Step {
    const modules = [...this.#model[MODULES]()];
    // Weights of layers that came since are unknown to the optimizer, and plans would compute what the model was.
    if (mode !== "predict" && this.#modules && !isSame(this.#modules, modules)) throw otherLayers(this.#model.name);
    const known = this.#steps.get(this.#keyOf(mode, batch));
    if (known && isSame(known.modules, modules)) return known.step;
    this.#prepareModel(mode, batch);
    // The model takes these sizes: if others came before, a step for all of them is what is wanted.
    this.#axes.see(arraysOf(mode, batch));
    const forAll = this.#steps.get(this.#keyOf(mode, batch));
    if (forAll && isSame(forAll.modules, modules)) return forAll.step;
    const step = this.#traceForMany(mode, batch);
    // Layers may have been made on the way.
    const traced = [...this.#model[MODULES]()];
    if (mode !== "predict") this.#modules = traced;
    this.#steps.set(this.#keyOf(mode, batch), { step, modules: traced });
    return step;
  }

  /** What tells kinds of batches apart: places, dtypes and sizes, but for those that may be any. */
  #keyOf(mode: Mode, batch: BatchArrays): string {
    const leaves = arraysOf(mode, batch).map(
      (leaf) => `${leaf.name}:${leaf.array.dtype}[${this.#axes.sizesOf(leaf).join()}]`,
    );
    return [mode, ...leaves].join("|");
  }

  #traceForMany(mode: Mode, batch: BatchArrays): Step {
    try {
      return this.#trace(mode, batch);
    } catch (error) {
      if (!this.#axes.any || !(error instanceof ShapeError)) throw error;
      // A layer needs the sizes as numbers.
      this.#axes.pin();
      return this.#trace(mode, batch);
    }
  }

  /**
   * Looks at the class numbers among targets, which a plan takes as they are.
   * @throws GraphError for one that the model has no output for
   */
  checkLabels(mode: Mode, { y }: BatchArrays): void {
    if (mode === "predict" || !y) return;
    this.#objective?.outputs.forEach(({ name, loss }, i) => {
      const classes = this.#classes[i] ?? null;
      if (classes === null || !(loss instanceof SparseCategoricalCrossentropy)) return;
      const at =
        y.places.length === 1 ? 0 : y.places.every((place) => place.startsWith(".")) ? y.places.indexOf(`.${name}`) : i;
      const wrong = y.leaves[at]?.data.find((label) => !(label >= 0 && label < classes) && label !== loss.ignoreClass);
      if (wrong !== undefined) throw noSuchClass(mode, wrong, classes);
    });
  }
  /** How many classes each output tells apart, as far as that is known. */
  #classes: readonly (number | null)[] = [];

  /** What a step of prediction gives, in the structure of the model's outputs. */
  asOutputs<T>(values: readonly T[]): unknown {
    let next = 0;
    return mapTensors(this.#outputs, () => values[next++]);
  }

  /** Names of what a step of training or evaluation gives: running means since the last `reset`. */
  get labels(): readonly string[] {
    return this.#objective?.labels ?? [];
  }

  /** Begins new means. */
  reset(): void {
    for (const metric of this.#objective?.metrics ?? []) metric.reset();
  }

  /** Running means as they are now. @returns brings them back, after something else has used the metrics */
  keepMeans(): () => void {
    const variables = (this.#objective?.metrics ?? []).flatMap((metric) => metric.variables);
    const kept = variables.map((variable) => variable.data);
    return () => variables.forEach((variable, i) => void variable.replace(kept[i]!));
  }

  /** Lets go of plans and threads. Weights keep their values; steps that are asked for later are made anew. */
  close(): void {
    this.#opened?.close();
    this.#opened = null;
    this.#steps.clear();
  }

  #trace(mode: Mode, batch: BatchArrays): Step {
    const leaves = arraysOf(mode, batch);
    const args = leaves.map((leaf): ProgramArgument => ({ ...argumentOf(leaf), shape: this.#axes.sizesOf(leaf) }));
    const entry = this.program.entry(mode, args, (...tensors) => this.#build(mode, batch, tensors));
    const prepared = new Map<string, PreparedEntry>();
    return {
      entry,
      run: (next) => {
        this.checkLabels(mode, next);
        return entry.run(...arraysOf(mode, next).map(({ array }) => array));
      },
      prepare: (next) => {
        const shapes = arraysOf(mode, next).map(({ array }) => array.shape);
        return getOrMake(prepared, shapes.join(";"), () => entry.prepare(shapes));
      },
    };
  }

  /** Builds the model, and decides what losses and metrics there are, before anything is traced. */
  #prepareModel(mode: Mode, batch: BatchArrays): void {
    const symbolic = (what: string, nest: ArrayNest) => namedArrays(what, nest).map(argumentOf);
    const scratch = new TraceGraph({ name: "trial" });
    // A model is built by its first call; what that gives says which outputs there are.
    let names: readonly string[] = [];
    let predictions: readonly Tensor[] = [];
    let targets: readonly (Tensor | null)[] = [];
    const reported: string[] = [];
    const xs = symbolic("x", batch.x);
    const ys = batch.y ? symbolic("y", batch.y) : [];
    scratch.trace("trial", () => {
      const placeholders = [...xs, ...ys].map(({ name, dtype, shape }) => scratch.argument(name, dtype, shape));
      const x = batch.x.rebuild(placeholders.slice(0, xs.length)) as TensorNest;
      // Anew: layers may have come since the last time.
      this.#model[PREPARE](x, {}, true);
      const result = this.#model[TRIAL](x, { training: mode === "train" }, (context) => {
        reported.push(...context.metrics.map(({ name }) => name));
      });
      predictions = tensorsIn(result);
      names = this.#model[OUTPUT_NAMES](predictions.length);
      const given = batch.y ? placeholders.slice(xs.length) : [];
      targets = this.#targetsInOrder(batch.y, given, names);
      return { result: null, tensors: [] };
    });
    if (mode === "predict") return;
    this.#objective ??= new Objective(this.#options, names, targets, predictions, [...new Set(reported)]);
    this.#classes = predictions.map(({ shape }) => {
      const last = shape?.at(-1);
      return typeof last === "number" ? last : null;
    });
    if (mode !== "train") return;
    const trained = this.#trained;
    if (trained.length === 0) throw nothingToTrain(this.#model.name);
    this.optimizer.build(trained);
  }

  #build(mode: Mode, batch: BatchArrays, tensors: readonly Tensor[]): readonly Tensor[] {
    const { x, y, weight } = batch;
    const xCount = x.leaves.length;
    const yCount = y?.leaves.length ?? 0;
    const inputs = x.rebuild(tensors.slice(0, xCount)) as TensorNest;
    if (mode === "predict") {
      const outputs = this.#model.apply(inputs, { training: false });
      this.#outputs = outputs;
      return tensorsIn(outputs);
    }

    const names = this.#objective!.outputs.map(({ name }) => name);
    const targets = this.#targetsInOrder(y, tensors.slice(xCount, xCount + yCount), names);
    const weights = this.#weightsInOrder(weight, tensors.slice(xCount + yCount), names);
    const training = mode === "train";
    const tape = training ? new GradientTape(this.program.graph) : null;
    const { predictions, total, perOutput, context } = withCall(training, (context) => {
      const predictions = tensorsIn(this.#model.apply(inputs, { training }));
      const terms = [...context.losses, ...this.#model.regularizationLosses];
      return {
        predictions,
        context,
        ...this.#objective!.loss(targets, predictions, weights, terms, training ? "fit" : "evaluate"),
      };
    });
    if (tape) this.#update(tape, total);
    const count = countOf(tensors[0]!);
    this.#objective!.track({ count, total, perOutput, targets, predictions, weights, reported: context.metrics });
    return this.#objective!.metrics.map((metric) => metric.result());
  }

  #update(tape: GradientTape, loss: Tensor): void {
    const variables = this.#trained;
    const gradients = tape.gradient(loss, variables, { unconnected: "none" }) as readonly (Tensor | null)[];
    const pairs = gradients.flatMap((gradient, i) => (gradient ? [[gradient, variables[i]!] as const] : []));
    this.optimizer.applyGradients(pairs);
    for (const variable of variables) {
      const constraint = findRecord(variable)?.constraint;
      if (constraint) assign(variable, constraint(variable));
    }
  }

  /** Targets in the order of outputs, from a list, an object by output names, or a single one. */
  #targetsInOrder(
    y: ArrayNest | null,
    tensors: readonly Tensor[],
    names: readonly string[],
  ): readonly (Tensor | null)[] {
    return inOrder("y", y, tensors, names);
  }
  #weightsInOrder(weight: ArrayNest | null, tensors: readonly Tensor[], names: readonly string[]) {
    if (weight?.places.length === 1 && weight.places[0] === "") return names.map(() => tensors[0]!);
    return inOrder("sampleWeight", weight, tensors, names);
  }
}

function inOrder(
  what: string,
  nest: ArrayNest | null,
  tensors: readonly Tensor[],
  names: readonly string[],
): readonly (Tensor | null)[] {
  if (!nest) return names.map(() => null);
  const byName = new Map(nest.places.map((place, i) => [place, tensors[i]!]));
  if (nest.places.every((place) => place.startsWith("."))) {
    const unknown = nest.places.find((place) => !names.includes(place.slice(1)));
    if (unknown) throw wrongOutputs(what, `names "${unknown.slice(1)}"`, names);
    return names.map((name) => byName.get(`.${name}`) ?? null);
  }
  if (tensors.length === names.length) return tensors;
  throw wrongOutputs(what, `has ${tensors.length} arrays`, names);
}

const wrongOutputs = (what: string, got: string, names: readonly string[]): GraphError =>
  new GraphError({
    what: `fit: ${what} ${got}, the model has ${names.length === 1 ? "the output" : "the outputs"} ${names.join(", ")}`,
    at: here(),
    fix: "give one for each output: in their order, or by name",
  });

const nothingToTrain = (name: string): GraphError =>
  new GraphError({
    what: `fit: model "${name}" has no weights to train`,
    at: here(),
    fix: "all layers are frozen or have no weights: set trainable = true on some, then compile again",
  });

const otherLayers = (name: string): StateError =>
  new StateError({
    what: `${name}: it has other layers than when training began`,
    at: here(),
    fix: "compile it again: then the optimizer takes up the new weights",
  });

const noSuchClass = (mode: Mode, label: number, classes: number): GraphError =>
  new GraphError({
    what: `${mode === "train" ? "fit" : "evaluate"}: y has the class ${label}, the model tells ${classes} classes apart`,
    at: here(),
    fix: `classes are whole numbers from 0 to ${classes - 1}: give the last layer more units, or the loss an ignoreClass`,
  });

const isSame = (some: readonly Module[], others: readonly Module[]): boolean =>
  some.length === others.length && some.every((module, i) => module === others[i]);

/** The arrays of a batch in the order of a step's arguments. */
function arraysOf(mode: Mode, { x, y, weight }: BatchArrays): readonly NamedArray[] {
  if (mode === "predict") return namedArrays("x", x);
  return [...namedArrays("x", x), ...(y ? namedArrays("y", y) : []), ...(weight ? namedArrays("weight", weight) : [])];
}

const namedArrays = (prefix: string, nest: ArrayNest): readonly NamedArray[] =>
  nest.leaves.map((array, i) => ({ array, name: `${prefix}${nest.places[i] ?? ""}` }));

/** The argument a step has for an array, with the sizes of the array and any batch. */
const argumentOf = ({ name, array }: NamedArray): ProgramArgument => ({
  name: name.replace(/\W+/g, "_").replace(/_$/, ""),
  dtype: array.dtype,
  shape: ["batch", ...array.shape.slice(1)],
});

/** How many samples a batch has, as a number of the graph. */
const countOf = (x: Tensor): Tensor => sizeValue(x, x.shape![0]!, "float32");
