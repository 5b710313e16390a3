import { objectNumber } from "../../core/collections.ts";
import { SymbolicSize } from "../../core/size.ts";
import { FunctionBody } from "../../graph/body.ts";
import { type GraphFunction, rebuild, verifyFunction } from "../../graph/function.ts";
import { graphHash } from "../../graph/hash.ts";
import type { Attr, Operation, Tensor } from "../../graph/operation.ts";
import { functionText } from "../../graph/print.ts";
import { type Pass, unchanged } from "../pass.ts";
import { pruneFunction } from "./prune.ts";

/** Arrays longer than this count by identity. */
const CONTENT_LIMIT = 4096;

/** Text that is equal exactly for equal attributes, arrays above the limit apart. */
function attrKey(attr: Attr): string {
  if (Array.isArray(attr)) return `[${attr.map((item: Attr) => attrKey(item)).join()}]`;
  if (ArrayBuffer.isView(attr)) {
    if (attr.length > CONTENT_LIMIT) return `#${objectNumber(attr)}`;
    // Its bytes as characters: numbers as text would take longer than all the rest of a small plan.
    const bytes = new Uint8Array(attr.buffer, attr.byteOffset, attr.byteLength);
    return `${attr.constructor.name}[${attr.length}]${String.fromCharCode(...bytes)}`;
  }
  if (typeof attr === "function") return `fn${objectNumber(attr)}`;
  if (attr instanceof FunctionBody) return `body(${graphHash(attr)})`;
  if (attr instanceof SymbolicSize) return `size(${attr})`;
  if (typeof attr === "number") return Object.is(attr, -0) ? "-0" : String(attr);
  return JSON.stringify(attr);
}

/** Structural key of an operation on given inputs; commutative operands in a fixed order. */
function operationKey(op: Operation, inputs: readonly Tensor[]): string {
  const ids = inputs.map((input) => `${input.op.id}.${input.index}`);
  if (op.def.commutative) ids.sort();
  const attrs = Object.entries(op.attrs).map(([name, attr]) => `${name}=${attrKey(attr)}`);
  return `${op.def.name}(${ids.join()}){${attrs.join()}}`;
}

/** Things that must stay themselves. */
const isIdentity = (op: Operation): boolean => op.def.effect !== undefined && op.def.effect !== "constant";

/**
 * Makes one such pass; it runs twice, on composites and again on what they decompose into.
 */
export const mergeDuplicates = (name: string): Pass<GraphFunction> => ({
  name,
  doc: "Computes equal expressions once (common subexpression elimination).\n\n{ a = x+1; b = x+1; c = a*b }  →  { a = x+1; c = a*a }",
  run(fn, context) {
    const seen = new Map<string, Operation>();
    const merged = rebuild(fn, (op, inputs, builder) => {
      if (isIdentity(op)) return null;
      const key = operationKey(op, inputs);
      const before = seen.get(key);
      if (before) {
        context.note({ kind: "rewrite", rule: name, before: op, after: before.outputs[0]! });
        return before.outputs;
      }
      const kept = builder.on(op, inputs);
      seen.set(key, kept);
      return kept.outputs;
    });
    return pruneFunction(merged);
  },
  skip: unchanged,
  verify: verifyFunction,
  print: functionText,
});
