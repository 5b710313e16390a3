/** `forerun/tensorboard`: event files for TensorBoard, written and read without TensorFlow. Re-exports only. */
export { type GraphDefOptions, type GraphLike, graphDefOf } from "./graph-def.ts";
export { type Bucket, histogramOf } from "./histogram.ts";
export { type GraphNode, type ReadEventsOptions, type RecordedEvent, readEvents } from "./reader.ts";
export type { SummaryValue } from "./summaries.ts";
export {
  type EventSink,
  EventWriter,
  type EventWriterOptions,
  type GraphOptions,
  type HistogramOptions,
  MemorySink,
  type SummaryOptions,
} from "./writer.ts";
