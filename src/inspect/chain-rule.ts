import { gradients } from "../autodiff/gradients.ts";
import { isFloat } from "../core/dtype.ts";
import { GradientError } from "../core/errors.ts";
import { numberText } from "../core/number-text.ts";
import { specText } from "../core/shape.ts";
import { reachable } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { placeholderOp } from "../ops/state.ts";
import type { Feeds } from "../runtime/feeds.ts";
import { Graph } from "../runtime/graph.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import { counted, here } from "../runtime/reading.ts";
import { Session } from "../runtime/session.ts";
import { isSingle, type ShadowOptions, shadowOf } from "./shadow.ts";

/** ∂of/∂by, along one operation. */
export interface ChainFactor {
  readonly of: string;
  readonly by: string;
  readonly value: number;
}
export interface ChainPath {
  /** From J to w. */
  readonly factors: readonly ChainFactor[];
  readonly product: number;
}
export interface ChainRule {
  /** One for each way from w to J; the gradient is the sum of their products. */
  readonly paths: readonly ChainPath[];
  readonly sum: number;
  /** What `gradients(J, [w])` gives. */
  readonly gradient: number;
  /** The products written out. */
  toString(): string;
}

/** More paths say nothing to a reader. */
const MOST_PATHS = 12;

/**
 * The chain rule with numbers in it: ∂J/∂w as the sum, over all paths from w to J, of the product of the derivatives
 * along the path. For networks of single numbers, as they are drawn on slides.
 *
 * @throws GradientError if J does not depend on w, if there are very many paths, or if something on a path has more
 * than one element
 */
export function chainRule(
  J: Tensor,
  w: Tensor,
  feeds: Feeds = [],
  options: Pick<ShadowOptions, "session"> = {},
): ChainRule {
  const shadow = shadowOf([J, w], feeds, { session: options.session });
  const [top, bottom] = [shadow.of(J), shadow.of(w)];
  const paths = pathsBetween(top, bottom, J, w);
  const involved = [...new Set(paths.flatMap((path) => path.flatMap(({ output }) => [output, ...output.op.inputs])))];
  const session = new Session(shadow.graph);
  const fetched = session.run(involved, shadow.feeds) as readonly NDArray[];
  const values = new Map(involved.map((tensor, i) => [tensor, fetched[i]!]));
  for (const path of paths) {
    for (const { output } of path) requireSingle(output, values);
  }
  requireSingle(bottom, values);
  const known = new Map<string, number>();
  const results = paths.map((path): ChainPath => {
    const factors = path.map(({ output, operand }) => {
      const key = `${output.name} ${operand}`;
      const value = known.get(key) ?? localDerivative(output, operand, values);
      known.set(key, value);
      return { of: output.op.name, by: output.op.inputs[operand]!.op.name, value };
    });
    return { factors, product: factors.reduce((product, { value }) => product * value, 1) };
  });
  const [symbolic] = gradients(top, [bottom]);
  const gradient = (session.run(symbolic!, shadow.feeds) as NDArray).item();
  const sum = results.reduce((total, { product }) => total + product, 0);
  const result = { paths: results, sum, gradient };
  return { ...result, toString: () => chainText(result, J, w) };
}

/** A step down a path: from an output to one of its operands. */
interface Step {
  readonly output: Tensor;
  readonly operand: number;
}

function pathsBetween(top: Tensor, bottom: Tensor, J: Tensor, w: Tensor): readonly (readonly Step[])[] {
  const passes = (op: Operation): boolean => op.def.gradient !== "none" && isFloat(op.outputs[0]!.dtype);
  // How many ways lead down to `bottom` from each tensor; counted before any is written out.
  const ways = new Map<Tensor, number>([[bottom, 1]]);
  for (const op of reachable([top.op], (tensor) => tensor === bottom)) {
    if (op === bottom.op || !passes(op)) continue;
    const count = op.inputs.reduce((n, input) => n + (ways.get(input) ?? 0), 0);
    if (count > 0) for (const output of op.outputs) ways.set(output, count);
  }
  const count = top === bottom ? 0 : (ways.get(top) ?? 0);
  if (count === 0) {
    throw new GradientError({
      what: `chainRule: no derivative leads from "${J.op.name}" to "${w.op.name}"`,
      details: [`"${J.op.name}" was made at ${J.op.line ?? "an unknown line"}`],
      at: here(),
      fix: "give a tensor and something it is computed from",
    });
  }
  if (count > MOST_PATHS) {
    throw new GradientError({
      what: `chainRule: ${counted(count, "path")} lead from "${w.op.name}" to "${J.op.name}"`,
      at: here(),
      fix: "choose tensors nearer to each other; gradients(J, [w]) adds up any number of paths",
    });
  }
  const paths: Step[][] = [];
  const walk = (tensor: Tensor, above: readonly Step[]): void => {
    if (tensor === bottom) {
      paths.push([...above]);
      return;
    }
    tensor.op.inputs.forEach((input, operand) => {
      if (ways.has(input)) walk(input, [...above, { output: tensor, operand }]);
    });
  };
  walk(top, []);
  return paths;
}

function requireSingle(tensor: Tensor, values: ReadonlyMap<Tensor, NDArray>): void {
  const value = values.get(tensor)!;
  if (isSingle(value)) return;
  throw new GradientError({
    what: `chainRule: "${tensor.op.name}" is ${specText(value)}, and a product of numbers takes single ones`,
    details: [`"${tensor.op.name}" was made at ${tensor.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "build the network for one example and one unit per layer; gradients(J, [w]) takes any shape",
  });
}

/** The derivative of one operation in one operand, all operands given: its own rule, in a graph of its own. */
function localDerivative(output: Tensor, operand: number, values: ReadonlyMap<Tensor, NDArray>): number {
  const graph = new Graph({ name: "local" });
  const inputs = output.op.inputs.map(({ spec }) => graph.apply(placeholderOp, [], { ...spec }).outputs[0]!);
  const copy = graph.apply(output.op.def, inputs, output.op.attrs).outputs[output.index]!;
  const [derivative] = gradients(copy, [inputs[operand]!], { unconnected: "zero" });
  const feeds = inputs.map((input, i) => [input, values.get(output.op.inputs[i]!)!] as const);
  return (new Session(graph).run(derivative!, feeds) as NDArray).item();
}

function chainText({ paths, sum, gradient }: Omit<ChainRule, "toString">, J: Tensor, w: Tensor): string {
  const number = (value: number): string => numberText(value, J.dtype);
  const inProduct = (value: number): string => (value < 0 ? `(${number(value)})` : number(value));
  const symbols = paths.map(({ factors }) => factors.map(({ of, by }) => `∂${of}/∂${by}`).join(" · "));
  const numbers = paths.map(({ factors }) => factors.map(({ value }) => inProduct(value)).join(" · "));
  const head = `∂${J.op.name}/∂${w.op.name}`;
  const lead = `${" ".repeat(head.length)} = `;
  const lines = [`${head} = ${symbols.join(`\n${lead.replace("=", "+")}`)}`];
  lines.push(`${lead}${numbers.join(`\n${lead.replace("=", "+")}`)}`);
  if (paths.length > 1) lines.push(`${lead}${paths.map(({ product }) => inProduct(product)).join(" + ")}`);
  lines.push(`${lead}${number(sum)}`, `gradients(${J.op.name}, [${w.op.name}]) gives ${number(gradient)}`);
  return lines.join("\n");
}
