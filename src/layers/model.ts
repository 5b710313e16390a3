import { GraphError, StateError } from "../core/errors.ts";
import { readValue, type ValueLike } from "../core/values.ts";
import type { FileOptions } from "../files/reader.ts";
import type { Tensor } from "../graph/operation.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { here, reading } from "../runtime/reading.ts";
import { optimizer as optimizerFrom } from "../train/by-name.ts";
import type { Optimizer } from "../train/optimizer.ts";
import { CallbackList } from "./callbacks/callback.ts";
import type { History } from "./callbacks/history.ts";
import { Progress } from "./callbacks/progress.ts";
import { OUTPUT_NAMES, RESTORE } from "./core/internal.ts";
import type { ApplyOptions } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";
import { Network } from "./core/network.ts";
import { type ModelState, readModel, type TrainingPosition } from "./saving/file.ts";
import { MODEL_FILE, readFile, WEIGHTS_FILE, writeFile } from "./saving/paths.ts";
import { Persistence } from "./saving/persistence.ts";
import { type LoadWeightsOptions, restoringWeights, type SaveWeightsOptions, writeWeights } from "./saving/weights.ts";
import { atLine } from "./training/at-line.ts";
import { SampleSource } from "./training/batches.ts";
import { withClassWeight } from "./training/class-weight.ts";
import { ArrayFeed, type BatchFeed, type BatchSource, IterableFeed, isBatchSource } from "./training/feeds.ts";
import { evaluateFeed, predictFeed, readLogs, runEpochs } from "./training/fit.ts";
import {
  type CompileOptions,
  checkCompileOptions,
  checkEvaluateOptions,
  checkFitOptions,
  checkPredictOptions,
  type EvaluateOptions,
  type FitOptions,
  isFitOptions,
  type PredictOptions,
  requireForArrays,
  requireForSource,
} from "./training/options.ts";
import { copyOf, joinBatches } from "./training/outputs.ts";
import { Pace } from "./training/pace.ts";
import { type Data, takeApart } from "./training/structure.ts";
import { type BatchArrays, type Logs, type Mode, Trainer } from "./training/trainer.ts";
import { Turns } from "./training/turns.ts";

export type { CompileOptions, EvaluateOptions, FitOptions, PredictOptions, RunOptions } from "./training/options.ts";

/** Arrays in the structure of a model's tensors. */
export type ArraysOf<Out> = Out extends Tensor<infer S> ? NDArray<S> : { readonly [K in keyof Out]: NDArray };

/**
 * A network that can be trained: Keras' `Model`. `compile` says how, `fit` trains, `evaluate` tests, `predict` applies.
 * Each of the three is one compiled plan; weights lie in its memory and are updated there.
 */
export abstract class Model<
  In extends TensorNest = Tensor,
  Out extends TensorNest = Tensor,
  Options extends ApplyOptions = ApplyOptions,
