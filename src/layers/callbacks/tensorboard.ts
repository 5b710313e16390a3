import { isFloat } from "../../core/dtype.ts";
import { GraphError } from "../../core/errors.ts";
import { appendingTo, hostFileSystem, makeFolders } from "../../files/disk.ts";
import { here } from "../../runtime/reading.ts";
import { eventFileName } from "../../tensorboard/file-name.ts";
import { EventWriter } from "../../tensorboard/writer.ts";
import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";

/** What TensorBoard shows as a line of its own in each chart. */
export type TensorBoardRun = "train" | "validation";

export interface TensorBoardOptions {
  /** Opens the event file of a run, when there is something to write: `() => new EventWriter(new MemorySink())`. */
  readonly open?: ((run: TensorBoardRun) => EventWriter | Promise<EventWriter>) | undefined;
  /** Distributions of all weights after every so many epochs. Default 0: never. */
  readonly histogramFrequency?: number | undefined;
  /** Writes what the model computes, for the Graphs tab. Default true. */
  readonly writeGraph?: boolean | undefined;
  /** Numbers of the epochs alone, or also those of every so many batches; "batch" is 1. Default "epoch". */
  readonly updateFrequency?: "epoch" | "batch" | number | undefined;
}

/**
 * Writes event files for TensorBoard, with the tags that Keras gives:
 *
 *     epoch_loss, epoch_learning_rate          step: the epoch       runs train and validation
 *     batch_loss                               step: the batch, counted from 1 in the whole training
 *     evaluation_loss_vs_iterations            step: the updates made
 *     dense/kernel/histogram                   step: the epoch
 *
 * In Node it takes the folder: `new TensorBoard("logs")`, and then `tensorboard --logdir logs`. Elsewhere say in `open`
 * where the bytes go.
 */
export class TensorBoard extends Callback {
  readonly #open: (run: TensorBoardRun) => EventWriter | Promise<EventWriter>;
  readonly #histogramFrequency: number;
  readonly #writesGraph: boolean;
  /** Batches between two entries; null: none are made. */
  readonly #frequency: number | null;
  readonly #writers = new Map<TensorBoardRun, EventWriter>();
  #batches = 0;
  #hasGraph = false;
  #isTraining = false;

  constructor(folder: string, options?: Omit<TensorBoardOptions, "open">);
  constructor(options: TensorBoardOptions & Required<Pick<TensorBoardOptions, "open">>);
  /** @throws GraphError without a place to write to, or for a frequency that is none */
  constructor(first: string | TensorBoardOptions, second: TensorBoardOptions = {}) {
    super();
    const options = typeof first === "string" ? second : first;
    const { open, histogramFrequency = 0, writeGraph = true, updateFrequency = "epoch" } = options;
    if (typeof first !== "string" && !open) {
      throw new GraphError({
        what: "TensorBoard: there is nowhere to write to",
        at: here(),
        fix: 'give a folder, new TensorBoard("logs"), or { open: (run) => new EventWriter(sink) }',
      });
    }
    this.#open = typeof first === "string" ? (run) => openIn(`${first.replace(/[/\\]$/, "")}/${run}`) : open!;
    this.#histogramFrequency = requireFrequency("histogramFrequency", histogramFrequency, 0);
    this.#writesGraph = writeGraph;
    this.#frequency =
      updateFrequency === "epoch"
        ? null
        : updateFrequency === "batch"
          ? 1
          : requireFrequency("updateFrequency", updateFrequency, 1);
  }

  override onTrainBegin(): void {
    this.#batches = 0;
    this.#hasGraph = false;
    this.#isTraining = true;
  }
  override onTrainEnd(): void {
    this.#isTraining = false;
    this.#close();
  }
  #close(): void {
    for (const writer of this.#writers.values()) writer.close();
    this.#writers.clear();
  }

  override onTrainBatchEnd(_batch: number, logs: Logs): void | Promise<void> {
    this.#batches++;
    if (this.#frequency === null || this.#batches % this.#frequency !== 0) return;
    return this.#scalars("train", "batch_", "", { ...logs }, this.#batches);
  }

  override async onTestEnd(logs: Logs): Promise<void> {
    const { model } = this;
    const updates = model.isCompiled ? model.optimizer.iterations : null;
    if (updates === null) return;
    const step = Number((updates as typeof updates & { readonly data: ArrayLike<number> }).data[0]);
    await this.#scalars("validation", "evaluation_", "_vs_iterations", logs, step);
    if (!this.#isTraining) this.#close();
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const entries = Object.entries(logs);
    const own = Object.fromEntries(entries.filter(([name]) => !name.startsWith("val_")));
    const ofValidation = Object.fromEntries(
      entries.flatMap(([name, value]) => (name.startsWith("val_") ? [[name.slice(4), value]] : [])),
    );
    const rate = this.#rate();
    const { learningRate: _known, ...numbers } = own;
    await this.#scalars("train", "epoch_", "", rate === null ? numbers : { ...numbers, learning_rate: rate }, epoch);
    await this.#scalars("validation", "epoch_", "", ofValidation, epoch);
    if (this.#writesGraph && !this.#hasGraph) (await this.#writer("train")).graph(this.model.graph().graph);
    this.#hasGraph = true;
    if (this.#histogramFrequency > 0 && epoch % this.#histogramFrequency === 0) await this.#histograms(epoch);
    for (const writer of this.#writers.values()) writer.flush();
  }

  /** The rate in the next step: of a schedule, where it has come to. */
  #rate(): number | null {
    const { learningRate, iterations } = this.model.optimizer;
    if (typeof learningRate === "number") return learningRate;
    if (!("at" in learningRate)) return null;
    const updates = iterations as (typeof iterations & { readonly data: ArrayLike<number> }) | null;
    return learningRate.at(Number(updates?.data[0] ?? 0));
  }

  async #histograms(epoch: number): Promise<void> {
    const writer = await this.#writer("train");
    for (const [name, { dtype, value }] of this.model.namedVariables) {
      if (isFloat(dtype)) writer.histogram(`${name}/histogram`, value, epoch);
    }
  }

  async #scalars(run: TensorBoardRun, prefix: string, suffix: string, logs: Logs, step: number): Promise<void> {
    const entries = Object.entries(logs);
    if (entries.length === 0) return;
    const writer = await this.#writer(run);
    for (const [name, value] of entries) writer.scalar(`${prefix}${name}${suffix}`, value, step);
  }

  async #writer(run: TensorBoardRun): Promise<EventWriter> {
    const writer = this.#writers.get(run) ?? (await this.#open(run));
    this.#writers.set(run, writer);
    return writer;
  }
}

/** @throws FileError where there is no file system, or it refuses */
async function openIn(folder: string): Promise<EventWriter> {
  const files = await hostFileSystem("TensorBoard");
  const path = `${folder}/${eventFileName(Date.now() / 1000, "forerun")}`;
  makeFolders(files, path, "TensorBoard");
  return new EventWriter(appendingTo(files, path, "TensorBoard"));
}

function requireFrequency(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new GraphError({
    what: `TensorBoard: ${name} is ${String(value)}`,
    at: here(),
    fix: `give a whole number from ${least} on`,
  });
}
