import { type FileSystem, hostFileSystem, makeFolders, readLimited, writeAtomic } from "../../files/disk.ts";
import type { FileLimits } from "../../files/reader.ts";

/** Names of files in a folder that is given in the place of a file. */
export const MODEL_FILE = "model.safetensors";
export const WEIGHTS_FILE = "weights.safetensors";

/** Writes a file. The folders on the way are made. @throws FileError */
export async function writeFile(call: string, path: string, name: string, bytes: Uint8Array): Promise<void> {
  const files = await hostFileSystem(call);
  const file = fileIn(files, path, name);
  makeFolders(files, file, call);
  writeAtomic(files, file, bytes, call);
}

/** The bytes of a file, and its path. @throws FileError */
export async function readFile(
  call: string,
  path: string,
  name: string,
  limits: FileLimits,
): Promise<readonly [bytes: Uint8Array, path: string]> {
  const files = await hostFileSystem(call);
  const found = fileIn(files, path, name);
  return [readLimited(files, call, found, limits), found];
}

/** The path of a file; in a folder, or what ends in a slash and is to become one, the file of that name. */
function fileIn(files: FileSystem, path: string, name: string): string {
  if (/[/\\]$/.test(path)) return path + name;
  return isFolder(files, path) ? `${path}/${name}` : path;
}

function isFolder(files: FileSystem, path: string): boolean {
  try {
    return files.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    // Reading or writing it will say what is wrong with it.
    return false;
  }
}
