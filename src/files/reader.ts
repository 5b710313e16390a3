import { FileError, ForerunError } from "../core/errors.ts";
import { nearNamesFix } from "../graph/builder.ts";
import { here } from "../runtime/reading.ts";
import { type JsonNode, positionText, readJson } from "./json.ts";

/**
 * What is read from a file at most. A file may come from anywhere, and a few bytes can ask for a lot; whoever trusts a
 * file may raise these.
 */
export interface FileLimits {
  /** Size of the whole file. Default 512 MiB. */
  readonly maxBytes?: number;
  /** Lists and objects of the JSON within each other. Default 64. */
  readonly maxDepth?: number;
  /** Values in the JSON. Default 4 million. */
  readonly maxValues?: number;
  /** Operations of a graph, tensors of a file of values. Default 100,000. */
  readonly maxCount?: number;
  /** Axes of a tensor. Default 32. */
  readonly maxRank?: number;
  /** Bytes of one stored array. Default 512 MiB. */
  readonly maxArrayBytes?: number;
  /** Entries of a list among the attributes. Default 1024. */
  readonly maxListLength?: number;
  /** Characters of a name or another text. Default 512. */
  readonly maxNameLength?: number;
}

const MiB = 2 ** 20;
export const DEFAULT_LIMITS: Required<FileLimits> = {
  maxBytes: 512 * MiB,
  maxDepth: 64,
  maxValues: 4_000_000,
  maxCount: 100_000,
  maxRank: 32,
  maxArrayBytes: 512 * MiB,
  maxListLength: 1024,
  maxNameLength: 512,
};

/** How a file is named in errors, beside its limits. */
export interface FileOptions extends FileLimits {
  /** Name of the file, shown in errors. */
  readonly file?: string;
}

/** Every limit; an option left out, or given as undefined, takes its default. */
export function limitsOf(options: FileLimits): Required<FileLimits> {
  const limits = { ...DEFAULT_LIMITS };
  for (const key of Object.keys(DEFAULT_LIMITS) as (keyof FileLimits)[]) limits[key] = options[key] ?? limits[key];
  return limits;
}

/** Errors are read by people: no more of a long text than this. */
const SHOWN = 60;
/** A text from a file, in quotes, cut short, with control characters escaped. */
export const quoted = (text: string): string =>
  JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text).replace(/[\u007f-\u009f]/g, "�");

const AGAIN = "write the file again with the function that belongs to it";

/** One file that is being read: makes its errors. */
export class FileSource {
  readonly call: string;
  readonly file: string | undefined;
  readonly limits: Required<FileLimits>;
  /** The JSON, where it came as text and positions in it mean something to the user. */
  readonly text: string | null;

  constructor(call: string, options: FileOptions, text: string | null) {
    this.call = call;
    this.file = options.file;
    this.limits = limitsOf(options);
    this.text = text;
  }

  /** `in ops[3].inputs[0] (line 12, column 5) of model.json`. */
  place(path: string, at: number | null): string {
    const position = this.text === null || at === null ? "" : positionText(this.text, at);
    const where = path === "" ? position || "the whole of it" : position === "" ? path : `${path} (${position})`;
    return `in ${where}${this.file === undefined ? "" : ` of ${this.file}`}`;
  }

  error(problem: string, place: string | null, fix: string = AGAIN, details: readonly string[] = []): FileError {
    const lines = place === null ? (this.file === undefined ? [] : [`in ${this.file}`]) : [place];
    return new FileError({ what: `${this.call}: ${problem}`, details: [...lines, ...details], at: here(), fix });
  }

  /** Reads the JSON as a value with a path. */
  json(text: string): FileValue {
    const result = readJson(text, this.limits);
    if ("root" in result) return new FileValue(this, result.root, "");
    const { problem, at, fix } = result.fault;
    throw this.error(`the JSON is not right: ${problem}`, this.place("", at), fix);
  }
}

/** At most this many names are compared when near ones are looked for, and only with a name of bearable length. */
const COMPARED = 2000;
const COMPARED_LENGTH = 64;
/** `near names: a, b`, or another hint. */
export function nearFix(wish: string, names: Iterable<string>, otherwise: string): string {
  if (wish.length > COMPARED_LENGTH) return otherwise;
  const candidates: string[] = [];
  for (const name of names) {
    if (candidates.length >= COMPARED) break;
    if (name.length <= 2 * COMPARED_LENGTH) candidates.push(name);
  }
  return nearNamesFix(wish, candidates, otherwise);
}

