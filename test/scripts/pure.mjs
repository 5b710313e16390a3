// Marks in what is published what a bundler may leave out if nobody uses it. A record such as
// `export const relu = defineOp({ … })` is the result of a call, and a bundler must keep every call that might do
// something; so one function of a module would bring all its records along. No module of src does anything at its top
// level but make values (those listed under "sideEffects" in package.json aside), which is what `/* @__PURE__ */` says.
// It covers a call but not its operands (a spread, the value of a property), so the whole value becomes one call:
//
//     export const relu = defineOp({ ...pointwise, … });
//     export const relu = /* @__PURE__ */ (() => defineOp({ ...pointwise, … }))();
//
// Lines stay where they are, so that source maps keep pointing at the right ones.
import ts from "typescript-5.9";

/** Whether a bundler could think that computing `node` does something: functions in it are made, not run. */
function looksActive(node) {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isTemplateExpression(node)) return true;
  if (ts.isSpreadElement(node) || ts.isSpreadAssignment(node)) return true;
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return true;
  return ts.forEachChild(node, looksActive) ?? false;
}

/** The values of constants at the top level that are to be wrapped. */
function activeValues(program) {
  const found = [];
  for (const statement of program.statements) {
    if (!ts.isVariableStatement(statement) || !(statement.declarationList.flags & ts.NodeFlags.Const)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (!initializer) continue;
      // `const [a, b] = [f(1), f(2)]` can go if both elements can.
      const parts = ts.isArrayBindingPattern(name) && ts.isArrayLiteralExpression(initializer);
      for (const value of parts ? initializer.elements : [initializer]) if (looksActive(value)) found.push(value);
    }
  }
  return found;
}

/** The text of a module with its values marked, line for line. */
export function markText(text) {
  const program = ts.createSourceFile("module.ts", text, ts.ScriptTarget.ESNext, false, ts.ScriptKind.TS);
  let marked = "";
  let at = 0;
  for (const value of activeValues(program)) {
    const start = value.getStart(program);
    const body = text.slice(start, value.end);
    // Arrow functions take a brace for the start of their statements.
    const expression = body.startsWith("{") ? `(${body})` : body;
    marked += `${text.slice(at, start)}/* @__PURE__ */ (() => ${expression})()`;
    at = value.end;
  }
  return marked + text.slice(at);
}
