import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GraphError } from "../../src/core/errors.ts";
import { EventWriter, histogramOf, MemorySink, readEvents, type SummaryValue } from "../../src/tensorboard/index.ts";
import { exampleEvents, oracles, PNG_FILES, series } from "./example.ts";

type Element = number | string;

/** What read-events.py stores: how TensorFlow reads `example.v2`. */
interface Oracle {
  readonly events: readonly {
    readonly wallTime: number;
    readonly step: number;
    readonly fileVersion: string;
    readonly values: readonly OracleValue[];
    readonly graph: OracleGraph | null;
  }[];
  readonly accumulated: { readonly graph: boolean; readonly nodes: number; readonly plugins: Record<string, string[]> };
  readonly histograms: Readonly<Record<string, readonly (readonly number[])[]>>;
}
interface OracleValue {
  readonly tag: string;
  readonly plugin: string;
  readonly description: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly elements: readonly Element[];
}
interface OracleGraph {
  readonly node: readonly OracleNode[];
  readonly library: { readonly function: readonly { readonly signature: { readonly name: string } }[] };
}
interface OracleNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Readonly<Record<string, unknown>>;
}

const oracle = JSON.parse(readFileSync(`${oracles}example.json`, "utf8")) as Oracle;
const written = exampleEvents();
const read = readEvents(written);

const numberOf = (element: Element): number =>
  typeof element === "number" ? element : ({ inf: Number.POSITIVE_INFINITY }[element] ?? Number.NaN);
const bytesOf = (element: Element | undefined): Uint8Array => new Uint8Array(Buffer.from(String(element), "base64"));
const textOf = (element: Element | undefined): string => new TextDecoder().decode(bytesOf(element));

/** What TensorFlow read, as `readEvents` says it. */
function expectedValue({ tag, plugin, description, elements, shape }: OracleValue): SummaryValue {
  switch (plugin) {
    case "scalars":
      return { tag, description, kind: "scalar", value: numberOf(elements[0]!) };
    case "histograms": {
      const rows = Array.from({ length: shape[0]! }, (_, i) => elements.slice(3 * i, 3 * i + 3).map(numberOf));
      const buckets = rows.map(([left, right, count]) => ({ left: left!, right: right!, count: count! }));
      return { tag, description, kind: "histogram", buckets };
    }
    case "text":
      return { tag, description, kind: "text", text: textOf(elements[0]) };
    default: {
      const [width, height, ...images] = elements;
      const size = { width: Number(textOf(width)), height: Number(textOf(height)) };
      return { tag, description, kind: "image", ...size, images: images.map(bytesOf) };
    }
  }
}

