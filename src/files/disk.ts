import { FileError } from "../core/errors.ts";
import { here } from "../runtime/reading.ts";
import { DEFAULT_LIMITS, type FileLimits } from "./reader.ts";

/** What is needed of Node's file system. */
export interface FileSystem {
  openSync(path: string, flags: string): number;
  closeSync(file: number): void;
  fsyncSync(file: number): void;
  fstatSync(file: number): { readonly size: number };
  readSync(file: number, bytes: Uint8Array, offset: number, length: number, position: null): number;
  writeSync(file: number, bytes: Uint8Array, offset: number): number;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  mkdirSync(path: string, options: { readonly recursive: true }): unknown;
  statSync(path: string, options: { readonly throwIfNoEntry: false }): { isDirectory(): boolean } | undefined;
}

interface Host {
  readonly process?: {
    readonly pid: number;
    readonly versions?: { readonly node?: string };
    getBuiltinModule?(name: string): unknown;
  };
}
const host = globalThis as object as Host;

/**
 * The file system, where there is one. Nothing is imported before it is wanted, so bundles for pages hold no mention of it.
 * @throws FileError elsewhere
 */
export async function hostFileSystem(call: string): Promise<FileSystem> {
  const name = "node:fs";
  if (host.process?.getBuiltinModule) return host.process.getBuiltinModule(name) as FileSystem;
  if (host.process?.versions?.node) {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as FileSystem;
  }
  throw new FileError({
    what: `${call}: there is no file system here`,
    at: here(),
    fix: "leave out the path and keep the bytes yourself: in a page, offer them as a download or put them into IndexedDB",
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

let written = 0;

/**
 * Writes a file so that at every moment, also after a crash or with the power gone, there is either the old file or
 * the whole new one under its name: the bytes go to a file beside it, are forced to the disk, and then take the name.
 *
 * @param call whose errors they are
 * @throws FileError if the system refuses
 */
export function writeAtomic(
  files: FileSystem,
  path: string,
  data: string | Uint8Array,
  call = "writeFileAtomic",
): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const folder = path.slice(0, at) || "./";
  const beside = `${path.slice(0, at)}.${path.slice(at)}.${host.process?.pid ?? 0}.${++written}.tmp`;
  try {
    const file = files.openSync(beside, "wx");
    try {
      for (let done = 0; done < bytes.length; ) done += files.writeSync(file, bytes, done);
      files.fsyncSync(file);
    } finally {
      files.closeSync(file);
    }
    files.renameSync(beside, path);
  } catch (error) {
    removeQuietly(files, beside);
    throw new FileError({
      what: `${call}: ${path} can not be written`,
      details: [messageOf(error)],
      at: here(),
      fix: "make sure that the folder exists, may be written to, and has room",
    });
  }
  syncFolder(files, folder);
}

/** A file that grows. */
export interface GrowingFile {
  write(bytes: Uint8Array): void;
  /** Waits until the disk has it. */
  flush(): void;
  close(): void;
}

/** Begins a file that was not there before. @throws FileError if the system refuses, now or later */
export function appendingTo(files: FileSystem, path: string, call: string): GrowingFile {
  const within = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new FileError({
        what: `${call}: ${path} can not be written`,
        details: [messageOf(error)],
        at: here(),
        fix: "make sure that the folder may be written to, and has room",
      });
    }
  };
  const file = within(() => files.openSync(path, "ax"));
  return {
    write: (bytes) => {
      within(() => {
        for (let done = 0; done < bytes.length; ) done += files.writeSync(file, bytes, done);
      });
    },
    flush: () => within(() => files.fsyncSync(file)),
    close: () => within(() => files.closeSync(file)),
  };
}

/** Makes the folders on the way to a file. @throws FileError */
export function makeFolders(files: FileSystem, path: string, call: string): void {
  const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
  if (folder === "") return;
  try {
    files.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new FileError({
      what: `${call}: ${path} can not be written`,
      details: [messageOf(error)],
      at: here(),
      fix: "make sure that the folder can be made, and that no file has its name",
    });
  }
}

function removeQuietly(files: FileSystem, path: string): void {
  try {
    files.unlinkSync(path);
  } catch {
    // It was never made; the first error says why.
  }
}

/** The new name is on the disk only when the folder is. Windows can not do that, and needs not to. */
function syncFolder(files: FileSystem, path: string): void {
  try {
    const folder = files.openSync(path, "r");
    try {
      files.fsyncSync(folder);
    } finally {
      files.closeSync(folder);
    }
  } catch {
    // The file itself is complete; what is lost is at most its being the new one after a power cut.
  }
}

/** Reads a file, and no more of it than is allowed. @throws FileError */
export function readLimited(
  files: FileSystem,
  call: string,
  path: string,
  limits: FileLimits,
): Uint8Array<ArrayBuffer> {
  const maxBytes = limits.maxBytes ?? DEFAULT_LIMITS.maxBytes;
  try {
    const file = files.openSync(path, "r");
    try {
      const { size } = files.fstatSync(file);
      if (size > maxBytes) {
        throw new FileError({
          what: `${call}: ${path} has ${size} bytes`,
          at: here(),
          fix: `raise maxBytes (${maxBytes}) if you trust it`,
        });
      }
      const bytes = new Uint8Array(size);
      let done = 0;
      for (let got = -1; done < size && got !== 0; done += got)
        got = files.readSync(file, bytes, done, size - done, null);
      return bytes.subarray(0, done);
    } finally {
      files.closeSync(file);
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
