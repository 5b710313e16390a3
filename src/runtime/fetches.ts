import { getOrMake } from "../core/collections.ts";
import { GraphError } from "../core/errors.ts";
import { currentBuilder, type GraphBuilder } from "../graph/builder.ts";
import { Operation, Tensor } from "../graph/operation.ts";
import { NDArray } from "./ndarray.ts";
import { here } from "./reading.ts";

/** What may be fetched: a tensor, an operation to run, a name of either, or lists and objects of them. */
export type Fetches = Tensor | Operation | string | readonly Fetches[] | { readonly [key: string]: Fetches };

/** The values a run returns, under the same keys. Operations have none: null. Nothing is known of any `Fetches`. */
export type Fetched<F> = Fetches extends F
  ? unknown
  : F extends Tensor<infer S>
    ? NDArray<S>
    : F extends Operation
      ? null
      : F extends string
        ? NDArray
        : { -readonly [K in keyof F]: Fetched<F[K]> };

/** Fetches taken apart: what to compute, and how to put the values together again. */
export interface FetchPlan {
  readonly tensors: readonly Tensor[];
  readonly targets: readonly Operation[];
  /** Text that is equal for equal fetches. */
  readonly key: string;
  pack(values: readonly NDArray[]): unknown;
}

/** @throws GraphError for something that can not be fetched, or that belongs to another graph */
export function planFetches(graph: GraphBuilder, fetches: Fetches): FetchPlan {
  const tensors: Tensor[] = [];
  const targets: Operation[] = [];
  const positions = new Map<Tensor, number>();
  const own = (op: Operation, text: string): void => {
    if (op.graph === graph && currentBuilder() !== graph) return;
    if (op.graph.runsAtOnce) {
      const isValue = op.outputs.length > 0;
      throw new GraphError({
        what: `run: ${text} ${isValue ? "is a value already" : "has run already"}, there is nothing to run`,
        details: [`"${op.name}" was made at ${op.line ?? "an unknown line"}`],
        at: here(),
        fix: `in define-by-run there are no sessions: ${isValue ? "print it, or read x.item(), x.data or x.value" : "leave it out"}`,
      });
    }
    if (op.graph.isTrace) {
      throw new GraphError({
        what: `run: ${text} stands for a value inside of the traced function "${op.graph.name}"`,
        details: [`"${op.name}" was made at ${op.line ?? "an unknown line"}`],
        at: here(),
        fix: "return it from the function, and use what the function returns when it is called",
      });
    }
    const leak = op.outputs[0] && op.graph.leakOf(op.outputs[0], "run");
    if (leak) throw leak;
    throw new GraphError({
      what: `run: ${text} belongs to graph "${op.graph.name}", this session runs graph "${graph.name}"`,
      details: [`"${op.name}" was made at ${op.line ?? "an unknown line"}`],
      at: here(),
      fix: "fetch it from a session of its own graph",
    });
  };
  const visit = (fetch: Fetches): ((values: readonly NDArray[]) => unknown) => {
    if (fetch instanceof Tensor) {
      own(fetch.op, `"${fetch.name}"`);
      const at = getOrMake(positions, fetch, () => tensors.push(fetch) - 1);
      return (values) => values[at];
    }
    if (fetch instanceof Operation) {
      own(fetch, `"${fetch.name}"`);
      targets.push(fetch);
      return () => null;
    }
    if (typeof fetch === "string") {
      const op = /:\d+$/.test(fetch) ? null : graph.operation(fetch);
      return visit(op && op.outputs.length === 0 ? op : graph.tensor(fetch));
    }
    const value = fetch as unknown;
    if (
      typeof value === "number" ||
      typeof value === "boolean" ||
      value instanceof NDArray ||
      ArrayBuffer.isView(value)
    ) {
      throw new GraphError({
        what: `run: ${String(value)} is a value already, there is nothing to run`,
        at: here(),
        fix: "use it as it is; graph.constant(value) makes a tensor of it that can be fetched",
      });
    }
    if (Array.isArray(fetch)) {
      const parts = (fetch as readonly Fetches[]).map(visit);
      return (values) => parts.map((part) => part(values));
    }
    if (typeof fetch === "object" && fetch !== null) {
      const parts = Object.entries(fetch).map(([key, part]) => [key, visit(part)] as const);
      return (values) => Object.fromEntries(parts.map(([key, part]) => [key, part(values)]));
    }
    throw new GraphError({
      what: `run: ${String(fetch)} can not be fetched`,
      at: here(),
      fix: "fetch tensors, operations, their names, or lists and objects of them",
    });
  };
  const pack = visit(fetches);
  const key = `${tensors.map((tensor) => `${tensor.op.id}.${tensor.index}`).join()}|${targets.map((op) => op.id).join()}`;
  return { tensors, targets, key, pack };
}
