import { FileError } from "../../core/errors.ts";
import { warn } from "../../core/warnings.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import type { Optimizer } from "../../train/optimizer.ts";
import { INPUT_SPECS, MODULES, RANDOM, SEED, TRIAL } from "../core/internal.ts";
import { Layer } from "../core/layer.ts";
import type { Module } from "../core/module.ts";
import type { TensorNest } from "../core/nest.ts";
import { type Network, shapesUnknown } from "../core/network.ts";
import type { LayerRandom } from "../core/random.ts";
import { RunningMeans } from "../training/running-means.ts";
import { isDescribed, placeholdersLike } from "./describe.ts";
import { type ModelState, type TrainingPosition, writeModel } from "./file.ts";
import { type RestoreOptions, restoring } from "./restore.ts";

const BEGINNING: TrainingPosition = { epoch: 0, batch: 0 };

/** What a model knows of files: how far training has come, and what of a loaded file waits for its optimizer. */
export class Persistence {
  readonly #model: Network<TensorNest, TensorNest>;
  position = BEGINNING;
  /** What losses and metrics have come to in the epoch that `position` is in. */
  readonly means = new RunningMeans();
  /** Decides on the order of samples. */
  seed: number;
  /** What a file held of the optimizer, until there is one that takes it. */
  #waiting: ReadonlyMap<string, NDArray> | null = null;
  /** Why the optimizer did not take it. */
  #refusal: FileError | null = null;
  /** The call for which everything has been made that training makes. */
  #completeFor: unknown = null;

  constructor(model: Network<TensorNest, TensorNest>) {
    this.#model = model;
    this.seed = model[SEED];
  }

