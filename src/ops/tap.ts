import { defineOp } from "../graph/define.ts";

/** How a value is shown: printed under a label, or by a function. */
export type TapAttrs = { readonly show: string | ((value: never) => unknown) };

/** Only the session understands it: it fetches what is tapped along with the rest. No pass ever sees one. */
export const tapOp = defineOp<TapAttrs>({
  name: "tap",
  category: "state",
  doc: "Shows a value to the user at each run that computes it. Has no value of its own: `tap(x)` is x itself, so that bits and gradients are those without it.",
  inputs: ["x"],
  dtypes: () => [],
  shapes: () => [],
  shapesOfUnknown: () => [],
  gradient: "none",
  effect: "tap",
  examples: [],
});
