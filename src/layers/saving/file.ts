import type { EagerVariable } from "../../eager/tensor.ts";
import { type FileOptions, FileSource, type FileValue } from "../../files/reader.ts";
import { readSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { type AnyLayer, Describer, inputsToText } from "./describe.ts";

/** How far training has come. */
export interface TrainingPosition {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Batches of the next one that are done. */
  readonly batch: number;
}

/** What a file holds of a model besides how it is put together: all that training depends on. */
export interface ModelState<Values> {
  readonly values: ReadonlyMap<string, Values>;
  /** What the optimizer keeps: empty before the first step. */
  readonly optimizer: ReadonlyMap<string, Values>;
  /** What losses and metrics have come to in an epoch that is not done. */
  readonly means: ReadonlyMap<string, Values>;
  readonly position: TrainingPosition;
  /** Decides on the order of samples. */
  readonly seed: number;
  /** Seeds of the streams that layers draw from, by the name of the variable that counts the draws. */
  readonly streams: ReadonlyMap<string, number>;
}

export interface WrittenModel extends ModelState<EagerVariable | NDArray> {
  /** Null for a class of the user's own that does not tell its configuration: only the same class takes up the file. */
  readonly architecture: AnyLayer | null;
  /** The tensors it was called on. */
  readonly inputs: unknown;
}

export interface ReadModel extends ModelState<NDArray> {
  /** For `Rebuilder`; null if the file does not say how the model is put together. */
  readonly architecture: FileValue | null;
  /** For `inputsFromFile`; null if the model knows what it is called on. */
  readonly inputs: FileValue | null;
}

const FORMAT = "forerun-model";
/** Goes up when a reader of the version before could misread a file. */
const VERSION = 1;
/** What is told of a model in the header of the file. */
const KEY = "forerun.model";
/** First parts of the names of what belongs to training and not to the model; no layer is called like that. */
const OPTIMIZER = "@optimizer/";
const MEANS = "@metrics/";

/** True for names of what is not of the model itself. */
export const isTrainingName = (name: string): boolean => name.startsWith(OPTIMIZER) || name.startsWith(MEANS);

/** The entries under a first part, without it; and with it. */
const under = <T>(prefix: string, entries: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map(
    [...entries].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]),
  );
const put = <T>(prefix: string, entries: ReadonlyMap<string, T>): (readonly [string, T])[] =>
  [...entries].map(([name, value]) => [prefix + name, value] as const);

/**
 * One file: values in the layout of safetensors, which every framework reads, and in its header how the model is put
 * together and how far training has come.
 */
export function writeModel(model: WrittenModel): Uint8Array {
  const { values, optimizer, means, architecture, inputs, position, seed, streams } = model;
  const all = new Map([...values, ...put(OPTIMIZER, optimizer), ...put(MEANS, means)]);
  const about = {
    format: FORMAT,
    version: VERSION,
    architecture: architecture && new Describer().layer(architecture),
    inputs: architecture && inputsToText(architecture, inputs),
    position,
    seed,
    streams: Object.fromEntries(streams),
  };
  const arrays = new Map([...all].map(([name, value]) => [name, "value" in value ? value.value : value]));
  return writeSafetensors(
    arrays,
    new Map([
      ["writer", "forerun"],
      [KEY, JSON.stringify(about)],
    ]),
  );
}

/** @throws FileError for a damaged file, or one that is no model */
export function readModel(call: string, bytes: Uint8Array, options: FileOptions): ReadModel {
  const { tensors, unsupported, metadata } = readSafetensors(bytes, call, options);
  const text = metadata.get(KEY);
  const source = new FileSource(call, options, null);
  if (text === undefined) {
    const fix = "make the model and give it the values: model.loadWeights(file)";
    throw source.error("this is a file of values, and no model", null, fix);
  }
  const about = source.json(text);
  // The version first: later ones may have other keys.
  const { format, version } = Object.fromEntries(about.entries("what the file says of the model")) as Record<
    string,
    FileValue | undefined
  >;
  if (format?.text() !== FORMAT) about.fail(`this is not of the format "${FORMAT}"`);
  const number = version?.count() ?? about.fail('"version" is missing');
  if (number > VERSION)
    about.fail(`version ${number} of the format is not known`, "update forerun: a newer one wrote it");
  const keys = ["format", "version", "architecture", "inputs", "position", "seed", "streams"] as const;
  const { architecture, inputs, position, seed, streams } = about.record(keys);
  const { epoch, batch } = position.record(["epoch", "batch"]);
  const [strange] = unsupported;
  if (strange) throw source.error(`"${strange[0]}" is ${strange[1]}, which no variable can be`, null);
  return {
    architecture: architecture.node.value === null ? null : architecture,
    inputs: inputs.node.value === null ? null : inputs,
    values: new Map([...tensors].filter(([name]) => !isTrainingName(name))),
    optimizer: under(OPTIMIZER, tensors),
    means: under(MEANS, tensors),
    position: { epoch: epoch.count(), batch: batch.count() },
    seed: seed.count(),
    streams: new Map(Array.from(streams.entries(), ([name, stream]) => [name, stream.count()])),
  };
}
