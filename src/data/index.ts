/** `forerun/data`: samples from their source to the plan that learns from them. Re-exports only. */
export {
  type BatchOptions,
  Dataset,
  dataset,
  type FeedLoop,
  fromTensorSlices,
  type ShuffleOptions,
  type TensorSlices,
} from "./dataset.ts";
export { DataError } from "./errors.ts";
export type { FeedTarget, IntoOptions } from "./feed.ts";
export type { WorkerMapOptions } from "./map-in-worker.ts";
export type { Source } from "./source.ts";
export type { ShapedData, TensorLike, Tensors } from "./structure.ts";
