import { FileError } from "../../core/errors.ts";
import type { FileOptions } from "../../files/reader.ts";
import { here } from "../../runtime/reading.ts";
import { INPUT_SPECS, PREPARE, RESTORE } from "../core/internal.ts";
import type { TensorNest } from "../core/nest.ts";
import { Model } from "../model.ts";
import { readModel } from "./file.ts";
import { MODEL_FILE, readFile } from "./paths.ts";
import { type CustomLayers, inputsFromFile, Rebuilder } from "./rebuild.ts";

export interface LoadModelOptions extends FileOptions {
  /** Classes of your own that the file names, by their kind: `{ Affine }`. */
  readonly layers?: CustomLayers | undefined;
}

/**
 * The model that a file of `model.save` holds, with its weights, where training was. Compile it as before to go on: the
 * optimizer takes up its state.
 *
 *     const digits = await loadModel("digits.safetensors");
 *     digits.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
 *     await digits.fit(x, y, { epochs: 10, resume: true });
 *
 * @param file its bytes, or a path; a folder stands for `model.safetensors` in it
 * @throws FileError for a file that is damaged or hostile, or that names a class which is not given
 */
export function loadModel(file: Uint8Array, options?: LoadModelOptions): Model<TensorNest, TensorNest>;
export function loadModel(file: string, options?: LoadModelOptions): Promise<Model<TensorNest, TensorNest>>;
export function loadModel(
  file: Uint8Array | string,
  options: LoadModelOptions = {},
): Model<TensorNest, TensorNest> | Promise<Model<TensorNest, TensorNest>> {
  if (typeof file === "string") {
    return readFile("loadModel", file, MODEL_FILE, options).then(([bytes, path]) =>
      loadModel(bytes, { file: path, ...options }),
    );
  }
  const read = readModel("loadModel", file, options);
  const { architecture, inputs } = read;
  if (!architecture) throw notDescribed();
  const model = new Rebuilder(options.layers ?? {}).layer(architecture) as object;
  if (!(model instanceof Model)) return architecture.fail("this is a layer, and no model");
  // A model that was built by its first data is built for data like them.
  inputs?.within(() => model[PREPARE](inputsFromFile(inputs), {}));
  if (!model[INPUT_SPECS]) architecture.fail("nothing says what the model is called on");
  model[RESTORE](read, options);
  return model;
}

const notDescribed = (): FileError =>
  new FileError({
    what: "loadModel: the file does not say how the model is put together: it was saved from a class of the user's own",
    at: here(),
    fix: "make the model with that class and let it take the file up, model.load(file); or give the class getConfig and fromConfig",
  });
