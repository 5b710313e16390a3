import { getOrMake } from "../core/collections.ts";
import type { DType } from "../core/dtype.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import type { Graph } from "../runtime/graph.ts";

/** What an optimizer has added to one graph: the variables it keeps between steps, and constants. */
export class OptimizerState {
  readonly graph: Graph;
  /** `adam`, or `adam_1` for the second one in a graph. */
  readonly scope: string;
  /** True once variables of define-by-run were given: from then on it is for these alone. */
  isBuilt = false;
  readonly #scalars = new Map<string, Variable>();
  readonly #slots = new Map<Variable, Map<string, Variable>>();
  readonly #places = new Map<Variable, string>();
  readonly #placesTaken = new Set<string>();
  readonly #constants = new Map<string, Tensor>();

  constructor(graph: Graph, name: string) {
    this.graph = graph;
    this.scope = graph.uniqueName(name);
  }

  /** The variables it has updated, or is built for. */
  get served(): readonly Variable[] {
    return [...this.#places.keys()];
  }
  serves(variable: Variable): boolean {
    return this.#places.has(variable);
  }

  /** Everything kept between steps: scalars first, then the slots of each variable. */
  get variables(): readonly Variable[] {
    return [...this.#scalars.values(), ...[...this.#slots.values()].flatMap((slots) => [...slots.values()])];
  }

  /** Scope of what belongs to a variable, `adam/dense/kernel`. Variables of define-by-run may share a name. */
  placeOf(variable: Variable): string {
    return getOrMake(this.#places, variable, () => {
      const wish = `${this.scope}/${variable.op.name}`;
      let place = wish;
      for (let count = 1; this.#placesTaken.has(place); count++) place = `${wish}_${count}`;
      this.#placesTaken.add(place);
      return place;
    });
  }

  /** One number all variables share, `adam/step`. */
  scalar(name: string, initial: number, dtype: DType): Variable {
    return getOrMake(this.#scalars, name, () => this.#variable(`${this.scope}/${name}`, [], initial, dtype));
  }

  /** Counts the steps. Asking for it makes it. */
  get counter(): Variable {
    return this.scalar("step", 0, "int32");
  }
  get counts(): boolean {
    return this.#scalars.has("step");
  }

  /** What is kept for a variable under a name, of its shape and dtype: `adam/dense/kernel/m`. */
  slot(variable: Variable, name: string, initial: number): Variable {
    const slots = getOrMake(this.#slots, variable, () => new Map<string, Variable>());
    const shape = variable.shape as readonly number[];
    return getOrMake(slots, name, () =>
      this.#variable(`${this.placeOf(variable)}/${name}`, shape, initial, variable.dtype),
    );
  }
  slots(variable: Variable): ReadonlyMap<string, Variable> | undefined {
    return this.#slots.get(variable);
  }

  constant(name: string, value: number, dtype: DType): Tensor {
    return getOrMake(this.#constants, `${name} ${dtype} ${value}`, () =>
      this.graph.reenterScope(this.scope, () => this.graph.constant(value, { dtype, name })),
    );
  }

  #variable(path: string, shape: readonly number[], initial: number, dtype: DType): Variable {
    // Full names in define-by-run too, which has no scopes.
    return this.graph.reenterScope("", () => this.graph.variable(path, shape, { initial, dtype, trainable: false }));
  }
}
