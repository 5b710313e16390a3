import type { NDArray } from "../../runtime/ndarray.ts";
import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without getting better that are put up with. Default 0. */
  readonly patience?: number | undefined;
  /** Nothing counts as better that is not better than this. */
  readonly baseline?: number | undefined;
  /** At the end, whoever ended it, the weights are those of the best epoch. Default false. */
  readonly restoreBestWeights?: boolean | undefined;
  /** Epochs before this one are not looked at. Default 0. */
  readonly startFromEpoch?: number | undefined;
}

/** Ends training when a number has stopped getting better. */
export class EarlyStopping extends Callback {
  readonly #monitor: Monitor;
  readonly #patience: number;
  readonly #baseline: number | null;
  readonly #restores: boolean;
  readonly #startFrom: number;
  #wait = 0;
  #bestWeights: readonly NDArray[] | null = null;
  /** The best number so far, and the epoch it is of. */
  best = Number.NaN;
  bestEpoch: number | null = null;
  /** The epoch after which it ended training; null if it did not. */
  stoppedEpoch: number | null = null;

  constructor(options: EarlyStoppingOptions = {}) {
    super();
    this.#monitor = new Monitor("EarlyStopping", options);
    this.#patience = options.patience ?? 0;
    this.#baseline = options.baseline ?? null;
    this.#restores = options.restoreBestWeights ?? false;
    this.#startFrom = options.startFromEpoch ?? 0;
  }

  override onTrainBegin(): void {
    this.#wait = 0;
    this.#bestWeights = null;
    this.best = this.#monitor.worst;
    this.bestEpoch = null;
    this.stoppedEpoch = null;
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const value = this.#monitor.read(logs);
    if (value === null || epoch < this.#startFrom) return;
    // The first epoch that is looked at is the best one until there is a better one.
    if (this.#restores && this.#bestWeights === null) this.#keep(epoch);
    this.#wait++;
    if (this.#monitor.isBetter(value, this.best)) {
      this.best = value;
      this.#keep(epoch);
      if (this.#baseline === null || this.#monitor.isBetter(value, this.#baseline)) this.#wait = 0;
      return;
    }
    if (this.#wait >= this.#patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  override onTrainEnd(): void {
    if (this.#restores && this.#bestWeights) this.model.setWeights(this.#bestWeights);
    this.#bestWeights = null;
  }

  #keep(epoch: number): void {
    this.bestEpoch = epoch;
    if (this.#restores) this.#bestWeights = this.model.getWeights();
  }
}
