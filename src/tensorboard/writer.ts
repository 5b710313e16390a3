import { GraphError } from "../core/errors.ts";
import type { ArrayValue } from "../core/values.ts";
import { here } from "../runtime/reading.ts";
import { type GraphDefOptions, type GraphLike, graphDefOf } from "./graph-def.ts";
import { DEFAULT_BUCKETS, histogramOf } from "./histogram.ts";
import { bytes, concatenate, double, integer, message, text } from "./protobuf.ts";
import { frameRecord } from "./records.ts";
import { histogramSummary, imageSummary, scalarSummary, textSummary } from "./summaries.ts";

/** Where the bytes of an event file go: a file, memory, a stream. Every `write` is one whole record. */
export interface EventSink {
  write(bytes: Uint8Array): void;
  /** Makes sure that what was written can be read. */
  flush?(): void;
  close?(): void;
}

/** Keeps an event file in memory, for a download in a browser or for a test. */
export class MemorySink implements EventSink {
  readonly #records: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.#records.push(bytes);
  }
  /** The file so far. */
  get bytes(): Uint8Array {
    return concatenate(this.#records);
  }
}

export interface EventWriterOptions {
  /** The time now, in seconds since 1970; every event holds the time it was written at. */
  readonly clock?: () => number;
}

/** What every summary may have besides its value. */
export interface SummaryOptions {
  /** What the value means: TensorBoard shows it beside the chart, as Markdown. */
  readonly description?: string;
}

export interface HistogramOptions extends SummaryOptions {
  /** How many buckets, from 1 on. Default 30. */
  readonly buckets?: number;
}

export interface GraphOptions extends GraphDefOptions {
  /** Default 0. */
  readonly step?: number;
}

/** What `tf.summary` writes to begin with, and readers look for. */
const FILE_VERSION = "brain.Event:2";

/**
 * Writes a TensorBoard event file, as TensorFlow 2 does. A tag names a chart, and slashes in it group charts; steps count
 * from 0. Each call writes one event, and nothing is kept back.
 *
 *     const writer = new EventWriter(sink);
 *     writer.scalar("epoch_loss", loss, epoch);
 */
export class EventWriter {
  readonly #sink: EventSink;
  readonly #clock: () => number;
  #closed = false;

  constructor(sink: EventSink, options: EventWriterOptions = {}) {
    this.#sink = sink;
    this.#clock = options.clock ?? (() => Date.now() / 1000);
    this.#write(text(3, FILE_VERSION));
  }

  /** A number over the steps, kept as float32. @throws GraphError for a bad tag or step, as the others do */
  scalar(tag: string, value: number, step: number, options: SummaryOptions = {}): void {
    this.#writeSummary("scalar", tag, step, scalarSummary(tag, value, options.description));
  }

  /** How values are distributed, over the steps. Values that are not finite are left out: see `histogramOf`. */
  histogram(
    tag: string,
    values: ArrayLike<number> | ArrayValue,
    step: number,
    { buckets = DEFAULT_BUCKETS, description }: HistogramOptions = {},
  ): void {
    if (!Number.isSafeInteger(buckets) || buckets < 1) {
      throw new GraphError({
        what: `histogram "${tag}": ${buckets} is no number of buckets`,
        at: here(),
        fix: `give a whole number from 1 on, or leave it out for ${DEFAULT_BUCKETS}`,
      });
    }
    const counted = histogramOf("data" in values ? values.data : values, buckets);
    this.#writeSummary("histogram", tag, step, histogramSummary(tag, counted, description));
  }

  /** A text, shown as Markdown. */
  text(tag: string, content: string, step: number, options: SummaryOptions = {}): void {
    this.#writeSummary("text", tag, step, textSummary(tag, content, options.description));
  }

  /** The bytes of a PNG file, or of several of one size. @throws FileError for what is no PNG */
  image(tag: string, png: Uint8Array | readonly Uint8Array[], step: number, options: SummaryOptions = {}): void {
    const images = png instanceof Uint8Array ? [png] : png;
    this.#writeSummary("image", tag, step, imageSummary(tag, images, options.description));
  }

  /** A graph, or some operations, for the Graphs tab: see `graphDefOf`. TensorBoard shows one for each folder. */
  graph(graph: GraphLike, { step = 0, ...options }: GraphOptions = {}): void {
    this.#checkStep("graph", step);
    this.#write(integer(2, step), bytes(4, graphDefOf(graph, options)));
  }

  /** Has the sink make sure that what was written can be read. */
  flush(): void {
    this.#sink.flush?.();
  }

  /** Ends the file. Closing twice does no harm. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.flush();
    this.#sink.close?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #writeSummary(kind: string, tag: string, step: number, summary: readonly Uint8Array[]): void {
    if (typeof tag !== "string" || tag === "") {
      throw new GraphError({
        what: `${kind}: the tag is ${tag === "" ? "empty" : `${String(tag)}, not a text`}`,
        at: here(),
        fix: 'name the chart, such as "epoch_loss" or "dense_1/kernel"',
      });
    }
    this.#checkStep(`${kind} "${tag}"`, step);
    this.#write(integer(2, step), message(5, ...summary));
  }

  #checkStep(what: string, step: number): void {
    if (Number.isSafeInteger(step) && step >= 0) return;
    throw new GraphError({
      what: `${what}: ${step} is no step`,
      at: here(),
      fix: "steps are whole numbers from 0 on: the epoch, or the number of the batch",
    });
  }

  /** One event: when, and the fields of what. */
  #write(...fields: readonly Uint8Array[]): void {
    if (this.#closed) {
      throw new GraphError({
        what: "EventWriter: the file has been closed",
        at: here(),
        fix: "write before close(), or open another file in the same folder",
      });
    }
    this.#sink.write(frameRecord(concatenate([double(1, this.#clock()), ...fields])));
  }
}
