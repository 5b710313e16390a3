import { byteSize, dtypeOfArray, isDType, type TypedArray } from "../core/dtype.ts";
import type { Sizes } from "../core/shape.ts";
import { SymbolicSize } from "../core/size.ts";
import { FunctionBody } from "../graph/body.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { type Attr, type Operation, Tensor } from "../graph/operation.ts";
import { tensorflowOp } from "./op-names.ts";
import { boolean, bytes, concatenate, float, integer, message, text } from "./protobuf.ts";
import { DATA_TYPES, shapeFields, tensorFields } from "./tensor-proto.ts";

export interface GraphDefOptions {
  /** Gives every node an attribute `line`, where in the program it was made. Default false. */
  readonly lines?: boolean;
}

/** A whole graph, or some operations. */
export type GraphLike = GraphBuilder | readonly Operation[];

/** Elements of longer constants are left out of the file: nobody reads them in a picture. */
const LONGEST_CONSTANT = 1024;

/**
 * A graph as TensorFlow stores it, a serialised GraphDef: what TensorBoard's Graphs tab shows. Names keep their scopes,
 * by which nodes are grouped; the functions of `cond`, `scan` and loops go into the library of functions.
 *
 * Of a list of operations, what they use from outside of the list appears as a `Placeholder`.
 */
export function graphDefOf(graph: GraphLike, options: GraphDefOptions = {}): Uint8Array {
  const operations = "operations" in graph ? graph.operations : graph;
  const functions = new Functions(options);
  const nodes = nodesOf(operations, functions, options);
  return concatenate([...nodes.map((node) => message(1, ...node)), message(2, ...functions.fields)]);
}

/** The fields of each NodeDef. */
function nodesOf(
  operations: readonly Operation[],
  functions: Functions,
  options: GraphDefOptions,
): readonly (readonly Uint8Array[])[] {
  const within = new Set(operations);
  const needed = operations.flatMap((op) => [...op.inputs.map((input) => input.op), ...op.controls]);
  const outside = [...new Set(needed)].filter((op) => !within.has(op));
  const names = uniqueNames([...operations, ...outside], (op) => op.name);
  const tensorName = ({ op, index }: Tensor): string => (index === 0 ? names.get(op)! : `${names.get(op)!}:${index}`);
  return [
    ...outside.map((op) => nodeFields(names.get(op)!, "Placeholder", [], outputAttributes(op))),
    ...operations.map((op) => {
      const inputs = [...op.inputs.map(tensorName), ...op.controls.map((control) => `^${names.get(control)!}`)];
      return nodeFields(names.get(op)!, tensorflowOp(op), inputs, attributesOf(op, functions, options));
    }),
  ];
}

/** A name of its own for each: compiled functions may hold several operations under one name. */
function uniqueNames<T>(items: readonly T[], nameOf: (item: T) => string): ReadonlyMap<T, string> {
  const taken = new Set<string>();
  const names = new Map<T, string>();
  for (const item of items) {
    const wish = nameOf(item);
    let name = wish;
    for (let count = 1; taken.has(name); count++) name = `${wish}_${count}`;
    taken.add(name);
    names.set(item, name);
  }
  return names;
}

const nodeFields = (
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: ReadonlyMap<string, Uint8Array>,
): readonly Uint8Array[] => [
  text(1, name),
  text(2, op),
  ...inputs.map((input) => text(3, input)),
  ...[...attributes].map(([key, value]) => message(5, text(1, key), bytes(2, value))),
];

// ── attributes: each value is the bytes of an AttrValue ──────────────────────────────────────────────────────────

/** Where the fields of an AttrValue's list have the same numbers as its single values. */
const STRING = 2;
const INTEGER = 3;
const FLOAT = 4;
const BOOLEAN = 5;
const TYPE = 6;
const SHAPE = 7;
const TENSOR = 8;
const FUNCTION_IN_LIST = 9;
const FUNCTION = 10;
const list = (...items: readonly Uint8Array[]): Uint8Array => message(1, ...items);

function outputAttributes(op: Operation): ReadonlyMap<string, Uint8Array> {
  const [first] = op.outputs;
  const attributes = new Map<string, Uint8Array>();
  if (first !== undefined) {
    // Sources call their element type dtype, everything else T.
    attributes.set(op.def.effect === undefined || op.def.effect === "assign" ? "T" : "dtype", typeOf(first.dtype));
  }
  attributes.set("_output_shapes", list(...op.outputs.map(({ shape }) => message(SHAPE, ...shapeFields(shape)))));
  return attributes;
}

function attributesOf(op: Operation, functions: Functions, options: GraphDefOptions): ReadonlyMap<string, Uint8Array> {
  const attributes = new Map(outputAttributes(op));
  for (const [name, attr] of Object.entries(op.attrs)) {
    const value = attributeValue(name, attr, op, functions);
    if (value !== null) attributes.set(snakeCase(name), value);
  }
  if (options.lines && op.line !== null) attributes.set("line", text(STRING, op.line));
  return attributes;
}

