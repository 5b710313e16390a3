import { GraphError } from "../core/errors.ts";
import { nearNamesFix } from "../graph/builder.ts";
import type { OpDef } from "../graph/define.ts";
import { ACTIVATION_OPS } from "./activation.ts";
import { ARITHMETIC_OPS } from "./arithmetic.ts";
import { BATCH_NORMALIZATION_OPS } from "./batch-normalization.ts";
import { BITWISE_OPS } from "./bitwise.ts";
import { COMPARISON_OPS } from "./comparison.ts";
import { CONTRACTION_OPS } from "./contraction.ts";
import { CONTROL_OPS } from "./control/index.ts";
import { CONVOLUTION_OPS } from "./convolution.ts";
import { COUNTING_OPS } from "./counting.ts";
import { CTC_OPS } from "./ctc.ts";
import { CUMULATIVE_OPS } from "./cumulative.ts";
import { EINSUM_OPS } from "./einsum.ts";
import { ELEMENTARY_OPS } from "./elementary.ts";
import { GRID_OPS } from "./grids.ts";
import { INDEXING_OPS } from "./indexing.ts";
import { LOSS_OPS } from "./loss.ts";
import { ELEMENTWISE_LOSS_OPS } from "./loss-elementwise.ts";
import { ROW_LOSS_OPS } from "./loss-rows.ts";
import { MATRIX_OPS } from "./matrices.ts";
import { MOVEMENT_OPS } from "./movement.ts";
import { NORMALIZATION_OPS } from "./normalization.ts";
import { POOLING_OPS } from "./pooling.ts";
import { PRODUCT_OPS } from "./product.ts";
import { RANDOM_OPS } from "./random.ts";
import { REDUCTION_OPS } from "./reduction.ts";
import { RESIZE_OPS } from "./resize.ts";
import { SAMPLING_OPS } from "./sampling.ts";
import { SCATTER_OPS } from "./scatter.ts";
import { SEPARABLE_OPS } from "./separable.ts";
import { SLICING_OPS } from "./slicing.ts";
import { SOFTMAX_OPS } from "./softmax.ts";
import { SORTING_OPS } from "./sorting.ts";
import { SPECIAL_OPS } from "./special.ts";
import {
  assignOp,
  constantOp,
  customGradientOp,
  groupOp,
  identityOp,
  placeholderOp,
  stopGradientOp,
  variableOp,
} from "./state.ts";
import { STATISTICS_OPS } from "./statistics.ts";
import { STRIDED_OPS } from "./strided.ts";
import { tapOp } from "./tap.ts";
import { TRIGONOMETRY_OPS } from "./trigonometry.ts";

/**
 * Every op there is. A table and not a registering import, so that a bundler can leave out what a program does not
 * use: only tests, documentation and readers of stored graphs import it.
 */
export const OPS: readonly OpDef[] = [
  placeholderOp,
  variableOp,
  constantOp,
  assignOp,
  groupOp,
  identityOp,
  stopGradientOp,
  customGradientOp,
  tapOp,
  ...ARITHMETIC_OPS,
  ...ELEMENTARY_OPS,
  ...TRIGONOMETRY_OPS,
  ...SPECIAL_OPS,
  ...COMPARISON_OPS,
  ...BITWISE_OPS,
  ...MOVEMENT_OPS,
  ...SLICING_OPS,
  ...STRIDED_OPS,
  ...COUNTING_OPS,
  ...GRID_OPS,
  ...REDUCTION_OPS,
  ...PRODUCT_OPS,
  ...CUMULATIVE_OPS,
  ...STATISTICS_OPS,
  ...INDEXING_OPS,
  ...SCATTER_OPS,
  ...SORTING_OPS,
  ...CONTRACTION_OPS,
  ...MATRIX_OPS,
  ...EINSUM_OPS,
  ...CONVOLUTION_OPS,
  ...SEPARABLE_OPS,
  ...POOLING_OPS,
  ...RESIZE_OPS,
  ...ACTIVATION_OPS,
  ...SOFTMAX_OPS,
  ...NORMALIZATION_OPS,
  ...BATCH_NORMALIZATION_OPS,
  ...LOSS_OPS,
  ...ELEMENTWISE_LOSS_OPS,
  ...ROW_LOSS_OPS,
  ...CTC_OPS,
  ...RANDOM_OPS,
  ...SAMPLING_OPS,
  ...CONTROL_OPS,
];

const byName: ReadonlyMap<string, OpDef> = new Map(OPS.map((def) => [def.name, def]));

/**
 * The record of an op.
 * @throws GraphError listing near names
 */
export function opNamed(name: string): OpDef {
  const def = byName.get(name);
  if (def) return def;
  throw new GraphError({
    what: `there is no op "${name}"`,
    fix: nearNamesFix(name, byName.keys(), "see OPS for all of them"),
  });
}
