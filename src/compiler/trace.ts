import type { PassRecord, TraceEvent } from "./pass.ts";

/** One event of a pass as a line of text. */
export function eventText(event: TraceEvent): string {
  switch (event.kind) {
    case "remove":
      return `remove ${event.op.name}: ${event.why}`;
    case "rewrite":
      return `${event.rule}: ${event.before.name} → ${event.after.op.name}`;
    case "fuse":
    case "split":
      return `${event.kind} ${event.producer.name} → ${event.consumer.name} [${event.rule}] ${event.why}`;
    case "exact":
      return `exact ${event.size}: ${event.why}`;
    case "advice":
      return `advice ${event.rule} at ${event.at.name}: ${event.why}`;
    case "buffer":
      return `${event.value}: ${event.bytes} bytes at ${event.offset}, live in steps ${event.live[0]} to ${event.live[1]}`;
  }
}

/** What a pass did, as text: its documentation, the program before, its events, the program after. */
export function recordText(record: PassRecord): string {
  const before = record.before();
  const after = record.after();
  const events = record.events.map((event) => `  ${eventText(event)}`);
  return [
    `pass ${record.name}${record.skipped ? " (switched off)" : ""}`,
    ...record.doc.split("\n").map((line) => `  ${line}`.trimEnd()),
    "",
    "before:",
    before,
    "",
    events.length === 0 ? "events: none" : ["events:", ...events].join("\n"),
    "",
    before === after ? "after: unchanged" : `after:\n${after}`,
  ].join("\n");
}
