import { byteSize, isDType, type TypedArray } from "../core/dtype.ts";
import { elementCount, type TensorSpec } from "../core/shape.ts";
import { isKnown } from "../core/size.ts";
import { FunctionBody } from "../graph/body.ts";
import type { OpDef } from "../graph/define.ts";
import { type Attr, type Operation, type Tensor, Variable } from "../graph/operation.ts";
import { captureStack, type Origin, type StackCapture } from "../graph/origin.ts";
import { OPS } from "../ops/registry.ts";
import { Graph } from "../runtime/graph.ts";
import { attrFromFile, attributesOf, BODIES, BODY_LISTS, numberFrom } from "./attributes.ts";
import {
  decodeUtf8,
  type FileLimits,
  type FileOptions,
  FileSource,
  type FileValue,
  nearFix,
  quoted,
} from "./reader.ts";
import { GRAPH_FORMAT, GRAPH_VERSION, type GraphDef } from "./serialize.ts";
import { SizeReader } from "./size-text.ts";

/**
 * Reads a graph that `serializeGraph` wrote. Nothing in the file is run, and nothing is believed: shapes and dtypes are
 * inferred again, and every operation passes the checks it would pass if it was written in a program.
 *
 * The operations of the new graph say that they were made at the line of this call.
 *
 * @param json the text, its bytes in UTF-8, or what `JSON.parse` or `serializeGraph` gave
 * @throws FileError that says where in the file, what is wrong, and what to do
 */
export function parseGraph(json: unknown, options: FileOptions = {}): Graph {
  const { text, hasPositions } = textOf(json, new FileSource("parseGraph", options, null));
  const source = new FileSource("parseGraph", options, hasPositions ? text : null);
  return new GraphReader(source).read(source.json(text));
}

/** Of what this program itself wrote. */
const UNLIMITED: Required<FileLimits> = {
  maxBytes: Infinity,
  maxDepth: Infinity,
  maxValues: Infinity,
  maxCount: Infinity,
  maxRank: Infinity,
  maxArrayBytes: Infinity,
  maxListLength: Infinity,
  maxNameLength: Infinity,
};

/** Reads a graph that comes in parts, each with what was made since the last: see `GraphWriter`. */
export class GraphParts {
  readonly #source = new FileSource("createSession", UNLIMITED, null);
  readonly #reader = new GraphReader(this.#source);
  readonly #captureOf: (position: number) => StackCapture;
  #graph: LoadedGraph | null = null;

  /** @param captureOf where the user made the operation at a position in the graph */
  constructor(captureOf: (position: number) => StackCapture) {
    this.#captureOf = captureOf;
  }

  /**
   * Adds a part.
   *
   * @param aside the elements of its constants
   * @returns the graph, which is the same object each time
   */
  append(part: GraphDef, aside: readonly TypedArray[]): Graph {
    const root = this.#source.json(textOf(part, this.#source).text);
    this.#graph ??= this.#reader.open(root);
    this.#reader.append(this.#graph, root, this.#captureOf, aside);
    return this.#graph;
  }
}

/** The JSON text, and whether the user knows it too. Objects go through text as well, so there is one reader only. */
function textOf(json: unknown, source: FileSource): { readonly text: string; readonly hasPositions: boolean } {
  const tooLong = (count: number, unit: string) =>
    source.error(`the file has ${count} ${unit}`, null, `raise maxBytes (${source.limits.maxBytes}) if you trust it`);
  if (json instanceof Uint8Array) {
    if (json.byteLength > source.limits.maxBytes) throw tooLong(json.byteLength, "bytes");
    const text = decodeUtf8(json);
    if (text !== null) return { text, hasPositions: true };
    throw source.error("the bytes are not UTF-8", null, "graphs are JSON text; variables are read with loadVariables");
  }
  if (typeof json === "string") {
    if (json.length > source.limits.maxBytes) throw tooLong(json.length, "characters");
    return { text: json, hasPositions: true };
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(json);
  } catch (error) {
    throw source.error("the object can not be written as JSON", null, "give what serializeGraph or JSON.parse gave", [
      String(error).split("\n")[0]!.slice(0, 120),
    ]);
  }
  if (typeof text !== "string") {
    throw source.error(
      `there is no graph in ${String(json).slice(0, 40)}`,
      null,
      "give the text or the object of a graph",
    );
  }
  if (text.length > source.limits.maxBytes) throw tooLong(text.length, "characters");
  return { text, hasPositions: false };
}

