import { GraphError } from "../core/errors.ts";
import { nearNamesFix } from "../graph/builder.ts";
import type { Tensor } from "../graph/operation.ts";
import { here } from "../runtime/reading.ts";
import { BuiltIn, type LayerConfig } from "./built-in.ts";
import type { ApplyOptions, Layer } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";
import type { LayerKind } from "./registry.ts";

/** Layers among the arguments of a layer, by the names of those. */
export type LayerArguments = Readonly<Record<string, object | readonly object[]>>;

/**
 * A layer with others among its arguments. In its configuration each is described by kind and configuration:
 * `{ kind: "LSTMCell", config: { units: 32 } }`.
 */
export abstract class WithLayers<
  In extends TensorNest = Tensor,
  Out extends TensorNest = Tensor,
  Options extends ApplyOptions = ApplyOptions,
> extends BuiltIn<In, Out, Options> {
  protected abstract get layerArguments(): LayerArguments;
  /** Null also if one of the layers does not tell its configuration. */
  override getConfig(): LayerConfig | null {
    const config = super.getConfig();
    const described = Object.entries(this.layerArguments).map(([name, value]) => [name, descriptionOf(value)] as const);
    if (!config || described.some(([, description]) => description === null)) return null;
    return { ...config, ...Object.fromEntries(described) };
  }

  /**
   * @param kinds what the layers among the arguments may be
   * @throws GraphError for a description of another one
   */
  static override fromConfig<T>(this: LayerClass<T>, config: LayerConfig, kinds?: LayerKinds): T {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on, which extends this one
    const [made, known] = [this, kinds ?? this.argumentKinds()];
    const names = Object.keys(config).filter((name) => LAYERS.has(name));
    const layers = names.map((name) => [name, layersFrom(config[name], known)] as const);
    return BuiltIn.fromConfig.call(made as never, { ...config, ...Object.fromEntries(layers) }) as T;
  }
  /** What the layers among the arguments may be if nothing else is said. */
  static argumentKinds(): LayerKinds {
    return {};
  }
}

/** Classes of layers by their kind. */
export type LayerKinds = Readonly<Record<string, LayerKind>>;

interface LayerClass<T> {
  new (...args: never[]): T;
  readonly positional: readonly string[];
  argumentKinds(): LayerKinds;
}

/** Names of arguments that are layers. */
const LAYERS: ReadonlySet<string> = new Set(["cell", "layer", "backwardLayer"]);

function descriptionOf(value: object | readonly object[]): object | null {
  if (Array.isArray(value)) {
    const list = (value as readonly object[]).map(descriptionOf);
    return list.includes(null) ? null : list;
  }
  const { kind, getConfig } = value as Layer<TensorNest, TensorNest>;
  const config = getConfig.call(value);
  return config && { kind, config };
}

function layersFrom(description: unknown, kinds: LayerKinds): unknown {
  if (Array.isArray(description)) return description.map((one) => layersFrom(one, kinds));
  if (typeof description === "function") return description;
  const { kind, config } = Object(description) as { readonly kind?: unknown; readonly config?: unknown };
  if (typeof kind === "string" && Object.hasOwn(kinds, kind) && typeof config === "object" && config !== null) {
    return kinds[kind]!.fromConfig(config as LayerConfig, kinds);
  }
  const names = Object.keys(kinds);
  throw new GraphError({
    what: `${JSON.stringify(description)} describes none of the layers that may stand there`,
    at: here(),
    fix: nearNamesFix(String(kind), names, "give { kind, config }, and the classes: fromConfig(config, { Dense })"),
  });
}
