/** Rows on their way into an array: a batch knows what is in it before anything is copied. */
import { allocate, type DType, type TypedArray } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { shapeText } from "../core/shape.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { copyElements } from "./cells.ts";
import type { Columns } from "./columns.ts";
import { DataError, type Origin } from "./errors.ts";
import { END, type End, NONE, type None, type Transform } from "./stage.ts";
import { type Cell, mapTensors, partText, readCell, tensorsIn } from "./structure.ts";

/** One tensor of a batch. */
export interface BatchPart extends Pick<Cell, "dtype" | "kind"> {
  readonly path: string;
}

export interface Batch {
  readonly rows: number;
  /** In the order of the sample's structure. */
  readonly parts: readonly BatchPart[];
  /** Elements of one part. */
  sizeOf(part: number): number;
  shapeOf(part: number): readonly number[];
  /** Copies one part, row after row, into an array of `dtype`, which fits it and has room for it. */
  copyTo(part: number, target: TypedArray, dtype: DType): void;
  /** The structure with an array for each part. */
  build(make: (part: number) => NDArray): unknown;
}

/** The batch as a value: the structure of a sample, with arrays of `[rows, …shape]`. */
export function stack(batch: Batch): unknown {
  return batch.build((part) => {
    const { dtype } = batch.parts[part]!;
    const data = allocate(dtype, batch.sizeOf(part));
    batch.copyTo(part, data, dtype);
    return new NDArray(data, batch.shapeOf(part), dtype);
  });
}

/** Rows of columns. One object serves all batches of an iteration, so that a batch costs no allocation. */
export class ColumnBatch implements Batch {
  rows = 0;
  readonly parts: readonly BatchPart[];
  readonly #columns: Columns;
  #indices: readonly number[] = [];

  constructor(columns: Columns) {
    this.#columns = columns;
    this.parts = columns.list;
  }
  set(indices: readonly number[], rows: number): this {
    this.#indices = indices;
    this.rows = rows;
    return this;
  }
  sizeOf(part: number): number {
    return this.rows * this.#columns.list[part]!.rowSize;
  }
  shapeOf(part: number): readonly number[] {
    return [this.rows, ...this.#columns.list[part]!.shape];
  }
  copyTo(part: number, target: TypedArray, dtype: DType): void {
    this.#columns.list[part]!.gather(this.#indices, this.rows, target, dtype);
  }
  build(make: (part: number) => NDArray): unknown {
    return this.#columns.build(make);
  }
}

/** Samples one by one, each with arrays of its own. */
export class SampleBatch implements Batch {
  readonly rows: number;
  readonly parts: readonly BatchPart[];
  readonly #cells: readonly (readonly Cell[])[];
  readonly #first: unknown;

