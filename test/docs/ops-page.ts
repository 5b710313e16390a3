import { DTYPES } from "../../src/core/dtype.ts";
import type { OpCategory, OpDef, OpExample } from "../../src/graph/define.ts";
import { operationText } from "../../src/graph/print.ts";
import { OPS } from "../../src/ops/registry.ts";
import { buildOp } from "../support/run-op.ts";
import { type Cell, type Coverage, coverage, SCALAR } from "./coverage.ts";

const ORDER: readonly OpCategory[] = [
  "source",
  "state",
  "pointwise",
  "movement",
  "reduction",
  "contraction",
  "indexing",
  "neural",
  "loss",
  "random",
  "control",
];

const SIGNS: Readonly<Record<Cell["kind"], string>> = { runs: "●", refused: "·", fails: "HOLE" };
const GRADIENT_SIGNS: Readonly<Record<string, string>> = { yes: "●", "through parts": "●", zero: "0", none: "–" };

function matrixRow({ def, dtypes, lanes, first, second }: Coverage): string {
  const cells = DTYPES.map((dtype) => SIGNS[dtypes[dtype].kind]);
  const derivatives = [first, second].map((cell) => GRADIENT_SIGNS[cell] ?? "HOLE");
  return `| [${def.name}](#${def.name.toLowerCase()}) | ${[...cells, lanes ? "●" : SCALAR[def.name], ...derivatives].join(" | ")} |`;
}

/** The first example as the line it makes in a graph. */
function exampleText(def: OpDef, example: OpExample): string {
  if (example.inputs.length === 0 && def.effect) return "";
  return operationText(buildOp(def, example).op);
}

const HOW_GRADIENT: Readonly<Record<string, string>> = {
  zero: "0 wherever it exists.",
  none: "None: the op cuts the path of derivatives.",
  "through-bodies": "That of the functions it runs.",
  "via-decompose": "That of what it decomposes into.",
};

function section(def: OpDef): string {
  const [summary, ...more] = def.doc.split("\n");
  const operands =
    def.inputs === "many" ? "any number of operands" : def.inputs.map((name) => `\`${name}\``).join(", ");
  const gradient =
    typeof def.gradient === "string"
      ? HOW_GRADIENT[def.gradient]
      : "A rule of its own, made of ops: it can be differentiated again.";
  const meaning = def.compute
    ? "a formula per element"
    : def.kernel
      ? "loops"
      : def.decompose
        ? "other ops"
        : def.control
          ? "the functions it runs"
          : "the session";
  const [example] = def.examples;
  return [
    `### ${def.name}`,
    "",
    summary!,
    ...(more.length > 0 ? ["", ...more] : []),
    "",
    `Operands: ${operands || "none"}. Defined by ${meaning}. Derivative: ${gradient}`,
    ...(example && exampleText(def, example) ? ["", "```", exampleText(def, example), "```"] : []),
  ].join("\n");
}

/** `docs/ops.md`: the coverage matrix and every record. */
export function opsPage(): string {
  const table = coverage();
  const present = ORDER.filter((category) => OPS.some((def) => def.category === category));
  return [
    "# Ops",
    "",
    `All ${OPS.length} records, in the words of the records themselves. Written by \`npm run docs\`; a test fails when it is out of date.`,
    "",
    "## Coverage",
    "",
    "● the interpreter, JavaScript and WebAssembly give the same bits (for derivatives: they exist, to second order), ·",
    "refused by the op's own dtype rule with an error that says why, 0 the derivative is 0 wherever it exists, – the op has",
    "no derivative. Lanes: ● WebAssembly runs it with vectors, else the reason why it does not.",
    "There is no other kind of cell; a test fails if one appears.",
    "",
    `| op | ${DTYPES.join(" | ")} | lanes | gradient | second |`,
    `| --- |${" :-: |".repeat(DTYPES.length + 3)}`,
    ...table.map(matrixRow),
    "",
    ...present.flatMap((category) => [
      `## ${category[0]!.toUpperCase()}${category.slice(1)}`,
      "",
      ...OPS.filter((def) => def.category === category).flatMap((def) => [section(def), ""]),
    ]),
  ].join("\n");
}
