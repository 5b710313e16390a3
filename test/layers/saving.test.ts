/** Files of models: what they hold, damaged and hostile ones, and how they get to the disk. */
import fs, { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type FileSystem, writeAtomic } from "../../src/files/disk.ts";
import {
  add,
  FileError,
  ForerunError,
  GraphError,
  mul,
  NDArray,
  parseSafetensors,
  setWarningHandler,
  type Tensor,
  type Variable,
} from "../../src/functional.ts";
import { SEED } from "../../src/layers/core/internal.ts";
import {
  BatchNormalization,
  Concatenate,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  input,
  Layer,
  type LayerOptions,
  loadModel,
  Model,
  ModelCheckpoint,
  model,
  sequential,
} from "../../src/layers/index.ts";
import { Adam, SGD } from "../../src/train/index.ts";
import { RandomStream } from "../support/random.ts";

const folder = mkdtempSync(join(tmpdir(), "forerun-saving-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Any = ReturnType<typeof sequential>;
const as = (network: object): Any => network as Any;
const rows = (count: number, ...shape: number[]): NDArray => {
  const size = shape.reduce((n, length) => n * length, count);
  return new NDArray(
    Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i + 1)),
    [count, ...shape],
    "float32",
  );
};
const x = rows(12, 4);
const y = rows(12, 2);
const bits = (network: Any): string =>
  [...network.namedVariables]
    .map(
      ([name, { data, dtype }]) =>
        `${name} ${dtype} ${[...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]}`,
    )
    .join("\n");
const outputsOf = async (network: Any, ...given: NDArray[]): Promise<string> =>
  JSON.stringify(await network.predict((given.length === 1 ? given[0] : given) as NDArray), (_key, value) =>
    ArrayBuffer.isView(value) ? [...new Uint8Array(value.buffer)] : (value as unknown),
  );

const aboutOf = (file: Uint8Array): unknown => JSON.parse(parseSafetensors(file).metadata.get("forerun.model")!);

/** A layer of the user's own, with everything a file wants of it. */
class Affine extends Layer {
  declare kernel: Variable;
  declare offset: Variable;
  readonly scale: number;
  constructor(scale: number, options: LayerOptions = {}) {
    super(options);
    this.scale = scale;
  }
  override build(shape: readonly unknown[]): void {
    this.kernel = this.addWeight("kernel", { shape: [shape.at(-1) as number], initializer: "ones" });
    this.offset = this.addWeight("offset", { shape: [], initializer: "ones" });
  }
  call(inputs: Tensor): Tensor {
    return add(mul(mul(inputs, this.kernel), this.scale), this.offset);
  }
  override getConfig() {
    return { scale: this.scale };
  }
  static fromConfig({ scale, ...options }: Readonly<Record<string, unknown>>): Affine {
    return new Affine(scale as number, options);
  }
}
/** A class of models that can be made again. */
class Tower extends Model {
  readonly units: number;
  readonly hidden: Dense;
  readonly output = new Dense(2);
  constructor(units: number, options: LayerOptions = {}) {
    super({ seed: 3, ...options });
    this.units = units;
    this.hidden = new Dense(units, { activation: "relu" });
  }
  call(inputs: Tensor): Tensor {
    return this.output(this.hidden(inputs));
  }
  override getConfig() {
    return { units: this.units };
  }
  static fromConfig({ units, ...options }: Readonly<Record<string, unknown>>): Tower {
    return new Tower(units as number, options);
  }
}
const layers = { Affine, Tower };

