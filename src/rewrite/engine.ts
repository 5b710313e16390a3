import { CompileError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import { buildInto } from "../graph/builder.ts";
import { type GraphFunction, rebuild } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { headOf, type Match, match, type Pattern } from "./pattern.ts";

/**
 * A rewrite, as data: listable, countable, testable one by one.
 *
 * `exact` rules give the same bits for every input, NaN and -0 included; `numeric` ones change rounding or improve
 * stability, and run only when asked for.
 */
export interface Rule {
  readonly name: string;
  /** The equation and why it holds (or helps). */
  readonly doc: string;
  readonly exactness: "exact" | "numeric";
  readonly pattern: Pattern;
  /** The replacement, or null where a side condition fails. */
  apply(match: Match, root: Operation): Tensor | null;
}

export interface RewriteEvent {
  readonly rule: string;
  readonly before: Operation;
  readonly after: Tensor;
}

/** Rewrites of one value before the engine concludes that two rules undo each other. */
const STEP_LIMIT = 32;

/** One walk over the function, inputs first; at each operation rules are tried until none applies. */
export function rewriteFunction(
  fn: GraphFunction,
  rules: readonly Rule[],
  note: (event: RewriteEvent) => void,
): GraphFunction {
  const byHead = new Map<string, Rule[]>();
  for (const rule of rules) {
    const head = headOf(rule.pattern);
    if (head === null) throw new CompileError({ what: `rule ${rule.name}: its pattern must begin with an op` });
    byHead.set(head, [...(byHead.get(head) ?? []), rule]);
  }
  return rebuild(fn, (original, inputs, builder) => {
    if (original.outputs.length !== 1 || !byHead.has(original.def.name)) return null;
    let tensor = builder.on(original, inputs).outputs[0]!;
    let steps = 0;
    for (let next: Tensor | null = tensor; next; ) {
      tensor = next;
      next = rewriteOnce(tensor.op, byHead.get(tensor.op.def.name) ?? [], builder, note);
      if (++steps > STEP_LIMIT) {
        throw new CompileError({ what: `rules do not settle at "${original.name}"; the last made ${tensor.name}` });
      }
    }
    return [tensor];
  });
}

function rewriteOnce(
  root: Operation,
  rules: readonly Rule[],
  builder: Parameters<typeof buildInto>[0],
  note: (event: RewriteEvent) => void,
): Tensor | null {
  const before = root.outputs[0]!;
  for (const rule of rules) {
    const found = match(rule.pattern, before);
    if (!found) continue;
    const after = buildInto(builder, () =>
      builder.derive({ kind: "rewrite", of: root, by: rule.name }, () =>
        builder.reenterScope(root.name, () => rule.apply(found, root)),
      ),
    );
    if (!after || after === before) continue;
    if (after.dtype !== before.dtype || !sameShape(after.shape, before.shape)) {
      throw new CompileError({ what: `rule ${rule.name} changed the spec of "${root.name}"` });
    }
    note({ rule: rule.name, before: root, after });
    return after;
  }
  return null;
}
