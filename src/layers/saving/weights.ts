import type { EagerVariable } from "../../eager/tensor.ts";
import { isNpz, readNpz, writeNpz } from "../../files/npz.ts";
import { type FileOptions, FileSource } from "../../files/reader.ts";
import { readSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import type { TensorNest } from "../core/nest.ts";
import type { Network } from "../core/network.ts";
import { isTrainingName } from "./file.ts";
import { isKerasName, kerasNames } from "./keras-names.ts";
import { restoring } from "./restore.ts";

export interface SaveWeightsOptions {
  /**
   * `"keras"`: as Keras calls them in its `.weights.h5` files, `layers/dense/vars/0`. Default: by the names of layers,
   * `dense/kernel`.
   */
  readonly names?: "keras" | undefined;
  /** Default: what the name of the file ends in, else safetensors. */
  readonly format?: "safetensors" | "npz" | undefined;
}

export interface LoadWeightsOptions extends FileOptions {
  /** Takes what is there and fits, and leaves the rest as it is. Default false: all or nothing. */
  readonly partial?: boolean | undefined;
}

type AnyNetwork = Network<TensorNest, TensorNest>;

/** @param path of the file, if there is one */
export function writeWeights(
  model: AnyNetwork,
  variables: ReadonlyMap<string, EagerVariable>,
  path: string | null,
  options: SaveWeightsOptions,
): Uint8Array {
  const named = options.names === "keras" ? kerasNames(model) : variables;
  const arrays = new Map([...named].map(([name, { value }]) => [name, value]));
  const format = options.format ?? (path?.endsWith(".npz") ? "npz" : "safetensors");
  return format === "npz" ? writeNpz(arrays) : writeSafetensors(arrays, new Map([["writer", "forerun"]]));
}

/**
 * Reads weights and compares them with the model's.
 * @returns what gives the variables their values
 * @throws FileError; nothing has changed then
 */
export function restoringWeights(
  model: AnyNetwork,
  variables: ReadonlyMap<string, EagerVariable>,
  bytes: Uint8Array,
  options: LoadWeightsOptions,
): () => void {
  const { tensors, unsupported } = readArrays(bytes, options);
  const strange = [...unsupported].find(([name]) => isWeight(name));
  if (strange && !options.partial) {
    const source = new FileSource("loadWeights", options, null);
    throw source.error(
      `"${strange[0]}" is ${strange[1]}, which no variable can be`,
      null,
      "convert it to float32 before writing",
    );
  }
  const weights = new Map([...tensors].filter(([name]) => isWeight(name)));
  const named = [...weights.keys()].some(isKerasName) ? kerasNames(model) : variables;
  return restoring("loadWeights", named, weights, options);
}

/** False for what belongs to training; and for what Keras' optimizer and random generators keep, which means nothing here. */
const isWeight = (name: string): boolean =>
  !isTrainingName(name) && !/^optimizer\/vars\/|(^|\/)seed_generator\//.test(name);

const HDF5 = [0x89, 0x48, 0x44, 0x46];

function readArrays(
  bytes: Uint8Array,
  options: FileOptions,
): { readonly tensors: ReadonlyMap<string, NDArray>; readonly unsupported: ReadonlyMap<string, string> } {
  if (HDF5.every((byte, i) => bytes[i] === byte)) {
    const source = new FileSource("loadWeights", options, null);
    throw source.error(
      "this is an HDF5 file",
      null,
      "turn it into npz with h5py: arrays = {}; h5py.File(path).visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None); numpy.savez('weights.npz', **arrays)",
    );
  }
  return isNpz(bytes) ? readNpz(bytes, "loadWeights", options) : readSafetensors(bytes, "loadWeights", options);
}