const makers: Readonly<Record<string, () => { readonly network: object; readonly given?: readonly NDArray[] }>> = {
  sequential: () => ({
    network: sequential(
      [
        input([4], { name: "img" }),
        new Dense(3, { activation: "relu", name: "first" }),
        new BatchNormalization(),
        new Dropout(0.5),
        new Dense(2),
      ],
      {
        seed: 9,
        name: "net",
      },
    ),
  }),
  "sequential, built by its first data": () => {
    const network = sequential([new Dense(3), new Flatten(), new Dense(2)]);
    network(x);
    return { network };
  },
  "built by whole numbers": () => {
    const given = [new NDArray(Int32Array.of(0, 1, 4, 2, 2, 2), [2, 3], "int32")];
    const network = sequential([new Embedding(5, 4) as object as Layer, new Flatten(), new Dense(2)]);
    network(given[0]!);
    return { network, given };
  },
  "several inputs and outputs, by list and by name": () => {
    const [a, b] = [input([4], { name: "a" }), input([4], { name: "b" })];
    const joined = new Concatenate()([new Dense(3)(a), new Dense(2, { activation: "tanh" })(b)]);
    return {
      network: model([a, b], { price: new Dense(1)(joined), sold: new Dense(2)(joined) }, { seed: 4 }),
      given: [x, rows(12, 4)],
    };
  },
  "a shared layer, a nested model called twice, ops and constants between layers": () => {
    const start = input([4], { name: "start" });
    const shared = new Dense(4, { activation: "tanh" });
    const tower = sequential([new Dense(3), new Dense(4)], { name: "tower" });
    const middle = add(mul(tower(shared(start)), [1, 2, 3, 4]), 0.5);
    return { network: model(start, new Dense(2)(add(tower(middle), shared(start)))) };
  },
  "a layer that two nested models share": () => {
    const shared = new Dense(4, { name: "shared" });
    const start = input([4]);
    const left = model(start, new Dense(3)(shared(start)), { name: "left" });
    const right = sequential([shared, new Dense(3)], { name: "right" });
    return { network: model(start, new Dense(2)(add(left(start), right(start)))) };
  },
  "layers of the user's own": () => ({
    network: sequential([input([4]), new Affine(2), new Affine(0.5, { name: "again" }), new Affine(3)]),
  }),
  "a class of the user's own": () => {
    const network = new Tower(5);
    network(x);
    return { network };
  },
  "one that is frozen in part": () => {
    const inner = sequential([input([4]), new Dense(3), new Dense(4)], { name: "inner" });
    inner.trainable = false;
    return {
      network: sequential([input([4]), inner as object as Layer, new Dense(3, { trainable: false }), new Dense(2)]),
    };
  },
};

describe("save and loadModel", () => {
  test.each(Object.keys(makers))("%s: the same model again", async (name) => {
    const { network: made, given = [x] } = makers[name]!();
    const network = as(made);
    const file = network.save();
    const loaded = as(loadModel(file, { layers }));
    expect(loaded.constructor).toBe(network.constructor);
    expect([loaded.name, loaded.kind, loaded[SEED]]).toEqual([network.name, network.kind, network[SEED]]);
    expect(bits(loaded)).toBe(bits(network));
    expect(await outputsOf(loaded, ...given)).toBe(await outputsOf(network, ...given));
    expect(loaded.summary()).toBe(network.summary());
    expect(loaded.trainableVariables.map(({ shape }) => shape)).toEqual(
      network.trainableVariables.map(({ shape }) => shape),
    );
    // What is saved again is the same file.
    expect(aboutOf(loaded.save())).toEqual(aboutOf(file));
    expect(Buffer.from(loaded.save()).equals(Buffer.from(file))).toBe(true);
  });

  test("a shared layer stays one layer", () => {
    const loaded = loadModel(as(makers["a layer that two nested models share"]!().network).save());
    const [left, right] = ["left", "right"].map((name) => as(loaded.getLayer(name)));
    expect(left!.getLayer("shared")).toBe(right!.getLayer("shared"));
  });

  test("the file is a safetensors file: any program reads the weights by name", () => {
    const network = sequential([input([4]), new Dense(3), new Dense(2)]);
    const { tensors, metadata } = parseSafetensors(network.save());
    expect([...tensors.keys()].sort()).toEqual(["dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"]);
    expect(JSON.parse(metadata.get("forerun.model")!)).toMatchObject({
      format: "forerun-model",
      version: 1,
      position: { epoch: 0, batch: 0 },
    });
  });

  test("loadWeights takes the weights of such a file, and files of weights alone", () => {
    const network = sequential([input([4]), new Dense(3), new Dense(2)]);
    const [first, second] = [1, 2].map((seed) => sequential([input([4]), new Dense(3), new Dense(2)], { seed }));
    first!.loadWeights(network.save());
    second!.loadWeights(network.saveWeights());
    expect(bits(first!)).toBe(bits(network));
    expect(bits(second!)).toBe(bits(network));
    expect(() => loadModel(network.saveWeights())).toThrow(
      /^loadModel: this is a file of values, and no model\n[\s\S]*fix: .*loadWeights/,
    );
  });

  test("what can not be written is named, with where it was made", () => {
    const strange = sequential([
      input([4]),
      new Dense(3, { activation: (value: Tensor) => mul(value, 2), name: "odd" }),
    ]);
    expect(() => strange.save()).toThrow(GraphError);
    expect(() => strange.save()).toThrow(
      /^save: layer "odd" \(Dense\) can not be written to a file\n.*saving\.test\.ts:\d+[\s\S]*fix: .*getConfig\(\)/,
    );
    expect(() => sequential([new Dense(3)]).save()).toThrow(
      /^sequential: save before anything is known of its shapes\n/,
    );
  });

  test("classes of the user's own are asked for by name", () => {
    const file = as(makers["layers of the user's own"]!().network).save();
    expect(() => loadModel(file)).toThrow(FileError);
    expect(() => loadModel(file)).toThrow(/there is no layer of the kind "Affine"\n[\s\S]*fix: .*layers: \{ Affine \}/);
    class Closed extends Model {
      hidden = new Dense(2);
      call(inputs: Tensor) {
        return this.hidden(inputs);
      }
    }
    const [own, other] = [new Closed(), new Closed({ seed: 8 })];
    own(x);
    expect(() => loadModel(own.save())).toThrow(
      /the file does not say how the model is put together[\s\S]*fix: .*model\.load\(file\)/,
    );
    other(x);
    other.load(own.save());
    expect(bits(as(other))).toBe(bits(as(own)));
  });
});

