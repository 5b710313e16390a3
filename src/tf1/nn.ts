/** `tf.nn` */
import type { Tensor } from "../graph/operation.ts";
import * as activation from "../ops/activation.ts";
import * as loss from "../ops/loss.ts";
import * as normalised from "../ops/softmax.ts";
import { type Named, unary } from "./math.ts";

export const relu = unary("Relu", activation.relu);
export const elu = unary("Elu", (x, options) => activation.elu(x, options));
export const sigmoid = unary("Sigmoid", activation.sigmoid);
export const tanh = unary("Tanh", activation.tanh);
export const softmax = unary("Softmax", normalised.softmax);
export const logSoftmax = unary("LogSoftmax", normalised.logSoftmax);

export interface CrossEntropyOptions extends Named {
  readonly labels: Tensor;
  /** Scores before any softmax. */
  readonly logits: Tensor;
}
/** A loss for each row; labels are distributions over the classes. */
export const softmaxCrossEntropyWithLogits = ({ labels, logits, name }: CrossEntropyOptions): Tensor =>
  loss.softmaxCrossEntropy(labels, logits, { reduction: "none", name: name ?? "softmax_cross_entropy_with_logits" });
/** A loss for each row; labels are class numbers. */
export const sparseSoftmaxCrossEntropyWithLogits = ({ labels, logits, name }: CrossEntropyOptions): Tensor =>
  loss.sparseSoftmaxCrossEntropy(labels, logits, {
    reduction: "none",
    name: name ?? "SparseSoftmaxCrossEntropyWithLogits",
  });
