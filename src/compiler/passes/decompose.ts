import { CompileError } from "../../core/errors.ts";
import { buildInto } from "../../graph/builder.ts";
import { type GraphFunction, type PassBuilder, reachable, rebuild, verifyFunction } from "../../graph/function.ts";
import type { Operation, Tensor } from "../../graph/operation.ts";
import { functionText } from "../../graph/print.ts";
import { identityOp } from "../../ops/state.ts";
import type { Pass, PassContext } from "../pass.ts";
import { pruneFunction } from "./prune.ts";

/** Composites inside composites inside …: more levels than this is a composite that contains itself. */
const DEPTH_LIMIT = 16;

/** Replaces one composite by primitives, and what comes out of that again until only primitives are left. */
function expand(op: Operation, builder: PassBuilder, note: PassContext["note"], depth: number): readonly Tensor[] {
  const { decompose } = op.def;
  if (!decompose) return op.outputs;
  if (depth > DEPTH_LIMIT) throw new CompileError({ what: `composite ${op.def.name} decomposes into itself` });
  const outputs = buildInto(builder, () =>
    builder.derive({ kind: "decompose", of: op, by: op.def.name }, () =>
      builder.reenterScope(op.name, () => op.def.decompose!(op)),
    ),
  );
  note({ kind: "rewrite", rule: "decompose", before: op, after: outputs[0]! });
  // Only what the decomposition made is looked at: its inputs have been expanded already.
  const given = new Set(op.inputs);
  const now = new Map<Tensor, Tensor>();
  const current = (tensor: Tensor): Tensor => now.get(tensor) ?? tensor;
  const made = reachable(
    outputs.filter((output) => !given.has(output)).map((output) => output.op),
    (tensor) => given.has(tensor),
  );
  for (const inner of made) {
    const inputs = inner.inputs.map(current);
    const next = expand(builder.on(inner, inputs), builder, note, depth + 1);
    inner.outputs.forEach((output, i) => {
      if (next[i] !== output) now.set(output, next[i]!);
    });
  }
  return outputs.map(current);
}

/**
 * The value of an assign. What is not computed here (another variable, a feed, a constant) is copied, so that two
 * variables can change places: all reads see the state at the start of the run.
 */
function storable(value: Tensor, builder: PassBuilder): Tensor {
  if (value.op.def.effect === undefined) return value;
  return builder.derive(
    { kind: "decompose", of: value.op, by: "assign" },
    () => builder.apply(identityOp, [value], {}, { name: `${value.op.name}/copy` }).outputs[0]!,
  );
}

export const decompose: Pass<GraphFunction> = {
  name: "decompose",
  doc: "Replaces composites by primitives; an assign's output becomes the value assigned.\n\nsoftmax(x)  →  { m = max(x); e = exp(x - m); e / sum(e) }",
  run(fn, { note }) {
    const expanded = rebuild(fn, (op, inputs, builder) => {
      if (op.def.effect === "assign") return [storable(inputs[1]!, builder)];
      if (!op.def.decompose) return null;
      return expand(builder.on(op, inputs), builder, note, 0);
    });
    return pruneFunction(expanded);
  },
  verify: verifyFunction,
  print: functionText,
};