describe("the state of the optimizer", () => {
  const trained = async (): Promise<Any> => {
    const network = sequential([input([4]), new Dense(3), new Dense(2)]);
    network.compile({ optimizer: new Adam(0.01), loss: "meanSquaredError" });
    await network.fit(x, y, { epochs: 2, verbose: 0 });
    return network;
  };
  const quietly = async <T>(run: () => T | Promise<T>): Promise<readonly [T, readonly string[]]> => {
    const warnings: string[] = [];
    const previous = setWarningHandler((text) => void warnings.push(text));
    try {
      return [await run(), warnings];
    } finally {
      setWarningHandler(previous);
    }
  };

  test("has names that follow from the model, waits for compile, and is saved again meanwhile", async () => {
    const network = await trained();
    const { tensors } = parseSafetensors(network.save());
    const names = [...tensors.keys()].filter((name) => name.startsWith("@optimizer/")).sort();
    expect(names).toEqual([
      ...["dense/bias/m", "dense/bias/v", "dense/kernel/m", "dense/kernel/v"].map((name) => `@optimizer/${name}`),
      ...["dense_1/bias/m", "dense_1/bias/v", "dense_1/kernel/m", "dense_1/kernel/v"].map(
        (name) => `@optimizer/${name}`,
      ),
      "@optimizer/learningRate",
      "@optimizer/step",
    ]);
    const loaded = loadModel(network.save());
    expect(Buffer.from(loaded.save()).equals(Buffer.from(network.save()))).toBe(true);
  });

  test("another algorithm begins anew, unless training is to resume", async () => {
    const loaded = as(loadModel((await trained()).save()));
    loaded.compile({ optimizer: new SGD(0.1), loss: "meanSquaredError" });
    await expect(loaded.fit(x, y, { epochs: 3, resume: true, verbose: 0 })).rejects.toThrow(FileError);
    await expect(loaded.fit(x, y, { epochs: 3, resume: true, verbose: 0 })).rejects.toThrow(
      /^load: optimizer: the file does not fit the \d variables\n[\s\S]*"dense\/kernel\/m" is in the file, and no variable here/,
    );
    expect((await loaded.fit(x, y, { epochs: 1, verbose: 0 })).epoch).toEqual([0]);
    loaded.compile({ optimizer: new Adam(0.01), loss: "meanSquaredError" });
    expect(loaded.optimizer.iterations!).toBeDefined();
  });

  test("goes on at the file's learning rate, and says so", async () => {
    const network = await trained();
    network.optimizer.learningRate = 0.002;
    const loaded = as(loadModel(network.save()));
    const [, warnings] = await quietly(() => loaded.compile({ optimizer: new Adam(0.05), loss: "meanSquaredError" }));
    expect(loaded.optimizer.learningRate).toBe(0.002);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^compile: the learning rate goes on at 0\.002, as in the file that was loaded, and not at 0\.05\n[\s\S]*fix: .*= 0\.05/,
    );
  });

  test("a file that does not fit changes nothing, the weights included", async () => {
    const network = await trained();
    const plain = sequential([input([4]), new Dense(3), new Dense(2)], { seed: 5 });
    plain.compile({ optimizer: new SGD(0.1), loss: "meanSquaredError" });
    await plain.fit(x, y, { verbose: 0 });
    const before = Buffer.from(plain.save());
    expect(() => plain.load(network.save())).toThrow(FileError);
    expect(Buffer.from(plain.save()).equals(before)).toBe(true);
    const wider = sequential([input([4]), new Dense(7), new Dense(2)]);
    expect(() => wider.load(network.save())).toThrow(/"dense\/kernel" is float32\[4, 7\], in the file float32\[4, 3\]/);
  });
});

