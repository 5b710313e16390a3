/** What users get wrong: each mistake has a message that says what, where and what to do, or does something sensible. */
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/eager/index.ts";
import { add, NDArray, type Tensor } from "../../src/functional.ts";
import {
  Dense,
  EarlyStopping,
  input,
  Lambda,
  Layer,
  type Logs,
  MeanSquaredError,
  Model,
  metrics,
  model,
  Subtract,
  sequential,
} from "../../src/layers/index.ts";
import { Adam, SGD } from "../../src/train/index.ts";
import { messageOf } from "./messages.ts";

const arrayOf = (shape: readonly number[], at: (i: number) => number = () => 0): NDArray =>
  new NDArray(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => at(i)),
    shape,
  );
const x = arrayOf([40, 4], Math.sin);
const y = new NDArray(
  Int32Array.from({ length: 40 }, (_, i) => i % 3),
  [40],
);

/** Options as a JavaScript program may give them, whose names and types nobody has checked. */
type Loose = Readonly<Record<string, unknown>>;
function classifier(options: Loose = {}) {
  const network = sequential([
    input([4]),
    new Dense(8, { activation: "relu" }),
    new Dense(3, { activation: "softmax" }),
  ]);
  return network.compile({ loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"], ...options });
}
const trained = (options: Loose, xs: unknown = x, ys: unknown = y) =>
  classifier().fit(xs as NDArray, ys as NDArray, { verbose: 0, ...options });
async function rejection(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
  return outcome.replace(/(test\.ts):\d+:\d+/g, "$1:L:C");
}
const soon = () => new Promise((resolve) => setTimeout(resolve, 5));
const bitsOf = (network: { readonly variables: readonly { readonly data: ArrayLike<number> }[] }) =>
  network.variables.map(({ data }) => Array.from(data));

describe("compile", () => {
  test("names that do not exist are told at once", () => {
    expect(messageOf(() => classifier({ metrics: ["acuracy"] }))).toMatch(
      /none called "acuracy"[\s\S]*near names: accuracy/,
    );
    expect(messageOf(() => classifier({ loss: "sparse_crossentropy" }))).toMatch(/none called "sparse_crossentropy"/);
    expect(messageOf(() => classifier({ optimizer: "adm" }))).toMatch(/near names: adam/);
  });

  test("a word in place of a list, a class in place of an object, options that do not exist", () => {
    expect(messageOf(() => classifier({ metrics: "accuracy" }))).toBe(
      'compile: metrics is no list\nat test/layers/misuse.test.ts:L:C\nfix: put brackets around it: metrics: ["accuracy"]',
    );
    expect(messageOf(() => classifier({ optimizer: Adam }))).toMatch(/optimizer is the class Adam[\s\S]*new Adam\(\)/);
    expect(messageOf(() => classifier({ loss: MeanSquaredError }))).toMatch(/new MeanSquaredError\(\)/);
    expect(messageOf(() => classifier({ metrics: [metrics.CategoricalAccuracy] }))).toMatch(
      /the class CategoricalAccuracy/,
    );
    expect(messageOf(() => classifier({ learning_rate: 1 }))).toMatch(
      /no option "learning_rate"[\s\S]*options: optimizer/,
    );
    expect(messageOf(() => sequential().compile("adam" as never))).toMatch(/compile: "adam" in the place of options/);
  });

  test("a compile that fails leaves what was compiled before", async () => {
    const network = classifier();
    expect(() => network.compile({ loss: "none" as "mse" })).toThrow();
    expect((await network.evaluate(x, y)).accuracy).toBeDefined();
  });
});

describe("options of fit", () => {
  const mistakes: readonly (readonly [Loose, string])[] = [
    [{ epochs: -1 }, "fit: epochs is -1"],
    [{ epochs: 1.5 }, "fit: epochs is 1.5"],
    [{ epochs: "3" }, 'fit: epochs is "3"'],
    [{ epochs: Number.NaN }, "fit: epochs is NaN"],
    [{ batchSize: 0 }, "fit: batchSize is 0"],
    [{ verbose: 3 }, "fit: verbose is 3"],
    [{ validationSplit: 20 }, "fit: validationSplit is 20, of 40 samples"],
    [{ validationSplit: 0.2, validationFrequency: 0 }, "fit: validationFrequency is 0"],
    [{ validationData: x }, "fit: validationData is no list [x, y]"],
    [{ validationData: [x] }, "fit: validationData is no list [x, y]"],
    [{ stepsPerEpoch: 2 }, "fit: stepsPerEpoch with arrays"],
    [{ batch_size: 8 }, 'fit: there is no option "batch_size"'],
    [{ callbacks: new EarlyStopping() }, "fit: callbacks is no list"],
    [{ callbacks: [EarlyStopping] }, "callbacks: EarlyStopping is a class or a function, no callback"],
    [{ callbacks: [null] }, "callbacks: null is no callback"],
    [{ callbacks: ["EarlyStopping"] }, 'callbacks: "EarlyStopping" is no callback'],
    [{ callbacks: [{ onEpochEnds: () => {} }] }, 'callbacks: there is no hook "onEpochEnds"'],
    [{ sampleWeight: arrayOf([7]) }, "fit: x has 40 samples, sampleWeight has 7"],
    [{ classWeight: { 0: 1 } }, "fit: classWeight has none for class 1"],
  ];
  test.each(mistakes.map(([options, what]) => ({ options, what })))("$what", async ({ options, what }) => {
    const text = await rejection(trained(options));
    expect(text.split("\n")[0]).toBe(what);
    expect(text).toMatch(/\nat test\/layers\/misuse\.test\.ts:L:C\nfix: ./);
  });

  test("Keras' spelling leads to ours", async () => {
    expect(await rejection(trained({ validation_split: 0.2 }))).toMatch(/fix: write validationSplit$/);
  });
  test("no epochs are no training; a batch may be larger than the data", async () => {
    expect((await trained({ epochs: 0 })).history).toEqual({});
    expect((await trained({ batchSize: 1e9 })).history.loss).toHaveLength(1);
  });
  test("validationData goes before the split, and all samples are learnt from", async () => {
    const seen: number[] = [];
    const callbacks = [{ onTrainBatchEnd: (batch: number) => void seen.push(batch) }];
    await trained({ validationSplit: 0.5, validationData: [x, y], batchSize: 10, callbacks });
    expect(seen).toEqual([0, 1, 2, 3]);
  });
});

describe("data", () => {
  test("x and y", async () => {
    expect(await rejection(trained({}, "data"))).toMatch(/^fit: x: string is no data/);
    expect(await rejection(trained({}, []))).toMatch(/^fit: x is empty/);
    expect(await rejection(trained({}, [[1, 2], [3]]))).toMatch(/^fit: x: a list is ragged/);
    expect(await rejection(trained({}, x, null))).toMatch(/^fit: y: null is no data/);
    expect(await rejection(classifier().fit(x))).toMatch(/^fit: there is a loss for output "output"/);
    expect(await rejection(classifier().evaluate(x))).toMatch(
      /^evaluate: there is a loss[\s\S]*\nat test\/layers\/misuse/,
    );
    expect(await rejection(classifier().fit(x, { epochs: 2 } as never))).toMatch(
      /^sequential: fit has options in the place of y/,
    );
    expect(await rejection(trained({}, () => {}))).toMatch(/function is no data[\s\S]*call the function/);
    expect(await rejection(classifier().predict(arrayOf([2, 3])))).toBe(
      [
        "dense: takes 4 features, got 3",
        "  input  x: float32[batch, »3«]",
        '  layer "dense" (Dense) was made at test/layers/misuse.test.ts:L:C',
        "at test/layers/misuse.test.ts:L:C",
        "fix: a layer keeps the sizes it was built for; make another one for 3 features",
      ].join("\n"),
    );
  });

  test("labels of a class that the model does not have are told, wherever they are", async () => {
    const wrong = new NDArray(
      Int32Array.from({ length: 40 }, (_, i) => (i === 37 ? 3 : 0)),
      [40],
    );
    const text = /y has the class 3, the model tells 3 classes apart[\s\S]*from 0 to 2/;
    expect(await rejection(trained({}, x, wrong))).toMatch(text);
    expect(
      await rejection(
        trained(
          {},
          x,
          arrayOf([40], () => -1),
        ),
      ),
    ).toMatch(/y has the class -1/);
    expect(await rejection(classifier().evaluate(x, wrong))).toMatch(/^evaluate: y has the class 3/);
    expect(() => classifier().trainOnBatch(x, wrong)).toThrow(text);
    expect(await rejection(classifier().fit([[x, wrong]][Symbol.iterator]() as never, { verbose: 0 }))).toMatch(text);
  });

  test("inputs by name, in any order; a name that is none", async () => {
    const [a, b] = [input([2], { name: "a" }), input([2], { name: "b" })];
    const network = model({ a, b }, new Subtract()([a, b]));
    const [first, second] = [arrayOf([1, 2], () => 5), arrayOf([1, 2], () => 3)];
    expect((await network.predict({ a: first, b: second })).toArray()).toEqual([[2, 2]]);
    expect((await network.predict({ b: second, a: first })).toArray()).toEqual([[2, 2]]);
    expect(network({ b: tensor(second), a: tensor(first) } as never).toArray()).toEqual([[2, 2]]);
    expect(await rejection(network.predict({ a: first, c: second }))).toMatch(
      /there is no input "c"\n {2}inputs: a, b/,
    );
    expect(await rejection(network.predict({ a: first }))).toMatch(/input "b" is missing/);
  });
});

describe("sources of batches", () => {
  const once = function* (batches: readonly unknown[], failure?: Error) {
    yield* batches;
    if (failure) throw failure;
  };
  const learn = (source: unknown, options: Loose = {}) => classifier().fit(source as never, { verbose: 0, ...options });

  test("what a source decides on itself", async () => {
    const source = () => once([[x, y]]);
    expect(await rejection(learn(source(), { batchSize: 4 }))).toMatch(/^fit: batchSize with a source of batches/);
    expect(await rejection(learn(source(), { validationSplit: 0.2 }))).toMatch(/^fit: validationSplit with a source/);
    expect(await rejection(learn(source(), { sampleWeight: y }))).toMatch(/^fit: sampleWeight with a source/);
    expect(await rejection(classifier().fit(source() as never, y, {}))).toMatch(/^fit: y beside a source/);
  });
  test("empty ones, those that end, and batches that are none", async () => {
    expect(await rejection(learn(once([])))).toMatch(/^fit: there were no batches/);
    expect(await rejection(learn(once([[x, y]]), { epochs: 2 }))).toMatch(/gives its batches once/);
    expect(await rejection(learn(once([x])))).toMatch(/^fit: a batch without x and y: float32\[40, 4\]/);
    expect(await rejection(learn(once([undefined])))).toMatch(/^fit: a batch without x and y: undefined/);
    expect(await rejection(learn(once([[x, arrayOf([3])]])))).toMatch(
      /"batch" is 40 in "train\/x:0" and 3 in "train\/y:0"/,
    );
  });
  test("an abort does not wait for a batch that never comes; the source is closed", async () => {
    const controller = new AbortController();
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const running = learn(silent, { signal: controller.signal });
    await soon();
    controller.abort(new Error("enough"));
    expect(await rejection(running)).toBe("enough");
  });
  test("what a generator throws comes out as it is, and the model can go on", async () => {
    const network = classifier();
    const failure = new Error("the disk is gone");
    await expect(network.fit(once([[x, y]], failure) as never, { verbose: 0 })).rejects.toBe(failure);
    expect((await network.fit(x, y, { verbose: 0 })).history.loss).toHaveLength(1);
  });
});

describe("one thing at a time", () => {
  const long = { epochs: 200, verbose: 0 } as const;

  test("fit, evaluate, trainOnBatch, compile and close wait for fit", async () => {
    const network = classifier();
    const running = network.fit(x, y, long);
    await soon();
    const text = await rejection(network.fit(x, y, long));
    expect(text).toBe(
      [
        "sequential: fit while fit is under way",
        "at test/layers/misuse.test.ts:L:C",
        "fix: await what fit has returned; another model may be trained meanwhile",
      ].join("\n"),
    );
    expect(await rejection(network.evaluate(x, y))).toMatch(/evaluate while fit is under way/);
    expect(() => network.trainOnBatch(x, y)).toThrow(/trainOnBatch while fit/);
    expect(() => network.compile()).toThrow(/compile while fit/);
    expect(() => network.close()).toThrow(/close while fit/);
    // Looking at what it has learnt so far is no harm.
    expect((await network.predict(x)).shape).toEqual([40, 3]);
    const { history } = await running;
    const alone = await trained(long);
    expect(history).toEqual(alone.history);
  });

  test("two models train side by side", async () => {
    const [first, second] = [classifier(), classifier()];
    const both = await Promise.all([first.fit(x, y, long), second.fit(x, y, long)]);
    expect(both[0].history).toEqual(both[1].history);
    expect(bitsOf(first)).toEqual(bitsOf(second));
  });

  test("a callback may evaluate, in the middle of an epoch too, and numbers stay those of training", async () => {
    const found: Logs[] = [];
    const network = classifier();
    const { history } = await network.fit(x, y, {
      batchSize: 10,
      verbose: 0,
      callbacks: [
        {
          async onTrainBatchEnd() {
            found.push(await network.evaluate(x, y), network.testOnBatch(x, y));
          },
        },
      ],
    });
    expect(found).toHaveLength(8);
    expect(history).toEqual((await trained({ batchSize: 10 })).history);
  });

  test("a callback that does not wait for what it began is told so; fit within fit is refused", async () => {
    const network = classifier();
    let begun: Promise<unknown> = Promise.resolve();
    const careless = {
      onEpochEnd() {
        begun = network.evaluate(x, y);
      },
    };
    expect(await rejection(network.fit(x, y, { verbose: 0, callbacks: [careless] }))).toMatch(
      /a callback of fit has begun evaluate and has not waited for it/,
    );
    await begun;
    const nested = { onEpochEnd: async () => void (await network.fit(x, y, { verbose: 0 })) };
    expect(await rejection(network.fit(x, y, { verbose: 0, callbacks: [nested] }))).toMatch(
      /fit while fit is under way/,
    );
    expect((await network.evaluate(x, y)).loss).toBeDefined();
  });
});

describe("a model that changes", () => {
  test("close lets go of plans: weights stay, and it can be used again", async () => {
    const network = classifier();
    await network.fit(x, y, { verbose: 0 });
    const before = await network.predict(x);
    network.close();
    network.close();
    expect(await network.predict(x)).toEqual(before);
    const kept = classifier();
    await kept.fit(x, y, { verbose: 0 });
    await network.fit(x, y, { verbose: 0 });
    await kept.fit(x, y, { verbose: 0 });
    expect(bitsOf(network)).toEqual(bitsOf(kept));
  });

  test("a layer that comes later: predict sees it, training wants to be compiled again", async () => {
    const network = classifier();
    await network.fit(x, y, { verbose: 0 });
    expect((await network.predict(x)).shape).toEqual([40, 3]);
    network.add(new Dense(5, { activation: "softmax" }));
    expect((await network.predict(x)).shape).toEqual([40, 5]);
    expect(await rejection(network.fit(x, y, { verbose: 0 }))).toMatch(
      /it has other layers than when training began[\s\S]*compile it again/,
    );
    network.compile({ loss: "sparseCategoricalCrossentropy" });
    expect((await network.fit(x, y, { verbose: 0 })).history.loss).toHaveLength(1);
  });

  test("weights of a layer that comes later are those it would have had, and no copies of others", () => {
    const sample = tensor([[1, 2, 3, 4]], { dtype: "float32" });
    const [grown, whole] = [sequential([new Dense(4)]), sequential([new Dense(4), new Dense(4)])];
    grown(sample);
    expect(grown.variables[0]!.data).toHaveLength(16);
    grown.add(new Dense(4));
    expect(grown.layers.map(({ name }) => name)).toEqual(["dense", "dense_1"]);
    expect(grown(sample).toArray()).toEqual(whole(sample).toArray());
    expect(bitsOf(grown)).toEqual(bitsOf(whole));
    expect(bitsOf(grown)[2]).not.toEqual(bitsOf(grown)[0]);
  });

  test("what is frozen after compile is trained until it is compiled again; nothing but frozen layers is an error", async () => {
    const network = classifier();
    const kernel = () => Array.from(network.variables[0]!.data);
    network.layers[0]!.trainable = false;
    const before = kernel();
    await network.fit(x, y, { verbose: 0 });
    const trained = kernel();
    expect(trained).not.toEqual(before);
    network.compile({ loss: "sparseCategoricalCrossentropy" });
    await network.fit(x, y, { verbose: 0 });
    expect(kernel()).toEqual(trained);
    network.trainable = false;
    network.compile({ loss: "sparseCategoricalCrossentropy" });
    expect(await rejection(network.fit(x, y, { verbose: 0 }))).toMatch(/model "sequential" has no weights to train/);
  });

  test("a layer of two models is trained by both, as step by step", () => {
    const made = () => {
      const shared = new Dense(4);
      return [1, 2].map((seed) => {
        const network = sequential([input([4]), shared, new Dense(1)], { seed });
        return network.compile({ optimizer: new SGD(0.1), loss: "mse" });
      });
    };
    const target = arrayOf([40, 1], Math.cos);
    const [[a, b], [c, d]] = [made(), made()];
    for (let i = 0; i < 3; i++) for (const network of [a!, b!]) network.trainOnBatch(x, target);
    for (let i = 0; i < 3; i++) {
      for (const network of [c!, d!]) {
        network.trainOnBatch(x, target);
        // The value goes out of the plan and into another one each time.
        network.setWeights(network.getWeights());
      }
    }
    expect(bitsOf(a!)).toEqual(bitsOf(c!));
    expect(bitsOf(b!)).toEqual(bitsOf(d!));
    expect(bitsOf(a!)[0]).toEqual(bitsOf(b!)[0]);
  });
});

describe("layers", () => {
  test("call that gives nothing", () => {
    class Forgetful extends Layer {
      override call(): Tensor {
        return undefined as never;
      }
    }
    expect(messageOf(() => new Forgetful()(tensor([1])))).toBe(
      [
        "forgetful: call gave no tensor: undefined",
        '  layer "forgetful" (Forgetful) was made at test/layers/misuse.test.ts:L:C',
        "at test/layers/misuse.test.ts:L:C",
        "fix: let call return the tensor it computes: return matmul(x, this.w)",
      ].join("\n"),
    );
  });
  test("a weight that build has not made", () => {
    class Unbuilt extends Layer {
      declare w: Tensor;
      override call(given: Tensor) {
        return add(given, this.w);
      }
    }
    expect(messageOf(() => new Unbuilt()(tensor([1])))).toMatch(
      /^add: operand 2 is undefined\n[\s\S]*fix: [^\n]*build makes/,
    );
  });
  test("a layer may know the model it is in, and a model itself", async () => {
    class Knowing extends Layer {
      parent: Model | null = null;
      dense = new Dense(2);
      override call(given: Tensor) {
        return this.dense(given);
      }
    }
    class Whole extends Model {
      self = this as Model;
      part = new Knowing();
      override call(given: Tensor) {
        return this.part(given);
      }
    }
    const network = new Whole();
    network.part.parent = network;
    expect((await network.predict(x)).shape).toEqual([40, 2]);
    expect(network.variables).toHaveLength(2);
  });
  test("a mask that a model is given goes to its first layers", () => {
    const steps = tensor([[[1], [2], [3]]], { dtype: "float32" });
    const mask = tensor([[true, true, false]]);
    const seen: (string | null)[] = [];
    class Watching extends Layer {
      override call(given: Tensor, { mask: own }: { readonly mask: Tensor | null }) {
        seen.push(own && String(own.toArray()));
        return add(given, 0);
      }
    }
    const drawn = input([3, 1]);
    for (const network of [sequential([input([3, 1]), new Watching()]), model(drawn, new Watching()(drawn))]) {
      seen.length = 0;
      network(steps, { mask });
      network(steps);
      expect(seen).toEqual(["1,1,0", null]);
    }
  });
  test("a function can not be written to a file", () => {
    const network = sequential([input([4]), new Lambda((z: Tensor) => z), new Dense(3)]);
    expect(messageOf(() => network.save())).toMatch(/save: layer "lambda" \(Lambda\) can not be written to a file/);
  });
  test("a model as text; as a copy it is loaded from what it saves", () => {
    const network = classifier();
    expect(`${network} ${new Dense(3, { name: "last" })}`).toBe('<Sequential "sequential"> <Dense "last">');
  });
  test("forgotten compile", async () => {
    const network = sequential([new Dense(3)]);
    expect(await rejection(network.fit(x, y))).toMatch(
      /^sequential: fit before compile\nat [\s\S]*compile\({ optimizer/,
    );
  });
});
