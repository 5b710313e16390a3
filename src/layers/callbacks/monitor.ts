import { GraphError } from "../../core/errors.ts";
import { warn } from "../../core/warnings.ts";
import { nearNamesFix } from "../../graph/builder.ts";
import { here } from "../../runtime/reading.ts";
import type { Logs } from "../training/trainer.ts";

export interface MonitorOptions {
  /** Which number to look at: a name in the logs. Default "val_loss". */
  readonly monitor?: string | undefined;
  /** Whether less or more is better. Default "auto": by the name of what is looked at. */
  readonly mode?: "auto" | "min" | "max" | undefined;
  /** Smallest change that counts as better. Default 0. */
  readonly minDelta?: number | undefined;
}

const MORE_IS_BETTER =
  /(?:acc(?:uracy)?|auc|precision|recall|f1(?:_score)?|iou|r2(?:_score)?|positives|negatives)(?:_\d+)?$/i;
const LESS_IS_BETTER =
  /(?:loss|error|entropy|divergence|mse|mae|mape|msle|rmse|hinge|poisson|log_?cosh|huber)(?:_\d+)?$/i;
const FALSE_COUNTS = /false_?(?:positives|negatives)/i;

/** The number that a callback looks at, and what is better about it. */
export class Monitor {
  readonly name: string;
  readonly #isMore: boolean;
  readonly #minDelta: number;
  readonly #who: string;
  #warned = false;

  /** @throws GraphError if the name does not tell what is better */
  constructor(who: string, { monitor = "val_loss", mode = "auto", minDelta = 0 }: MonitorOptions) {
    this.name = monitor;
    this.#who = who;
    this.#minDelta = Math.abs(minDelta);
    this.#isMore = mode === "auto" ? moreIsBetter(who, monitor) : mode === "max";
  }

  /** Worse than anything. */
  get worst(): number {
    return this.#isMore ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** True if `value` is better than `best` by more than the smallest change. A NaN never is. */
  isBetter(value: number, best: number): boolean {
    return this.#isMore ? value - this.#minDelta > best : value + this.#minDelta < best;
  }

  /** The number in the logs; null, and a warning the first time, if it is not there. */
  read(logs: Logs): number | null {
    const value = logs[this.name];
    if (value !== undefined) return value;
    if (!this.#warned) {
      const names = Object.keys(logs);
      const listed = `there are: ${names.join(", ")}`;
      const isValidation = this.name.startsWith("val_") && !names.some((name) => name.startsWith("val_"));
      warn({
        what: `${this.#who}: there is no "${this.name}" in the logs`,
        details: [listed],
        fix: isValidation
          ? "give fit something to test on, validationSplit or validationData, or monitor another number"
          : nearNamesFix(this.name, names, listed),
      });
    }
    this.#warned = true;
    return null;
  }
}

function moreIsBetter(who: string, name: string): boolean {
  if (FALSE_COUNTS.test(name) || LESS_IS_BETTER.test(name)) return false;
  if (MORE_IS_BETTER.test(name)) return true;
  throw new GraphError({
    what: `${who}: of "${name}" nobody knows whether less or more is better`,
    at: here(),
    fix: 'say so: { mode: "min" } or { mode: "max" }',
  });
}