  /**
   * @param before samples that came before these, for errors
   * @throws ShapeError, DTypeError, DataError if the samples differ in more than their values
   */
  constructor(samples: readonly unknown[], before: number, origin: Origin) {
    const name = (row: number) => `${origin.method}: sample ${before + row}`;
    const read = samples.map((sample, row) =>
      tensorsIn(name(row), sample).map(({ path, tensor }) => ({
        path,
        cell: readCell(`${name(row)}${partText(path)}`, tensor),
      })),
    );
    const paths = read[0]!.map(({ path }) => path);
    read.forEach((found, row) => {
      if (found.length === paths.length && found.every(({ path }, i) => path === paths[i])) return;
      throw new DataError({
        what: `${name(row)} has other parts than sample ${before}`,
        details: [`sample ${before}  ${list(paths)}`, `sample ${before + row}  ${list(found.map(({ path }) => path))}`],
        at: origin.at,
        fix: "give all samples the same parts, in the same order",
      });
    });
    this.rows = samples.length;
    this.#first = samples[0];
    this.#cells = paths.map((_, part) => read.map((found) => found[part]!.cell));
    this.parts = paths.map((path, part) => {
      const cells = this.#cells[part]!;
      const [first] = cells as [Cell];
      cells.forEach((cell, row) => {
        requireAlike(first, cell, `${origin.method}: samples ${before} and ${before + row}`, path, origin);
      });
      return { path, dtype: first.dtype, kind: first.kind };
    });
  }
  sizeOf(part: number): number {
    return this.rows * this.#cells[part]![0]!.data.length;
  }
  shapeOf(part: number): readonly number[] {
    return [this.rows, ...this.#cells[part]![0]!.shape];
  }
  copyTo(part: number, target: TypedArray, dtype: DType): void {
    this.#cells[part]!.forEach((cell, row) => {
      const size = cell.data.length;
      copyElements(cell, 0, size, target, row * size, dtype);
    });
  }
  build(make: (part: number) => NDArray): unknown {
    let part = 0;
    return mapTensors("batch", this.#first, () => make(part++));
  }
}

const list = (paths: readonly string[]): string =>
  paths.length === 0 ? "nothing" : paths.map((path) => (path === "" ? "a tensor alone" : path)).join(", ");

function requireAlike(first: Cell, cell: Cell, which: string, path: string, { at }: Origin): void {
  if (first.shape.length !== cell.shape.length || first.shape.some((size, axis) => size !== cell.shape[axis])) {
    throw new ShapeError({
      what: `${which} differ in shape${partText(path)}, ${shapeText(first.shape)} against ${shapeText(cell.shape)}`,
      at,
      fix: "pad, crop or resize them to one shape with .map(…) before",
    });
  }
  if (first.dtype !== cell.dtype || first.kind !== cell.kind) {
    throw new DTypeError({
      what: `${which} differ in dtype${partText(path)}, ${dtypeText(first)} against ${dtypeText(cell)}`,
      at,
      fix: "give every sample the same kind of array",
    });
  }
}
const dtypeText = ({ dtype, kind }: Cell): string =>
  kind === "exact" ? dtype : kind === "bytes" ? "bytes" : "numbers";

/** An element that is already a batch, or whatever else fills feeds as it is: its parts are copied whole. */
export class WholeBatch implements Batch {
  readonly rows: number;
  readonly parts: readonly BatchPart[];
  readonly #cells: readonly Cell[];
  readonly #element: unknown;

  constructor(element: unknown, place: number) {
    const what = `into: element ${place}`;
    const found = tensorsIn(what, element);
    this.#element = element;
    this.#cells = found.map(({ path, tensor }) => readCell(`${what}${partText(path)}`, tensor));
    this.rows = this.#cells[0]?.shape[0] ?? 1;
    this.parts = this.#cells.map(({ dtype, kind }, part) => ({ path: found[part]!.path, dtype, kind }));
  }
  sizeOf(part: number): number {
    return this.#cells[part]!.data.length;
  }
  shapeOf(part: number): readonly number[] {
    return this.#cells[part]!.shape;
  }
  copyTo(part: number, target: TypedArray, dtype: DType): void {
    const cell = this.#cells[part]!;
    copyElements(cell, 0, cell.data.length, target, 0, dtype);
  }
  build(make: (part: number) => NDArray): unknown {
    let part = 0;
    return mapTensors("into", this.#element, () => make(part++));
  }
}

/** Collects keys, and makes a batch of each `size` of them. */
export class Batching<K> implements Transform<K, Batch> {
  readonly full = false;
  readonly #size: number;
  readonly #dropRemainder: boolean;
  readonly #make: (keys: readonly K[], count: number, before: number) => Batch;
  /** Used again for every batch. */
  readonly #keys: K[] = [];
  #count = 0;
  #before = 0;

  constructor(
    size: number,
    dropRemainder: boolean,
    make: (keys: readonly K[], count: number, before: number) => Batch,
  ) {
    this.#size = size;
    this.#dropRemainder = dropRemainder;
    this.#make = make;
  }
  push(key: K): Batch | None {
    this.#keys[this.#count++] = key;
    return this.#count === this.#size ? this.#emit() : NONE;
  }
  flush(): Batch | End {
    return this.#count === 0 || this.#dropRemainder ? END : this.#emit();
  }
  #emit(): Batch {
    const count = this.#count;
    const batch = this.#make(this.#keys, count, this.#before);
    this.#before += count;
    this.#count = 0;
    return batch;
  }
}
