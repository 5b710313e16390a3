import type { Size } from "../core/size.ts";
import { isKnown } from "../core/size.ts";
import { FunctionBody } from "./body.ts";
import { captureFunction, type GraphFunction, reachable } from "./function.ts";
import { type Attr, type Operation, Tensor } from "./operation.ts";

/**
 * A hash of what a function computes: its ops, how they hang together, their attributes, dtypes and shapes. Names of
 * operations, their numbers and the lines they come from do not count, nor does the order in which unrelated ones were
 * made. Equal programs have equal hashes on every machine (unless an attribute holds a function: those differ always).
 *
 * @param what a function, or a fetched tensor or operation, or several
 * @returns 32 hexadecimal digits
 */
export function graphHash(what: GraphFunction | Tensor | Operation | readonly (Tensor | Operation)[]): string {
  if ("params" in what) return hashOf(what);
  const roots: readonly (Tensor | Operation)[] = Array.isArray(what) ? what : [what as Tensor | Operation];
  const tensors = roots.filter((root): root is Tensor => root instanceof Tensor);
  const targets = roots.filter((root): root is Operation => !(root instanceof Tensor));
  const graph = roots[0]?.graph;
  if (!graph) return new Hash().digest();
  const fn = captureFunction(graph, tensors, targets, []);
  return hashOf(fn, targets);
}

function hashOf(fn: GraphFunction, targets: readonly Operation[] = []): string {
  const writer = new HashWriter();
  const params = new Set(fn.params);
  for (const param of fn.params) writer.param(param);
  const roots = [...fn.results, ...fn.writes.flatMap(({ variable, value }) => [variable, value])];
  const isParam = (tensor: Tensor): boolean => params.has(tensor);
  const rootOps = roots.filter((root) => !isParam(root)).map((root) => root.op);
  // Inputs first, in the order in which the results reach them: the same however the graph was put together.
  for (const op of reachable([...rootOps, ...targets], isParam)) writer.operation(op);
  writer.text(`results ${fn.results.map((result) => writer.numberOf(result)).join()}`);
  for (const { variable, value } of fn.writes) {
    writer.text(`write ${writer.numberOf(variable)} ${writer.numberOf(value)}`);
  }
  return writer.digest();
}

/** Functions have no text that says what they do; each gets a number. */
const functions = new WeakMap<object, number>();
let functionCount = 0;

class HashWriter {
  readonly #hash = new Hash();
  readonly #numbers = new Map<Tensor, number>();
  readonly #operations = new Map<Operation, number>();
  /** Sizes nobody named, by order of appearance. */
  readonly #unnamed = new Map<string, number>();

  param(tensor: Tensor): void {
    this.text(`param ${this.#spec(tensor)}`);
    this.#number(tensor);
  }

  operation(op: Operation): void {
    this.#operations.set(op, this.#operations.size);
    this.text(op.def.name);
    this.text(op.inputs.map((input) => this.numberOf(input)).join());
    this.text(op.controls.map((control) => this.#operations.get(control) ?? "?").join());
    // By name, so that the order in which a caller wrote them does not matter.
    for (const name of Object.keys(op.attrs).sort()) {
      this.text(name);
      this.#attr(op.attrs[name]!);
    }
    for (const output of op.outputs) {
      this.text(this.#spec(output));
      if (!this.#numbers.has(output)) this.#number(output);
    }
  }

  text(text: string): void {
    // The length in front keeps "ab", "c" apart from "a", "bc".
    this.#hash.add(`${text.length}:${text}`);
  }
  numberOf = (tensor: Tensor): string => String(this.#numbers.get(tensor) ?? "?");
  digest = (): string => this.#hash.digest();

  #number(tensor: Tensor): void {
    this.#numbers.set(tensor, this.#numbers.size);
  }
  #spec = ({ spec: { dtype, shape } }: Tensor): string =>
    `${dtype}${shape === null ? "?" : `[${shape.map((size) => this.#size(size)).join()}]`}`;

  #size(size: Size): string {
    if (isKnown(size)) return String(size);
    return size.text.replace(/\?\d+/g, (name) => {
      const known = this.#unnamed.get(name) ?? this.#unnamed.size;
      this.#unnamed.set(name, known);
      return `?${known}`;
    });
  }

  #attr(attr: Attr): void {
    if (Array.isArray(attr)) {
      this.text(`list ${attr.length}`);
      for (const entry of attr as readonly Attr[]) this.#attr(entry);
    } else if (ArrayBuffer.isView(attr)) {
      this.text(`${attr.constructor.name} ${attr.length}`);
      this.#hash.addBytes(new Uint8Array(attr.buffer, attr.byteOffset, attr.byteLength));
    } else if (typeof attr === "function") {
      const number = functions.get(attr) ?? functionCount++;
      functions.set(attr, number);
      this.text(`function ${number}`);
    } else if (attr instanceof FunctionBody) {
      this.text(`body ${hashOf(attr)}`);
    } else if (typeof attr === "object" && attr !== null) {
      this.text(`size ${this.#size(attr as Size)}`);
    } else {
      this.text(`${typeof attr} ${Object.is(attr, -0) ? "-0" : String(attr)}`);
    }
  }
}

/** 128 bits in four lanes of 32, mixed by odd multipliers. Spreads well; it does not keep secrets. */
class Hash {
  #a = 0x243f6a88;
  #b = 0x85a308d3;
  #c = 0x13198a2e;
  #d = 0x03707344;

  add(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }
  addBytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#mix(bytes[i]!);
  }

  #mix(value: number): void {
    this.#a = this.#b ^ Math.imul(this.#a ^ value, 0x9e3779b1);
    this.#b = this.#c ^ Math.imul(this.#b ^ value, 0x85ebca77);
    this.#c = this.#d ^ Math.imul(this.#c ^ value, 0xc2b2ae3d);
    this.#d = this.#a ^ Math.imul(this.#d ^ value, 0x27d4eb2f);
    this.#a ^= this.#d >>> 15;
  }

  digest(): string {
    for (let i = 0; i < 16; i++) this.#mix(i);
    return [this.#a, this.#b, this.#c, this.#d].map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
