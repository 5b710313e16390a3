import { FileError, GraphError } from "../core/errors.ts";
import { specText } from "../core/shape.ts";
import { nearNames } from "../graph/builder.ts";
import type { Variable } from "../graph/operation.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import { counted, here } from "../runtime/reading.ts";
import type { Session } from "../runtime/session.ts";
import { type FileOptions, quoted } from "./reader.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

export interface SaveOptions {
  /** What to save. Default: every variable of the graph, those of optimizers included. */
  readonly variables?: readonly Variable[];
  /** Texts to keep with the values, such as the number of steps trained. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The values of a session's variables, in the layout of safetensors, under the names of the variables.
 *
 * @throws StateError if one of them has no value yet
 */
export function saveVariables(session: Session, options: SaveOptions = {}): Uint8Array {
  const variables = options.variables ?? session.graph.allVariables;
  const values = session.run(variables) as readonly NDArray[];
  const metadata = new Map([["writer", "forerun"], ...Object.entries(options.metadata ?? {})]);
  return writeSafetensors(new Map(variables.map((variable, i) => [variable.op.name, values[i]!])), metadata);
}

export interface LoadOptions extends FileOptions {
  /** Take what fits, and report the rest instead of throwing. Default false: all or nothing. */
  readonly partial?: boolean;
  /** Which variables are to be restored. Default: every one of the graph. */
  readonly variables?: readonly Variable[];
  /** Name of the variable for a name in the file: an object, or a function. Names left out stay as they are. */
  readonly rename?: Readonly<Record<string, string>> | ((name: string) => string);
}

/** What became of a file of values. */
export interface LoadReport {
  /** Names of variables that have their value from the file now. */
  readonly restored: readonly string[];
  /** Variables the file has nothing for; their values are what they were. */
  readonly missing: readonly string[];
  /** Names in the file that no variable has. */
  readonly unexpected: readonly string[];
  /** Same name, but another shape or dtype. */
  readonly mismatched: readonly { readonly name: string; readonly file: string; readonly variable: string }[];
  /** Texts kept with the values. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Gives variables the values in a file that `saveVariables` wrote, or any other program that writes safetensors.
 *
 * @throws FileError for a damaged file, and, without `partial`, for one that does not fit the variables exactly; then
 * no variable has changed
 */
export function loadVariables(session: Session, bytes: Uint8Array, options: LoadOptions = {}): LoadReport {
  const { tensors, unsupported, metadata } = readSafetensors(bytes, "loadVariables", options);
  const variables = new Map((options.variables ?? session.graph.allVariables).map((v) => [v.op.name, v]));
  const names = renamed([...tensors.keys(), ...unsupported.keys()], options.rename);
  const values: [Variable, NDArray][] = [];
  const unexpected: string[] = [];
  const mismatched: LoadReport["mismatched"][number][] = [];
  for (const [name, inFile] of names) {
    const variable = variables.get(name);
    const value = tensors.get(inFile);
    if (!variable) unexpected.push(name);
    else {
      const wanted = specText(variable.spec);
      const found = value ? specText(value) : unsupported.get(inFile)!;
      if (value && found === wanted) values.push([variable, value]);
      else mismatched.push({ name, file: found, variable: wanted });
    }
  }
  const missing = [...variables.keys()].filter((name) => !names.has(name));
  if (!options.partial && missing.length + unexpected.length + mismatched.length > 0) {
    throw doesNotFit({ missing, unexpected, mismatched }, variables, options);
  }
  for (const [variable, value] of values) session.setValue(variable, value);
  const restored = values.map(([variable]) => variable.op.name);
  return { restored, missing, unexpected, mismatched, metadata: Object.fromEntries(metadata) };
}

/** Name of the variable → name in the file. */
function renamed(names: readonly string[], rename: LoadOptions["rename"] = {}): ReadonlyMap<string, string> {
  const byNewName = new Map<string, string>();
  for (const inFile of names) {
    const found =
      typeof rename === "function" ? rename(inFile) : Object.hasOwn(rename, inFile) ? rename[inFile] : inFile;
    if (typeof found !== "string") {
      throw new GraphError({
        what: `loadVariables: rename gave ${String(found)} for ${quoted(inFile)}`,
        at: here(),
        fix: "give the name of a variable; to keep a name, give it back",
      });
    }
    const other = byNewName.get(found);
    if (other !== undefined) {
      throw new GraphError({
        what: `loadVariables: rename gives ${quoted(found)} to both ${quoted(other)} and ${quoted(inFile)}`,
        at: here(),
        fix: "names of variables are unique",
      });
    }
    byNewName.set(found, inFile);
  }
  return byNewName;
}

/** Lines of a message, less the first, the place and the fix. */
const LISTED = 9;
/** Names looked at for a renaming to propose. */
const COMPARED = 50;

function doesNotFit(
  { missing, unexpected, mismatched }: Pick<LoadReport, "missing" | "unexpected" | "mismatched">,
  variables: ReadonlyMap<string, Variable>,
  options: LoadOptions,
): FileError {
  const lines = [
    ...mismatched.map(({ name, file, variable }) => `${quoted(name)} is ${variable}, in the file ${file}`),
    ...missing.map(
      (name) => `${quoted(name)} is not in the file, variable at ${variables.get(name)?.op.line ?? "an unknown line"}`,
    ),
    ...unexpected.map((name) => `${quoted(name)} is in the file, and no variable of the graph`),
  ];
  const shown =
    lines.length > LISTED ? [...lines.slice(0, LISTED - 1), `… and ${lines.length - LISTED + 1} more`] : lines;
  const counts = [
    ...(mismatched.length > 0 ? [`${mismatched.length} of another shape or dtype`] : []),
    ...(missing.length > 0 ? [`${missing.length} missing`] : []),
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected`] : []),
  ];
  const file = options.file === undefined ? "the file" : options.file;
  const pair = unexpected
    .slice(0, COMPARED)
    .map((name) => [name, nearNames(name, missing.slice(0, COMPARED), 1)[0]] as const)
    .find(([, near]) => near !== undefined);
  const rename = pair ? `rename: { ${quoted(pair[0])}: ${quoted(pair[1]!)} }` : "rename";
  return new FileError({
    what: `loadVariables: ${file} does not fit the ${counted(variables.size, "variable")}: ${counts.join(", ")}`,
    details: shown,
    at: here(),
    fix: `map names with ${rename}, or take what fits with partial: true`,
  });
}
