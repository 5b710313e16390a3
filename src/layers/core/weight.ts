import type { DType } from "../../core/dtype.ts";
import { GraphError } from "../../core/errors.ts";
import { elementCount } from "../../core/shape.ts";
import { eager } from "../../eager/context.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import { buildInto } from "../../graph/builder.ts";
import type { Tensor } from "../../graph/operation.ts";
import { variableOp } from "../../ops/state.ts";
import type { Initializer } from "../../runtime/graph.ts";
import { here } from "../../runtime/reading.ts";
import { zeros } from "../../train/initializers.ts";
import { type SeedOwner, settleSeed } from "./seeds.ts";

/** A penalty on a weight: one number, added to the loss. See `regularizers.ts`. */
export type Regularizer = (weight: Tensor) => Tensor;
/** Brings a weight back to where it may be, after each step. See `constraints.ts`. */
export type Constraint = (weight: Tensor) => Tensor;

export interface WeightOptions {
  readonly shape: readonly number[];
  /** Default zeros. */
  readonly initializer?: Initializer;
  /** Default float32. */
  readonly dtype?: DType;
  /** Whether training changes it. Default true. */
  readonly trainable?: boolean;
  readonly regularizer?: Regularizer | undefined;
  readonly constraint?: Constraint | undefined;
}

/** What a layer knows of a weight besides its value. */
export interface WeightRecord {
  readonly name: string;
  readonly regularizer: Regularizer | null;
  readonly constraint: Constraint | null;
  /** Where its seed comes from when its value is first wanted; until then a model may claim it. */
  seed: number | null;
}

const records = new WeakMap<EagerVariable, WeightRecord>();

/** @throws GraphError for a variable that no layer has made */
export function recordOf(variable: EagerVariable): WeightRecord {
  const record = findRecord(variable);
  if (record) return record;
  throw new GraphError({
    what: `"${variable.op.name}" is not a weight of a layer`,
    at: here(),
    fix: "make it with addWeight in the layer's build",
  });
}
/** Null for a variable that no layer has made: models may hold those, too. */
export const findRecord = (variable: EagerVariable): WeightRecord | null => records.get(variable) ?? null;

/**
 * Makes a weight. Its initial value is computed when somebody first wants to know it: by then the model that the layer
 * belongs to has decided on the seed, and the layer may be built while a function is traced.
 *
 * @param owner the model, as far as one is known when the value is wanted
 * @throws GraphError for a shape with sizes that are not known
 */
export function makeWeight(name: string, options: WeightOptions, owner: SeedOwner): EagerVariable {
  const { shape, dtype = "float32", trainable = true, initializer = zeros, regularizer, constraint } = options;
  for (const size of shape) {
    if (Number.isInteger(size) && size >= 0) continue;
    throw new GraphError({
      what: `addWeight: weight "${name}" has a size that is not known: [${shape.join(", ")}]`,
      at: here(),
      fix: "weights have whole numbers as sizes; only the batch may be left open",
    });
  }
  const op = eager.apply(variableOp, [], { dtype, shape, trainable }, { name });
  const variable = op.outputs[0] as EagerVariable;
  const record: WeightRecord = {
    name,
    regularizer: regularizer ?? null,
    constraint: constraint ?? null,
    seed: null,
  };
  records.set(variable, record);
  variable.replaceLater(() => {
    const seed = settleSeed(record, owner);
    const { data, shape: made } = buildInto(eager, () =>
      initializer({ graph: eager, shape, dtype, seed }),
    ) as EagerVariable;
    if (data.length === elementCount(shape)) return data;
    throw new GraphError({
      what: `initializer of weight "${name}": gave [${made.join(", ")}], the weight is [${shape.join(", ")}]`,
      fix: "an initializer returns a tensor of the shape it is given",
    });
  });
  return variable;
}
