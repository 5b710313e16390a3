/**
 * The Keras programs of the slides, samples/seed/keras-*.ts: each prints what is committed beside it, to the letter,
 * losses and accuracies too. UPDATE_SAMPLES=1 writes the texts anew.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const folder = new URL("../../samples/seed/", import.meta.url);
const programs = readdirSync(folder).filter((file) => /^keras-.*\.ts$/.test(file) && file !== "keras-data.ts");
const tsx = fileURLToPath(new URL("../../node_modules/tsx/dist/cli.mjs", import.meta.url));

function output(program: string): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [tsx, fileURLToPath(new URL(program, folder))], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}
const textOf = (program: string): URL => new URL(program.replace(/ts$/, "txt"), folder);
const committed = (program: string): string => readFileSync(textOf(program), "utf8").replaceAll("\r\n", "\n");

describe("rows 100 to 138: the programs of the slides", () => {
  test.each(programs)("%s prints what is committed beside it", { timeout: 60_000 }, (program) => {
    const text = output(program);
    if (process.env.UPDATE_SAMPLES === "1") writeFileSync(textOf(program), text);
    expect(text).toBe(committed(program));
  });

  test("row 101: the functional program trains to the numbers of the sequential one", () => {
    const numbers = (program: string) => committed(program).match(/^loss=.*$/gm);
    expect(numbers("keras-functional.ts")).toHaveLength(2);
    expect(numbers("keras-functional.ts")).toEqual(numbers("keras-sequential.ts"));
  });

  test("every Keras slide with code has its program", () => {
    const slides = ["compile", "custom-layer", "custom-model", "fit", "functional", "gradient-tape", "sequential"];
    expect(programs).toEqual([...slides, "train-on-batch"].sort().map((slide) => `keras-${slide}.ts`));
  });
});
