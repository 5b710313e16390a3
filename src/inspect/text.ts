import { type DType, dtypeOfArray, type TypedArray } from "../core/dtype.ts";
import { numberText } from "../core/number-text.ts";
import { shapeText, specText, type TensorSpec } from "../core/shape.ts";
import { SymbolicSize, sizeText } from "../core/size.ts";
import { type Attr, constantValue, type Operation, type Tensor } from "../graph/operation.ts";
import { operationText } from "../graph/print.ts";

/** Longest line of small print in a node. */
const LINE = 30;

/** `dense_1/matmul` → `matmul`. */
export const leafOf = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
/** `dense_1/matmul` → `dense_1`; empty for a name outside of all scopes. */
export const scopeOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf("/")));

/** Shapes are float32 unless they say otherwise, as the subtitle of a picture tells. */
export const shapeLabel = (spec: TensorSpec): string =>
  spec.dtype === "float32" ? shapeText(spec.shape) : specText(spec);

/** Cuts a text in the middle, since the ends of names tell most. */
export function shortened(text: string, length = LINE): string {
  if (text.length <= length) return text;
  const head = Math.floor((length - 1) / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (length - 1 - head))}`;
}

/** A number in few characters. */
export const elementText = (value: number, dtype: DType): string => {
  const text = numberText(value, dtype);
  return text.length <= 8 ? text : String(Number(value.toPrecision(4)));
};

/** A value that is one and the same number everywhere, as text; null for any other. */
export function scalarText(tensor: Tensor): string | null {
  const { op } = tensor;
  // A number that was spread over a shape, as gradient rules do with their zeros.
  if (op.def.name === "broadcastTo" || op.def.name === "reshape") return scalarText(op.inputs[0]!);
  const data = constantValue(tensor);
  const first = data?.[0];
  if (!data || first === undefined || !data.every((element) => Object.is(element, first))) return null;
  return elementText(first, dtypeOfArray(data) ?? "float64");
}

/** The first elements of a constant. */
export function constantText(op: Operation): string {
  const { value } = op.attrs;
  if (!ArrayBuffer.isView(value)) return "";
  const data = value as TypedArray;
  const dtype = dtypeOfArray(data) ?? "float64";
  const shown = Array.from(data.subarray(0, 4), (element) => elementText(element, dtype)).join(", ");
  return data.length > 4 ? `${shown}, …` : shown;
}

/** `matmul`, or with what is worth saying of its operands: `sub(1, ·)`, `matmul(·, ·ᵀ)`. */
export function titleOf(op: Operation): string {
  const { name } = op.def;
  const turned = [op.attrs.transposeA === true, op.attrs.transposeB === true];
  const operands = op.inputs.map((input, i) => scalarText(input) ?? (turned[i] ? "·ᵀ" : "·"));
  return operands.every((operand) => operand === "·") ? name : `${name}(${operands.join(", ")})`;
}

/** Attributes that a reader wants to see; what shapes on the edges show already is left out. */
export function attributeLine(op: Operation): string {
  const shown = Object.entries(op.attrs)
    .filter(([name]) => name !== "shape" && name !== "dtype")
    .flatMap(([name, attr]) => {
      const text = attrText(attr);
      return text === null ? [] : [`${name} ${text}`];
    });
  // As many as fit.
  while (shown.length > 1 && shown.join(", ").length > LINE) shown.pop();
  return shortened(shown.join(", "));
}

function attrText(attr: Attr): string | null {
  if (typeof attr === "number") return numberText(attr, "float64");
  if (typeof attr === "string") return attr;
  if (attr instanceof SymbolicSize) return sizeText(attr);
  if (!Array.isArray(attr)) return null;
  const parts = attr.map(attrText);
  return parts.includes(null) ? null : `[${parts.join(", ")}]`;
}

/** A name worth showing next to `op`'s kind: one a person chose. */
export function givenName(op: Operation): string | null {
  const leaf = leafOf(op.name);
  const plain = leaf === op.def.name || (leaf.startsWith(`${op.def.name}_`) && /_\d+$/.test(leaf));
  return plain ? null : leaf;
}

/** Everything about an operation, for those who point at it. */
export const tooltipOf = (op: Operation): string => shortened(operationText(op), 240);
