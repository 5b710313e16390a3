/**
 * Models for onnxruntime, written as the bytes of ONNX's protocol buffers (onnx.proto, IR version 8). Only what the
 * benchmark needs: float32 tensors, and attributes that are integers or lists of them.
 */

type Bytes = readonly number[];
/** One message: its fields one after another. Large payloads stay typed arrays until the end. */
type Part = Uint8Array | Bytes;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return bytes;
}

function concatenate(parts: readonly Part[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

// Wire types of protocol buffers: 0 for integers, 2 for everything with a length.
const integer = (field: number, value: number): Bytes => [...varint(field << 3), ...varint(value)];
const payload = (field: number, content: Part): Uint8Array =>
  concatenate([varint((field << 3) | 2), varint(content.length), content]);
const text = (field: number, value: string): Uint8Array => payload(field, new TextEncoder().encode(value));
const message = (field: number, parts: readonly Part[]): Uint8Array => payload(field, concatenate(parts));

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
}
export interface OnnxConstant extends OnnxTensor {
  readonly values: Float32Array;
}
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

const FLOAT = 1;
const OPSET = 17;

function attribute(name: string, value: number | readonly number[]): Uint8Array {
  const [INT, INTS] = [2, 7];
  const content = typeof value === "number" ? [integer(3, value)] : value.map((item) => integer(8, item));
  return message(5, [text(1, name), ...content, integer(20, typeof value === "number" ? INT : INTS)]);
}

function node({ op, inputs, output, attributes = {} }: OnnxNode): Uint8Array {
  const names = inputs.map((input) => text(1, input));
  const settings = Object.entries(attributes).map(([name, value]) => attribute(name, value));
  return message(1, [...names, text(2, output), text(3, output), text(4, op), ...settings]);
}

function constant({ name, shape, values }: OnnxConstant): Uint8Array {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message(5, [...shape.map((size) => integer(1, size)), integer(2, FLOAT), text(8, name), payload(9, raw)]);
}

/** Tag 11 of a graph for an input, 12 for an output. */
function valueInfo(field: number, { name, shape }: OnnxTensor): Uint8Array {
  const sizes = message(
    2,
    shape.map((size) => message(1, [integer(1, size)])),
  );
  return message(field, [text(1, name), message(2, [message(1, [integer(1, FLOAT), sizes])])]);
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxTensor[];
  readonly constants?: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
  readonly output: OnnxTensor;
}

export function onnxModel({ inputs, constants = [], nodes, output }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.map(node),
    text(2, "benchmark"),
    ...constants.map(constant),
    ...inputs.map((input) => valueInfo(11, input)),
    valueInfo(12, output),
  ];
  return concatenate([
    integer(1, 8),
    text(2, "forerun"),
    message(7, graph),
    message(8, [text(1, ""), integer(2, OPSET)]),
  ]);
}
