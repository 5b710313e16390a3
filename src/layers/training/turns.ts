import { StateError } from "../../core/errors.ts";
import { here } from "../../runtime/reading.ts";
import { atLine } from "./at-line.ts";

/** One run of training or evaluation, while it lasts. */
export interface Turn {
  /** A callback is at work: it may evaluate, or do a batch. */
  lend(): void;
  /** It is done. @throws StateError if something it began still runs */
  takeBack(): void;
}

/**
 * Whose turn it is. Training and evaluation of a model share its running means, so one at a time has them; a callback
 * may evaluate in the middle of `fit`.
 */
export class Turns {
  readonly #name: () => string;
  readonly #runs: { readonly what: string; isLent: boolean }[] = [];

  /** @param name of the model, for messages */
  constructor(name: () => string) {
    this.#name = name;
  }

  /** True while a callback of a run is at work. */
  get isWithin(): boolean {
    return this.#runs.length > 0;
  }

  /** Does `work` when nothing else is done. @throws StateError, as a rejection, if something is */
  async run<T>(what: string, work: (turn: Turn) => Promise<T>): Promise<T> {
    this.require(what);
    const line = here();
    const run = { what, isLent: false };
    this.#runs.push(run);
    const turn = {
      lend: () => {
        run.isLent = true;
      },
      takeBack: () => {
        run.isLent = false;
        const last = this.#runs.at(-1)!;
        if (last !== run) throw this.#notAwaited(last.what, what);
      },
    };
    try {
      return await atLine(line, () => work(turn));
    } finally {
      this.#runs.splice(this.#runs.indexOf(run), 1);
    }
  }

  /** @throws StateError unless `what` may begin now: not beside another run, `fit` not within one either */
  require(what: string): void {
    const running = this.#runs.at(-1);
    if (!running || (running.isLent && what !== "fit" && what !== "compile" && what !== "close")) return;
    throw new StateError({
      what: `${this.#name()}: ${what} while ${running.what} is under way`,
      at: here(),
      fix: `await what ${running.what} has returned; another model may be trained meanwhile`,
    });
  }

  #notAwaited(inner: string, outer: string): StateError {
    return new StateError({
      what: `${this.#name()}: a callback of ${outer} has begun ${inner} and has not waited for it`,
      fix: `await it in the callback: async onEpochEnd() { await model.${inner}(…); }`,
    });
  }
}
