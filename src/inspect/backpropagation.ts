import { gradients } from "../autodiff/gradients.ts";
import { isFloat } from "../core/dtype.ts";
import { GradientError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import { reachable } from "../graph/function.ts";
import { describeTensor, type Operation, type Tensor } from "../graph/operation.ts";
import { broadcastTo } from "../ops/movement.ts";
import { identity } from "../ops/state.ts";
import { type Feeds, readFeeds } from "../runtime/feeds.ts";
import type { Graph } from "../runtime/graph.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import { here } from "../runtime/reading.ts";
import { Session } from "../runtime/session.ts";
import { pictureOfFunction } from "./from-graph.ts";
import { isElementwise, ruleText, tableText, valueText } from "./local-gradient.ts";
import type { Picture } from "./picture.ts";
import { isSingle, type ShadowOptions, shadowOf } from "./shadow.ts";

/** What passes between an operation and one of its operands in one run, forward and back. */
export interface BackpropagationEdge {
  /** Name of the operation. */
  readonly of: string;
  /** Name of what made the operand. */
  readonly by: string;
  /** Position among the operands. */
  readonly operand: number;
  /** Of the operand. */
  readonly value: NDArray;
  /**
   * ∂of/∂by. Of an operation that works element by element: the derivative of each element, in the shape of the
   * result. Null where it would be a matrix of all by all, which no rule ever computes.
   */
  readonly local: NDArray | null;
  /** The local gradient as text: numbers, or how the rule multiplies with it, `g·wᵀ`. */
  readonly localText: string;
  /** ∂J/∂of, all that the operation got from its users; of the first output. */
  readonly incoming: NDArray;
  /** What the operation passes back to this operand: incoming × local. */
  readonly passed: NDArray;
}

export interface BackpropagationOptions extends Pick<ShadowOptions, "session"> {
  /** Of the picture, instead of "backpropagation of J". */
  readonly title?: string | undefined;
}

/** Backpropagation in numbers; `toDot`, `toSvg`, `toMermaid` and `pictureOf` draw it, `String(…)` is a table. */
export class Backpropagation {
  /** From J back, for every operand a gradient flows to. */
  readonly edges: readonly BackpropagationEdge[];
  readonly #picture: () => Picture;
  readonly #head: string;

  constructor(head: string, edges: readonly BackpropagationEdge[], picture: () => Picture) {
    this.#head = head;
    this.edges = edges;
    this.#picture = picture;
  }
  /** Each edge carries what flows forward, the local gradient and what is passed back. */
  get picture(): Picture {
    return this.#picture();
  }
  toString(): string {
    const rows = this.edges.map(({ of, by, value, localText, ...edge }) => [
      `${by} → ${of}`,
      valueText(value),
      localText,
      passedText({ ...edge, localText }),
    ]);
    return [this.#head, tableText([["", "value", "local", "passed"], ...rows])].join("\n");
  }
}

/**
 * One run of backpropagation with its numbers: for every operand of every operation between J and what it is computed
 * from, the value that flows forward, the local gradient, and the gradient that is passed back, incoming × local. What a
 * tensor is passed by all its users adds up to its gradient, the one that `gradients(J, [x])` gives.
 *
 *     await toSvg(backpropagation(J, { x: 3, t: 1 }), { layout });
 *
 * @param J a loss; of a tensor of more elements, their sum is differentiated
 * @param feeds as for `session.run`; what is fed is where the picture ends
 * @param options the session in which variables have their values; default: the values they begin with
 * @throws GradientError if J is not floating point, a value of define-by-run, or computed from nothing
 */
export function backpropagation(J: Tensor, feeds: Feeds = [], options: BackpropagationOptions = {}): Backpropagation {
  if (J.graph.runsAtOnce) {
    throw new GradientError({
      what: `backpropagation: ${describeTensor(J)} is a value: it does not know how it was computed`,
      at: here(),
      fix: "compute it from placeholders of a Graph, or take the graph of a traced function: func(loss).graph(x)",
    });
  }
  const fed = new Set(readFeeds(J.graph as Graph, feeds, { checkFinite: false }).map(({ tensor }) => tensor));
  const ops = fed.has(J) ? [] : reachable([J.op], (tensor) => fed.has(tensor));
  if (!ops.some((op) => op.inputs.length > 0)) {
    throw new GradientError({
      what: `backpropagation: "${J.op.name}" is not computed from anything`,
      at: here(),
      fix: "give a loss that operations compute",
    });
  }
  const places: Place[] = [];
  const shadow = shadowOf([J], feeds, {
    session: options.session,
    operandOf: (copy, op, operand) => {
      // An identity on every edge: its gradient is what is passed back there, before sums over several users.
      const edge = identity(copy);
      const { spec } = op.outputs[0]!;
      const isSpread = isElementwise(op) && spec.shape !== null && !sameShape(edge.shape, spec.shape);
      const taken = isSpread ? broadcastTo(edge, spec.shape!) : edge;
      places.push({ op, operand, edge, taken });
      return taken;
    },
  });
  const values = run(J, places, shadow);
  const edges = places
    .flatMap((place): readonly (BackpropagationEdge & Place)[] => {
      const { op, operand, edge } = place;
      const passed = values.passed.get(edge);
      const incoming = values.total.get(op.outputs.find((output) => values.total.has(output))!);
      if (!passed || !incoming) return [];
      const local = values.local.get(edge) ?? null;
      const localText = local ? valueText(local) : ruleText(op, operand);
      const of = op.name;
      const by = op.inputs[operand]!.op.name;
      return [
        { ...place, of, by, value: values.forward.get(op.inputs[operand]!)!, local, localText, incoming, passed },
      ];
    })
    .reverse();
  const title = options.title ?? `backpropagation of ${J.op.name}`;
  const draw = (): Picture => draws(J, [...fed], ops, edges, values, title);
  const plain = edges.map(({ op: _op, edge: _edge, taken: _taken, ...rest }): BackpropagationEdge => rest);
  return new Backpropagation(`${title} = ${valueText(values.top)}`, plain, draw);
}

/** Where an operation takes an operand, and the tensors that stand there in the copy. */
interface Place {
  readonly op: Operation;
  readonly operand: number;
  /** What the operand passes through, in its own shape, and as the operation takes it. */
  readonly edge: Tensor;
  readonly taken: Tensor;
}

interface Values {
  /** Of J. */
  readonly top: NDArray;
  /** Of everything an operation takes, by the user's tensors. */
  readonly forward: ReadonlyMap<Tensor, NDArray>;
  /** By edge, as the local ones. */
  readonly passed: ReadonlyMap<Tensor, NDArray>;
  readonly local: ReadonlyMap<Tensor, NDArray>;
  /** ∂J/∂x, of the user's tensors. */
  readonly total: ReadonlyMap<Tensor, NDArray>;
}

/** Everything that is shown, in one run. */
function run(J: Tensor, places: readonly Place[], shadow: ReturnType<typeof shadowOf>): Values {
  const top = shadow.of(J);
  const edges = places.map(({ edge }) => edge);
  const tensors = [...new Set([J, ...places.flatMap(({ op, operand }) => [...op.outputs, op.inputs[operand]!])])];
  const floats = tensors.filter(({ dtype }) => isFloat(dtype));
  const back = gradients(top, [...edges, ...floats.map(shadow.of)], { unconnected: "none" });
  const locals = places.map(({ op, taken }): Tensor | null => {
    const [output] = op.outputs;
    const shows = op.outputs.length === 1 && (isElementwise(op) || output!.shape?.every((size) => size === 1));
    if (!shows || !isFloat(output!.dtype) || op.def.gradient === "none") return null;
    return gradients(shadow.of(output!), [taken], { unconnected: "none" })[0] ?? null;
  });
  const wanted = [top, ...edges, ...[...back, ...locals].filter((tensor) => tensor !== null)];
  const fetched = new Session(shadow.graph).run(wanted, shadow.feeds) as readonly NDArray[];
  const found = new Map(wanted.map((tensor, i) => [tensor, fetched[i]!]));
  const known = (keys: readonly Tensor[], results: readonly (Tensor | null)[]): ReadonlyMap<Tensor, NDArray> =>
    new Map(keys.flatMap((key, i) => (results[i] ? [[key, found.get(results[i])!] as const] : [])));
  return {
    top: found.get(top)!,
    forward: new Map(places.map(({ op, operand, edge }) => [op.inputs[operand]!, found.get(edge)!])),
    passed: known(edges, back),
    local: known(edges, locals),
    total: known(floats, back.slice(edges.length)),
  };
}

/** `8 · 3 = 24`; of tensors the product alone. */
function passedText({
  local,
  incoming,
  passed,
  localText,
}: Pick<BackpropagationEdge, "local" | "localText" | "incoming" | "passed">): string {
  if (!local || !isSingle(local) || !isSingle(incoming) || !isSingle(passed)) return valueText(passed);
  const factor = localText.startsWith("-") ? `(${localText})` : localText;
  return `${valueText(incoming)} · ${factor} = ${valueText(passed)}`;
}

function draws(
  J: Tensor,
  params: readonly Tensor[],
  ops: readonly Operation[],
  edges: readonly (BackpropagationEdge & Place)[],
  values: Values,
  title: string,
): Picture {
  const read = new Set(ops.flatMap((op) => op.inputs));
  const edgeAt = new Map(edges.map((edge) => [`${edge.of} ${edge.operand}`, edge]));
  const notes = {
    node: (output: Tensor): readonly string[] => {
      const total = values.total.get(output);
      const value = output === J ? [`value ${valueText(values.top)}`] : [];
      return total ? [...value, `gradient ${valueText(total)}`] : value;
    },
    edge: (op: Operation, operand: number) => {
      const edge = edgeAt.get(`${op.name} ${operand}`);
      const input = op.inputs[operand]!;
      if (!edge) {
        const value = values.forward.get(input);
        const label = value ? `value ${valueText(value)}` : "";
        return { label, tooltip: `no gradient flows to ${input.name}`, kind: "data" as const };
      }
      const label = `value ${valueText(edge.value)}\nlocal ${edge.localText}\npassed ${passedText(edge)}`;
      const derivative = `∂${edge.of}/∂${edge.by}`;
      const tooltip = `${edge.of} passes ∂${J.op.name}/∂${edge.of} · ${derivative} back to ${edge.by}`;
      return { label, tooltip, kind: "both" as const };
    },
  };
  const used = params.filter((param) => read.has(param));
  const fn = { name: J.graph.name, params: used, results: [J], writes: [], ops };
  return { ...pictureOfFunction(fn, { title }, notes), subtitle: "blue: values, forward; orange: gradients, back" };
}
