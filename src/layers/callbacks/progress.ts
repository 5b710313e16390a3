import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";

/** Where progress is shown. */
export interface Terminal {
  write(text: string): void;
  /** False for files and pipes: a bar that is drawn again and again would fill them. */
  readonly isTerminal: boolean;
  /** Characters in a line. */
  readonly columns: number;
  /** Milliseconds. */
  now(): number;
}

/** Characters of the bar itself. */
const BAR = 24;
/** Milliseconds between drawings: often enough for the eye, seldom enough to cost nothing. */
const PAUSE = 80;

/**
 * How training goes: with `verbose: 1` a bar for each epoch, with the rate, the time that is left, and the numbers so
 * far; where there is no terminal, nothing. With `verbose: 2` a line for each epoch.
 */
export class Progress extends Callback {
  readonly #terminal: Terminal;
  #began = 0;
  #drawn = Number.NEGATIVE_INFINITY;
  #batches = 0;
  /** The first batch of the epoch: not 0 where training goes on. */
  #first: number | null = null;
  #epoch = 0;
  /** Characters of the line as it stands, to be written over. */
  #length = 0;

  constructor(terminal: Terminal = hostTerminal()) {
    super();
    this.#terminal = terminal;
  }

  get #hasBar(): boolean {
    return this.parameters.verbose === 1 && this.#terminal.isTerminal;
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
    this.#batches = 0;
    this.#first = null;
    this.#began = this.#terminal.now();
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#batches = batch + 1;
    this.#first ??= batch;
    if (!this.#hasBar) return;
    const now = this.#terminal.now();
    if (now - this.#drawn < PAUSE) return;
    this.#drawn = now;
    this.#draw(this.#line(logs, now, true));
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    const line = this.#line(logs, this.#terminal.now(), false);
    if (this.#hasBar) {
      this.#draw(line);
      this.#terminal.write("\n");
      this.#length = 0;
    } else if (this.parameters.verbose === 2) this.#terminal.write(`${line}\n`);
  }

  #line(logs: Logs, now: number, isGoing: boolean): string {
    const { epochs } = this.parameters;
    const steps = this.parameters.steps ?? (isGoing ? null : this.#batches);
    const seconds = (now - this.#began) / 1000;
    const rate = seconds > 0 ? (this.#batches - (this.#first ?? 0)) / seconds : 0;
    const number = String(this.#epoch + 1).padStart(String(epochs).length);
    const done =
      steps === null ? `${this.#batches}/?` : `${String(this.#batches).padStart(String(steps).length)}/${steps}`;
    const parts = [
      `epoch ${number}/${epochs}`,
      ...(this.#hasBar ? [barText(steps === null ? 0 : this.#batches / steps)] : []),
      done,
    ];
    const left = steps === null || rate === 0 ? null : (steps - this.#batches) / rate;
    const time = isGoing ? (left === null ? timeText(seconds) : `${timeText(left)} left`) : timeText(seconds);
    const numbers = Object.entries(logs).map(([name, value]) => `${name} ${numberText(value)}`);
    return [...parts, `${rateText(rate)} steps/s`, time, ...numbers].join("  ");
  }

  #draw(line: string): void {
    const most = Math.max(20, this.#terminal.columns - 1);
    const shown = line.length > most ? `${line.slice(0, most - 1)}…` : line;
    // Blanks wipe what is left of a longer line.
    this.#terminal.write(`\r${shown.padEnd(this.#length)}`);
    this.#length = shown.length;
  }
}

const barText = (share: number): string => {
  const filled = Math.round(Math.min(1, share) * BAR);
  return "█".repeat(filled) + "░".repeat(BAR - filled);
};
const numberText = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(3) : value.toFixed(4);
const rateText = (rate: number): string => (rate >= 100 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1));
function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

interface Host {
  readonly process?: {
    readonly stdout?: { readonly isTTY?: boolean; readonly columns?: number; write?(text: string): unknown };
  };
  readonly performance: { now(): number };
  readonly console: { log(text: string): void };
}

/** The terminal of Node; elsewhere the console, a line at a time. */
function hostTerminal(): Terminal {
  const host = globalThis as object as Host;
  const out = host.process?.stdout;
  return {
    write: (text) => (out?.write ? void out.write(text) : host.console.log(text.replace(/\n$/, ""))),
    isTerminal: out?.isTTY === true,
    columns: out?.columns ?? 80,
    now: () => host.performance.now(),
  };
}
