/** `map` on other threads. */
import type { UrlLike } from "../core/host.ts";
import { isTypeScript, spawnWorker, type WorkerHandle, workerUrl } from "../core/workers.ts";
import { here } from "../runtime/reading.ts";
import { codeFailed, DataError, messageOf, type Origin, requireCount } from "./errors.ts";
import { type Assignment, type Failure, pack, type Reply, type Request, unpack } from "./messages.ts";
import { type AsyncPull, END, type End, type Stage, WaitingStage } from "./stage.ts";
import { Signal } from "./waiting.ts";

export interface WorkerMapOptions {
  /** Threads. Default 1. */
  readonly workers?: number | undefined;
  /** Whether results keep the order of the samples; else each comes as soon as it is there. Default true. */
  readonly ordered?: boolean | undefined;
  /** Where the file `map-worker.js` of this library is, if a build moved it. */
  readonly workerUrl?: UrlLike | string | undefined;
}

/** Samples on their way for each worker: one that it works on, and one so that it need not wait. */
const SAMPLES_PER_WORKER = 2;

interface Job {
  readonly origin: Origin;
  readonly assignment: Assignment;
  readonly workers: number;
  readonly ordered: boolean;
  /** Whether nobody else has the arrays of the samples. */
  readonly owned: boolean;
  spawn(): WorkerHandle;
}

/** @throws DataError for a URL that is not absolute, or a number of workers below 1 */
export function mapInWorkerStage<I, O>(
  parent: Stage<I>,
  moduleUrl: UrlLike | string,
  exportName: string,
  options: WorkerMapOptions,
  owned: boolean,
  origin: Origin,
): Stage<O> {
  const url = absolute("the module", moduleUrl);
  const file = options.workerUrl === undefined ? null : absolute("workerUrl", options.workerUrl);
  const job: Job = {
    origin,
    assignment: { url: url.href, exportName },
    workers: requireCount("mapInWorker: workers", options.workers ?? 1, 1, "give a whole number, at least 1"),
    ordered: options.ordered ?? true,
    owned,
    spawn: () => {
      const typescript = isTypeScript(url);
      if (file !== null) return spawnWorker(file, { typescript });
      return spawnWorker(workerUrl(import.meta.url, "map-worker"), {
        typescript,
        // Bundlers look for exactly this.
        web: () => new Worker(new URL("./map-worker.js", import.meta.url), { type: "module" }),
      });
    },
  };
  return new WaitingStage(origin, parent.size, () => new WorkerPull<I, O>(parent.openAsync(), job));
}

function absolute(what: string, url: UrlLike | string): URL {
  try {
    return new URL(String(url));
  } catch {
    throw new DataError({
      what: `mapInWorker: ${what} ${JSON.stringify(String(url))} is not an absolute URL`,
      at: here(),
      fix: 'write new URL("…", import.meta.url), the path as seen from the file that says it',
    });
  }
}

type Settled<T> = { readonly value: T } | { readonly error: DataError };

class WorkerPull<I, O> implements AsyncPull<O> {
  readonly #parent: AsyncPull<I>;
  readonly #job: Job;
  /** Each worker, and the samples it has and did not answer. */
  readonly #workers = new Map<WorkerHandle, Set<number>>();
  readonly #arrived = new Map<number, Settled<O>>();
  readonly #changed = new Signal();
  #sent = 0;
  #given = 0;
  #feeding: Promise<void> | null = null;
  /** No more is sent: the samples are at their end, or failed, or nobody wants more. */
  #inputEnded = false;
  #failure: { readonly error: unknown } | null = null;
  #stopped = false;

  constructor(parent: AsyncPull<I>, job: Job) {
    this.#parent = parent;
    this.#job = job;
  }

