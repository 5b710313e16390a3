/** What can be wrong with what an optimizer is given. */
import { GradientError, GraphError, ShapeError } from "../core/errors.ts";
import { specText } from "../core/shape.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { reachable } from "../graph/function.ts";
import { describeTensor, Tensor, Variable } from "../graph/operation.ts";
import { here } from "../runtime/reading.ts";
import type { GradientPair, LearningRate } from "./formula.ts";
import { Schedule } from "./schedule.ts";

export function checkRate(optimizer: string, rate: LearningRate): LearningRate {
  if (rate instanceof Schedule) return rate;
  if (rate instanceof Tensor) {
    if (rate.rank === null || rate.rank === 0) return rate;
    throw new ShapeError({
      what: `${optimizer}: the learning rate is one number, not ${specText(rate.spec)}`,
      details: [`"${rate.op.name}" was made at ${rate.op.line ?? "an unknown line"}`],
      at: here(),
      fix: 'feed it through a scalar: graph.placeholder("rate")',
    });
  }
  if (Number.isFinite(rate)) return rate;
  throw new GraphError({
    what: `${optimizer}: ${rate} is not a learning rate`,
    at: here(),
    fix: "give a finite number",
  });
}

/** A setting that says how much of something is kept. */
export function requireShare(optimizer: string, setting: string, value: number): number {
  if (value >= 0 && value < 1) return value;
  throw new GraphError({
    what: `${optimizer}: ${setting} is ${value}`,
    at: here(),
    fix: "give a number from 0 to below 1",
  });
}

/** A setting that is no less than 0, such as an accumulator's first value. */
export function requireNotNegative(optimizer: string, setting: string, value: number): number {
  if (value >= 0 && Number.isFinite(value)) return value;
  throw new GraphError({
    what: `${optimizer}: ${setting} is ${value}`,
    at: here(),
    fix: "give 0 or a positive number",
  });
}

/** A setting such as a norm to clip at. */
export function requirePositive(optimizer: string, setting: string, value: number): number {
  if (value > 0) return value;
  throw new GraphError({ what: `${optimizer}: ${setting} is ${value}`, at: here(), fix: "give a positive number" });
}

/**
 * Refuses to set a learning rate that something else decides by now.
 * @param graphs where updates have been made
 */
export function requireSettable(
  optimizer: string,
  before: LearningRate,
  rate: LearningRate,
  graphs: readonly GraphBuilder[],
): void {
  const wrong = (what: string, fix: string) => new GraphError({ what: `${optimizer}: ${what}`, at: here(), fix });
  if (before instanceof Schedule) {
    const fix = "begin with a number, and set that while training";
    throw wrong(`the learning rate follows the schedule ${before.name}: it can not be set`, fix);
  }
  if (before instanceof Tensor) {
    const fix = before.graph.runsAtOnce ? "assign another value to it, if it is a variable" : "feed it another value";
    throw wrong(`the learning rate is the tensor "${before.op.name}": it can not be set`, fix);
  }
  const graph = graphs.find(({ runsAtOnce }) => !runsAtOnce);
  if (graph) {
    throw wrong(
      `the learning rate ${before} is a constant of graph "${graph.name}": it can not be set`,
      'make the optimizer with graph.placeholder("rate"), and feed the rate in each run',
    );
  }
  if (typeof rate === "number") return;
  throw wrong(
    `the learning rate was a number when the first update was made: ${rate} can not take its place`,
    "set a number, or make the optimizer with what it shall follow",
  );
}

/** An optimizer that was built for some variables is given others. */
export function builtForOthers(
  optimizer: string,
  served: readonly Variable[],
  unknown: readonly Variable[],
): GraphError {
  const names = (list: readonly Variable[]): string => {
    const first = list.slice(0, 4).map((variable) => `"${variable.op.name}"`);
    return [...first, ...(list.length > 4 ? [`${list.length - 4} more`] : [])].join(", ");
  };
  return new GraphError({
    what: `${optimizer}: it was built for other variables: ${names(unknown)} ${unknown.length === 1 ? "is" : "are"} new to it`,
    details: [`it keeps what belongs to ${names(served)}`],
    at: here(),
    fix: "make an optimizer for each model; if they are of one, build(variables) with all of them before the first step",
  });
}

