// Takes out of what is published what only tests and generated documentation read: the `doc` of ops, functions and
// rules, and the `inputs` and `note` of examples, become empty. The `attrs` of examples stay, since forerun/files reads
// them; examples of ops without attributes go altogether. Lines stay where they are, so that source maps keep pointing
// at the right ones.
import ts from "typescript-5.9";

/** Folders of src whose records are stripped; the documentation of passes stays, since a trace shows it. */
const FOLDERS = ["ops/", "kernel/math/", "compiler/rules/"];

const nameOf = (property) =>
  ts.isPropertyAssignment(property) && ts.isIdentifier(property.name) ? property.name.text : undefined;

/** Texts written out in place, sums of them, and calls that make them; not a variable handed on. */
const isWrittenText = (node) =>
  ts.isStringLiteralLike(node) ||
  ts.isTemplateExpression(node) ||
  ts.isBinaryExpression(node) ||
  ts.isCallExpression(node);

/** Functions of ops/support.ts that make examples without attributes. */
const WITHOUT_ATTRIBUTES = new Set(["unaryExamples", "broadcastExamples"]);

/** Whether a value of `examples`, or an entry of it, is known to hold no attribute. */
function hasNoAttributes(node) {
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(hasNoAttributes);
  if (ts.isSpreadElement(node)) return hasNoAttributes(node.expression);
  if (ts.isCallExpression(node)) return WITHOUT_ATTRIBUTES.has(node.expression.text);
  if (!ts.isObjectLiteralExpression(node)) return false;
  const attrs = node.properties.find((property) => nameOf(property) === "attrs")?.initializer;
  return attrs !== undefined && ts.isObjectLiteralExpression(attrs) && attrs.properties.length === 0;
}

/** The pieces to replace in a program: where each starts and ends, and what stands there instead. */
function replacements(program) {
  const found = [];
  const replace = (node, text) => {
    found.push({ start: node.getStart(program), end: node.end, text }); // returns nothing: forEachChild stops at a value
  };
  const stripExample = (example) => {
    if (!ts.isObjectLiteralExpression(example)) return;
    for (const property of example.properties) {
      if (nameOf(property) === "inputs") replace(property.initializer, "[]");
      if (nameOf(property) === "note") replace(property.initializer, '""');
    }
  };
  const visit = (node) => {
    const name = nameOf(node);
    if (name === "doc" && isWrittenText(node.initializer)) return replace(node.initializer, '""');
    if (name === "examples" && hasNoAttributes(node.initializer)) return replace(node.initializer, "[]");
    if (name === "examples" && ts.isArrayLiteralExpression(node.initializer)) {
      return node.initializer.elements.forEach(stripExample);
    }
    ts.forEachChild(node, visit);
  };
  visit(program);
  return found;
}

/** The text of a module of src, named by its path there, without its documentation, line for line. */
export function stripText(module, text) {
  if (!FOLDERS.some((folder) => module.startsWith(folder))) return text;
  const program = ts.createSourceFile("module.ts", text, ts.ScriptTarget.ESNext, false, ts.ScriptKind.TS);
  let stripped = "";
  let at = 0;
  for (const { start, end, text: replacement } of replacements(program)) {
    const lineEnds = text.slice(start, end).replace(/[^\n]/g, "");
    stripped += text.slice(at, start) + replacement + lineEnds;
    at = end;
  }
  return stripped + text.slice(at);
}
