/** `forerun/lint`: what it reports, with types and without, and that ESLint takes it as a plugin. */
import { type ESLint, Linter } from "eslint";
import { describe, expect, expectTypeOf, test } from "vitest";
import * as functional from "../../src/functional.ts";
import plugin from "../../src/lint/index.ts";
import { TENSOR_FUNCTIONS } from "../../src/lint/tensors.ts";
import { OPS } from "../../src/ops/registry.ts";
import { typedParser } from "./typed-parser.ts";

const recommended: Linter.Config = plugin.configs.recommended;

/** Problems as `line: part of the text`, lines counted from 1. */
function problems(code: string, parser?: Linter.Parser): string[] {
  const languageOptions = parser ? { parser } : {};
  const found = new Linter().verify(code, [{ ...recommended, languageOptions }]);
  return found.map(({ line, column, endColumn, message, ruleId }) => {
    if (ruleId === null) throw new Error(message);
    return `${line}: ${code.split("\n")[line - 1]!.slice(column - 1, endColumn! - 1)}`;
  });
}

const firstMessage = (code: string): string | undefined => new Linter().verify(code, [recommended])[0]?.message;

test("ESLint's types take the plugin", () => {
  expectTypeOf(recommended).toExtend<Linter.Config>();
  const asPlugin: Partial<ESLint.Plugin> = { meta: plugin.meta };
  expect(asPlugin.meta?.name).toBe("forerun");
  expect(recommended.rules).toEqual({ "forerun/no-tensor-condition": "error" });
});

describe("without types: what a call of a comparison gives", () => {
  test("in every place where JavaScript asks for truth", () => {
    const code = `import { greater, logicalAnd } from "forerun";
import * as tf from "forerun/tf1";
if (greater(x, 0)) run();
while (tf.less(x, 1)) run();
do run(); while (x.lessEqual(1));
for (; x.notEqual(y); ) run();
const a = x.equal(y) ? 1 : 2;
const b = !logicalAnd(x, y);
const c = greater(x, 0) && run();
const d = x.greater(0) || run();
const e = Boolean(greater(x, y));
if (ready && greater(x, 0)) run();
if (ready ? greater(x, 0) : false) run();
if (!(ready || greater(x, 0))) run();
if ((run(), greater(x, 0))) run();
if ((last = greater(x, 0))) run();
if (found ?? greater(x, 0)) run();`;
    expect(problems(code)).toEqual([
      "3: greater(x, 0)",
      "4: tf.less(x, 1)",
      "5: x.lessEqual(1)",
      "6: x.notEqual(y)",
      "7: x.equal(y)",
      "8: logicalAnd(x, y)",
      "9: greater(x, 0)",
      "10: x.greater(0)",
      "11: greater(x, y)",
      "12: greater(x, 0)",
      "13: greater(x, 0)",
      "14: greater(x, 0)",
      "15: greater(x, 0)",
      "16: greater(x, 0)",
      "17: greater(x, 0)",
    ]);
  });

  test("through constants, and under another name", () => {
    const code = `import { greater as above } from "forerun/functional";
import { tensor } from "forerun/eager";
const t = tensor(1);
const positive = above(t, 0);
const again = positive;
if (positive) run();
if (again) run();
if (t) run();
function inner() { return again ? 1 : 2; }`;
    expect(problems(code)).toEqual(["6: positive", "7: again", "8: t", "9: again"]);
  });

  test("not what asks for the number, and not what is something else", () => {
    const code = `import { greater, where } from "forerun";
import { equal } from "node:assert";
if (Number(greater(x, 0))) run();
if (greater(x, 0).item()) run();
const a = where(greater(x, 0), x, y);
const b = ready && greater(x, 0);
const c = found ?? greater(x, 0);
if (equal(x, y)) run();
let later = greater(x, 0);
if (later) run();
{ const greater = (a, b) => a > b; if (greater(x, 0)) run(); }
if (x["greater"](0)) run();
for (;;) run();
if (Boolean()) run();`;
    expect(problems(code)).toEqual([]);
  });

  test("nothing in files that do not import from forerun", () => {
    expect(problems("if (x.greater(0)) run();")).toEqual([]);
    expect(problems('import { greater } from "lodash"; if (greater(x, 0) || x.less(1)) run();')).toEqual([]);
  });

  test("it knows every op that gives booleans, by its name", () => {
    const graph = new functional.Graph();
    const names = OPS.filter(({ effect }) => !effect).flatMap((op) => {
      const [example] = op.examples;
      if (!example || !(op.name in functional)) return [];
      const inputs = example.inputs.map(({ shape, dtype }) => graph.placeholder("x", shape, { dtype }));
      return graph.apply(op, inputs, example.attrs).outputs[0]?.dtype === "bool" ? [op.name] : [];
    });
    expect(names.filter((name) => !TENSOR_FUNCTIONS.has(name))).toEqual([]);
  });
});

test("the messages say what to write", () => {
  const code = (statement: string): string => `import { greater } from "forerun"; ${statement}`;
  expect(firstMessage(code("if (greater(x, 0)) run();"))).toBe(
    "A tensor is always true here: ask for its number, if (Number(x)), or let the graph choose: where(condition, a, b).",
  );
  expect(firstMessage(code("const a = greater(x, 0) ? 1 : 2;"))).toBe(
    "A tensor is always true here: use where(condition, a, b), or ask for its number: Number(x) ? a : b.",
  );
  expect(firstMessage(code("const a = !greater(x, 0);"))).toBe(
    "A tensor is always true here: use logicalNot(x), or ask for its number: !Number(x).",
  );
  expect(firstMessage(code("const a = greater(x, 0) && run();"))).toBe(
    "A tensor is always true here: use logicalAnd(a, b) or logicalOr(a, b), or ask for its number: Number(x).",
  );
});

describe("with types", () => {
  test("every tensor, wherever it comes from, and nothing else", { timeout: 60_000 }, () => {
    const code = `import { add, Graph, where } from "../../src/index.ts";
import { tensor, variable } from "../../src/eager/index.ts";
const graph = new Graph();
const x = graph.placeholder("x");
let t = tensor(1.5);
const w = variable(2);
const maybe = Number(t) > 1 ? t : null;
const mixed = Number(t) > 1 ? t : 1;
if (add(x, 1)) t = tensor(2.5);
while (t) t = tensor(2.5);
const a = w ? 1 : 2;
const b = !x.greater(0);
if (maybe) t = maybe;
if (mixed) t = tensor(2.5);
if (Number(t)) t = tensor(2.5);
if (graph.has("x") && t.item() > 0) t = tensor(2.5);
/** @template {import("../../src/index.ts").Tensor} T @param {T} y */
function generic(y) { return y ? 1 : 2; }
/** @param {import("../../src/index.ts").Tensor | import("../../src/index.ts").Variable} y */
function either(y) { return y || 2; }
const c = where(x.greater(0), x, 1);`;
    expect(problems(code, typedParser)).toEqual([
      "9: add(x, 1)",
      "10: t",
      "11: w",
      "12: x.greater(0)",
      "18: y",
      "20: y",
    ]);
  });
});
