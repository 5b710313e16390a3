/**
 * A parser with type information, in the place of typescript-eslint's, which does not run on the compiler this project
 * is built with: ESLint's own parser, and the types that TypeScript 5.9 finds at the same places of the text.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Linter } from "eslint";
import ts from "typescript-5.9";
import { projectRoot } from "../support/source-files.ts";

interface Espree {
  parse(code: string, options: object): unknown;
}
const here = createRequire(import.meta.url);
const espree = createRequire(here.resolve("eslint"))("espree") as Espree;

/** Where the text seems to lie, so that its imports find the sources. */
const file = join(projectRoot, "test/lint/typed.js");

function programOf(code: string): ts.Program {
  const options: ts.CompilerOptions = {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    strict: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2022.d.ts", "lib.esnext.disposable.d.ts"],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, code, ts.ScriptTarget.ES2022, true) : getSourceFile(name, ...rest);
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? code : readFile(name));
  return ts.createProgram([file], options, host);
}

/** The innermost node of the compiler's tree that covers exactly these characters. */
function nodeAt(source: ts.SourceFile, [start, end]: readonly [number, number]): ts.Node {
  let found: ts.Node = source;
  const visit = (node: ts.Node): void => {
    if (node.getStart(source) > start || node.end < end) return;
    if (node.getStart(source) === start && node.end === end) found = node;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

export const typedParser: Linter.Parser = {
  parseForESLint(code: string) {
    const ast = espree.parse(code, {
      ...{ ecmaVersion: 2022, sourceType: "module", range: true, loc: true, tokens: true, comment: true },
    });
    const program = programOf(code);
    const source = program.getSourceFile(file)!;
    const getTypeAtLocation = (node: { readonly range: readonly [number, number] }): ts.Type =>
      program.getTypeChecker().getTypeAtLocation(nodeAt(source, node.range));
    return { ast, services: { program, getTypeAtLocation } };
  },
};
