import { dtypeOfArray } from "../core/dtype.ts";
import { numberText } from "../core/number-text.ts";
import { specText } from "../core/shape.ts";
import { bodiesOf, FunctionBody } from "./body.ts";
import type { GraphBuilder } from "./builder.ts";
import type { GraphFunction } from "./function.ts";
import type { Attr, Operation, Tensor } from "./operation.ts";

/** Elements of a constant that are printed before the rest is elided. */
const SHOWN = 6;

function attrText(attr: Attr): string {
  if (Array.isArray(attr)) return `[${attr.map(attrText).join(", ")}]`;
  if (ArrayBuffer.isView(attr)) {
    const head = Array.from(attr.subarray(0, SHOWN), (x) => numberText(x, dtypeOfArray(attr) ?? "float64"));
    return `[${head.join(", ")}${attr.length > SHOWN ? `, … ${attr.length} in all` : ""}]`;
  }
  if (typeof attr === "string") return `"${attr}"`;
  if (attr instanceof FunctionBody) return attr.name;
  if (typeof attr === "function") return "<function>";
  return String(attr).replace(/\?\d+/g, "?");
}

/** `%dense/matmul`, or `%split:1` for a further output. */
const valueText = (tensor: Tensor): string => `%${tensor.index === 0 ? tensor.op.name : tensor.name}`;

/** `%h: float32[32, 64] = matmul(%x, %w) {transposeA: false}`; the functions it runs stand indented below. */
export function operationText(op: Operation): string {
  // What the spec already says is not said twice.
  const hidden = op.inputs.length === 0 && op.def.effect ? ["dtype", "shape"] : [];
  const attrs = Object.entries(op.attrs).filter(([name]) => !hidden.includes(name));
  const attrList =
    attrs.length === 0 ? "" : ` {${attrs.map(([name, attr]) => `${name}: ${attrText(attr)}`).join(", ")}}`;
  const operandList = [...op.inputs.map(valueText), ...op.controls.map((control) => `^${control.name}`)].join(", ");
  const visible = visibleOf(op);
  const more = op.outputs.length > visible ? [`… ${op.outputs.length - visible} more`] : [];
  const shown = op.outputs.slice(0, visible).map((output) => `${valueText(output)}: ${specText(output.spec)}`);
  const results = [...shown, ...more].join(", ");
  const line = `${results || `%${op.name}`} = ${op.def.name}(${operandList})${attrList}`;
  const bodies = bodiesOf(op).map((body) => indented(functionText(body, visible)));
  return [line, ...bodies].join("\n");
}

const indented = (text: string): string => text.replace(/^/gm, "  ");

/** How many outputs are the user's: behind them stands what a gradient may need. */
const visibleOf = ({ attrs, outputs }: Operation): number => Number(attrs.visible ?? attrs.shared ?? outputs.length);

/** A function in the style of a compiler's intermediate representation; of its results the first ones. */
export function functionText(fn: GraphFunction, visible = fn.results.length): string {
  const params = fn.params.map((param) => `${valueText(param)}: ${specText(param.spec)}`).join(", ");
  const lines = [`function ${fn.name}(${params}) {`];
  for (const op of fn.ops) lines.push(indented(operationText(op)));
  for (const { variable, value } of fn.writes) lines.push(`  write ${valueText(variable)} = ${valueText(value)}`);
  if (fn.results.length > 0) {
    const hidden = fn.results.length > visible ? [`… ${fn.results.length - visible} more`] : [];
    lines.push(`  return ${[...fn.results.slice(0, visible).map(valueText), ...hidden].join(", ")}`);
  }
  lines.push("}");
  return lines.join("\n");
}

/** Every operation of a graph, a line each, with the user's line if asked for. */
export function graphText(graph: GraphBuilder, options: { readonly lines?: boolean } = {}): string {
  const texts = graph.operations.map(operationText);
  const width = Math.min(100, Math.max(0, ...texts.map((text) => text.length)));
  const body = graph.operations.map((op, i) =>
    options.lines ? `  ${texts[i]!.padEnd(width)}  // ${op.line ?? "?"}` : indented(texts[i]!),
  );
  return [`graph ${graph.name} {`, ...body, "}"].join("\n");
}
