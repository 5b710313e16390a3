import { warn } from "../../core/warnings.ts";
import type { Operation, Tensor } from "../../graph/operation.ts";
import { here } from "../../runtime/reading.ts";

/** Ops that leave values as they are, or nearly so. */
const PASSES_ON: ReadonlySet<string> = new Set([
  "identity",
  "reshape",
  "flatten",
  "squeeze",
  "expandDims",
  "cast",
  "transpose",
  "clipByValue",
]);

/**
 * The softmax or sigmoid that a tensor comes out of, directly or through ops that only hand values on; null if there is
 * none, or if nobody knows: tensors with values keep nothing of how they were computed but their last operation.
 */
export function activationBehind(prediction: Tensor): Operation | null {
  let { op } = prediction;
  while (PASSES_ON.has(op.def.name) && op.inputs.length > 0) op = op.inputs[0]!.op;
  return op.def.name === "softmax" || op.def.name === "sigmoid" ? op : null;
}

/** A step that is traced several times, or runs at once again and again, makes a new operation at the same line. */
const warned = new Set<string>();

/**
 * Warns, once for each line, when probabilities are given where scores belong: the softmax or sigmoid is applied twice then.
 * Training works, badly, and nothing else says so.
 *
 * @returns whether probabilities were given
 */
export function probabilitiesGivenAsLogits(loss: string, prediction: Tensor): boolean {
  const activation = activationBehind(prediction);
  if (!activation) return false;
  const { name, line, def } = activation;
  const place = `${loss}, ${line ?? name}`;
  if (warned.has(place)) return true;
  warned.add(place);
  warn({
    what: `${loss}: fromLogits is true, but the prediction comes out of the ${def.name} "${name}", which would be applied twice`,
    details: line === null ? [] : [`${name} made at ${line}`],
    at: here(),
    fix: `leave out fromLogits, or the ${def.name} at the end of the model`,
  });
  return true;
}
