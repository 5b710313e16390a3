import { type GraphFunction, reachable, verifyFunction } from "../../graph/function.ts";
import { functionText } from "../../graph/print.ts";
import type { Pass, PassContext } from "../pass.ts";
import type { BindInput } from "./bind-sizes.ts";

/** Removes operations that neither a result nor a write needs. */
export function pruneFunction(fn: GraphFunction, note?: PassContext["note"]): GraphFunction {
  const params = new Set(fn.params);
  const roots = [...fn.results, ...fn.writes.map((write) => write.value)].filter((tensor) => !params.has(tensor));
  const needed = new Set(
    reachable(
      roots.map((tensor) => tensor.op),
      (tensor) => params.has(tensor),
    ),
  );
  const ops = fn.ops.filter((op) => needed.has(op));
  if (ops.length === fn.ops.length) return fn;
  if (note) {
    for (const op of fn.ops) if (!needed.has(op)) note({ kind: "remove", op, why: "no fetch and no write needs it" });
  }
  return { ...fn, ops };
}

export const prune: Pass<BindInput> = {
  name: "prune",
  doc: "Keeps what the fetches and the variable updates need.\n\nfetch b of { a = x+1; b = x*2; c = a+b }  →  { b = x*2 }",
  run: (input, context) => ({ ...input, fn: pruneFunction(input.fn, context.note) }),
  verify: ({ fn }) => verifyFunction(fn),
  print: ({ fn }) => functionText(fn),
};
