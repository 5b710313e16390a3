/** `forerun/node`: graphs and values of variables in files. The rest of the library needs no file system. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FileError } from "../core/errors.ts";
import { parseGraph } from "../files/parse.ts";
import { DEFAULT_LIMITS, type FileLimits } from "../files/reader.ts";
import { serializeGraph } from "../files/serialize.ts";
import {
  type LoadOptions,
  type LoadReport,
  loadVariables,
  type SaveOptions,
  saveVariables,
} from "../files/variables.ts";
import type { Graph } from "../runtime/graph.ts";
import { here } from "../runtime/reading.ts";
import type { Session } from "../runtime/session.ts";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

let written = 0;

/**
 * Writes a file so that at every moment, also after a crash or with the power gone, there is either the old file or
 * the whole new one under its name: the bytes go to a file beside it, are forced to the disk, and then take the name.
 *
 * @throws FileError if the system refuses
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.${++written}.tmp`);
  try {
    const file = openSync(beside, "wx");
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    removeQuietly(beside);
    throw new FileError({
      what: `writeFileAtomic: ${path} can not be written`,
      details: [messageOf(error)],
      at: here(),
      fix: "make sure that the folder exists, may be written to, and has room",
    });
  }
  syncFolder(dirname(path));
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made; the first error says why.
  }
}

/** The new name is on the disk only when the folder is. Windows can not do that, and needs not to. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {
    // The file itself is complete; what is lost is at most its being the new one after a power cut.
  }
}

/** Reads a file, and no more of it than is allowed. @throws FileError */
function readFileLimited(call: string, path: string, limits: FileLimits): Uint8Array<ArrayBuffer> {
  const maxBytes = limits.maxBytes ?? DEFAULT_LIMITS.maxBytes;
  try {
    const file = openSync(path, "r");
    try {
      const { size } = fstatSync(file);
      if (size > maxBytes) {
        throw new FileError({
          what: `${call}: ${path} has ${size} bytes`,
          at: here(),
          fix: `raise maxBytes (${maxBytes}) if you trust it`,
        });
      }
      const bytes = new Uint8Array(size);
      let done = 0;
      for (let got = -1; done < size && got !== 0; done += got) got = readSync(file, bytes, done, size - done, null);
      return bytes.subarray(0, done);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError({
      what: `${call}: ${path} can not be read`,
      details: [messageOf(error)],
      at: here(),
      fix: "make sure that the path is right, relative to the working directory",
    });
  }
}

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