describe("row 128: event files", () => {
  test("the file is, byte for byte, the one that TensorFlow read", () => {
    expect(Buffer.from(written).equals(readFileSync(`${oracles}example.v2`))).toBe(true);
  });

  test("TensorFlow reads every event: times, steps, tags, tensors", () => {
    expect(read.map(({ wallTime, step }) => [wallTime, step])).toEqual(
      oracle.events.map(({ wallTime, step }) => [wallTime, step]),
    );
    expect(read.map(({ fileVersion }) => fileVersion ?? "")).toEqual(
      oracle.events.map(({ fileVersion }) => fileVersion),
    );
    expect(read.map(({ values }) => values)).toEqual(oracle.events.map(({ values }) => values.map(expectedValue)));
  });

  test("TensorFlow reads what was meant", () => {
    const values = oracle.events.flatMap(({ values }) => values);
    const scalars = values.filter(({ tag }) => tag === "epoch_loss");
    expect(scalars.map(({ dtype, shape }) => [dtype, shape])).toEqual(Array(4).fill(["float32", []]));
    expect(scalars.map(({ elements }) => numberOf(elements[0]!))).toEqual([1, 0.5, Math.fround(1 / 3), Number.NaN]);
    const histograms = values.filter(({ tag }) => tag === "dense/kernel");
    expect(histograms.map(({ dtype, shape }) => [dtype, shape])).toEqual(Array(3).fill(["float64", [30, 3]]));
    const text = values.find(({ tag }) => tag === "notes")!;
    expect([text.dtype, text.shape, textOf(text.elements[0])]).toEqual([
      "string",
      [],
      "**learning rate** 0.001, η → 0",
    ]);
    const image = values.find(({ tag }) => tag === "digits")!;
    expect([image.dtype, image.shape]).toEqual(["string", [4]]);
    expect(image.elements.slice(2).map(bytesOf)).toEqual(PNG_FILES);
  });

  test("TensorBoard finds every tag with the plugin it belongs to, and the graph", () => {
    expect(oracle.accumulated.plugins).toEqual({
      scalars: ["epoch_loss", "evaluation/loss"],
      histograms: ["constant", "dense/kernel", "few", "nothing"],
      text: ["notes"],
      images: ["digits"],
    });
    expect(oracle.accumulated.graph).toBe(true);
    expect(oracle.accumulated.nodes).toBe(read[1]!.graph!.length);
  });

  test("reads files of TensorFlow 2 and numbers of TensorFlow 1", () => {
    const events = readEvents(readFileSync(`${oracles}tensorflow.v2`));
    expect(events[0]!.fileVersion).toBe("brain.Event:2");
    const [old] = events.slice(-1);
    expect(old).toMatchObject({ wallTime: 1.5, step: -1, values: [{ kind: "scalar", tag: "old", value: 0.5 }] });
    const values = Object.fromEntries(events.flatMap((event) => event.values).map((value) => [value.tag, value]));
    expect(values.loss).toEqual({ kind: "scalar", tag: "loss", value: 0.25, description: "of TensorFlow" });
    expect(values.weights).toMatchObject({
      buckets: [
        { left: 1, right: 2, count: 1 },
        { left: 2, right: 3, count: 1 },
        { left: 3, right: 4, count: 1 },
      ],
    });
    expect(values.same).toMatchObject({ buckets: [{ count: 0 }, { count: 0 }, { left: 0, right: 0, count: 2 }] });
    expect(values.notes).toMatchObject({ kind: "text", text: "η" });
    expect(values.pixels).toMatchObject({ kind: "image", width: 3, height: 1 });
    const { images } = values.pixels as Extract<SummaryValue, { kind: "image" }>;
    expect(images).toHaveLength(2);
    const graph = events.find((event) => event.graph !== null)!.graph!;
    expect(graph.map(({ op }) => op)).toEqual(expect.arrayContaining(["Placeholder", "Relu", "AddV2"]));
  });
});

describe("row 128: the graph", () => {
  const { graph } = oracle.events[1]!;
  const node = (name: string): OracleNode => graph!.node.find((one) => one.name === name)!;

  test("TensorFlow parses it: names, ops, inputs", () => {
    expect(graph!.node.map(({ name, op, input = [] }) => ({ name, op, inputs: input }))).toEqual(read[1]!.graph);
    expect(node("dense/matmul")).toMatchObject({ op: "MatMul", input: ["x", "dense/kernel"] });
    expect(node("dense_1/add")).toMatchObject({ op: "AddV2", input: ["dense_1/matmul", "dense_1/bias"] });
    expect(node("initializer")).toMatchObject({ op: "NoOp" });
    expect(node("initializer").input![0]).toBe("^dense/kernel/initialize");
  });

  test("attributes: element types, shapes with the names of their sizes, constants", () => {
    const batch = { size: "-1", name: "batch" };
    expect(node("x").attr).toMatchObject({
      dtype: { type: "DT_FLOAT" },
      shape: { shape: { dim: [batch, { size: "4" }] } },
    });
    expect(node("dense/matmul").attr).toMatchObject({
      T: { type: "DT_FLOAT" },
      transpose_a: { b: false },
      _output_shapes: { list: { shape: [{ dim: [batch, { size: "3" }] }] } },
    });
    expect(node("mean").attr).toMatchObject({ axes: { list: { i: ["0"] } }, keep_dims: { b: true } });
    expect(node("dense/bias/initialValue").attr).toMatchObject({
      value: {
        tensor: { dtype: "DT_FLOAT", tensorShape: { dim: [{ size: "3" }] }, tensorContent: "AAAAAAAAAAAAAAAA" },
      },
    });
  });

  test("branches are functions of the library", () => {
    expect(node("cond").attr).toMatchObject({
      branches: { list: { func: [{ name: "cond_then_branch" }, { name: "cond_else_branch" }] } },
    });
    expect(graph!.library.function.map(({ signature }) => signature.name)).toEqual([
      "cond_then_branch",
      "cond_else_branch",
    ]);
  });
});