/** Symbolic sizes of all tensors together may not take more characters than this. */
const MOST_SIZE_TEXT = 32 * 2 ** 20;

/** A graph whose parts come from a file. Later on it is a graph like any other. */
class LoadedGraph extends Graph {
  restoreInitializer(variable: Variable, initializer: Operation): void {
    this.setInitializer(variable, initializer);
  }

  /** Scopes count as used, as they did in the graph that was written: the next `dense` is called `dense_1`. */
  reserveScopes(): void {
    const scopes = new Set<string>();
    for (const { name } of this.operations) {
      for (let end = name.indexOf("/"); end > 0; end = name.indexOf("/", end + 1)) scopes.add(name.slice(0, end));
    }
    for (const scope of scopes) if (!this.has(scope)) this.uniqueName(scope);
  }
}

interface Entry {
  readonly place: FileValue;
  readonly name: string;
  readonly nameAt: FileValue;
  readonly def: OpDef;
  readonly inputs: readonly FileValue[];
  readonly controls: readonly FileValue[];
  readonly attrs: FileValue;
}

const KEYS = ["format", "version", "name", "seed", "ops", "variables"] as const;
const defs: ReadonlyMap<string, OpDef> = new Map(OPS.map((def) => [def.name, def]));

class GraphReader {
  readonly #source: FileSource;
  readonly #sizes: SizeReader;
  readonly #entries: Entry[] = [];
  /** Position in the file of each operation. */
  readonly #positions = new Map<string, number>();
  /** Variables whose initializers are known. */
  readonly #variables = new Set<Variable>();
  /** Typed arrays that are not in the text. */
  #aside: readonly TypedArray[] = [];
  #sizeText = 0;
  /** Where the user made the operation that is being read. */
  #origin: Origin = { kind: "user", capture: null };

  constructor(source: FileSource, sizes = new SizeReader()) {
    this.#source = source;
    this.#sizes = sizes;
  }

  read(root: FileValue): Graph {
    const graph = this.open(root);
    const capture = captureStack();
    this.append(graph, root, () => capture, []);
    graph.reserveScopes();
    return graph;
  }

  /** The graph of a file, without its operations. */
  open(root: FileValue): LoadedGraph {
    // Format and version first: a file of another kind, or of a later version, may differ in anything else.
    const head = root.entries("a graph");
    const format = head.get("format");
    if (format?.node.value !== GRAPH_FORMAT) {
      return (format ?? root).fail("this is no graph of forerun", `a graph begins with "format": "${GRAPH_FORMAT}"`);
    }
    checkVersion(head.get("version") ?? root.record(["version"]).version);
    const { name, seed } = root.record(KEYS);
    return new LoadedGraph({ name: name.text(), seed: numberFrom(seed) });
  }

