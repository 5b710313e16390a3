/**
 * Objects of the host, Node or a browser, as far as the library's interface names them: programs whose compiler knows
 * neither the DOM's types nor Node's can have its declarations all the same.
 */

/** A `URL`. */
export interface UrlLike {
  readonly href: string;
  toString(): string;
}

/** An `AbortSignal`. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A `Worker` of a page. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): void;
}
