import { child, type Node, nameOf, partOf, type RuleContext, type RuleModule } from "./eslint.ts";
import { tensorTest } from "./tensors.ts";

/** How an expression is used where JavaScript asks whether it is true. */
type Place = "if" | "while" | "for" | "choice" | "not" | "logical" | "boolean";

/** What to write in the place of each. */
const FIXES: Readonly<Record<Place, string>> = {
  if: "ask for its number, if (Number(x)), or let the graph choose: where(condition, a, b)",
  while: "ask for its number, while (Number(x)); in a graph the number of turns is decided while building",
  for: "ask for its number, Number(x); in a graph the number of turns is decided while building",
  choice: "use where(condition, a, b), or ask for its number: Number(x) ? a : b",
  not: "use logicalNot(x), or ask for its number: !Number(x)",
  logical: "use logicalAnd(a, b) or logicalOr(a, b), or ask for its number: Number(x)",
  boolean: "ask for its number: Boolean(Number(x))",
};

/**
 * Reports a tensor where JavaScript wants to know whether something is true: `if (x.greater(0))`, `t ? a : b`, `!t`,
 * `t && u`. An object is always true, so such a program runs, and does the wrong thing; no library can notice.
 */
export const noTensorCondition: RuleModule = {
  meta: {
    type: "problem",
    docs: { description: "disallow tensors as conditions of JavaScript: they are always true" },
    messages: Object.fromEntries(
      Object.entries(FIXES).map(([place, fix]) => [place, `A tensor is always true here: ${fix}.`]),
    ),
    schema: [],
  },
  create(given) {
    const context = given as RuleContext;
    const isTensor = tensorTest(context);
    /** Looks at what decides: the parts of `a && b` and of `c ? a : b`. What they ask themselves is met on its own. */
    const check = (node: Node | null, place: Place): void => {
      if (node === null) return;
      switch (node.type) {
        case "LogicalExpression":
          if (partOf(node, "operator") === "??") check(child(node, "left"), place);
          check(child(node, "right"), place);
          return;
        case "ConditionalExpression":
          check(child(node, "consequent"), place);
          check(child(node, "alternate"), place);
          return;
        case "SequenceExpression":
          check((partOf(node, "expressions") as readonly Node[]).at(-1)!, place);
          return;
        case "AssignmentExpression":
          check(child(node, "right"), place);
          return;
        case "TSAsExpression":
        case "TSNonNullExpression":
        case "TSSatisfiesExpression":
          check(child(node, "expression"), place);
          return;
        default:
          if (isTensor(node)) context.report({ node, messageId: place });
      }
    };
    const test = (place: Place) => (node: Node) => check(partOf(node, "test") as Node | null, place);
    return {
      IfStatement: test("if"),
      WhileStatement: test("while"),
      DoWhileStatement: test("while"),
      ForStatement: test("for"),
      ConditionalExpression: test("choice"),
      LogicalExpression: (node) => {
        if (partOf(node, "operator") !== "??") check(child(node, "left"), "logical");
      },
      UnaryExpression: (node) => {
        if (partOf(node, "operator") === "!") check(child(node, "argument"), "not");
      },
      CallExpression: (node) => {
        const [argument] = partOf(node, "arguments") as readonly Node[];
        if (nameOf(child(node, "callee")) === "Boolean") check(argument ?? null, "boolean");
      },
    };
  },
};
