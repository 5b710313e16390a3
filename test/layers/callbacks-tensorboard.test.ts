/** The TensorBoard callback: what it writes is read back, tag by tag. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FileError, GraphError, NDArray } from "../../src/index.ts";
import { Dense, Dropout, input, sequential, TensorBoard } from "../../src/layers/index.ts";
import { EventWriter, MemorySink, type RecordedEvent, readEvents } from "../../src/tensorboard/index.ts";
import { Adam, exponentialDecay, SGD } from "../../src/train/index.ts";

const folder = mkdtempSync(join(tmpdir(), "forerun-tensorboard-"));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = (count: number, width: number): NDArray =>
  new NDArray(
    Float32Array.from({ length: count * width }, (_, i) => Math.sin(i)),
    [count, width],
    "float32",
  );
const [x, y] = [rows(6, 2), rows(6, 1)];
const regression = () => sequential([input([2]), new Dense(3, { activation: "relu" }), new Dropout(0.1), new Dense(1)]);

/** Every value as `tag step`, with its number if it is one. */
const valuesOf = (events: readonly RecordedEvent[]) =>
  events.flatMap(({ step, values }) => values.map((value) => ({ key: `${value.tag} ${step}`, value })));
const keysOf = (bytes: Uint8Array): readonly string[] => valuesOf(readEvents(bytes)).map(({ key }) => key);

function memory() {
  const sinks: Partial<Record<"train" | "validation", MemorySink>> = {};
  const open = (run: "train" | "validation"): EventWriter => {
    sinks[run] = new MemorySink();
    return new EventWriter(sinks[run]);
  };
  return { sinks, open };
}

describe("row 128: TensorBoard", () => {
  test("numbers of epochs of the two runs, with the tags of Keras, and the numbers of the history", async () => {
    const { sinks, open } = memory();
    const model = regression();
    model.compile({ optimizer: new SGD(0.25), loss: "meanSquaredError" });
    const { history } = await model.fit(x, y, {
      epochs: 2,
      verbose: 0,
      validationData: [x, y],
      callbacks: [new TensorBoard({ open, writeGraph: false })],
    });
    expect(keysOf(sinks.train!.bytes)).toEqual(
      [0, 1].flatMap((epoch) => [`epoch_loss ${epoch}`, `epoch_learning_rate ${epoch}`]),
    );
    expect(keysOf(sinks.validation!.bytes)).toEqual(
      [0, 1].flatMap((epoch) => [`evaluation_loss_vs_iterations ${epoch + 1}`, `epoch_loss ${epoch}`]),
    );
    const numbers = valuesOf(readEvents(sinks.train!.bytes)).map(({ value }) =>
      value.kind === "scalar" ? value.value : null,
    );
    expect(numbers).toEqual([history.loss![0], 0.25, history.loss![1], 0.25].map((value) => Math.fround(value!)));
  });

  test("histograms of all weights, every so many epochs; the graph with its scopes; numbers of batches", async () => {
    const { sinks, open } = memory();
    const model = regression();
    model.compile({
      optimizer: new Adam(exponentialDecay(0.1, { decaySteps: 3, decayRate: 0.5 })),
      loss: "meanSquaredError",
    });
    await model.fit(x, y, {
      epochs: 3,
      batchSize: 2,
      verbose: 0,
      callbacks: [new TensorBoard({ open, histogramFrequency: 2, updateFrequency: 2 })],
    });
    const events = readEvents(sinks.train!.bytes);
    const values = valuesOf(events);
    const histograms = values.filter(({ value }) => value.kind === "histogram");
    expect(histograms.map(({ key }) => key)).toEqual(
      [0, 2].flatMap((epoch) =>
        ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"].map((name) => `${name}/histogram ${epoch}`),
      ),
    );
    for (const { value } of histograms) {
      if (value.kind !== "histogram") continue;
      const count = value.buckets.reduce((sum, bucket) => sum + bucket.count, 0);
      expect(count).toBe(
        {
          "dense/kernel/histogram": 6,
          "dense/bias/histogram": 3,
          "dense_1/kernel/histogram": 3,
          "dense_1/bias/histogram": 1,
        }[value.tag],
      );
    }
    expect(values.map(({ key }) => key).filter((key) => key.startsWith("batch_"))).toEqual(
      [2, 4, 6, 8].map((step) => `batch_loss ${step}`),
    );
    const rates = values.flatMap(({ value }) =>
      value.tag === "epoch_learning_rate" && value.kind === "scalar" ? [value.value] : [],
    );
    expect(rates).toEqual([0.05, 0.025, 0.0125].map((rate) => expect.closeTo(rate, 6)));
    const graphs = events.filter(({ graph }) => graph);
    expect(graphs).toHaveLength(1);
    const names = graphs[0]!.graph!.map(({ name }) => name);
    expect(names.some((name) => name.includes("dense/"))).toBe(true);
    expect(names.some((name) => name.includes("dense_1/"))).toBe(true);
  });

  test("a folder, in Node: a file for each run, closed when training ends, whatever ends it", async () => {
    const model = regression();
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const logs = join(folder, "logs/first");
    const tensorboard = new TensorBoard(logs);
    await model.fit(x, y, { epochs: 1, verbose: 0, validationData: [x, y], callbacks: [tensorboard] });
    const bad = {
      onEpochEnd() {
        throw new Error("no more");
      },
    };
    await expect(model.fit(x, y, { verbose: 0, callbacks: [tensorboard, bad] })).rejects.toThrow("no more");
    await model.evaluate(x, y, { callbacks: [tensorboard] });
    expect(readdirSync(logs).sort()).toEqual(["train", "validation"]);
    expect(readdirSync(join(logs, "train"))).toHaveLength(2);
    const files = readdirSync(join(logs, "validation"));
    expect(files).toHaveLength(2);
    const found = files.map((name) => keysOf(readFileSync(join(logs, "validation", name))));
    expect(found).toContainEqual(["evaluation_loss_vs_iterations 1", "epoch_loss 0"]);
    expect(found).toContainEqual(["evaluation_loss_vs_iterations 2"]);
  });

  test("what can not be", async () => {
    expect(() => new TensorBoard({} as never)).toThrow(GraphError);
    expect(() => new TensorBoard("logs", { histogramFrequency: -1 })).toThrow(
      /^TensorBoard: histogramFrequency is -1\n[\s\S]*fix: /,
    );
    const model = regression();
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const [file] = readdirSync(join(folder, "logs/first/train"));
    const inFile = new TensorBoard(join(folder, "logs/first/train", file!));
    await expect(model.fit(x, y, { verbose: 0, callbacks: [inFile] })).rejects.toThrow(FileError);
  });
});
