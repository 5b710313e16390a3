/** Tensors whose axis 0 counts samples, as `tf.data.Dataset.from_tensor_slices` takes them. */
import { allocate, type DType, dtypeOfArray, type TypedArray } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { here } from "../runtime/reading.ts";
import { copyElements } from "./cells.ts";
import { DataError } from "./errors.ts";
import { type Cell, mapTensors, partText, readCell } from "./structure.ts";

/** From so many elements on, a row is copied through a view of it: that is faster, and the view is small beside it. */
const LONG_ROW = 256;

/** One tensor of `[samples, …row]`. The data is the user's own, not a copy. */
export class Column {
  readonly path: string;
  readonly rows: number;
  /** Of one row. */
  readonly shape: readonly number[];
  readonly rowSize: number;
  readonly dtype: DType;
  readonly kind: Cell["kind"];
  readonly #cell: Cell;
  /** Views of long rows, each made when first needed, so that later a batch makes none. */
  #views: (TypedArray | undefined)[] | null = null;

  constructor(path: string, cell: Cell) {
    const [rows, ...shape] = cell.shape;
    if (rows === undefined) {
      throw new ShapeError({
        what: `dataset: the tensor${partText(path)} is a scalar, and has no axis 0 to take samples from`,
        at: here(),
        fix: "give a value for each sample, or add it to the samples with .map(…)",
      });
    }
    this.path = path;
    this.rows = rows;
    this.shape = shape;
    this.rowSize = elementCount(shape);
    this.dtype = cell.dtype;
    this.kind = cell.kind;
    this.#cell = cell;
  }

  /** One row: a view of the data, unless the array stores another dtype. */
  row(index: number): NDArray {
    const first = index * this.rowSize;
    if (dtypeOfArray(this.#cell.data) === this.dtype)
      return new NDArray(this.#cell.data.subarray(first, first + this.rowSize), this.shape, this.dtype);
    const data = allocate(this.dtype, this.rowSize);
    copyElements(this.#cell, first, this.rowSize, data, 0, this.dtype);
    return new NDArray(data, this.shape, this.dtype);
  }

  /** Writes the rows with these indices next to one another into an array of `dtype`, which fits the column. */
  gather(indices: readonly number[], count: number, target: TypedArray, dtype: DType): void {
    const { rowSize, kind } = this;
    const convertedBySet = kind === "exact" || (kind === "bytes" && dtype !== "bool");
    if (rowSize >= LONG_ROW && convertedBySet)
      for (let row = 0; row < count; row++) target.set(this.#view(indices[row]!), row * rowSize);
    else
      for (let row = 0; row < count; row++)
        copyElements(this.#cell, indices[row]! * rowSize, rowSize, target, row * rowSize, dtype);
  }

  #view(index: number): TypedArray {
    this.#views ??= new Array<TypedArray | undefined>(this.rows);
    const known = this.#views[index];
    if (known !== undefined) return known;
    const view = this.#cell.data.subarray(index * this.rowSize, (index + 1) * this.rowSize);
    this.#views[index] = view;
    return view;
  }
}

/** Columns of one length, and the structure they stand in. */
export class Columns {
  readonly list: readonly Column[];
  readonly rows: number;
  /** The structure of the source, with the number of its column in the place of each tensor. */
  readonly #places: unknown;

  /** @throws ShapeError if lengths differ; DataError without any tensor */
  constructor(tensors: unknown) {
    const list: Column[] = [];
    this.#places = mapTensors("dataset: the source", tensors, (tensor, path) => {
      list.push(new Column(path, readCell(`dataset: the tensor${partText(path)}`, tensor)));
      // In an array, since a list of numbers would be taken for a tensor.
      return Int32Array.of(list.length - 1);
    });
    const [first] = list;
    if (first === undefined) {
      throw new DataError({
        what: "dataset: the source holds no tensor",
        at: here(),
        fix: "give tensors by name, { images, labels }, or an array of samples",
      });
    }
    const other = list.find(({ rows }) => rows !== first.rows);
    if (other !== undefined) {
      throw new ShapeError({
        what: `dataset: sizes along axis 0 differ, ${first.rows}${partText(first.path)} against ${other.rows}${partText(other.path)}`,
        at: here(),
        fix: "axis 0 counts the samples, so it must be the same everywhere",
      });
    }
    this.list = list;
    this.rows = first.rows;
  }

  /** One sample. */
  sample(index: number): unknown {
    return this.build((column) => this.list[column]!.row(index));
  }

  /** The structure of the source, with an array for each column. */
  build(make: (column: number) => NDArray): unknown {
    return mapTensors("dataset: the source", this.#places, (column) => make((column as Int32Array)[0]!));
  }
}
