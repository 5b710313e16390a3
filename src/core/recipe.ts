/**
 * How a function was made, as JSON: the name of what makes it, and the options that were given. Files of models hold it
 * in the place of the function: `{ "name": "l2", "l2": 0.01 }`, or just `"zeros"`.
 */
export type Recipe = string | RecipeOptions;
export interface RecipeOptions {
  readonly name: string;
  readonly [option: string]: unknown;
}

const recipes = new WeakMap<object, Recipe>();

/** The function itself, of which it is known from now on how it was made. */
export function withRecipe<F extends object>(made: F, recipe: Recipe): F {
  recipes.set(made, recipe);
  return made;
}

/** How it was made; null for what only the program knows. */
export const recipeOf = (made: object): Recipe | null => recipes.get(made) ?? null;
