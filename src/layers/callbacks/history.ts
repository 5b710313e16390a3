import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";

/** What `fit` gives: every epoch's numbers, by name. Keras' `History`. */
export class History extends Callback {
  /** Numbers of the epochs that ran. */
  readonly epoch: number[] = [];
  /** `history.loss`, `history.val_accuracy`, …: one number for each epoch. */
  readonly history: Record<string, number[]> = {};

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      this.history[name] ??= [];
      this.history[name].push(value);
    }
  }
}
