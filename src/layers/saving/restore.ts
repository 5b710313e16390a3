import { FileError } from "../../core/errors.ts";
import { specText } from "../../core/shape.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import { nearNames } from "../../graph/builder.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { counted, here } from "../../runtime/reading.ts";

export interface RestoreOptions {
  /** Takes what is there and fits, and leaves the rest as it is. Default false: all or nothing. */
  readonly partial?: boolean | undefined;
  /** Name of the file, for errors. */
  readonly file?: string | undefined;
}

/** Lines of a message that list what does not fit. */
const LISTED = 8;

/**
 * Compares variables with the values of a file.
 * @returns what gives the variables their values: nothing has changed before it is called
 * @throws FileError listing what does not fit, without `partial`
 */
export function restoring(
  call: string,
  variables: ReadonlyMap<string, EagerVariable>,
  values: ReadonlyMap<string, NDArray>,
  options: RestoreOptions = {},
): () => void {
  const problems: string[] = [];
  const fitting: (readonly [EagerVariable, NDArray])[] = [];
  const strange = [...values.keys()].filter((name) => !variables.has(name));
  for (const [name, variable] of variables) {
    const value = values.get(name);
    const wanted = specText(variable.spec);
    if (value && specText(value) === wanted) fitting.push([variable, value]);
    else if (value) problems.push(`"${name}" is ${wanted}, in the file ${specText(value)}`);
    else {
      const [near] = nearNames(name, strange.slice(0, 50), 1);
      problems.push(
        `"${name}", ${wanted}, is not in the file${near === undefined ? "" : `; near name there: "${near}"`}`,
      );
    }
  }
  for (const name of strange) problems.push(`"${name.slice(0, 80)}" is in the file, and no variable here`);
  if (problems.length > 0 && !options.partial) {
    throw new FileError({
      what: `${call}: ${options.file ?? "the file"} does not fit the ${counted(variables.size, "variable")}`,
      details:
        problems.length > LISTED
          ? [...problems.slice(0, LISTED - 1), `… and ${problems.length - LISTED + 1} more`]
          : problems,
      at: here(),
      fix: "load it into the model it was saved from; loadWeights takes what fits with partial: true",
    });
  }
  return () => {
    for (const [variable, value] of fitting) variable.replace(value.data.slice());
  };
}