> extends Network<In, Out, Options> {
  #compiled: Trainer | null = null;
  #predicting: Trainer | null = null;
  readonly #persistence = new Persistence(this.#asNetwork);
  readonly #turns = new Turns(() => this.name);
  /** Set to true by a callback: training ends after the batch. */
  stopTraining = false;

  /**
   * Says how the model is trained. Calling it again begins with a new optimizer state and new metrics; weights stay.
   *
   * @throws GraphError for unknown names (lists near ones), or an optimizer that trains another model
   */
  compile(options: CompileOptions = {}): this {
    this.#turns.require("compile");
    checkCompileOptions(options);
    const optimizer = optimizerFrom(options.optimizer ?? "rmsprop");
    const trainer = new Trainer(this.#asTrainable, { ...options, optimizer });
    this.#compiled?.close();
    this.#compiled = trainer;
    this.#persistence.compiled(optimizer);
    return this;
  }

  /** @throws StateError before `compile` */
  get optimizer(): Optimizer {
    return this.#trainer("optimizer").optimizer;
  }
  /** Names of what training reports, known once it has begun. */
  get metricsNames(): readonly string[] {
    return this.#trainer("metricsNames").labels;
  }
  get isCompiled(): boolean {
    return this.#compiled !== null;
  }

  // ── many batches ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Trains on samples: arrays `x` and `y` whose first axis counts them, or a dataset of batches `[x, y]`. It lets events
   * happen every 12 milliseconds, so a page stays alive.
   *
   * @returns the numbers of every epoch
   * @throws StateError before `compile`; GraphError, ShapeError for data that do not fit
   */
  async fit(x: Data | BatchSource, y?: Data, options?: FitOptions): Promise<History>;
  async fit(x: BatchSource, options?: FitOptions): Promise<History>;
  async fit(x: Data | BatchSource, second?: Data | FitOptions, third: FitOptions = {}): Promise<History> {
    const trainer = this.#trainer("fit");
    const fromSource = isBatchSource(x);
    if (!fromSource && typeof x !== "function" && isFitOptions(second)) throw this.#noTargets();
    const isShort = fromSource && third !== second && isOptions(second);
    const options = isShort ? second : third;
    const y = isShort ? undefined : (second as Data | undefined);
    checkFitOptions(options);
    if (fromSource) requireForSource("fit", y, options);
    else requireForArrays("fit", options);
    const from = options.resume ? this.#persistence.resumed() : this.#persistence.anew(options.initialEpoch ?? 0);
    const { epochs = 1, verbose = 1, shuffle = true, batchSize = 32 } = options;
    let validation: BatchFeed | null = null;
    let feed: BatchFeed;
    if (fromSource) {
      feed = new IterableFeed(trainer, "train", x, options.stepsPerEpoch ?? null, (batch) =>
        withClassWeight(batch, options.classWeight),
      );
    } else {
      let source = new SampleSource(
        "fit",
        withClassWeight(this.#arrays("fit", x, y, options.sampleWeight), options.classWeight),
      );
      if (options.validationSplit !== undefined && !options.validationData) {
        const [first, last] = source.split(options.validationSplit);
        source = first;
        validation = new ArrayFeed(trainer, "test", last, options.validationBatchSize ?? batchSize, null);
      }
      feed = new ArrayFeed(trainer, "train", source, batchSize, shuffle ? this.#persistence.seed : null);
    }
    const given = options.validationData;
    if (given) validation = this.#validation(trainer, given, options);
    const run = {
      model: this,
      trainer,
      feed,
      validation,
      validationFrequency: options.validationFrequency ?? 1,
      epochs,
      from,
      isResumed: options.resume ?? false,
      reached: (position: TrainingPosition) => {
        this.#persistence.position = position;
      },
      means: this.#persistence.means,
      verbose,
      callbacks: options.callbacks ?? [],
      progress: verbose === 0 ? null : new Progress(),
      signal: options.signal ?? null,
    };
    return await this.#turns.run("fit", (turn) => runEpochs({ ...run, turn }));
  }

  /** Loss and metrics over all samples, without learning from them. */
  async evaluate(x: Data | BatchSource, y?: Data, options: EvaluateOptions = {}): Promise<Logs> {
    const trainer = this.#trainer("evaluate");
    checkEvaluateOptions(options);
    if (isBatchSource(x)) requireForSource("evaluate", y, options);
    else requireForArrays("evaluate", options);
    const feed: BatchFeed = isBatchSource(x)
      ? new IterableFeed(trainer, "test", x, options.steps ?? null)
      : new ArrayFeed(
          trainer,
          "test",
          new SampleSource("evaluate", this.#arrays("evaluate", x, y, options.sampleWeight)),
          options.batchSize ?? 32,
          null,
        );
    const verbose = options.verbose ?? 0;
    return await this.#turns.run("evaluate", async (turn) => {
      const parameters = { epochs: 1, steps: feed.steps, verbose };
      const callbacks = new CallbackList(options.callbacks ?? [], this, parameters, turn);
      const restore = trainer.keepMeans();
      try {
        return await evaluateFeed(trainer, feed, callbacks, new Pace(), options.signal ?? null);
      } finally {
        restore();
        feed.close?.();
      }
    });
  }

  /** What the model gives for samples, as arrays. Works without `compile`. */
  async predict(x: Data | BatchSource, options: PredictOptions = {}): Promise<ArraysOf<Out>> {
    const trainer = this.#predictor;
    checkPredictOptions(options);
    if (isBatchSource(x)) requireForSource("predict", undefined, options);
    else requireForArrays("predict", options);
    const feed: BatchFeed = isBatchSource(x)
      ? new IterableFeed(trainer, "predict", x, options.steps ?? null)
      : new ArrayFeed(
          trainer,
          "predict",
          new SampleSource("predict", this.#arrays("predict", x)),
          options.batchSize ?? 32,
          null,
        );
    const callbacks = new CallbackList(options.callbacks ?? [], this, {
      epochs: 1,
      steps: feed.steps,
      verbose: options.verbose ?? 0,
    });
    const parts: NDArray[][] = [];
    const take = (outputs: readonly NDArray[]) => void parts.push(outputs.map(copyOf));
    await atLine(here(), () => predictFeed(feed, callbacks, take, options.signal ?? null)).finally(() =>
      feed.close?.(),
    );
    const joined = (parts[0] ?? []).map((_, i) => joinBatches(parts.map((batch) => batch[i]!)));
    return this.#asOutputs(joined);
  }

  // ── one batch ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** One step of training, the same as a batch of `fit`. @returns loss and metrics of this batch */
  trainOnBatch(
    x: Data,
    y?: Data,
    options: { readonly sampleWeight?: Data; readonly classWeight?: Readonly<Record<number, number>> } = {},
  ): Logs {
    const batch = withClassWeight(this.#arrays("trainOnBatch", x, y, options.sampleWeight), options.classWeight);
    return this.#onBatch("trainOnBatch", "train", batch);
  }
  /** Loss and metrics of a batch. Nothing changes. */
  testOnBatch(x: Data, y?: Data, options: { readonly sampleWeight?: Data } = {}): Logs {
    return this.#onBatch("testOnBatch", "test", this.#arrays("testOnBatch", x, y, options.sampleWeight));
  }
  /** What the model gives for a batch. Works without `compile`. */
  predictOnBatch(x: Data): ArraysOf<Out> {
    const batch = this.#arrays("predictOnBatch", x);
    const outputs = this.#predictor.step("predict", batch).run(batch);
    return this.#asOutputs(outputs.map(copyOf));
  }

  #onBatch(what: string, mode: Mode, batch: BatchArrays): Logs {
    const trainer = this.#trainer(what);
    this.#turns.require(what);
    const step = trainer.step(mode, batch);
    const restore = this.#turns.isWithin ? trainer.keepMeans() : null;
    trainer.reset();
    const logs: Logs = {};
    readLogs(trainer.labels, step.run(batch), logs);
    restore?.();
    return logs;
  }

  /**
   * Lets go of plans, their memory and threads. Weights keep their values; plans are made anew when the model is used
   * again. A model that is dropped goes by itself, unless it has threads.
   * @throws StateError while `fit` or `evaluate` is under way
   */
  close(): void {
    this.#turns.require("close");
    this.#compiled?.close();
    this.#predicting?.close();
  }

  // ── weights ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Values of all variables, in their order, as copies. */
  getWeights(): readonly NDArray[] {
    return this.variables.map(({ value }) => copyOf(value));
  }
  /**
   * Gives all variables values.
   * @throws GraphError for another number of arrays; ShapeError, DTypeError for one that does not fit. Then nothing changed
   */
  setWeights(values: readonly (NDArray | ValueLike)[]): void {
    const { variables } = this;
    if (values.length !== variables.length) {
      throw new GraphError({
        what: `${this.name}: setWeights got ${values.length} arrays for ${variables.length} variables`,
        at: here(),
        fix: `give one for each of: ${variables.map(({ op }) => op.name).join(", ")}`,
      });
    }
    const read = variables.map((variable, i) => {
      const { shape, dtype, op } = variable;
      return reading(`setWeights: ${op.name}`, () => readValue(values[i]!, dtype, shape));
    });
    variables.forEach((variable, i) => void variable.replace(read[i]!.data));
  }

  // ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** How far `fit` has come: what `resume` goes on from. */
  get position(): TrainingPosition {
    return this.#persistence.position;
  }

  /**
   * Everything in one file: how the model is put together, its variables, what the optimizer keeps, and how far training
   * has come. Values are in the layout of safetensors. With a path the file is written so that a crash leaves the old one
   * whole; a path that ends in "/", or a folder, stands for `model.safetensors` in it. Of a class of your own the file
   * holds no code: give `loadModel` the class, or make the model and `load` the file.
   *
   * @throws GraphError for a layer that can not be written; StateError before the model is built; FileError
   */
  save(): Uint8Array;
  save(path: string): Promise<void>;
  save(path?: string): Uint8Array | Promise<void> {
    const bytes = this.#persistence.bytes(this.#compiled?.optimizer ?? null);
    return path === undefined ? bytes : writeFile("save", path, MODEL_FILE, bytes);
  }

  /**
   * Takes up what `save` wrote: variables, and the state of the optimizer, now or at the next `compile`. `fit` with
   * `resume` then goes on where training was. A file from before the first step leaves the optimizer as it is.
   *
   * @throws FileError for a file that is damaged or does not fit; then nothing has changed
   */
  load(file: Uint8Array, options?: FileOptions): void;
  load(file: string, options?: FileOptions): Promise<void>;
  load(file: Uint8Array | string, options: FileOptions = {}): void | Promise<void> {
    if (typeof file === "string") {
      return readFile("load", file, MODEL_FILE, options).then(([bytes, path]) =>
        this.load(bytes, { file: path, ...options }),
      );
    }
    this[RESTORE](readModel("load", file, options), options);
  }
  [RESTORE](state: ModelState<NDArray>, options: FileOptions): void {
    this.#persistence.restore(state, this.#compiled?.optimizer ?? null, options);
  }

  /**
   * The values of all variables under their names in the model, in the layout of safetensors; in a file that ends in
   * `.npz`, in that of NumPy.
   *
   * @throws StateError before the model is built; FileError
   */
  saveWeights(options?: SaveWeightsOptions): Uint8Array;
  saveWeights(path: string, options?: SaveWeightsOptions): Promise<void>;
  saveWeights(first?: string | SaveWeightsOptions, second: SaveWeightsOptions = {}): Uint8Array | Promise<void> {
    const path = typeof first === "string" ? first : null;
    const options = path === null ? ((first ?? {}) as SaveWeightsOptions) : second;
    const bytes = writeWeights(this.#asNetwork, this.#persistence.variables("saveWeights"), path, options);
    return path === null ? bytes : writeFile("saveWeights", path, WEIGHTS_FILE, bytes);
  }
  /**
   * Takes up weights: a file of `saveWeights` or `save`, or one with the names that Keras gives them in `.weights.h5`
   * files, as safetensors or npz.
   *
   * @throws FileError for a file that is damaged or, without `partial`, does not fit; then nothing has changed
   */
  loadWeights(file: Uint8Array, options?: LoadWeightsOptions): void;
  loadWeights(file: string, options?: LoadWeightsOptions): Promise<void>;
  loadWeights(file: Uint8Array | string, options: LoadWeightsOptions = {}): void | Promise<void> {
    if (typeof file === "string") {
      return readFile("loadWeights", file, WEIGHTS_FILE, options).then(([bytes, path]) =>
        this.loadWeights(bytes, { file: path, ...options }),
      );
    }
    restoringWeights(this.#asNetwork, this.#persistence.variables("loadWeights"), file, options)();
  }

  // ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Names of the outputs, in their order. */
  [OUTPUT_NAMES](count: number): readonly string[] {
    return count === 1 ? ["output"] : Array.from({ length: count }, (_, i) => `output_${i + 1}`);
  }

  get #asNetwork() {
    return this as object as Network<TensorNest, TensorNest>;
  }
  get #asTrainable() {
    return this as object as ConstructorParameters<typeof Trainer>[0];
  }
  #trainer(what: string): Trainer {
    if (this.#compiled) return this.#compiled;
    throw new StateError({
      what: `${this.name}: ${what} before compile`,
      at: here(),
      fix: 'say how it is trained first: compile({ optimizer: "adam", loss: "meanSquaredError" })',
    });
  }
  /** Shares its memory with training, if there is any. */
  get #predictor(): Trainer {
    if (this.#compiled) return this.#compiled;
    this.#predicting ??= new Trainer(this.#asTrainable, { optimizer: optimizerFrom("sgd") });
    return this.#predicting;
  }

  #noTargets(): GraphError {
    return new GraphError({
      what: `${this.name}: fit has options in the place of y`,
      at: here(),
      fix: "fit(x, y, options); where nothing is compared, fit(x, undefined, options)",
    });
  }
  #arrays(what: string, x: Data, y?: Data, weight?: Data): BatchArrays {
    return {
      x: takeApart(`${what}: x`, x),
      y: y === undefined ? null : takeApart(`${what}: y`, y),
      weight: weight === undefined ? null : takeApart(`${what}: sampleWeight`, weight),
    };
  }
  #validation(trainer: Trainer, given: NonNullable<FitOptions["validationData"]>, options: FitOptions): BatchFeed {
    if (isBatchSource(given)) return new IterableFeed(trainer, "test", given, options.validationSteps ?? null);
    if (!Array.isArray(given) || given.length < 2 || given.length > 3) {
      throw new GraphError({
        what: "fit: validationData is no list [x, y]",
        at: here(),
        fix: "give [x, y], [x, y, sampleWeight], or a dataset of batches",
      });
    }
    const [x, y, weight] = given as readonly [Data, Data, Data?];
    const source = new SampleSource("fit: validationData", this.#arrays("fit: validationData", x, y, weight));
    return new ArrayFeed(trainer, "test", source, options.validationBatchSize ?? options.batchSize ?? 32, null);
  }
  #asOutputs(arrays: readonly NDArray[]): ArraysOf<Out> {
    return this.#predictor.asOutputs(arrays) as ArraysOf<Out>;
  }
}

const isOptions = (value: unknown): value is FitOptions =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof NDArray) &&
  !ArrayBuffer.isView(value);
