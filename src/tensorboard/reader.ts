import { type Damaged, Message } from "./protobuf.ts";
import { DAMAGED, readRecords, recordError } from "./records.ts";
import { readSummary, type SummaryValue } from "./summaries.ts";

/** One event of an event file. */
export interface RecordedEvent {
  /** When it was written, in seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** `brain.Event:2`; only the first event has it. */
  readonly fileVersion: string | null;
  readonly values: readonly SummaryValue[];
  /** The nodes of a graph, or null. */
  readonly graph: readonly GraphNode[] | null;
}

/** A node of a graph in an event file. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** Names of tensors, `matmul` or `split:1`, then of operations that must have run, `^initialize`. */
  readonly inputs: readonly string[];
}

export interface ReadEventsOptions {
  /** Name of the file, shown in errors. */
  readonly file?: string;
}

/**
 * The events of an event file, written here or by TensorFlow. Checksums are checked.
 * @throws FileError with the offset of the byte at which the file is cut off or damaged
 */
export function readEvents(bytes: Uint8Array, options: ReadEventsOptions = {}): readonly RecordedEvent[] {
  const damaged: Damaged = (problem, at) => recordError(problem, at.byteOffset - bytes.byteOffset, options, DAMAGED);
  return Array.from(readRecords(bytes, options), (record) => readEvent(new Message(record, damaged)));
}

function readEvent(event: Message): RecordedEvent {
  let wallTime = 0;
  let step = 0;
  let fileVersion: string | null = null;
  let values: readonly SummaryValue[] = [];
  let graph: readonly GraphNode[] | null = null;
  for (const field of event) {
    if (field.number === 1) wallTime = field.double();
    else if (field.number === 2) step = field.integer();
    else if (field.number === 3) fileVersion = field.text();
    else if (field.number === 4) graph = readGraph(field.message());
    else if (field.number === 5) values = readSummary(field.message());
  }
  return { wallTime, step, fileVersion, values, graph };
}

function readGraph(graph: Message): readonly GraphNode[] {
  const nodes: GraphNode[] = [];
  for (const field of graph) if (field.number === 1) nodes.push(readNode(field.message()));
  return nodes;
}

function readNode(node: Message): GraphNode {
  let name = "";
  let op = "";
  const inputs: string[] = [];
  for (const field of node) {
    if (field.number === 1) name = field.text();
    else if (field.number === 2) op = field.text();
    else if (field.number === 3) inputs.push(field.text());
  }
  return { name, op, inputs };
}
