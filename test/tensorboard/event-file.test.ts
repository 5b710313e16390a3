import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileError } from "../../src/core/errors.ts";
import { openEventFile } from "../../src/node/index.ts";
import { readEvents } from "../../src/tensorboard/index.ts";

const folder = mkdtempSync(join(tmpdir(), "event-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("row 128: a file in a folder, which TensorBoard finds by its name", () => {
  const train = join(folder, "run", "train");
  const options = { clock: () => 1_700_000_000.25, host: "laptop" };
  const writer = openEventFile(train, options);
  const other = openEventFile(train, options);
  const names = readdirSync(train);
  expect(names).toHaveLength(2);
  for (const name of names) expect(name).toMatch(/^events\.out\.tfevents\.1700000000\.laptop\.\d+\.\d+\.v2$/);

  writer.scalar("epoch_loss", 0.5, 0);
  // Before the end of the file, and without a flush: TensorBoard reads along.
  const whole = names.map((name) => readFileSync(join(train, name))).find((bytes) => bytes.length > 40)!;
  expect(readEvents(whole).map(({ values }) => values.map(({ tag }) => tag))).toEqual([[], ["epoch_loss"]]);
  writer.flush();
  writer.close();
  other.close();
});

test("a folder that is none", () => {
  const path = join(folder, "occupied");
  writeFileSync(path, "");
  expect(() => openEventFile(path)).toThrow(FileError);
  expect(() => openEventFile(path)).toThrow(
    /^openEventFile: .*occupied.* can not be written\n {2}.*\nat .*event-file\.test\.ts.*\nfix: make sure that the folder/,
  );
});
