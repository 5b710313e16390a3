import { GraphError } from "../../core/errors.ts";
import { Tensor } from "../../graph/operation.ts";
import { here } from "../../runtime/reading.ts";
import type { Optimizer } from "../../train/optimizer.ts";
import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The rate is multiplied by it. Default 0.1. */
  readonly factor?: number | undefined;
  /** Epochs without getting better before that. Default 10. */
  readonly patience?: number | undefined;
  /** Epochs after a change in which nothing is counted. Default 0. */
  readonly cooldown?: number | undefined;
  /** The rate does not fall below. Default 0. */
  readonly minLearningRate?: number | undefined;
}

/** Makes the steps smaller when a number has stopped getting better. Nothing is compiled again. */
export class ReduceLROnPlateau extends Callback {
  readonly #monitor: Monitor;
  readonly #factor: number;
  readonly #patience: number;
  readonly #cooldown: number;
  readonly #least: number;
  #best = Number.NaN;
  #wait = 0;
  #cooling = 0;

  /** @throws GraphError for a factor that makes nothing smaller */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    super();
    const { factor = 0.1, patience = 10, cooldown = 0, minLearningRate = 0, minDelta = 1e-4 } = options;
    if (!(factor > 0 && factor < 1)) {
      throw new GraphError({
        what: `ReduceLROnPlateau: factor is ${factor}`,
        at: here(),
        fix: "give a number between 0 and 1: the rate is multiplied by it",
      });
    }
    this.#monitor = new Monitor("ReduceLROnPlateau", { ...options, minDelta });
    this.#factor = factor;
    this.#patience = patience;
    this.#cooldown = cooldown;
    this.#least = minLearningRate;
  }

  override onTrainBegin(): void {
    this.#best = this.#monitor.worst;
    this.#wait = 0;
    this.#cooling = 0;
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    const rate = rateOf("ReduceLROnPlateau", this.model.optimizer);
    logs.learningRate = rate;
    const value = this.#monitor.read(logs);
    if (value === null) return;
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#wait = 0;
    }
    if (this.#monitor.isBetter(value, this.#best)) {
      this.#best = value;
      this.#wait = 0;
      return;
    }
    if (this.#cooling > 0) return;
    this.#wait++;
    if (this.#wait < this.#patience || rate <= this.#least) return;
    this.model.optimizer.learningRate = Math.max(rate * this.#factor, this.#least);
    this.#cooling = this.#cooldown;
    this.#wait = 0;
  }
}

/** Sets the rate at the beginning of each epoch: `(epoch, rate) => rate * 0.9`. Nothing is compiled again. */
export class LearningRateScheduler extends Callback {
  readonly #schedule: (epoch: number, rate: number) => number;

  constructor(schedule: (epoch: number, rate: number) => number) {
    super();
    this.#schedule = schedule;
  }
  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model;
    const rate = this.#schedule(epoch, rateOf("LearningRateScheduler", optimizer));
    if (!Number.isFinite(rate)) {
      throw new GraphError({
        what: `LearningRateScheduler: the schedule gave ${rate} for epoch ${epoch}`,
        at: here(),
        fix: "return a finite number",
      });
    }
    optimizer.learningRate = rate;
  }
  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs.learningRate = rateOf("LearningRateScheduler", this.model.optimizer);
  }
}

function rateOf(who: string, { learningRate }: Optimizer): number {
  if (typeof learningRate === "number") return learningRate;
  throw new GraphError({
    what: `${who}: the optimizer's rate is ${learningRate instanceof Tensor ? "a tensor" : "a schedule of its own"}`,
    at: here(),
    fix: "give the optimizer a number as its rate, which callbacks can change",
  });
}
