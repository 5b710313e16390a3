/** `forerun/node`: graphs and values of variables in files. The rest of the library needs no file system. */
import fs from "node:fs";
import { readLimited, writeAtomic } from "../files/disk.ts";
import { parseGraph } from "../files/parse.ts";
import type { FileLimits } from "../files/reader.ts";
import { serializeGraph } from "../files/serialize.ts";
import {
  type LoadOptions,
  type LoadReport,
  loadVariables,
  type SaveOptions,
  saveVariables,
} from "../files/variables.ts";
import type { Graph } from "../runtime/graph.ts";
import type { Session } from "../runtime/session.ts";

export { type EventFileOptions, openEventFile } from "./event-file.ts";

/**
 * Writes a file so that at every moment, also after a crash or with the power gone, there is either the old file or
 * the whole new one under its name: the bytes go to a file beside it, are forced to the disk, and then take the name.
 *
 * @throws FileError if the system refuses
 */
export const writeFileAtomic = (path: string, data: string | Uint8Array): void => writeAtomic(fs, path, data);

const readFileLimited = (call: string, path: string, limits: FileLimits): Uint8Array<ArrayBuffer> =>
  readLimited(fs, call, path, limits);

/** Writes a graph as JSON, an operation a line, so that versions can be compared line by line. */
export function saveGraphFile(graph: Graph, path: string): void {
  const { ops, variables, ...head } = serializeGraph(graph);
  const list = (items: readonly object[]): string =>
    items.length === 0 ? "[]" : `[\n    ${items.map((item) => JSON.stringify(item)).join(",\n    ")}\n  ]`;
  const lines = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  writeFileAtomic(
    path,
    ["{", ...lines, `  "ops": ${list(ops)},`, `  "variables": ${list(variables)}`, "}", ""].join("\n"),
  );
}

/** Reads a graph: see `parseGraph`. @throws FileError */
export function loadGraphFile(path: string, limits: FileLimits = {}): Graph {
  return parseGraph(readFileLimited("loadGraphFile", path, limits), { ...limits, file: path });
}

/** Writes the values of a session's variables: see `saveVariables`. */
export function saveVariablesFile(session: Session, path: string, options: SaveOptions = {}): void {
  writeFileAtomic(path, saveVariables(session, options));
}

/** Restores the values of a session's variables: see `loadVariables`. @throws FileError */
export function loadVariablesFile(session: Session, path: string, options: LoadOptions = {}): LoadReport {
  return loadVariables(session, readFileLimited("loadVariablesFile", path, options), { file: path, ...options });
}