  /** Adds the operations and variables of a file, or of a part of one, to what was read before. */
  append(
    graph: LoadedGraph,
    root: FileValue,
    captureOf: (position: number) => StackCapture,
    aside: readonly TypedArray[],
  ): void {
    this.#aside = aside;
    const { ops, variables } = root.record(KEYS);
    const first = this.#entries.length;
    const { maxCount } = this.#source.limits;
    for (const place of ops.items(maxCount, "maxCount", "a list of operations")) this.#entries.push(this.#entry(place));
    for (let position = first; position < this.#entries.length; position++) {
      this.#origin = { kind: "user", capture: captureOf(position) };
      graph.derive(this.#origin, () => this.#build(graph, this.#entries[position]!, position));
    }
    for (const place of variables.items(maxCount, "maxCount", "a list of variables"))
      this.#restoreVariable(graph, place);
  }

  /** The parts of an operation; whether its inputs exist is seen later, when all names are known. */
  #entry(place: FileValue): Entry {
    const { name: nameAt, op, inputs, controls, attrs } = place.record(["name", "op", "inputs", "attrs"], ["controls"]);
    const name = nameAt.text("the name of an operation");
    const earlier = this.#positions.get(name.toLowerCase());
    if (earlier !== undefined) {
      const other = this.#entries[earlier]!;
      nameAt.fail(
        other.name === name
          ? `the name ${quoted(name)} stands twice`
          : `${quoted(name)} and "${other.name}" differ in case only`,
        "names of operations are unique",
        [`the other one is ${other.nameAt.place}`],
      );
    }
    this.#positions.set(name.toLowerCase(), this.#entries.length);
    const opName = op.text("the name of an op");
    const def = defs.get(opName);
    if (!def) {
      return op.fail(
        `there is no op ${quoted(opName)}`,
        nearFix(opName, defs.keys(), "the file may be of a later version"),
      );
    }
    if (def.name === "customGradient") op.fail("customGradient holds a function, and a file holds no code");
    const { maxCount } = this.#source.limits;
    return {
      place,
      name,
      nameAt,
      def,
      inputs: inputs.items(maxCount, "maxCount", "a list of inputs"),
      controls: controls?.items(maxCount, "maxCount", "a list of operations") ?? [],
      attrs,
    };
  }

