// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts here are sources, templates included
import { expect, test } from "vitest";
import { parseSource } from "./source-files.ts";

const parse = (...lines: string[]) => parseSource("src/core/example.ts", lines.join("\n"));

test("imports are found in every form, with their line", () => {
  const { imports } = parse(
    'import "./effect.ts";',
    'import { a, type B } from "./a.ts";',
    "import type {",
    "  C,",
    "} from './c.ts';",
    'export * from "./d.ts";',
    'export type { E } from "./e.ts";',
    'import * as f from "./f.ts";',
    'const g = await import("./g.ts");',
    'import type from "./h.ts";',
  );
  expect(imports.map(({ specifier, typeOnly, line }) => `${line} ${specifier}${typeOnly ? " (type)" : ""}`)).toEqual([
    "1 ./effect.ts",
    "2 ./a.ts",
    "3 ./c.ts (type)",
    "6 ./d.ts",
    "7 ./e.ts (type)",
    "8 ./f.ts",
    "10 ./h.ts",
    "9 ./g.ts",
  ]);
});

test("what only looks like an import is none", () => {
  const { imports } = parse(
    '// import { a } from "./a.ts";',
    '/* export * from "./b.ts"; */',
    "const text = 'import \"./c.ts\"';",
    'export const from = "./d.ts";',
    'export function f(from = "./e.ts") {}',
    'text.import("./f.ts");',
  );
  expect(imports).toEqual([]);
});

test("comments are blanked, strings that look like comments are not", () => {
  const lines = [
    'const url = "http://a"; // b',
    '/* c */ const d = /[/*]"/ /* e */;',
    "const f = `// ${/* g */ `// ${h}`} //`;",
  ];
  const { code } = parse(...lines);
  expect(code.split("\n").map((line) => line.trimEnd())).toEqual([
    'const url = "http://a";',
    '        const d = /[/*]"/        ;',
    "const f = `// ${        `// ${h}`} //`;",
  ]);
  expect(code.length).toBe(lines.join("\n").length);
});

test("bare code has no text of strings but what templates interpolate", () => {
  expect(parse("f('any', `any ${any} any`, a / b, c / 'any');").bareCode).toBe(
    "f('   ', `    ${any}    `, a / b, c / '   ');",
  );
});
