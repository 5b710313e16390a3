/** How single operations and values are drawn, wherever they stand. */
import { specText } from "../core/shape.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import type { PictureEdge, PictureNode, Role } from "./picture.ts";
import { attributeLine, constantText, givenName, leafOf, shortened, titleOf, tooltipOf } from "./text.ts";

/** A value that is given from outside. */
export function paramNode(param: Tensor, isFetched: boolean): Omit<PictureNode, "id" | "frame"> {
  return {
    kind: "placeholder",
    role: "forward",
    title: shortened(leafOf(param.index === 0 ? param.op.name : param.name)),
    lines: [specText(param.spec)],
    tooltip: `fed: ${param.name}: ${specText(param.spec)}`,
    strong: isFetched,
    variable: null,
    writes: [],
    operations: 0,
  };
}

/** How an operation is drawn, wherever it stands. */
export function operationNode(
  op: Operation,
  role: Role,
  strong: boolean,
  more: readonly string[] = [],
): Omit<PictureNode, "id" | "frame"> {
  const { effect } = op.def;
  const spec = op.outputs[0] ? specText(op.outputs[0].spec) : "";
  const shared = { role, strong, tooltip: tooltipOf(op), variable: null, writes: [], operations: 1 };
  const value = { ...shared, operations: 0 };
  if (effect === "placeholder" || effect === "variable") {
    const variable = effect === "variable" ? op.name : null;
    return { ...value, kind: effect, variable, title: shortened(leafOf(op.name)), lines: [spec, ...more] };
  }
  if (effect === "constant") {
    return { ...value, kind: "constant", title: constantText(op), lines: [givenName(op) ?? "", spec, ...more] };
  }
  if (effect === "assign") {
    const variable = op.inputs[0]!.op.name;
    const lines = [`to ${shortened(variable)}`, ...more];
    return { ...shared, kind: "assign", title: "assign", writes: [variable], lines };
  }
  const lines = [shortened(givenName(op) ?? ""), attributeLine(op), ...more];
  return {
    ...shared,
    kind: effect === "group" ? "group" : "op",
    title: op.def.control ? op.def.name : titleOf(op),
    lines,
  };
}

/** A node whose value becomes the next value of a variable, without an `assign` of its own. */
export const writing = (node: PictureNode, variable: Tensor): PictureNode => ({
  ...node,
  lines: [...node.lines, `new ${shortened(variable.op.name)}`],
  writes: [...node.writes, variable.op.name],
});

export const writeEdge = (from: string, to: string, variable: Tensor): PictureEdge => ({
  from,
  to,
  label: "",
  tooltip: `new value of ${variable.op.name}, when the run ends`,
  kind: "write",
});
