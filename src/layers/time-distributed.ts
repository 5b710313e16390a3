import { isKnown, multiplySizes } from "../core/size.ts";
import type { Tensor } from "../graph/operation.ts";
import { reshape } from "../ops/movement.ts";
import { stack, unstack } from "../ops/slicing.ts";
import { argumentError } from "./built-in.ts";
import type { CallOptions, Layer, LayerOptions } from "./core/layer.ts";
import type { Module } from "./core/module.ts";
import { type LayerArguments, WithLayers } from "./with-layers.ts";

/**
 * The same layer at each step, `[batch, steps, …]`. All steps are one batch to it; only batch normalization, which looks
 * at the batch, sees one step after the other if their number is known.
 */
export class TimeDistributed extends WithLayers {
  static readonly kind: string = "TimeDistributed";
  static override readonly positional: readonly string[] = ["layer"];
  readonly layer: Layer;

  /** @throws GraphError for something that is no layer */
  constructor(layer: Layer, options: LayerOptions = {}) {
    super({ ...options });
    if (typeof layer !== "function")
      throw argumentError("TimeDistributed", "layer", layer, "give a layer: new Dense(32)");
    this.layer = layer;
    this.expectInput({ minRank: 3 });
  }

  override call(x: Tensor, { training }: CallOptions): Tensor {
    const [batch, steps, ...sample] = x.shape!;
    if (isKnown(steps!) && looksAtBatch(this.layer)) {
      const each = (unstack(x, 1) as readonly Tensor[]).map((step) => this.layer.apply(step, { training }));
      return stack(each as readonly Tensor[], 1);
    }
    const y = this.layer.apply(reshape(x, [multiplySizes(batch!, steps!), ...sample]), { training });
    return reshape(y, [batch!, steps!, ...y.shape!.slice(1)]);
  }
  protected override get passesMask(): boolean {
    return true;
  }

  protected override get layerArguments(): LayerArguments {
    return { layer: this.layer };
  }
}

const looksAtBatch = (module: Module): boolean =>
  ("kind" in module && module.kind === "BatchNormalization") || module.submodules.some(looksAtBatch);