/** A formula asks for something that its optimizer does not name. */
export const undeclared = (optimizer: string, kind: "slot" | "scalar" | "factor", name: string, fix: string) =>
  new GraphError({
    what: `${optimizer}: its formula asks for the ${kind} "${name}", which is not declared`,
    at: here(),
    fix: `protected override ${fix}`,
  });

export function requireScalar(loss: Tensor): void {
  if (!(loss instanceof Tensor)) {
    throw new GraphError({
      what: `minimize: the loss is not a tensor: ${String(loss)}`,
      at: here(),
      fix: "give the symbolic tensor, not a value that was fetched",
    });
  }
  if (loss.rank === null || loss.rank === 0) return;
  throw new ShapeError({
    what: `minimize: the loss is one number, not ${describeTensor(loss)}`,
    details: [`"${loss.op.name}" was made at ${loss.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "reduce it: mean(loss), or sum(loss)",
  });
}

export function requireSymbolic(loss: Tensor): void {
  if (!loss.graph.runsAtOnce) return;
  throw new GradientError({
    what: `minimize: the loss "${loss.op.name}" is a value: it does not know how it was computed`,
    details: [`it was made at ${loss.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "record it with a GradientTape, and applyGradients([[gradient, variable], …]); or minimize in a traced function",
  });
}

export function requireVariable(variable: Variable): void {
  if (variable instanceof Variable) return;
  throw new GraphError({
    what: `minimize: ${String(variable)} is not a variable`,
    at: here(),
    fix: "make it with graph.variable(…); gradients(loss, [x]) differentiates in other tensors",
  });
}

/** The trainable variables the loss is computed from, in the order they were made. */
export function trainableVariables(loss: Tensor): readonly Variable[] {
  const needed = new Set(reachable([loss.op]));
  const all = loss.graph.allVariables;
  const isNeeded = (variable: Variable): boolean => loss.graph.standIns(variable).some(({ op }) => needed.has(op));
  const found = all.filter((variable) => variable.trainable && isNeeded(variable));
  if (found.length > 0) return found;
  const frozen = all.filter(isNeeded).map((variable) => `"${variable.op.name}"`);
  const unused = all.filter((variable) => variable.trainable).map((variable) => `"${variable.op.name}"`);
  throw new GradientError({
    what: `minimize: the loss "${loss.op.name}" depends on no trainable variable`,
    details: [
      `"${loss.op.name}" was made at ${loss.op.line ?? "an unknown line"}`,
      ...(frozen.length > 0 ? [`it depends on ${frozen.join(", ")}, made with { trainable: false }`] : []),
      ...(unused.length > 0 ? [`it does not depend on ${unused.join(", ")}`] : []),
    ],
    at: here(),
    fix: "compute the loss from graph.variable(…)s, or name what to update: minimize(loss, { variables: [w] })",
  });
}

export function checkPairs(pairs: readonly GradientPair[]): void {
  if (pairs.length === 0) {
    throw new GraphError({
      what: "applyGradients: there is nothing to update",
      at: here(),
      fix: "give the pairs of computeGradients(loss)",
    });
  }
  const seen = new Set<Variable>();
  for (const [gradient, variable] of pairs) {
    requireVariable(variable);
    if (seen.has(variable)) {
      throw new GraphError({
        what: `applyGradients: "${variable.op.name}" is there twice`,
        at: here(),
        fix: "add up its gradients first",
      });
    }
    seen.add(variable);
    const same = gradient instanceof Tensor && specText(gradient.spec) === specText(variable.spec);
    if (same) continue;
    throw new GraphError({
      what: `applyGradients: ${gradient instanceof Tensor ? describeTensor(gradient) : String(gradient)} is no gradient for ${describeTensor(variable)}`,
      at: here(),
      fix: "a gradient has the shape and dtype of its variable; leave out variables without one",
    });
  }
}
