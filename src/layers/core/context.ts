import type { Tensor } from "../../graph/operation.ts";

/** What holds for all layers called while a model is: set by the outermost call. */
export interface CallContext {
  /** True while weights are to be learnt: dropout drops, batch normalization looks at the batch. */
  readonly training: boolean;
  /** Terms of the loss that layers have added. */
  readonly losses: Tensor[];
  /** What layers want to be told about the run: name and value. */
  readonly metrics: { readonly name: string; readonly value: Tensor }[];
}

let current: CallContext | null = null;

/** The context of the layer that is called at the moment; null outside of any. */
export const currentCall = (): CallContext | null => current;

/** Runs `build` as the outermost call, or as a part of the one that goes on with `training` changed. */
export function withCall<T>(training: boolean | undefined, build: (context: CallContext) => T): T {
  const outer = current;
  const mode = training ?? outer?.training ?? false;
  const context: CallContext =
    outer && outer.training === mode
      ? outer
      : { training: mode, losses: outer?.losses ?? [], metrics: outer?.metrics ?? [] };
  current = context;
  try {
    return build(context);
  } finally {
    current = outer;
  }
}

let trying = false;

/** True while a layer is called only to see what it would give: nothing may be decided then that lasts. */
export const isTrial = (): boolean => trying;

/** Runs `build` as a trial, apart from whatever goes on: what layers add is not kept. */
export function onTrial<T>(build: () => T): T {
  const [outer, wasTrying] = [current, trying];
  current = null;
  trying = true;
  try {
    return build();
  } finally {
    current = outer;
    trying = wasTrying;
  }
}

// ── masks ────────────────────────────────────────────────────────────────────────────────────────────────────────

const masks = new WeakMap<Tensor, Tensor>();
/** Which steps of a tensor count, bool[batch, time]; null where all do. Layers hand it on to one another. */
export const maskOf = (tensor: Tensor): Tensor | null => masks.get(tensor) ?? null;
export const setMask = (tensor: Tensor, mask: Tensor | null): void => {
  if (mask) masks.set(tensor, mask);
};