  async next(): Promise<O | End> {
    this.#feeding ??= this.#feed();
    for (;;) {
      const settled = this.#take();
      if (settled !== null) {
        this.#changed.wake();
        if ("error" in settled) throw settled.error;
        return settled.value;
      }
      if (this.#stopped) return END;
      if ((this.#inputEnded || this.#failure) && this.#given === this.#sent) {
        if (this.#failure) throw this.#failure.error;
        return END;
      }
      await this.#waitForWorkers();
    }
  }

  async close(): Promise<void> {
    this.#stopped = true;
    const workers = [...this.#workers.keys()];
    this.#workers.clear();
    this.#changed.wake();
    await Promise.all(workers.map((worker) => worker.terminate()));
    await this.#parent.close();
    await this.#feeding;
  }

  /** The process stays alive for its workers only while somebody waits for them. */
  async #waitForWorkers(): Promise<void> {
    for (const worker of this.#workers.keys()) worker.ref();
    await this.#changed.wait();
    for (const worker of this.#workers.keys()) worker.unref();
  }

  #take(): Settled<O> | null {
    const [sample] = this.#job.ordered ? [this.#given] : this.#arrived.keys();
    const settled = sample === undefined ? undefined : this.#arrived.get(sample);
    if (settled === undefined) return null;
    this.#arrived.delete(sample!);
    this.#given++;
    return settled;
  }

  async #feed(): Promise<void> {
    const most = this.#job.workers * SAMPLES_PER_WORKER;
    try {
      while (!this.#stopped && !this.#failure) {
        if (this.#sent - this.#given >= most) {
          await this.#changed.wait();
          continue;
        }
        const item = await this.#parent.next();
        if (item === END || this.#stopped || this.#failure) break;
        this.#send(item as I);
      }
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#inputEnded = true;
    this.#changed.wake();
  }

  #send(item: I): void {
    const sample = this.#sent;
    const { owned, origin } = this.#job;
    const worker = this.#leastBusy();
    try {
      const { value, transfer } = pack(item, owned);
      worker.postMessage({ sample, value } satisfies Request, transfer);
    } catch (cause) {
      throw new DataError(
        {
          what: `mapInWorker: sample ${sample} can not be sent to a worker: ${messageOf(cause)}`,
          at: origin.at,
          fix: "send numbers, texts, arrays, and objects and lists of them",
        },
        cause,
      );
    }
    this.#workers.get(worker)!.add(sample);
    this.#sent++;
    this.#changed.wake(); // who waits keeps a new worker's process alive too
  }

  #leastBusy(): WorkerHandle {
    if (this.#workers.size < this.#job.workers) return this.#start();
    const [first, ...others] = this.#workers;
    return others.reduce((least, other) => (other[1].size < least[1].size ? other : least), first!)[0];
  }

  #start(): WorkerHandle {
    const worker = this.#job.spawn();
    worker.unref();
    this.#workers.set(worker, new Set());
    worker.onMessage((message) => this.#receive(worker, message as Reply));
    worker.onError((error) => this.#lose(worker, `failed outside of the function: ${error.message}`, error));
    worker.onExit((code) => this.#lose(worker, `ended with exit code ${code}`));
    worker.postMessage(this.#job.assignment);
    return worker;
  }

  #receive(worker: WorkerHandle, reply: Reply): void {
    const { sample } = reply;
    this.#workers.get(worker)?.delete(sample);
    this.#arrived.set(
      sample,
      "failed" in reply ? { error: this.#rebuild(sample, reply.failed) } : { value: unpack(reply.value) as O },
    );
    this.#changed.wake();
  }

  /** The exception of the other thread, as the cause of one here. */
  #rebuild(sample: number, { during, name, message, stack }: Failure): DataError {
    const { origin, assignment } = this.#job;
    const cause = Object.assign(new Error(message), { name, ...(stack === undefined ? {} : { stack }) });
    if (during === "call") return codeFailed(origin, assignment.exportName, sample, cause);
    const problem =
      during === "load"
        ? `the function can not be loaded: ${message}`
        : `what ${assignment.exportName} returned for sample ${sample} can not be sent back: ${message}`;
    const fix =
      during === "load"
        ? "the module must be one that a worker can import, and export the function by that name"
        : "return numbers and arrays made anew for each sample: their memory moves to the reader";
    return new DataError({ what: `mapInWorker: ${problem}`, at: origin.at, fix }, cause);
  }

  /** A worker is gone, and with it what it worked on. */
  #lose(worker: WorkerHandle, how: string, cause?: Error): void {
    const samples = this.#workers.get(worker);
    if (samples === undefined) return; // ended by us, or told before
    this.#workers.delete(worker);
    const { origin, assignment } = this.#job;
    const work = samples.size === 0 ? "" : `, with sample ${[...samples].join(" and ")} not done`;
    const error = new DataError(
      {
        what: `mapInWorker: the worker of ${assignment.exportName} ${how}${work}`,
        at: origin.at,
        fix: "the function must neither end its thread nor use up its memory",
      },
      cause,
    );
    for (const sample of samples) this.#arrived.set(sample, { error });
    this.#failure ??= { error };
    this.#changed.wake();
    if (cause !== undefined) void worker.terminate();
  }
}
