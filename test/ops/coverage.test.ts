import { expect, test } from "vitest";
import { COVERED, coverage, SCALAR } from "../docs/coverage.ts";

const table = coverage();

test("op × dtype × backend × gradient × second gradient has no hole", () => {
  const holes = table.flatMap(({ def, dtypes, first, second }) => [
    ...Object.entries(dtypes).flatMap(([dtype, cell]) =>
      cell.kind === "fails" ? [`${def.name} ${dtype}: ${cell.why}`] : [],
    ),
    ...[first, second].filter((cell) => cell.startsWith("fails")).map((cell) => `${def.name}: ${cell}`),
  ]);
  expect(holes).toEqual([]);
  const cells = table.flatMap(({ dtypes }) => Object.values(dtypes));
  const count = (kind: string) => cells.filter((cell) => cell.kind === kind).length;
  console.log(
    `coverage: ${COVERED.length} ops, ${count("runs")} dtype cells run, ${count("refused")} are refused with a reason`,
  );
});

test("what a dtype rule refuses it refuses with a reason", () => {
  for (const { dtypes } of table) {
    for (const cell of Object.values(dtypes)) if (cell.kind === "refused") expect(cell.why).toMatch(/^\w+: \S+/);
  }
});

test("WebAssembly runs every op in lanes, but for those with a declared reason", () => {
  const scalar = table.filter(({ lanes }) => !lanes).map(({ def }) => def.name);
  expect(scalar.sort()).toEqual(Object.keys(SCALAR).sort());
});