  #build(graph: LoadedGraph, entry: Entry, position: number): void {
    const { place, def, name, nameAt } = entry;
    const inputs = entry.inputs.map((value) => this.#tensor(graph, value, position));
    if (def.inputs === "many" ? inputs.length === 0 : inputs.length !== def.inputs.length) {
      const wanted = def.inputs === "many" ? "at least one input" : `${def.inputs.length} inputs`;
      place.fail(`${def.name} takes ${wanted}, not ${inputs.length}`);
    }
    if (entry.controls.length > 0 && def.effect !== "group") {
      entry.controls[0]!.fail(`${def.name} runs no other operations; only group does`, "remove controls");
    }
    const controls = entry.controls.map((value) => this.#operation(graph, value, value.text("a name"), position));
    const attrs = this.#attrs(entry);
    if (def.effect === "assign" && !(inputs[0] instanceof Variable)) {
      entry.inputs[0]!.fail(`assign writes to a variable, and "${inputs[0]!.name}" is none`);
    }
    const op = place.within(() => graph.apply(def, inputs, attrs, { name, controls }));
    if (op.name !== name) nameAt.fail(`${quoted(name)} can not be the name of an operation`);
    for (const output of op.outputs) this.#checkSpec(place, output.spec);
    if (def.effect === "constant") checkConstant(place, op.outputs[0]!.spec, attrs.value as TypedArray);
  }

  #attrs({ def, attrs: at }: Entry): Readonly<Record<string, Attr>> {
    const known = attributesOf(def);
    const entries = at.entries("an object of attributes");
    for (const [name, value] of entries) {
      if (known.includes(name)) continue;
      const all = known.length === 0 ? `${def.name} has no attributes` : `${def.name} has ${known.join(", ")}`;
      value.fail(`${def.name} has no attribute ${quoted(name)}`, nearFix(name, known, all));
    }
    const missing = known.find((name) => !entries.has(name));
    if (missing !== undefined) at.fail(`the attribute "${missing}" of ${def.name} is missing`);
    return Object.fromEntries(Array.from(entries, ([name, value]) => [name, this.#attr(def, name, value)]));
  }

  #attr(def: OpDef, name: string, value: FileValue): Attr {
    if (def.control && BODIES.has(name)) return this.#body(value);
    if (def.control && BODY_LISTS.has(name)) {
      const { maxCount } = this.#source.limits;
      return value.items(maxCount, "maxCount", "a list of functions").map((item) => this.#body(item));
    }
    return attrFromFile(def, name, value, this.#sizes, this.#aside);
  }

  /** A function that an operation runs. Names in it are its own, sizes those of the file. */
  #body(value: FileValue): FunctionBody {
    const { name, params, ops, results } = value.record(["name", "params", "ops", "results"]);
    const reader = new GraphReader(this.#source, this.#sizes);
    reader.#aside = this.#aside;
    reader.#origin = this.#origin;
    const graph = new LoadedGraph({ name: name.text() });
    const { maxCount } = this.#source.limits;
    for (const place of ops.items(maxCount, "maxCount", "a list of operations")) {
      const entry = reader.#entry(place);
      if (entry.def.effect && entry.def.effect !== "placeholder" && entry.def.effect !== "constant")
        place.fail(`${entry.def.name} can not stand in a function: it has no effects`);
      reader.#entries.push(entry);
    }
    graph.derive(this.#origin, () => {
      reader.#entries.forEach((entry, position) => void reader.#build(graph, entry, position));
    });
    const tensors = (list: FileValue): readonly Tensor[] =>
      list
        .items(maxCount, "maxCount", "a list of names")
        .map((item) => reader.#tensor(graph, item, reader.#entries.length));
    const own = tensors(params);
    const stray = graph.operations.find((op) => op.def.effect === "placeholder" && !own.includes(op.outputs[0]!));
    if (stray) value.fail(`the placeholder "${stray.name}" is no param of the function`);
    if (own.some((param, i) => param.op.def.effect !== "placeholder" || own.indexOf(param) !== i))
      params.fail("params are placeholders, each named once");
    return new FunctionBody({
      name: graph.name,
      params: own,
      results: tensors(results),
      ops: graph.operations.filter((op) => op.def.effect !== "placeholder"),
    });
  }

  #tensor(graph: LoadedGraph, value: FileValue, user: number): Tensor {
    const text = value.text("the name of an input");
    const match = /^([^:]*):(\d{1,9})$/.exec(text);
    const op = this.#operation(graph, value, match ? match[1]! : text, user);
    const output = op.outputs[match ? Number(match[2]) : 0];
    if (output) return output;
    const { outputs } = op;
    return value.fail(
      `there is no tensor ${quoted(text)}`,
      outputs.length === 0 ? "it has no value; name it among the controls of a group" : undefined,
      [
        `${op.def.name} "${op.name}" has ${
          outputs.length === 0
            ? "no outputs"
            : outputs
                .map((y) => `"${y.name}"`)
                .slice(0, 8)
                .join(", ")
        }`,
      ],
    );
  }

  #operation(graph: LoadedGraph, value: FileValue, name: string, user: number): Operation {
    const position = this.#positions.get(name.toLowerCase());
    const entry = position === undefined ? undefined : this.#entries[position];
    if (position === undefined || entry?.name !== name) {
      const names = this.#entries.map((other) => other.name);
      return value.fail(`there is no operation ${quoted(name)}`, nearFix(name, names, "list it before what uses it"));
    }
    if (position < user) return graph.operation(name);
    const cycle = this.#cycleThrough(user);
    if (cycle === null) {
      return value.fail(
        `"${name}" is used before it is made`,
        "list operations in the order they are made, inputs first",
        [`it is made ${entry.place.place}`],
      );
    }
    return this.#cycleError(value, cycle);
  }

  /** Positions of a circle through an operation, inputs first, or null. Breadth first: the shortest one says most. */
  #cycleThrough(start: number): readonly number[] | null {
    const cameFrom = new Map<number, number>();
    const queue = [start];
    for (let i = 0; i < queue.length; i++) {
      const { inputs, controls } = this.#entries[queue[i]!]!;
      for (const { node } of [...inputs, ...controls]) {
        if (typeof node.value !== "string") continue;
        const next = this.#positions.get(node.value.replace(/:\d+$/, "").toLowerCase());
        if (next === start) {
          const cycle: number[] = [];
          for (let at: number | undefined = queue[i]!; at !== undefined; at = cameFrom.get(at)) cycle.push(at);
          // Values flow from the start to the operation found last, and on to the start again.
          return [start, ...cycle.slice(0, -1)];
        }
        if (next === undefined || cameFrom.has(next)) continue;
        cameFrom.set(next, queue[i]!);
        queue.push(next);
      }
    }
    return null;
  }

  #cycleError(value: FileValue, cycle: readonly number[]): never {
    const LISTED = 7;
    const entries = cycle.map((position) => this.#entries[position]!);
    const circle = [...entries, entries[0]!].map(({ name }) => name);
    const shown = circle.length > LISTED + 1 ? [...circle.slice(0, LISTED), "…", circle.at(-1)!] : circle;
    return value.fail(
      `the operations form a cycle: ${shown.join(" → ")}`,
      "an operation can only use what is made before it: take one of these inputs away",
      [
        ...entries.slice(0, LISTED).map(({ name, def, place }) => `${def.name} "${name}" ${place.place}`),
        ...(entries.length > LISTED ? [`… and ${entries.length - LISTED} more`] : []),
      ],
    );
  }

  #checkSpec(place: FileValue, { dtype, shape }: TensorSpec): void {
    if (!isDType(dtype)) place.fail("the op gives no dtype for these inputs");
    const { maxRank } = this.#source.limits;
    if (shape && shape.length > maxRank) {
      place.fail(`the result has rank ${shape.length}`, `raise maxRank (${maxRank}) if you trust the file`);
    }
    for (const size of shape ?? []) {
      const numbers = isKnown(size) ? [size] : size.terms.map(({ factor }) => factor);
      const possible = isKnown(size) ? Number.isSafeInteger(size) && size >= 0 : numbers.every(Number.isSafeInteger);
      if (!possible) place.fail(`the result has an impossible size, ${String(size).slice(0, 60)}`);
      if (!isKnown(size)) this.#sizeText += size.text.length;
    }
    if (this.#sizeText > MOST_SIZE_TEXT) place.fail("the sizes are too complicated to follow");
  }

  #restoreVariable(graph: LoadedGraph, place: FileValue): void {
    const { variable: at, initializer: initializerAt } = place.record(["variable", "initializer"]);
    const end = this.#entries.length;
    const variable = this.#operation(graph, at, at.text("the name of a variable"), end).outputs[0];
    if (!(variable instanceof Variable)) {
      at.fail(`${quoted(at.text())} is not a variable`);
      return;
    }
    if (this.#variables.has(variable)) at.fail(`the variable "${variable.op.name}" stands twice`);
    this.#variables.add(variable);
    const initializer = this.#operation(graph, initializerAt, initializerAt.text("the name of an operation"), end);
    if (initializer.def.effect !== "assign" || initializer.inputs[0] !== variable) {
      initializerAt.fail(`"${initializer.name}" does not assign to "${variable.op.name}"`);
    }
    graph.restoreInitializer(variable, initializer);
  }
}

function checkVersion(at: FileValue): void {
  const version = at.integer("a version number");
  if (version > GRAPH_VERSION) {
    at.fail(`the file has version ${version}, this library reads up to ${GRAPH_VERSION}`, "install a newer forerun");
  }
  if (version < 1) at.wrong("a version number");
}

/** Its shape and its data are two things in the file, and need not agree. */
export function checkConstant(place: FileValue, { dtype, shape }: TensorSpec, data: TypedArray): void {
  const count = elementCount(shape as readonly number[]);
  if (data.BYTES_PER_ELEMENT !== byteSize(dtype)) place.fail(`the data of the constant is not ${dtype}`);
  if (data.length !== count)
    place.fail(`${data.length} elements do not fill the shape of the constant, which has ${count}`);
}
