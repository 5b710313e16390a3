/** Reads TypeScript sources as text for the tests that watch over them: no compiler, just imports and comments. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

export interface Import {
  readonly specifier: string;
  /** `import type` and `export type`; what they name is gone when the program runs. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface SourceFile {
  /** Relative to the project, with forward slashes: `src/core/shape.ts`. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments blanked out; every character keeps its place. */
  readonly code: string;
  /** `code` with the contents of strings blanked out too, except what templates interpolate. */
  readonly bareCode: string;
  readonly imports: readonly Import[];
}

/** All TypeScript files below a folder of the project, sorted by path. */
export function readSourceFiles(folder: string): SourceFile[] {
  let entries: string[];
  try {
    entries = readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return []; // The folder is not there yet.
  }
  return entries
    .filter((entry) => entry.endsWith(".ts"))
    .map((entry) => `${folder}/${entry.replaceAll("\\", "/")}`)
    .sort()
    .map((path) => parseSource(path, readFileSync(join(projectRoot, path), "utf8")));
}

export function parseSource(path: string, text: string): SourceFile {
  const { code, bareCode } = blankOut(text);
  return { path, text, code, bareCode, imports: findImports(code, bareCode) };
}

/** The path that a relative import of `file` names, or null for a package. */
export function resolveImport(file: SourceFile, specifier: string): string | null {
  return specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : null;
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

// A statement may span lines, but never holds a quote or a semicolon before its module name.
const statement = /(?<![\w$.])(?:import|export)\s+(type\s+(?!from\b))?(?:[^;"'`()=]*?\bfrom\s*)?(["'])/g;
const call = /(?<![\w$.])import\s*\(\s*(["'])/g;

function findImports(code: string, bareCode: string): Import[] {
  const imports: Import[] = [];
  const add = (match: RegExpMatchArray, typeOnly: boolean) => {
    const start = match.index! + match[0].length;
    const specifier = code.slice(start, code.indexOf(match[0].at(-1)!, start));
    imports.push({ specifier, typeOnly, line: lineOf(code, match.index!) });
  };
  for (const match of bareCode.matchAll(statement)) add(match, match[1] !== undefined);
  for (const match of bareCode.matchAll(call)) add(match, false);
  return imports;
}

const lexeme = new RegExp(
  [
    /\/\/.*/,
    /\/\*[\s\S]*?\*\//,
    /"(?:\\[\s\S]|[^"\\\n])*"/,
    /'(?:\\[\s\S]|[^'\\\n])*'/,
    /`/,
    /[{}]/,
    // A slash begins a regular expression where no operand stands before it.
    /(?<=(?:[(,=:[!&|?{};+\-*%<>~^]|=>|\breturn|^)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])*\//,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);
const restOfTemplate = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;

function blankOut(text: string): { code: string; bareCode: string } {
  const blank = (part: string) => part.replace(/[^\n]/g, " ");
  let code = "";
  let bareCode = "";
  let end = 0;
  const openBraces: ("{" | "${")[] = [];
  const emit = (upTo: number, inCode: (part: string) => string, inBareCode: (part: string) => string) => {
    const part = text.slice(end, upTo);
    code += inCode(part);
    bareCode += inBareCode(part);
    end = upTo;
  };
  const keep = (part: string) => part;
  const blankInside = (part: string) => part[0] + blank(part.slice(1, -1)) + part.at(-1);
  const template = () => {
    restOfTemplate.lastIndex = end;
    const [part] = restOfTemplate.exec(text) ?? [text.slice(end)];
    const delimiter = part.endsWith("${") ? "${" : "`";
    if (delimiter === "${") openBraces.push(delimiter);
    emit(end + part.length, keep, (rest) => blank(rest.slice(0, -delimiter.length)) + delimiter);
  };
  while (end < text.length) {
    lexeme.lastIndex = end;
    const match = lexeme.exec(text);
    emit(match?.index ?? text.length, keep, keep);
    if (match === null) break;
    const [found] = match;
    const after = end + found.length;
    if (found === "`" || found === "{" || found === "}") {
      emit(after, keep, keep);
      if (found === "{") openBraces.push("{");
      if (found === "`" || (found === "}" && openBraces.pop() === "${")) template();
    } else if (found.startsWith("//") || found.startsWith("/*")) {
      emit(after, blank, blank);
    } else {
      emit(after, keep, blankInside);
    }
  }
  return { code, bareCode };
}
