/** Milliseconds from which a task of the main thread is long, as browsers count. */
export const LONG = 50;

/** An event of a trace of Chromium; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  /** Time on the processor, without the time other programs had it. */
  readonly tdur?: number;
}

/** The longest task of the page's main thread from a mark on, in milliseconds on the processor. */
export function longestTask(trace: string, mark: string): number {
  const events = (JSON.parse(trace) as { traceEvents: readonly TraceEvent[] }).traceEvents;
  const begin = events.find(({ name }) => name === mark)!;
  const times = events
    .filter(({ name, pid, tid, ts }) => name === "RunTask" && pid === begin.pid && tid === begin.tid && ts > begin.ts)
    // A task in which the trace was taken has no end.
    .flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1000]));
  return Math.max(...times);
}
