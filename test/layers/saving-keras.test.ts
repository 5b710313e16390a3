/** Weights under the names that Keras gives them, and npz files; against Keras and NumPy (oracles/keras/weights.py). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { crc32, readNpz, writeNpz } from "../../src/files/npz.ts";
import { FileError, NDArray, type Tensor } from "../../src/index.ts";
import {
  BatchNormalization,
  Bidirectional,
  Concatenate,
  Dense,
  Dropout,
  GRU,
  GRUCell,
  input,
  LSTM,
  LSTMCell,
  loadModel,
  Model,
  MultiHeadAttention,
  model,
  PReLU,
  RNN,
  sequential,
  TimeDistributed,
} from "../../src/layers/index.ts";
import { RandomStream } from "../support/random.ts";

const folder = new URL("../oracles/keras/", import.meta.url);
const oracle = JSON.parse(readFileSync(new URL("weights.json", folder), "utf8")) as {
  readonly cases: readonly {
    readonly name: keyof typeof makers;
    readonly names: readonly string[];
    readonly x: { readonly shape: readonly number[]; readonly data: readonly number[] };
    readonly y: readonly number[];
  }[];
};
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`weights-${name}.npz`, folder)));

class Own extends Model {
  firstPart = new Dense(3, { activation: "tanh" });
  outputPart = new Dense(2);
  call(x: Tensor) {
    return this.outputPart(this.firstPart(x));
  }
}
type Any = ReturnType<typeof sequential>;
const makers = {
  plain: () =>
    sequential([
      input([4]),
      new Dense(5, { activation: "relu" }),
      new BatchNormalization(),
      new Dropout(0.5),
      new Dense(3, { activation: "tanh" }),
      new Dense(2),
    ]),
  nested: () => {
    const start = input([6, 3]);
    const inner = sequential([input([4]), new Dense(4, { activation: "relu" }), new Dense(2)]);
    const steps = new LSTM(4, { returnSequences: true })(start);
    const both = new Bidirectional(new GRU(2))(steps) as Tensor;
    const last = new LSTM(4)(steps) as Tensor;
    return model(start, new Dense(2)(new Concatenate()([inner(last), inner(both)]))) as object as Any;
  },
  cells: () => {
    const start = input([6, 4]);
    const looked = new MultiHeadAttention(2, 3)([start, start]) as Tensor;
    const each = new TimeDistributed(new Dense(3, { activation: "tanh" }))(looked);
    const run = new RNN([new LSTMCell(2), new GRUCell(3)]);
    return model(start, run(new PReLU()(each)) as Tensor) as object as Any;
  },
  own: () => {
    const own = new Own();
    own(new NDArray(new Float32Array(4), [1, 4], "float32"));
    return own as object as Any;
  },
};

describe("weights of Keras", () => {
  test.each(oracle.cases)(
    "$name: an npz file with the names of .weights.h5 gives Keras' predictions",
    async ({ name, names, x, y }) => {
      const network = makers[name]();
      network.loadWeights(bytesOf(name));
      const found = await network.predict(new NDArray(Float32Array.from(x.data), x.shape, "float32"));
      const largest = Math.max(...y.map(Math.abs));
      found.data.forEach((value, i) => void expect(Math.abs(value - y[i]!)).toBeLessThan(1e-5 * largest));
      // Written again, in either layout, it has the same names, and can be read by both.
      const ours = readNpz(network.saveWeights({ names: "keras", format: "npz" }), "test", {}).tensors;
      expect([...ours.keys()].sort()).toEqual(names.filter((one) => !one.startsWith("optimizer")));
      const other = makers[name]();
      other.loadWeights(network.saveWeights({ names: "keras" }));
      expect(other.getWeights().map(({ data }) => data)).toEqual(network.getWeights().map(({ data }) => data));
    },
  );

  test("weights of another model: what does not fit is listed, and nothing changes", () => {
    const network = sequential([input([4]), new Dense(5), new Dense(7)]);
    const before = network.saveWeights();
    expect(() => network.loadWeights(bytesOf("plain"))).toThrow(FileError);
    expect(() => network.loadWeights(bytesOf("plain"))).toThrow(
      /^loadWeights: the file does not fit the 4 variables\n {2}"layers\/dense_1\/vars\/0" is float32\[5, 7\], in the file float32\[5, 3\]/,
    );
    expect(network.saveWeights()).toEqual(before);
    network.loadWeights(bytesOf("plain"), { partial: true });
    const npz = readNpz(bytesOf("plain"), "test", {}).tensors;
    expect(network.getWeights()[0]!.data).toEqual(npz.get("layers/dense/vars/0")!.data);
    expect(network.getWeights()[2]!.shape).toEqual([5, 7]);
  });

  test("an HDF5 file is refused with the way to turn it into npz", () => {
    const file = new Uint8Array(600);
    file.set([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
    const network = sequential([input([4]), new Dense(5)]);
    expect(() => network.loadWeights(file)).toThrow(
      /^loadWeights: this is an HDF5 file\n[\s\S]*fix: turn it into npz with h5py: .*numpy\.savez/,
    );
  });
});

describe("npz files", () => {
  const arrays = new Map([
    ["a", new NDArray(Float32Array.of(1.5, -0, Number.NaN, 1e-45, 2, 3), [2, 3], "float32")],
    ["deep/name", new NDArray(Float64Array.of(0.1), [], "float64")],
    ["counts", new NDArray(Int32Array.of(-7, 8), [2], "int32")],
    ["words", new NDArray(Uint32Array.of(4294967295), [1], "uint32")],
    ["mask", new NDArray(Uint8Array.of(1, 0), [2, 1], "bool")],
    ["none", new NDArray(new Float32Array(0), [0, 3], "float32")],
  ]);
  const file = writeNpz(arrays);

  test("what is written is read again, and is the same each time", () => {
    const { tensors, unsupported } = readNpz(file, "test", {});
    expect([...tensors.keys()]).toEqual([...arrays.keys()]);
    for (const [name, { dtype, shape, data }] of arrays) {
      const found = tensors.get(name)!;
      expect([found.dtype, found.shape]).toEqual([dtype, shape]);
      expect(new Uint8Array(found.data.buffer)).toEqual(new Uint8Array(data.buffer));
    }
    expect(unsupported.size).toBe(0);
    expect(writeNpz(arrays)).toEqual(file);
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });

  test("thousands of spoilt files: a FileError with a fix, or another set of good arrays", () => {
    const random = new RandomStream(11);
    const samples = [file, bytesOf("own")];
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      let bytes = samples[round % 2]!.slice();
      const at = () => random.whole(0, bytes.length - 1);
      if (round % 5 === 0) bytes = bytes.slice(0, at());
      else if (round % 5 === 1) bytes.copyWithin(at(), at(), at());
      else for (let i = random.whole(1, 3); i > 0; i--) bytes[at()] = random.whole(0, 255);
      try {
        readNpz(bytes, "loadWeights", {});
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(FileError);
        expect((error as Error).message).toMatch(/^loadWeights: [\s\S]*\nfix: /);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(3000);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("compressed files, arrays in Fortran's order and objects are refused by name", () => {
    const compressed = file.slice();
    const view = new DataView(compressed.buffer);
    const directory = view.getUint32(compressed.length - 6, true);
    view.setUint16(directory + 10, 8, true);
    expect(() => readNpz(compressed, "loadWeights", {})).toThrow(/"a\.npy" is compressed\n[\s\S]*savez_compressed/);
    const changed = (from: string, to: string) => {
      const [[name, array]] = [...arrays] as [[string, NDArray]];
      const text = new TextDecoder("latin1").decode(writeNpz(new Map([[name, array]])));
      const bytes = Uint8Array.from(text.replace(from, to), (character) => character.charCodeAt(0));
      // The checksums are put right.
      const end = new DataView(bytes.buffer).getUint32(bytes.length - 6, true);
      const size = new DataView(bytes.buffer).getUint32(18, true);
      const crc = crc32(bytes.subarray(30 + 5, 30 + 5 + size));
      new DataView(bytes.buffer).setUint32(end + 16, crc, true);
      return bytes;
    };
    expect(() => readNpz(changed("False", "True "), "loadWeights", {})).toThrow(
      /can not be understood|order of Fortran/,
    );
    expect(() => readNpz(changed("'<f4'", "'|O8'"), "loadWeights", {})).not.toThrow();
    expect([...readNpz(changed("'<f4'", "'|O8'"), "loadWeights", {}).unsupported]).toEqual([["a", "|O8[2, 3]"]]);
    expect(() => readNpz(changed("(2, 3)", "(2, 9)"), "loadWeights", {})).toThrow(/takes 72 bytes, there are 24/);
  });
});

test("layers in layers are saved and loaded too", async () => {
  const network = makers.nested();
  const loaded = loadModel(network.save()) as object as Any;
  const x = new NDArray(
    Float32Array.from({ length: 36 }, (_, i) => Math.sin(i)),
    [2, 6, 3],
    "float32",
  );
  expect((await loaded.predict(x)).data).toEqual((await network.predict(x)).data);
  expect([...loaded.namedVariables.keys()]).toEqual([...network.namedVariables.keys()]);
  expect(Buffer.from(loaded.save()).equals(Buffer.from(network.save()))).toBe(true);
});
