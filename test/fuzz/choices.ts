/** What steps of random programs choose with. */
import { elementCount } from "../../src/core/shape.ts";
import type { Operation, Tensor } from "../../src/graph/operation.ts";
import type { Graph } from "../../src/index.ts";

/** Elements a tensor may have: the interpreter should stay quick. */
export const LARGEST = 48;

/** What a step of a program works with. */
export interface Choices {
  readonly graph: Graph;
  /** What made a tensor, from which inputs. */
  opOf(tensor: Tensor): Operation;
  /** One of `count`, from 0 on. */
  next(count: number): number;
  of<T>(list: readonly T[]): T;
  /** A tensor made so far, one of the last more often than not. */
  tensor(fits?: (tensor: Tensor) => boolean): Tensor;
  /** The same, or null if there is none. */
  find(fits: (tensor: Tensor) => boolean): Tensor | null;
}
/** Thrown by a step that finds nothing it could work on. */
export class NothingFits extends Error {}

export const shapeOf = (tensor: Tensor): readonly number[] => tensor.shape as readonly number[];
export const countOf = (tensor: Tensor): number => elementCount(shapeOf(tensor));
