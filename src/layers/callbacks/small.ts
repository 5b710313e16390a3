import { warn } from "../../core/warnings.ts";
import type { Logs } from "../training/trainer.ts";
import { Callback, type CallbackMethods } from "./callback.ts";

/** Ends training when the loss is not a number any more, or infinite: what comes then is lost time. */
export class TerminateOnNaN extends Callback {
  override onTrainBatchEnd(batch: number, { loss }: Logs): void {
    if (loss === undefined || Number.isFinite(loss)) return;
    warn({
      what: `TerminateOnNaN: the loss of batch ${batch} is ${loss}, training ends`,
      fix: "a smaller learning rate, clipGlobalNorm in the optimizer, or a look at the data",
    });
    this.model.stopTraining = true;
  }
}

/** A callback of functions: `new LambdaCallback({ onEpochEnd: (epoch, logs) => … })`. */
export class LambdaCallback extends Callback {
  constructor(methods: CallbackMethods) {
    super();
    Object.assign(this, methods);
  }
}

export interface CSVLoggerOptions {
  /** Between the cells. Default ",". */
  readonly separator?: string | undefined;
  /** Goes on in a file that has its first line already. Default false. */
  readonly append?: boolean | undefined;
}

/**
 * A line for each epoch, with the names in the first one: `epoch,loss,val_loss`.
 * @param write takes the text, a line at a time: `(line) => appendFileSync("log.csv", line)`
 */
export class CSVLogger extends Callback {
  readonly #write: (line: string) => void | Promise<void>;
  readonly #separator: string;
  #names: readonly string[] | null = null;
  #hasHead: boolean;

  constructor(write: (line: string) => void | Promise<void>, options: CSVLoggerOptions = {}) {
    super();
    this.#write = write;
    this.#separator = options.separator ?? ",";
    this.#hasHead = options.append ?? false;
  }

  override onTrainBegin(): void {
    this.#names = null;
  }
  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    this.#names ??= this.#columns(Object.keys(logs));
    const line = (cells: readonly (string | number)[]): string =>
      `${cells.map((cell) => this.#cell(cell)).join(this.#separator)}\n`;
    if (!this.#hasHead) await this.#write(line(["epoch", ...this.#names]));
    this.#hasHead = true;
    await this.#write(line([epoch, ...this.#names.map((name) => logs[name] ?? "NA")]));
  }

  /** What is in the logs of the first epoch, and what validation will add if it comes later. */
  #columns(names: readonly string[]): readonly string[] {
    const isLater = this.parameters.hasValidation === true && !names.some((name) => name.startsWith("val_"));
    return isLater ? [...names, ...names.map((name) => `val_${name}`)] : names;
  }

  #cell(cell: string | number): string {
    const text = String(cell);
    return text.includes(this.#separator) || /["\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }
}
