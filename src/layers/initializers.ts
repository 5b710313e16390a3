/** Initial values of weights, by name or by function: Keras' `initializers`. */
import type { RecipeOptions } from "../core/recipe.ts";
import type { Initializer } from "../runtime/graph.ts";
import {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  identity,
  lecunNormal,
  lecunUniform,
  ones,
  orthogonal,
  randomNormal,
  randomUniform,
  truncatedNormal,
  varianceScaling,
  withSeed,
  zeros,
} from "../train/initializers.ts";
import { chosenFrom, type SnakeCase } from "./catalogue.ts";

export {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  identity,
  lecunNormal,
  lecunUniform,
  ones,
  orthogonal,
  randomNormal,
  randomUniform,
  truncatedNormal,
  varianceScaling,
  withSeed,
  zeros,
} from "../train/initializers.ts";

const MAKERS = {
  zeros: () => zeros,
  ones: () => ones,
  constant: ({ value = 0 }: { readonly value?: number }) => constant(value),
  uniform: randomUniform,
  randomUniform,
  normal: randomNormal,
  randomNormal,
  truncatedNormal,
  glorotUniform: () => glorotUniform,
  glorotNormal: () => glorotNormal,
  heUniform: () => heUniform,
  heNormal: () => heNormal,
  lecunUniform: () => lecunUniform,
  lecunNormal: () => lecunNormal,
  varianceScaling,
  orthogonal,
  identity,
} as const;

/** Names the editor completes. */
export type InitializerName = keyof typeof MAKERS;
/** By name, `"heNormal"`; by name and options, `{ name: "constant", value: 2 }`, with a `seed` if one is wanted; or a function. */
export type InitializerChoice =
  | InitializerName
  | SnakeCase<InitializerName>
  | (RecipeOptions & { readonly name: InitializerName })
  | Initializer;

/** @throws GraphError for a name that is none, listing near ones */
export function initializerFrom(choice: InitializerChoice): Initializer {
  const made = chosenFrom<Initializer>("initializer", MAKERS, choice);
  const isSeeded = typeof choice === "object" && typeof choice.seed === "number";
  return isSeeded ? withSeed(made, choice.seed as number) : made;
}