describe("damaged and hostile files", () => {
  const network = as(
    makers["a shared layer, a nested model called twice, ops and constants between layers"]!().network,
  );
  const small = as(makers["layers of the user's own"]!().network);
  const lazy = as(makers["a class of the user's own"]!().network);
  const samples = [network.save(), small.save(), lazy.save()];
  /** The file with another text about the model. */
  function withAbout(bytes: Uint8Array, change: (about: string) => string): Uint8Array {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as {
      __metadata__: Record<string, string>;
    };
    header.__metadata__["forerun.model"] = change(header.__metadata__["forerun.model"]!);
    const text = new TextEncoder().encode(JSON.stringify(header));
    const made = new Uint8Array(8 + text.length + bytes.length - 8 - length);
    new DataView(made.buffer).setBigUint64(0, BigInt(text.length), true);
    made.set(text, 8);
    made.set(bytes.subarray(8 + length), 8 + text.length);
    return made;
  }
  const TROUBLE = [
    "null",
    "-1",
    "0",
    "1e15",
    "9007199254740993",
    "0.5",
    '""',
    "[]",
    "{}",
    "true",
    '"__proto__"',
    '"constructor"',
    '"toString"',
    '"dense"',
    '"Dense"',
    '"Sequential"',
    '"Functional"',
    '"placeholder"',
    '"variable"',
    '"constant"',
    '"relu"',
    '{"__proto__":{"polluted":1}}',
    "[1e15,1e15]",
    `${"[".repeat(90)}${"]".repeat(90)}`,
  ];
  const attempt = (bytes: Uint8Array, hint: string): boolean => {
    const started = performance.now();
    try {
      loadModel(bytes, { layers });
      return false;
    } catch (error) {
      if (!(error instanceof FileError))
        throw new Error(`${hint}: ${String((error as Error).stack)}`, { cause: error });
      expect(error.message, hint).toMatch(/\nfix: /);
      return true;
    } finally {
      expect(performance.now() - started, hint).toBeLessThan(3000);
    }
  };

  test("thousands of spoilt files: a FileError with a fix, or a model", { timeout: 100_000 }, () => {
    const random = new RandomStream(5);
    let refused = 0;
    const rounds = 3000;
    for (let round = 0; round < rounds; round++) {
      const original = samples[round % samples.length]!;
      const pick = <T>(list: readonly T[]): T => list[random.whole(0, list.length - 1)]!;
      let bytes = original.slice();
      if (round % 6 === 0) bytes = bytes.slice(0, random.whole(0, bytes.length - 1));
      else if (round % 6 === 1)
        for (let i = random.whole(1, 4); i > 0; i--)
          bytes[random.whole(0, bytes.length - 1)]! ^= 1 << random.whole(0, 7);
      else {
        bytes = withAbout(original, (about) => {
          const tokens = [...about.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/g)];
          const token = pick(tokens);
          const other = random.whole(0, 1) === 0 ? pick(TROUBLE) : pick(tokens)[0];
          return about.slice(0, token.index) + other + about.slice(token.index + token[0].length);
        }) as typeof bytes;
      }
      if (attempt(bytes, `round ${round}`)) refused++;
      if (round % 10 !== 0) continue;
      const before = bits(lazy);
      try {
        lazy.load(bytes);
        lazy.load(samples[2]!);
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
        expect(bits(lazy)).toBe(before);
      }
    }
    expect(refused).toBeGreaterThan(rounds / 2);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect("polluted" in {}).toBe(false);
  });

  test("huge counts cost nothing", () => {
    for (const [from, to] of [
      ['"units":4', '"units":1000000000000'],
      ['"units":4', '"units":9007199254740991'],
      ['"epoch":0', '"epoch":1e300'],
      ['"version":1', '"version":99'],
    ] as const) {
      const file = withAbout(samples[0]!, (about) => about.replace(from, to));
      expect(attempt(file, to), to).toBe(true);
    }
    expect(() => loadModel(withAbout(samples[0]!, (about) => about.replace('"version":1', '"version":2')))).toThrow(
      /version 2 of the format is not known\n[\s\S]*fix: update forerun/,
    );
  });

  test("a file that was cut off says so; one that is too large is not read", async () => {
    expect(() => loadModel(samples[0]!.slice(0, 300))).toThrow(
      /^loadModel: the header would have \d+ bytes, \d+ follow\n[\s\S]*cut off/,
    );
    const path = join(folder, "large.safetensors");
    writeFileSync(path, samples[0]!);
    await expect(loadModel(path, { maxBytes: 100 })).rejects.toThrow(
      /large\.safetensors has \d+ bytes\n[\s\S]*fix: raise maxBytes/,
    );
    await expect(loadModel(join(folder, "none.safetensors"))).rejects.toThrow(
      /^loadModel: .*none\.safetensors can not be read\n/,
    );
  });
});

