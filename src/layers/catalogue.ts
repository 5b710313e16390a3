import { GraphError } from "../core/errors.ts";
import type { Recipe, RecipeOptions } from "../core/recipe.ts";
import { nearNamesFix } from "../graph/builder.ts";
import { here } from "../runtime/reading.ts";

/** Functions that make something of options, by name. Each has options of its own, which files give it unchecked. */
export type Makers<T> = Readonly<Record<string, (options: never) => T>>;

/** Keras' way to write a name: `glorot_uniform` for `glorotUniform`. */
export type SnakeCase<Name extends string> = Name extends `${infer Head}${infer Rest}`
  ? Rest extends Uncapitalize<Rest>
    ? `${Uncapitalize<Head>}${SnakeCase<Rest>}`
    : `${Uncapitalize<Head>}_${SnakeCase<Rest>}`
  : Name;

/** `glorot_uniform` and `GlorotUniform`, as Keras writes names and classes, are `glorotUniform`. */
export function camelCase(name: string): string {
  const joined = name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}
const plain = (name: string): string => name.replaceAll("_", "").toLowerCase();

/**
 * What was chosen: by its name, by name and options as files hold it, or as the thing itself.
 * @param kind for messages: `initializer`
 * @throws GraphError for a name that is none, listing near ones
 */
export function chosenFrom<T extends object>(kind: string, makers: Makers<T>, choice: Recipe | T): T {
  if (typeof choice === "function") return choice as T;
  const recipe = typeof choice === "string" ? { name: choice } : (choice as RecipeOptions);
  const names = Object.keys(makers);
  const wish = plain(String(recipe.name));
  const found = names.find((name) => plain(name) === wish);
  if (found !== undefined) return makers[found]!(recipe as never);
  throw new GraphError({
    what: `${kind}: there is none called "${recipe.name}"`,
    at: here(),
    fix: nearNamesFix(camelCase(String(recipe.name)), names, `names: ${names.join(", ")}`),
  });
}
