import { GraphError } from "../core/errors.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { concat } from "../ops/slicing.ts";
import { here } from "../runtime/reading.ts";
import { argumentError, requireOneOf } from "./built-in.ts";
import { ADOPT, CLAIM, ROOT } from "./core/internal.ts";
import type { CallOptions, Layer, LayerOptions, Owner } from "./core/layer.ts";
import { GRU, LSTM, SimpleRNN } from "./recurrent/layers.ts";
import { ONE_OF_TWO, RNN, type RNNCallOptions } from "./recurrent/rnn.ts";
import { type LayerArguments, type LayerKinds, WithLayers } from "./with-layers.ts";

type AnyRNN = RNN<boolean>;

const MERGES = {
  concat: (forward: Tensor, backward: Tensor): Tensor => concat([forward, backward] as readonly Tensor[], -1),
  sum: (forward: Tensor, backward: Tensor): Tensor => add(forward, backward),
  mul: (forward: Tensor, backward: Tensor): Tensor => mul(forward, backward),
  ave: (forward: Tensor, backward: Tensor): Tensor => mul(add(forward, backward), 0.5),
} as const;
export type MergeMode = keyof typeof MERGES;

export interface BidirectionalOptions<Merge extends MergeMode | null = MergeMode | null> extends LayerOptions {
  /** What is made of the outputs of both directions; null gives a list of them. Default concat. */
  readonly mergeMode?: Merge | undefined;
  /** Runs backwards, and gives what the layer gives. Default: a layer like the first, with weights of its own. */
  readonly backwardLayer?: AnyRNN | undefined;
}

/** A list with the states of both directions, with the outputs of both, or one tensor. */
export type BidirectionalOutput<State extends boolean, Merge extends MergeMode | null> = State extends true
  ? readonly [output: Tensor, ...rest: Tensor[]]
  : Merge extends null
    ? readonly [forward: Tensor, backward: Tensor]
    : Tensor;

/**
 * Runs a recurrent layer over sequences in both directions. Outputs of both lie beside the steps they were made from;
 * those of masked steps are 0.
 * With `returnState` it gives a list: outputs, forward states, backward states.
 *
 * @param layer runs forwards
 */
export class Bidirectional<State extends boolean = false, Merge extends MergeMode | null = "concat"> extends WithLayers<
  Tensor,
  BidirectionalOutput<State, Merge>,
  RNNCallOptions
> {
  static readonly kind: string = "Bidirectional";
  static override readonly positional: readonly string[] = ["layer"];
  readonly forwardLayer: AnyRNN;
  readonly backwardLayer: AnyRNN;
  readonly #mergeMode: MergeMode | null;

  /** @throws GraphError for layers that are not recurrent, or do not go together */
  constructor(layer: RNN<State>, options: BidirectionalOptions<Merge> = {}) {
    const { backwardLayer, mergeMode: chosen, ...rest } = options;
    const mergeMode: MergeMode | null = chosen === undefined ? "concat" : chosen;
    super({ ...rest, mergeMode });
    requireRecurrent("layer", layer);
    if (backwardLayer) requireRecurrent("backwardLayer", backwardLayer);
    if (mergeMode !== null) requireOneOf("Bidirectional", "mergeMode", mergeMode, Object.keys(MERGES) as MergeMode[]);
    this.#mergeMode = mergeMode;
    this.forwardLayer = layer;
    this.backwardLayer = backwardLayer ?? backwards(layer);
    checkDirections(this.forwardLayer, this.backwardLayer);
    this.forwardLayer[ONE_OF_TWO] = true;
    this.backwardLayer[ONE_OF_TWO] = true;
    layer[ADOPT](ownerWithin(this), `forward_${layer.name}`);
  }

  override call(
    x: Tensor,
    { training, mask, initialState }: CallOptions<RNNCallOptions>,
  ): BidirectionalOutput<State, Merge> {
    const states = initialState === undefined ? [] : [initialState].flat();
    const half = states.length / 2;
    const run = (layer: AnyRNN, own: readonly Tensor[]): readonly Tensor[] => {
      const start = own.length === 0 ? {} : { initialState: own };
      return [layer.apply(x, { training, mask, ...start })].flat();
    };
    const [forward, ...forwardStates] = run(this.forwardLayer, states.slice(0, half));
    const [backward, ...backwardStates] = run(this.backwardLayer, states.slice(half));
    const merged = this.#mergeMode ? [MERGES[this.#mergeMode](forward!, backward!)] : [forward!, backward!];
    const outputs = [...merged, ...forwardStates, ...backwardStates];
    return (outputs.length === 1 ? outputs[0]! : outputs) as BidirectionalOutput<State, Merge>;
  }
  override outputMask(_inputs: Tensor, mask: Tensor | null): Tensor | null {
    return this.forwardLayer.returnSequences ? mask : null;
  }

  /** Both directions begin anew. @throws GraphError for layers that keep no states */
  resetStates(): void {
    this.forwardLayer.resetStates();
    this.backwardLayer.resetStates();
  }

  protected override get layerArguments(): LayerArguments {
    return { layer: this.forwardLayer, backwardLayer: this.backwardLayer };
  }
  static override argumentKinds(): LayerKinds {
    return { SimpleRNN, LSTM, GRU, RNN };
  }
}

/** A layer like this one that runs the other way. */
function backwards(layer: AnyRNN): AnyRNN {
  const config = layer.getConfig();
  const kind = layer.constructor as typeof RNN;
  if (config) return kind.fromConfig({ ...config, name: `backward_${layer.name}`, goBackwards: !layer.goBackwards });
  throw new GraphError({
    what: `Bidirectional: "${layer.name}" can not be made a second time: it was given functions, or cells, of your own`,
    at: here(),
    fix: "give the other direction too: new Bidirectional(layer, { backwardLayer: … }), with { goBackwards: true }",
  });
}

function checkDirections(forward: AnyRNN, backward: AnyRNN): void {
  if (forward.goBackwards || !backward.goBackwards) {
    const [name, is] = forward.goBackwards ? ["layer", "backwards"] : ["backwardLayer", "forwards"];
    throw new GraphError({
      what: `Bidirectional: ${name} runs ${is}`,
      at: here(),
      fix: "the first layer runs forwards, backwardLayer with { goBackwards: true }",
    });
  }
  for (const option of ["returnSequences", "returnState", "stateful"] as const) {
    if (forward[option] === backward[option]) continue;
    throw new GraphError({
      what: `Bidirectional: ${option} is ${forward[option]} in one direction and ${backward[option]} in the other`,
      at: here(),
      fix: `make both layers with the same ${option}`,
    });
  }
}

function requireRecurrent(name: string, layer: unknown): void {
  if (layer instanceof RNN) return;
  throw argumentError(
    "Bidirectional",
    name,
    (layer as Layer | null)?.kind ?? layer,
    "give a recurrent layer: new LSTM(32)",
  );
}

/** The model that a layer within a layer belongs to: that of the outer one, once there is one. */
const ownerWithin = (layer: { readonly [ROOT]: Owner | null }): Owner => ({
  [CLAIM]: () => layer[ROOT]?.[CLAIM](),
  get [ROOT]() {
    return layer[ROOT];
  },
});
