import { GraphError } from "../../core/errors.ts";
import { here } from "../../runtime/reading.ts";
import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** What a checkpoint is of. */
export interface CheckpointInfo {
  /** The epoch it was made in, from 1 on, as names of files count. */
  readonly epoch: number;
  /** Batches of that epoch that are done; null at its end. */
  readonly batch: number | null;
  readonly logs: Logs;
}

/** Takes the bytes of a checkpoint: to IndexedDB, to a server. A promise is waited for. */
export type CheckpointSink = (bytes: Uint8Array, info: CheckpointInfo) => void | Promise<void>;

export interface ModelCheckpointOptions extends Omit<MonitorOptions, "minDelta"> {
  /** Writes only what is better than all before. Default false. */
  readonly saveBestOnly?: boolean | undefined;
  /** Weights alone: `saveWeights` instead of `save`. Default false. */
  readonly saveWeightsOnly?: boolean | undefined;
  /** At the end of every epoch, or after every so many batches. Default "epoch". */
  readonly saveFrequency?: "epoch" | number | undefined;
  /** With `saveBestOnly`: what is not better than this is not written either. */
  readonly initialValueThreshold?: number | undefined;
}

/**
 * Writes the model while it is trained, for `loadModel` or `load`, and `fit` with `resume`.
 *
 *     new ModelCheckpoint("best.safetensors", { saveBestOnly: true, monitor: "val_accuracy" })
 *     new ModelCheckpoint("epochs/{epoch:02d}-{val_loss:.3f}.safetensors")
 *
 * Put it behind callbacks that change the learning rate: then the file has the new one.
 *
 * @param target a path, in which `{epoch}`, counted from 1, `{batch}` and names of the logs stand for their numbers, and
 *   `{epoch:02d}` and `{loss:.2f}` say how they are written; or a function that takes the bytes
 */
export class ModelCheckpoint extends Callback {
  readonly #target: string | CheckpointSink;
  readonly #monitor: Monitor | null;
  readonly #weightsOnly: boolean;
  /** Batches between two checkpoints; null: an epoch. */
  readonly #frequency: number | null;
  #epoch = 0;
  #batches = 0;
  /** The best number so far: with `saveBestOnly`, what the last file has. */
  best: number;

  /** @throws GraphError for a frequency that is none, or if the monitored name does not tell what is better */
  constructor(target: string | CheckpointSink, options: ModelCheckpointOptions = {}) {
    super();
    const { saveBestOnly = false, saveWeightsOnly = false, saveFrequency = "epoch", initialValueThreshold } = options;
    if (saveFrequency !== "epoch" && !(Number.isInteger(saveFrequency) && saveFrequency > 0)) {
      throw new GraphError({
        what: `ModelCheckpoint: saveFrequency is ${JSON.stringify(saveFrequency)}`,
        at: here(),
        fix: 'give "epoch", or after how many batches: a whole number from 1 on',
      });
    }
    this.#target = target;
    this.#monitor = saveBestOnly ? new Monitor("ModelCheckpoint", options) : null;
    this.#weightsOnly = saveWeightsOnly;
    this.#frequency = saveFrequency === "epoch" ? null : saveFrequency;
    this.best = initialValueThreshold ?? this.#monitor?.worst ?? Number.NaN;
  }

  override onTrainBegin(): void {
    this.#batches = 0;
  }
  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }
  override onTrainBatchEnd(batch: number, logs: Logs): void | Promise<void> {
    if (this.#frequency === null || ++this.#batches % this.#frequency !== 0) return;
    return this.#save({ epoch: this.#epoch + 1, batch: batch + 1, logs: { ...logs } });
  }
  override onEpochEnd(epoch: number, logs: Logs): void | Promise<void> {
    if (this.#frequency !== null) return;
    return this.#save({ epoch: epoch + 1, batch: null, logs: { ...logs } });
  }

  async #save(info: CheckpointInfo): Promise<void> {
    const value = this.#monitor?.read(info.logs) ?? null;
    if (this.#monitor) {
      if (value === null || !this.#monitor.isBetter(value, this.best)) return;
    }
    const { model } = this;
    if (typeof this.#target === "string") {
      const path = pathOf(this.#target, info);
      await (this.#weightsOnly ? model.saveWeights(path) : model.save(path));
    } else await this.#target(this.#weightsOnly ? model.saveWeights() : model.save(), info);
    // Only what has been written counts.
    if (value !== null) this.best = value;
  }
}

/** Fills in a path. @throws GraphError for a name that the logs do not have */
function pathOf(template: string, { epoch, batch, logs }: CheckpointInfo): string {
  const numbers: Logs = { ...logs, epoch, ...(batch === null ? {} : { batch }) };
  return template.replace(/\{(\w+)(?::(0?)(\d*)(?:\.(\d+))?([df]?))?\}/g, (whole, name, zero, width, digits, kind) => {
    const value = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
    if (value === undefined) {
      throw new GraphError({
        what: `ModelCheckpoint: ${template} asks for "${name}"`,
        at: here(),
        fix: `there are: ${Object.keys(numbers).join(", ")}`,
      });
    }
    const text =
      digits === undefined ? (kind === "f" ? value.toFixed(6) : String(value)) : value.toFixed(Number(digits));
    return whole.includes(":") ? text.padStart(Number(width || 0), zero === "0" ? "0" : " ") : text;
  });
}