/** `transposeA` → `transpose_a`. */
const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const typeOf = (dtype: keyof typeof DATA_TYPES): Uint8Array => integer(TYPE, DATA_TYPES[dtype]);

/** Null for what says nothing: null, and functions of the host language. */
function attributeValue(name: string, attr: Attr, op: Operation, functions: Functions): Uint8Array | null {
  if (attr === null || typeof attr === "function") return null;
  if (typeof attr === "number") return Number.isSafeInteger(attr) ? integer(INTEGER, attr) : float(FLOAT, attr);
  if (typeof attr === "boolean") return boolean(BOOLEAN, attr);
  if (typeof attr === "string") return isDType(attr) ? typeOf(attr) : text(STRING, attr);
  if (attr instanceof SymbolicSize) return text(STRING, attr.text);
  if (attr instanceof FunctionBody) return functionValue(FUNCTION, functions.nameOf(attr, op));
  if (ArrayBuffer.isView(attr)) return constantValue(attr as TypedArray, op);
  const items = attr as readonly Attr[];
  if (name === "shape") return message(SHAPE, ...shapeFields(items as Sizes));
  return listValue(items, op, functions);
}

function listValue(items: readonly Attr[], op: Operation, functions: Functions): Uint8Array {
  if (items.every((item) => typeof item === "number")) {
    const whole = items.every((item) => Number.isSafeInteger(item));
    return list(...items.map((item) => (whole ? integer(INTEGER, item) : float(FLOAT, item))));
  }
  return list(
    ...items.map((item) =>
      item instanceof FunctionBody
        ? functionValue(FUNCTION_IN_LIST, functions.nameOf(item, op))
        : text(STRING, nestedText(item)),
    ),
  );
}

const nestedText = (item: Attr): string => (Array.isArray(item) ? `[${item.map(nestedText).join(", ")}]` : `${item}`);
const functionValue = (field: number, name: string): Uint8Array => message(field, text(1, name));

function constantValue(data: TypedArray, op: Operation): Uint8Array | null {
  const dtype = op.outputs[0]?.dtype ?? dtypeOfArray(data);
  if (dtype === null || data.length > LONGEST_CONSTANT || data.BYTES_PER_ELEMENT !== byteSize(dtype)) return null;
  const shape = op.outputs[0]?.shape as readonly number[] | undefined;
  return message(TENSOR, ...tensorFields(dtype, shape ?? [data.length], data));
}

// ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The library of functions: the bodies that operations of a graph run, and that those of the bodies run. */
class Functions {
  /** The fields of the FunctionDefLibrary. */
  readonly fields: Uint8Array[] = [];
  readonly #names = new Map<FunctionBody, string>();
  readonly #options: GraphDefOptions;

  constructor(options: GraphDefOptions) {
    this.#options = options;
  }

  /** The name of a body, which is entered the first time it is asked for: `cond_then_branch`. */
  nameOf(body: FunctionBody, op: Operation): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const wish = plainName(`${op.name}_${body.name}`);
    const taken = new Set(this.#names.values());
    let name = wish;
    for (let count = 1; taken.has(name); count++) name = `${wish}_${count}`;
    this.#names.set(body, name);
    this.fields.push(message(1, ...this.#functionFields(name, body)));
    return name;
  }

  /** The fields of a FunctionDef. Its nodes call an output `node:output:0`, and a parameter by its name alone. */
  #functionFields(name: string, body: FunctionBody): readonly Uint8Array[] {
    const params = new Set(body.params);
    const inner = body.ops.filter((op) => !op.outputs.some((output) => params.has(output)));
    const names = uniqueNames<Tensor | Operation>([...params, ...inner], (item) =>
      item instanceof Tensor ? plainName(item.op.name) : item.name,
    );
    const tensorName = (tensor: Tensor): string =>
      names.get(tensor) ?? `${names.get(tensor.op) ?? tensor.op.name}:output:${tensor.index}`;
    const argument = (field: number, label: string, { dtype }: Tensor): Uint8Array =>
      message(field, text(1, label), integer(3, DATA_TYPES[dtype]));
    const signature = message(
      1,
      text(1, name),
      ...body.params.map((param) => argument(2, names.get(param)!, param)),
      ...body.results.map((result, i) => argument(3, resultName(i), result)),
    );
    const nodes = inner.map((op) => {
      const attributes = attributesOf(op, this, this.#options);
      return message(3, ...nodeFields(names.get(op)!, tensorflowOp(op), op.inputs.map(tensorName), attributes));
    });
    const returned = body.results.map((result, i) => message(4, text(1, resultName(i)), text(2, tensorName(result))));
    return [signature, ...nodes, ...returned];
  }
}

const resultName = (index: number): string => `result_${index}`;
/** Only letters, digits and `_`: names of arguments and functions have no scopes. */
const plainName = (name: string): string => name.replace(/\W+/g, "_");