  /** Everything, as the bytes of a file. @throws GraphError for a layer that can not be written */
  bytes(optimizer: Optimizer | null): Uint8Array {
    const model = this.#model;
    const values = this.variables("save");
    const state = optimizer ? optimizerState(optimizer, values) : new Map<string, EagerVariable>();
    const randoms = streamsOf(model);
    const streams = new Map<string, number>();
    for (const [name, variable] of values) {
      const seed = randoms.get(variable)?.seed ?? null;
      if (seed !== null) streams.set(name, seed);
    }
    return writeModel({
      architecture: isDescribed(model) ? model : null,
      inputs: model[INPUT_SPECS],
      values,
      optimizer: state.size > 0 ? state : (this.#waiting ?? state),
      means: this.position.batch > 0 ? this.means.values : new Map(),
      position: this.position,
      seed: this.seed,
      streams,
    });
  }

  /**
   * Takes up the state of a file.
   * @throws FileError for one that does not fit; then nothing has changed
   */
  restore(state: ModelState<NDArray>, optimizer: Optimizer | null, options: RestoreOptions): void {
    const variables = this.variables("load");
    const reseed = this.#reseeding(variables, state.streams);
    const give = restoring("load", variables, state.values, options);
    const waiting = state.optimizer.size > 0 ? state.optimizer : null;
    const giveOptimizer = optimizer && waiting ? this.#forOptimizer(optimizer, waiting) : null;
    give();
    giveOptimizer?.();
    reseed();
    this.position = state.position;
    this.means.take(state.means);
    this.seed = state.seed;
    this.#waiting = giveOptimizer ? null : waiting;
    this.#refusal = null;
  }

  /** A new optimizer takes up what the file held, if it is of the same algorithm. */
  compiled(optimizer: Optimizer): void {
    if (!this.#waiting || !this.#model[INPUT_SPECS]) return;
    const { learningRate: asked } = optimizer;
    try {
      this.#forOptimizer(optimizer, this.#waiting)();
      this.#waiting = null;
      this.#refusal = null;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      // It may be meant: the weights are trained on in another way. Only who resumes has to know.
      this.#refusal = error;
    }
    const { learningRate } = optimizer;
    if (typeof asked !== "number" || typeof learningRate !== "number" || asked === learningRate) return;
    warn({
      what: `compile: the learning rate goes on at ${learningRate}, as in the file that was loaded, and not at ${asked}`,
      at: here(),
      fix: `set it if that is not meant: model.optimizer.learningRate = ${asked}`,
    });
  }

  /** Where to go on. @throws FileError if the optimizer can not */
  resumed(): TrainingPosition {
    if (this.#refusal) throw this.#refusal;
    return this.position;
  }

  /** Training begins anew: what waited is not wanted. */
  anew(epoch: number): TrainingPosition {
    this.#waiting = null;
    this.#refusal = null;
    return { epoch, batch: 0 };
  }

  /**
   * The variables by name: also those that only training makes, such as the counters of dropout.
   * @throws StateError while nothing is known of the shapes
   */
  variables(call: string): ReadonlyMap<string, EagerVariable> {
    const model = this.#model;
    const inputs = model[INPUT_SPECS];
    if (!inputs) throw shapesUnknown(model.name, call);
    if (inputs !== this.#completeFor) {
      model[TRIAL](placeholdersLike(inputs), { training: true });
      this.#completeFor = model[INPUT_SPECS];
    }
    return model.namedVariables;
  }

  #forOptimizer(optimizer: Optimizer, values: ReadonlyMap<string, NDArray>): () => void {
    const model = this.#model;
    optimizer.build(model.trainableVariables);
    return restoring("load: optimizer", optimizerState(optimizer, model.namedVariables), values);
  }

  /** Streams go on as in the file. */
  #reseeding(variables: ReadonlyMap<string, EagerVariable>, streams: ReadonlyMap<string, number>): () => void {
    const randoms = streamsOf(this.#model);
    const found = [...streams].flatMap(([name, seed]) => {
      const random = randoms.get(variables.get(name)!);
      return random ? [[name, random, seed] as const] : [];
    });
    const other = found.find(([, random, seed]) => random.seed !== null && random.seed !== seed);
    if (other) throw otherSeed(other[0], this.#model.name);
    return () => {
      for (const [, random, seed] of found) random.seed = seed;
    };
  }
}

/** What layers draw from, by the variable that counts the draws. */
function streamsOf(model: Module): ReadonlyMap<EagerVariable, LayerRandom> {
  const streams = new Map<EagerVariable, LayerRandom>();
  for (const module of model[MODULES]()) {
    const random = module instanceof Layer ? module[RANDOM] : null;
    if (random) for (const variable of random.variables) streams.set(variable, random);
  }
  return streams;
}

/**
 * What an optimizer keeps, under names that follow from the model alone: `step`, and `dense/kernel/m` of a variable.
 * Its own names would do as long as there is one optimizer in the program.
 */
function optimizerState(
  optimizer: Optimizer,
  variables: ReadonlyMap<string, EagerVariable>,
): ReadonlyMap<string, EagerVariable> {
  const kept = new Set(optimizer.variables);
  const state = new Map<string, EagerVariable>();
  for (const [name, variable] of variables) {
    for (const [slot, value] of Object.entries(slotsOf(optimizer, variable))) {
      kept.delete(value);
      state.set(`${name}/${slot}`, value as EagerVariable);
    }
  }
  for (const value of kept) state.set(value.op.name.split("/").at(-1)!, value as EagerVariable);
  return state;
}

/** Nothing for a variable that it does not update, or an algorithm that keeps nothing. */
function slotsOf(optimizer: Optimizer, variable: EagerVariable) {
  try {
    return optimizer.slots(variable);
  } catch {
    return {};
  }
}

const otherSeed = (name: string, model: string): FileError =>
  new FileError({
    what: `load: "${name}" draws from another stream of random numbers than in the file`,
    details: [`${model} has been trained already, from another seed`],
    at: here(),
    fix: "load the file into a model that has not drawn random numbers yet, or one with the same seed",
  });
