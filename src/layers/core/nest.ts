import { arrayAsTensor } from "../../eager/func.ts";
import { Tensor } from "../../graph/operation.ts";

/** What a layer takes and gives: a tensor, or tensors in lists and objects. */
export type Nested<T> = T | readonly Nested<T>[] | { readonly [name: string]: Nested<T> };
export type TensorNest = Nested<Tensor>;

const isRecord = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** The same structure with every tensor replaced; whatever else is in it stays. */
export function mapTensors(nest: unknown, replace: (tensor: Tensor) => unknown): unknown {
  if (nest instanceof Tensor) return replace(nest);
  if (Array.isArray(nest)) return nest.map((item: unknown) => mapTensors(item, replace));
  if (!isRecord(nest)) return nest;
  return Object.fromEntries(Object.entries(nest).map(([name, item]) => [name, mapTensors(item, replace)]));
}

/** Every tensor in a structure, in order. */
export function tensorsIn(nest: unknown): readonly Tensor[] {
  const tensors: Tensor[] = [];
  mapTensors(nest, (tensor) => tensors.push(tensor));
  return tensors;
}

/** Arrays in a structure become tensors with values. */
export function withTensors(nest: unknown): unknown {
  if (nest instanceof Tensor) return nest;
  const array = arrayAsTensor(nest);
  if (array) return array;
  if (Array.isArray(nest)) return nest.map(withTensors);
  if (!isRecord(nest)) return nest;
  return Object.fromEntries(Object.entries(nest).map(([name, item]) => [name, withTensors(item)]));
}