const kindOf = ({ value }: JsonNode): string => {
  if (value === null) return "null";
  if (typeof value === "string") return `the text ${quoted(value)}`;
  if (typeof value === "object") return value instanceof Map ? "an object" : "a list";
  return String(value);
};

/** A value in a file, with its place. Every way of reading it checks what it is. */
export class FileValue {
  readonly source: FileSource;
  readonly node: JsonNode;
  readonly path: string;

  constructor(source: FileSource, node: JsonNode, path: string) {
    this.source = source;
    this.node = node;
    this.path = path;
  }

  get place(): string {
    return this.source.place(this.path, this.node.at);
  }

  fail(problem: string, fix?: string, details?: readonly string[]): never {
    throw this.source.error(problem, this.place, fix, details);
  }
  wrong(wanted: string, fix?: string): never {
    return this.fail(`${wanted} should stand here, not ${kindOf(this.node)}`, fix);
  }

  /**
   * Runs `build`; what it throws names this place as well. Rules of ops are written for callers that the type checker
   * has seen; whatever else they throw on attributes it has not is an error of the file too.
   */
  within<T>(build: () => T): T {
    try {
      return build();
    } catch (error) {
      if (error instanceof FileError) throw error;
      if (!(error instanceof ForerunError)) {
        return this.fail("the attributes make no sense to the op", undefined, [`(${String(error).slice(0, 120)})`]);
      }
      const { what, details = [], fix } = error.parts;
      const facts = details.slice(0, 6).map((line) => (line.length > 200 ? `${line.slice(0, 200)}…` : line));
      return this.fail(what.length > 300 ? `${what.slice(0, 300)}…` : what, fix, facts);
    }
  }

  text(wanted = "a text"): string {
    const { value } = this.node;
    if (typeof value !== "string") return this.wrong(wanted);
    const { maxNameLength } = this.source.limits;
    if (value.length <= maxNameLength) return value;
    return this.fail(`a text of ${value.length} characters`, `raise maxNameLength (${maxNameLength}) if you trust it`);
  }
  integer(wanted = "a whole number"): number {
    const { value } = this.node;
    return typeof value === "number" && Number.isSafeInteger(value) ? value : this.wrong(wanted);
  }
  /** A whole number from 0 on. */
  count(): number {
    const value = this.integer("a whole number from 0 on");
    return value >= 0 ? value : this.wrong("a whole number from 0 on");
  }

  items(longest: number, limit: keyof FileLimits, wanted = "a list"): readonly FileValue[] {
    const { value } = this.node;
    if (typeof value !== "object" || value === null || value instanceof Map) return this.wrong(wanted);
    const nodes = value as readonly JsonNode[];
    if (nodes.length > longest) {
      return this.fail(`a list of ${nodes.length} entries`, `raise ${limit} (${longest}) if you trust the file`);
    }
    return nodes.map((node, i) => new FileValue(this.source, node, `${this.path}[${i}]`));
  }

  entries(wanted = "an object"): ReadonlyMap<string, FileValue> {
    const { value } = this.node;
    if (!(value instanceof Map)) return this.wrong(wanted);
    const entries = new Map<string, FileValue>();
    for (const [key, node] of value as ReadonlyMap<string, JsonNode>) {
      entries.set(key, new FileValue(this.source, node, this.#pathOf(key)));
    }
    return entries;
  }
  #pathOf(key: string): string {
    if (!/^[A-Za-z_]\w*$/.test(key) || key.length > SHOWN) return `${this.path}[${quoted(key)}]`;
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  /** An object with these keys and no others. */
  record<const Keys extends readonly string[], const More extends readonly string[] = readonly []>(
    required: Keys,
    optional: More = [] as never,
  ): { readonly [K in Keys[number]]: FileValue } & { readonly [K in More[number]]?: FileValue } {
    const entries = this.entries();
    const known = [...required, ...optional];
    for (const [key, value] of entries) {
      if (!known.includes(key))
        value.fail(
          `the key ${quoted(key)} is not known`,
          nearFix(key, known, `remove it; known are ${known.join(", ")}`),
        );
    }
    for (const key of required) {
      if (!entries.has(key)) this.fail(`"${key}" is missing`, `an object here has ${required.join(", ")}`);
    }
    return Object.fromEntries(entries) as never;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });
/** Bytes as text, or null if they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
