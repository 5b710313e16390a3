import fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { appendingTo, makeFolders } from "../files/disk.ts";
import { eventFileName } from "../tensorboard/file-name.ts";
import { EventWriter, type EventWriterOptions } from "../tensorboard/writer.ts";

export interface EventFileOptions extends EventWriterOptions {
  /** Stands in the name of the file. Default: the name of this machine. */
  readonly host?: string;
}

/**
 * Begins an event file in a folder, which is made if need be: `tensorboard --logdir` shows each folder as a run. The
 * file is new, `events.out.tfevents.<seconds>.<host>.<process>.<count>.v2`; every event is handed to the system at once,
 * and `flush` waits until the disk has them.
 *
 * @throws FileError if the system refuses
 */
export function openEventFile(directory: string, options: EventFileOptions = {}): EventWriter {
  const { host = hostname(), clock = () => Date.now() / 1000 } = options;
  const path = join(directory, eventFileName(clock(), host));
  makeFolders(fs, path, "openEventFile");
  return new EventWriter(appendingTo(fs, path, "openEventFile"), { clock });
}
