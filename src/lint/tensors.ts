import {
  child,
  type Definition,
  type Node,
  nameOf,
  partOf,
  type RuleContext,
  type Scope,
  type Type,
} from "./eslint.ts";

/** True if an expression is a tensor, as far as one knows. */
export type TensorTest = (node: Node) => boolean;

/** With types, where the parser has them; by what is written otherwise. */
export function tensorTest(context: RuleContext): TensorTest {
  const services = context.sourceCode.parserServices;
  if (!services?.program || !services.getTypeAtLocation) return bySyntax(context);
  return (node) => isTensorType(services.getTypeAtLocation!(node));
}

// ── by type ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a tensor has and nothing else has together. Names of classes would be lost where code is renamed. */
const MEMBERS = ["op", "index", "spec", "dtype", "graph"];

/** `Tensor | null` is not one: there a condition asks whether there is a tensor at all. */
function isTensorType(type: Type): boolean {
  const actual = type.getConstraint?.() ?? type;
  if (actual.isUnion()) return (actual.types ?? []).every(isTensorType);
  return MEMBERS.every((name) => actual.getProperty(name));
}

// ── by syntax ────────────────────────────────────────────────────────────────────────────────────────────────────

const COMPARISONS = ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"];
/** Functions whose tensors look like conditions, or that are the first a beginner meets. */
export const TENSOR_FUNCTIONS: ReadonlySet<string> = new Set([
  ...COMPARISONS,
  ...["logicalAnd", "logicalOr", "logicalXor", "logicalNot", "isNaN", "isInf", "isFinite", "any", "all"],
  ...["tensor", "variable", "constant", "placeholder", "Variable"],
]);
/** Methods of tensors that nothing else is likely to have. */
const TENSOR_METHODS: ReadonlySet<string> = new Set(COMPARISONS);

const PACKAGE = /^forerun(?:\/|$)/;

/** Knows calls of functions imported from forerun, methods in files that import from it, and constants of such. */
function bySyntax({ sourceCode }: RuleContext): TensorTest {
  const imports = (partOf(sourceCode.ast, "body") as readonly Node[]).some(isOurImport);
  const test = (node: Node, depth = 0): boolean => {
    if (node.type === "Identifier") {
      const initial = initialOf(definitionOf(node, sourceCode.getScope(node)));
      return initial !== null && depth < 10 && test(initial, depth + 1);
    }
    if (node.type !== "CallExpression") return false;
    const callee = child(node, "callee");
    if (callee.type === "Identifier") {
      const name = importedName(callee, sourceCode.getScope(callee));
      return name !== null && TENSOR_FUNCTIONS.has(name);
    }
    if (callee.type !== "MemberExpression" || partOf(callee, "computed")) return false;
    const method = nameOf(child(callee, "property")) ?? "";
    const object = child(callee, "object");
    if (isNamespace(object, sourceCode.getScope(object))) return TENSOR_FUNCTIONS.has(method);
    return TENSOR_METHODS.has(method);
  };
  return imports ? (node) => test(node) : () => false;
}

const isOurImport = (statement: Node | null | undefined): boolean =>
  statement?.type === "ImportDeclaration" && PACKAGE.test(String(partOf(child(statement, "source"), "value")));

/** The one place that defines a name. */
function definitionOf(identifier: Node, from: Scope): Definition | null {
  for (let scope: Scope | null = from; scope; scope = scope.upper) {
    const variable = scope.set.get(nameOf(identifier) ?? "");
    if (variable) return variable.defs.length === 1 ? variable.defs[0]! : null;
  }
  return null;
}

/** What a constant is set to; null for all other names. */
function initialOf(definition: Definition | null): Node | null {
  if (definition?.type !== "Variable" || !definition.parent || partOf(definition.parent, "kind") !== "const")
    return null;
  return nameOf(child(definition.node, "id")) === null ? null : (partOf(definition.node, "init") as Node | null);
}

/** What a name is called in forerun, if it comes from there: `greater` of `import { greater as above } from …`. */
function importedName(identifier: Node, scope: Scope): string | null {
  const definition = definitionOf(identifier, scope);
  if (!definition || !isOurImport(definition.parent) || definition.node.type !== "ImportSpecifier") return null;
  return nameOf(child(definition.node, "imported"));
}

function isNamespace(object: Node, scope: Scope): boolean {
  const definition = definitionOf(object, scope);
  return definition?.node.type === "ImportNamespaceSpecifier" && isOurImport(definition.parent);
}