describe("row 128: histograms", () => {
  const rows = (values: ArrayLike<number>, count?: number): number[][] =>
    histogramOf(values, count).map(({ left, right, count }) => [left, right, count]);

  test("the buckets are TensorBoard's, to the bit", () => {
    for (const k of [0, 1, 2]) expect(rows(series(k, 100))).toEqual(oracle.histograms[`series ${k}`]);
    expect(rows(series(7, 1000), 17)).toEqual(oracle.histograms["series of 1000"]);
    expect(rows(Float32Array.from(series(5, 300)))).toEqual(oracle.histograms.float32);
    expect(rows([1, 2, 4], 4)).toEqual(oracle.histograms.few);
    expect(rows(Float32Array.of(0.1, 0.1), 3)).toEqual(oracle.histograms.constant);
    expect(rows([], 2)).toEqual(oracle.histograms.nothing);
  });

  test("values that are not finite are in no bucket", () => {
    expect(rows([1, Number.NaN, 2, Number.POSITIVE_INFINITY, 4], 4)).toEqual(oracle.histograms.few);
    expect(rows([Number.NaN], 2)).toEqual(oracle.histograms.nothing);
  });

  test("subnormal numbers are all counted", () => {
    expect(rows([0, Number.MIN_VALUE], 30).reduce((sum, [, , count]) => sum + count!, 0)).toBe(2);
  });
});

describe("EventWriter: errors", () => {
  const writer = (): EventWriter => new EventWriter(new MemorySink());

  test("a bad step", () => {
    expect(() => writer().scalar("loss", 1, 0.5)).toThrow(GraphError);
    expect(() => writer().scalar("loss", 1, 0.5)).toThrow(
      /^scalar "loss": 0\.5 is no step\nat .*events\.test\.ts.*\nfix: steps are whole numbers from 0 on/,
    );
    expect(() => writer().graph([], { step: -1 })).toThrow("graph: -1 is no step");
  });
  test("a bad tag", () => {
    expect(() => writer().text("", "x", 0)).toThrow("text: the tag is empty\nat ");
    expect(() => writer().text(undefined as never, "x", 0)).toThrow("text: the tag is undefined, not a text");
  });
  test("a bad number of buckets", () => {
    expect(() => writer().histogram("w", [1], 0, { buckets: 0 })).toThrow(
      /^histogram "w": 0 is no number of buckets\nat .*\nfix: give a whole number from 1 on, or leave it out for 30$/,
    );
  });
  test("what is no PNG, and PNG files of several sizes", () => {
    expect(() => writer().image("digit", Uint8Array.of(1, 2, 3), 0)).toThrow(
      /^image "digit": images\[0\] is no PNG file\n {2}3 bytes, the first 1 2 3\nat .*\nfix: give the bytes of a PNG file/,
    );
    expect(() => writer().image("digit", [], 0)).toThrow('image "digit": the list of images is empty');
    const tall = PNG_FILES[0]!.slice();
    tall[23] = 5;
    expect(() => writer().image("digit", [PNG_FILES[0]!, tall], 0)).toThrow(
      'image "digit": images[1] is 2 wide and 5 high, images[0] 2 and 1',
    );
  });
  test("writing after the end", () => {
    const closed = writer();
    closed.close();
    closed.close();
    expect(() => closed.scalar("loss", 1, 0)).toThrow("EventWriter: the file has been closed");
  });
});
