import { type GraphFunction, verifyFunction } from "../../graph/function.ts";
import { functionText } from "../../graph/print.ts";
import { type Rule, rewriteFunction } from "../../rewrite/engine.ts";
import { type Pass, type PassContext, unchanged } from "../pass.ts";
import { ALGEBRA } from "../rules/algebra.ts";
import { STABILITY } from "../rules/stability.ts";
import { pruneFunction } from "./prune.ts";

function rewriteAndPrune(fn: GraphFunction, rules: readonly Rule[], context: PassContext): GraphFunction {
  return pruneFunction(rewriteFunction(fn, rules, (event) => context.note({ kind: "rewrite", ...event })));
}

export const simplify: Pass<GraphFunction> = {
  name: "simplify",
  doc: "Algebra that is exact for every value, NaN and -0 included.\n\n{ a = transpose(transpose(x)); b = a*1 }  →  { x }",
  run: (fn, context) => rewriteAndPrune(fn, ALGEBRA, context),
  skip: unchanged,
  verify: verifyFunction,
  print: functionText,
};

/**
 * Stabilisation changes rounding, so it happens only under `{ stabilise: true }`; otherwise the rules that would
 * have applied are reported as advice.
 */
export const stabilise: Pass<GraphFunction> = {
  name: "stabilise",
  doc: "Replaces expressions that overflow or lose digits by stable ones, if asked to.\n\nlog(softmax(x))  →  logSoftmax(x)",
  run(fn, context) {
    if (context.options.stabilise) return rewriteAndPrune(fn, STABILITY, context);
    rewriteFunction(fn, STABILITY, ({ rule, before }) => {
      const { doc } = STABILITY.find((candidate) => candidate.name === rule)!;
      context.note({ kind: "advice", rule, at: before, why: doc });
    });
    return fn;
  },
  skip: unchanged,
  verify: verifyFunction,
  print: functionText,
};
