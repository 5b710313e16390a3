/** Training in a page: `fit` lets others have their turn, and ends with the bits of Node. */

import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dense, Dropout, input, sequential } from "../../src/layers/index.ts";
import { NDArray } from "../../src/runtime/ndarray.ts";
import { chromiumPath } from "../package/browser.ts";
import { LONG, longestTask } from "../remote/trace.ts";
import { projectRoot } from "../support/source-files.ts";

const BEGIN = "plans are compiled";

/** What the page runs too: the same text, so that it is the same program. */
async function train(
  library: {
    Dense: typeof Dense;
    Dropout: typeof Dropout;
    input: typeof input;
    sequential: typeof sequential;
    NDArray: typeof NDArray;
  },
  mark: () => void,
): Promise<number[]> {
  const samples = 2000;
  const pixels = Float32Array.from({ length: samples * 784 }, (_, i) => ((i * 2654435761) % 1000) / 1000);
  const x = new library.NDArray(pixels, [samples, 784], "float32");
  const y = new library.NDArray(
    Int32Array.from({ length: samples }, (_, i) => i % 10),
    [samples],
    "int32",
  );
  const network = library.sequential([
    library.input([784]),
    new library.Dense(64, { activation: "relu" }),
    new library.Dropout(0.2),
    new library.Dense(10, { activation: "softmax" }),
  ]);
  network.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  await network.fit(x, y, { verbose: 0 });
  mark();
  await network.fit(x, y, { epochs: 10, verbose: 0 });
  return network.variables.flatMap(({ data }) => Array.from(data.subarray(0, 50)));
}

describe.skipIf(chromiumPath === null)(`a page${chromiumPath ? "" : " (no browser here: skipped)"}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(() => browser?.close());

  test("fit trains to the bits of Node, and no task is long once plans are compiled", async () => {
    const program = `
      import * as layers from "./src/layers/index.ts";
      import { NDArray } from "./src/runtime/ndarray.ts";
      const mark = () => performance.mark(${JSON.stringify(BEGIN)});
      (${String(train)})({ ...layers, NDArray }, mark).then(
        (found) => { globalThis.found = { found }; },
        (error) => { globalThis.found = { error: String(error) }; },
      );`;
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: projectRoot, loader: "js" },
      bundle: true,
      write: false,
      format: "iife",
      target: "es2022",
      logLevel: "error",
    });
    const page = await browser.newPage();
    await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "blink.user_timing"] });
    await page.addScriptTag({ content: outputFiles[0]!.text });
    await page.waitForFunction("globalThis.found", null, { timeout: 60_000 });
    const { found, error } = (await page.evaluate("globalThis.found")) as { found: number[]; error?: string };
    const task = longestTask((await browser.stopTracing()).toString(), BEGIN);
    await page.close();
    expect(error).toBeUndefined();
    expect(found).toEqual(await train({ Dense, Dropout, input, sequential, NDArray }, () => {}));
    // Only the time on the processor is the page's own fault: other programs run on the same machine.
    console.log(`fit: no task above ${task.toFixed(1)} ms`);
    expect(task).toBeLessThan(LONG);
  });
});
