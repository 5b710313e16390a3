/**
 * For tests of exact error texts: a line number in a message changes with every edit above it, so a test marks the
 * line it means with a comment, `// [fetch]`, and the message is compared with `errors.test.ts[fetch]`.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Replaces `file.test.ts:line:column` by `file.test.ts[mark]`, or `[?]` where the line has no mark. */
export function markLines(text: string, file: URL | string): string {
  const path = fileURLToPath(file);
  const lines = readFileSync(path, "utf8").split("\n");
  const name = path.split("/").at(-1)!;
  const place = new RegExp(`\\S*${name.replaceAll(".", "\\.")}:(\\d+):\\d+`, "g");
  return text.replace(place, (_, line: string) => {
    const mark = /\/\/ \[(.+)\]$/.exec(lines[Number(line) - 1] ?? "");
    return `${name}[${mark?.[1] ?? "?"}]`;
  });
}

/** The message of what `act` throws, with marks in the place of line numbers. */
export function messageOf(act: () => unknown, file: URL | string): string {
  try {
    act();
  } catch (error) {
    return markLines(error instanceof Error ? error.message : String(error), file);
  }
  throw new Error("Nothing was thrown.");
}
