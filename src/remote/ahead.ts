import type { AbortSignalLike } from "../core/host.ts";

/**
 * Starts work for one item after another, up to `ahead` of them at once, and yields the results in order, each as soon
 * as it is there. Where the reader stops, or something fails, the signal given to `start` is aborted.
 *
 * @throws what an item or its work throws, or the reason of `signal` when that is aborted
 */
export async function* startAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  start: (item: T, signal: AbortSignal) => Promise<R>,
  ahead: number,
  signal: AbortSignalLike | undefined,
): AsyncGenerator<R, void, undefined> {
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal!.reason);
  if (signal?.aborted) forward();
  signal?.addEventListener("abort", forward);
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const started: Promise<R>[] = [];
  let next: Promise<IteratorResult<T>> | null = null;
  let ended = false;
  try {
    for (;;) {
      stop.signal.throwIfAborted();
      if (!ended && started.length < ahead) next ??= untilAborted(Promise.resolve(iterator.next()), stop.signal);
      const events = [
        ...(next ? [next.then((item) => ({ item }))] : []),
        ...started.slice(0, 1).map((run) => run.then((result) => ({ result }))),
      ];
      if (events.length === 0) return;
      const event = await Promise.race(events);
      if ("result" in event) {
        started.shift();
        yield event.result;
        continue;
      }
      next = null;
      ended = event.item.done === true;
      if (ended) continue;
      const run = start(event.item.value, stop.signal);
      run.catch(() => {}); // told when its turn comes
      started.push(run);
    }
  } finally {
    signal?.removeEventListener("abort", forward);
    if (!stop.signal.aborted) stop.abort(new Error("nobody reads on"));
    const closed = ended ? undefined : Promise.resolve(iterator.return?.());
    // An iterator that is still asked for its next item closes when it has found it, which nobody can hasten.
    if (next === null) await closed;
    else closed?.catch(() => {});
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