describe("on the disk", () => {
  const network = sequential([input([4]), new Dense(3)]);

  test("a path, a folder, and folders that are not there yet", async () => {
    await network.save(join(folder, "deep/er/model.safetensors"));
    await network.save(`${folder}/run/`);
    await network.save(join(folder, "run"));
    await network.saveWeights(`${folder}/run/`);
    await network.saveWeights(join(folder, "weights.npz"), { names: "keras" });
    expect(readdirSync(join(folder, "run")).sort()).toEqual(["model.safetensors", "weights.safetensors"]);
    const loaded = await loadModel(join(folder, "run"));
    expect(bits(as(loaded))).toBe(bits(network));
    const other = sequential([input([4]), new Dense(3)], { seed: 77 });
    await other.loadWeights(join(folder, "weights.npz"));
    expect(bits(other)).toBe(bits(network));
    await other.loadWeights(join(folder, "run"));
    await other.load(join(folder, "run"));
    await expect(network.save(join(folder, "weights.npz/model"))).rejects.toThrow(FileError);
  });

  test("where there is no file system, the bytes are to be kept in another way", async () => {
    const { process } = globalThis;
    Object.assign(globalThis, { process: undefined });
    const saving = network.save("model.safetensors");
    Object.assign(globalThis, { process });
    await expect(saving).rejects.toThrow(/^save: there is no file system here\n[\s\S]*fix: leave out the path/);
  });

  test("a crash at any moment leaves the old file whole, and no other behind", () => {
    const path = join(folder, "kept.safetensors");
    const [before, after] = [network.save(), sequential([input([4]), new Dense(9)]).save()];
    for (const call of ["openSync", "writeSync", "fsyncSync", "closeSync", "renameSync"] as const) {
      writeFileSync(path, before);
      let failed = false;
      const failing = new Proxy(fs as FileSystem, {
        get: (files, name: keyof FileSystem) => {
          const real = files[name] as (...args: unknown[]) => unknown;
          return (...args: unknown[]) => {
            if (name !== call || failed) return real(...args);
            failed = true;
            // Half of it may be written before the disk is full.
            if (name === "writeSync") real(args[0], (args[1] as Uint8Array).subarray(0, 10), 0);
            throw new Error(`${call} failed`);
          };
        },
      });
      expect(() => writeAtomic(failing, path, after, "save"), call).toThrow(
        new RegExp(`^save: .*kept\\.safetensors can not be written\\n {2}${call} failed\\n[\\s\\S]*fix: `),
      );
      expect(readFileSync(path).equals(Buffer.from(before)), call).toBe(true);
      expect(
        readdirSync(folder).filter((name) => name.endsWith(".tmp")),
        call,
      ).toEqual([]);
    }
  });
});

