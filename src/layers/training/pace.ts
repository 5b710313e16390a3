/** Longest stretch of work in milliseconds before others get their turn: a page stays alive, and a frame is 16. */
const STRETCH = 12;

interface Host {
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly MessageChannel?: new () => {
    readonly port1: { onmessage: (() => void) | null; close(): void };
    readonly port2: { postMessage(message: null): void };
  };
  readonly setTimeout: (callback: () => void, milliseconds: number) => unknown;
  readonly performance: { now(): number };
}
const host = globalThis as object as Host;

/** Lets events, timers and drawing happen. A timer would wait 4 ms where nothing is to be done. */
function nextTurn(): Promise<void> {
  if (host.setImmediate) return new Promise((resolve) => void host.setImmediate!(() => resolve()));
  if (!host.MessageChannel) return new Promise((resolve) => void host.setTimeout(resolve, 0));
  const { port1, port2 } = new host.MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Tells a loop when it has worked long enough. */
export class Pace {
  #since = host.performance.now();

  /** A promise when others should have their turn, null while there is time. */
  rest(): Promise<void> | null {
    if (host.performance.now() - this.#since < STRETCH) return null;
    return nextTurn().then(() => {
      this.#since = host.performance.now();
    });
  }
}
