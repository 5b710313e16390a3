import { StateError } from "../core/errors.ts";
import type { AbortSignalLike } from "../core/host.ts";

/** How an asynchronous run is called off. */
export interface AsyncOptions {
  /**
   * Rejects the promise when it is aborted, with its reason. A run that has not begun then never begins; one that has
   * is finished, and later runs come after it.
   */
  readonly signal?: AbortSignalLike;
}

interface Scheduling {
  readonly setImmediate?: (task: () => void) => unknown;
}

/** The next turn of the event loop. Not by `setTimeout`, for which browsers wait 4 ms. */
const nextTask = (): Promise<void> =>
  new Promise((resolve) => {
    const { setImmediate } = globalThis as Scheduling;
    if (setImmediate) {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** Asynchronous runs of a session, one after another in the order of the calls. */
export class RunQueue {
  /** Settles, without fault, when the last run added has ended. */
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #closed = false;
  readonly #rejects = new Set<(reason: unknown) => void>();

  /** True while a run waits or is under way. */
  get busy(): boolean {
    return this.#pending > 0;
  }

  /** Runs `task` after all earlier ones, and never within this call. */
  add<T>(task: () => Promise<T>, { signal }: AsyncOptions = {}): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#pending++;
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(signal!.reason);
      signal?.addEventListener("abort", abort, { once: true });
      this.#rejects.add(reject);
      const run = async (): Promise<void> => {
        try {
          // A task of its own: what waits in the event loop has its turn first.
          await nextTask();
          if (this.#closed || signal?.aborted) return;
          resolve(await task());
        } catch (error) {
          reject(error);
        } finally {
          this.#pending--;
          this.#rejects.delete(reject);
          signal?.removeEventListener("abort", abort);
        }
      };
      this.#tail = this.#tail.then(run);
    });
  }

  /** Rejects all that wait or are under way; nothing begins any more. */
  close(): void {
    this.#closed = true;
    for (const reject of this.#rejects)
      reject(
        new StateError({ what: "session: closed before an asynchronous run had ended", fix: "await it before close" }),
      );
    this.#rejects.clear();
  }
}