describe("row 126: ModelCheckpoint", () => {
  const losses = [5, 3, 4, 2, 6];
  /** Weights that tell the epoch, and a loss that was decided before. */
  const telling = (network: Any) => ({
    onEpochEnd(epoch: number, logs: Record<string, number>) {
      network.setWeights([[[epoch], [epoch], [epoch], [epoch]], [0]]);
      logs.val_loss = losses[epoch]!;
    },
  });
  const fresh = (): Any =>
    sequential([input([4]), new Dense(1)]).compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const target = rows(12, 1);

  test("the best-only file has the weights of the best epoch, and loads", async () => {
    const network = fresh();
    const path = join(folder, "best.safetensors");
    const checkpoint = new ModelCheckpoint(path, { saveBestOnly: true });
    await network.fit(x, target, { epochs: 5, verbose: 0, callbacks: [telling(network), checkpoint] });
    const best = await loadModel(path);
    expect([...best.getWeights()[0]!.data]).toEqual([3, 3, 3, 3]);
    expect([checkpoint.best, best.position]).toEqual([2, { epoch: 4, batch: 0 }]);
  });

  test("templates of paths, weights alone, and a function that takes the bytes", async () => {
    const network = fresh();
    const seen: unknown[] = [];
    await network.fit(x, target, {
      epochs: 3,
      verbose: 0,
      batchSize: 4,
      callbacks: [
        telling(network),
        new ModelCheckpoint(join(folder, "epochs/w-{epoch:02d}-{val_loss:.1f}.safetensors"), { saveWeightsOnly: true }),
        new ModelCheckpoint((bytes, { epoch, batch }) => void seen.push([bytes.length > 100, epoch, batch]), {
          saveFrequency: 4,
        }),
      ],
    });
    expect(readdirSync(join(folder, "epochs")).sort()).toEqual([
      "w-01-5.0.safetensors",
      "w-02-3.0.safetensors",
      "w-03-4.0.safetensors",
    ]);
    expect(seen).toEqual([
      [true, 2, 1],
      [true, 3, 2],
    ]);
    const other = fresh();
    await other.loadWeights(join(folder, "epochs/w-02-3.0.safetensors"));
    expect([...other.getWeights()[0]!.data]).toEqual([1, 1, 1, 1]);
  });

  test("going on from a checkpoint in the middle of an epoch ends as if there had been no stop", async () => {
    const make = () =>
      sequential([input([4]), new Dense(3, { activation: "tanh" }), new Dropout(0.3), new Dense(2)], { seed: 6 });
    const options = { epochs: 3, batchSize: 4, verbose: 0 as const };
    const compile = (network: Any) => network.compile({ optimizer: new Adam(0.01), loss: "meanSquaredError" });
    const whole = compile(make());
    const files: Uint8Array[] = [];
    await whole.fit(x, y, {
      ...options,
      callbacks: [new ModelCheckpoint((bytes) => void files.push(bytes), { saveFrequency: 2 })],
    });
    expect(files).toHaveLength(4);
    for (const file of files) {
      const next = compile(as(loadModel(file)));
      await next.fit(x, y, { ...options, resume: true });
      expect(bits(next)).toBe(bits(whole));
    }
  });

  test("wrong arguments", async () => {
    expect(() => new ModelCheckpoint("a", { saveFrequency: 0 })).toThrow(
      /^ModelCheckpoint: saveFrequency is 0\n[\s\S]*fix: give "epoch"/,
    );
    const network = fresh();
    const training = network.fit(x, target, {
      verbose: 0,
      callbacks: [new ModelCheckpoint(join(folder, "{val_los}.safetensors"))],
    });
    await expect(training).rejects.toThrow(/asks for "val_los"\n[\s\S]*fix: there are: loss, epoch/);
    expect(existsSync(join(folder, "{val_los}.safetensors"))).toBe(false);
    expect(new GraphError({ what: "" })).toBeInstanceOf(ForerunError);
  });
});
