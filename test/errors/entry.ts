/** What the corpus of broken programs is made of. */
import type {
  DType,
  Feeds,
  Fetches,
  Graph,
  Session,
  Tensor,
  ValueLike,
  Variable,
  VariableOptions,
} from "../../src/index.ts";

/**
 * A graph whose tensors carry no shape types. The editor refuses many of the broken programs; without types they get
 * as far as the error at run time. The fixed ones are written with types, and compile.
 */
export interface LooseGraph extends Pick<Graph, "initializer" | "operation" | "tensor" | "scope" | "name"> {
  placeholder(name: string, shape?: readonly (number | string | null)[] | null, options?: { dtype?: DType }): Tensor;
  constant(value: ValueLike, options?: { dtype?: DType; shape?: readonly number[]; name?: string }): Tensor;
  variable(name: string, shape: readonly number[], options?: VariableOptions): Variable;
}

/** What a fixed program fetches, and feeds. Variables are initialised before. */
export type Run = readonly [fetches: Fetches, feeds?: Feeds];

export interface Entry {
  readonly name: string;
  /** The whole message; `file.ts[mark]` stands for the line that ends in `// [mark]`. */
  readonly text: string;
  /** Why no axis is marked in an error about a shape. */
  readonly noAxis?: string;
  readonly broken: (g: LooseGraph, session: Session) => unknown;
  /** The same with what the message suggests. */
  readonly fixed: (g: Graph, session: Session) => Run;
}

export interface Corpus {
  readonly url: string;
  readonly entries: readonly Entry[];
}
