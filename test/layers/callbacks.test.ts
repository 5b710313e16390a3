/** Callbacks: the order of hooks, what they decide, and how training ends; against Keras (oracles/keras/callbacks.py). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { NDArray, setWarningHandler } from "../../src/index.ts";
import {
  Callback,
  type CallbackMethods,
  CSVLogger,
  Dense,
  EarlyStopping,
  type Fetch,
  History,
  input,
  LambdaCallback,
  LearningRateScheduler,
  type Logs,
  ModelCheckpoint,
  Progress,
  ReduceLROnPlateau,
  Slack,
  sequential,
  type Terminal,
  TerminateOnNaN,
  Webhook,
} from "../../src/layers/index.ts";
import { SGD } from "../../src/train/index.ts";

type Event = readonly [hook: string, index: number | null, logs: readonly string[] | null];
interface HookCase {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly events: readonly Event[];
}
interface DecisionCase {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly values: readonly (number | "NaN")[];
}
const oracle = JSON.parse(readFileSync(new URL("../oracles/keras/callbacks.json", import.meta.url), "utf8")) as {
  readonly hooks: readonly HookCase[];
  readonly early_stopping: readonly (DecisionCase & Readonly<Record<string, number | null>>)[];
  readonly reduce_lr_on_plateau: readonly (DecisionCase & {
    readonly learning_rate: number;
    readonly learning_rates: readonly number[];
    readonly logged: readonly number[];
  })[];
  readonly model_checkpoint: readonly (DecisionCase & {
    readonly filepath: string;
    readonly batches: number;
    readonly saves: readonly (readonly [string, number, number | null, string, string])[];
  })[];
  readonly csv_logger: readonly {
    readonly name: string;
    readonly arguments: { readonly separator?: string };
    readonly validation_freq: number;
    readonly file: string;
  }[];
};

const rows = (count: number, width: number, of: (i: number) => number = (i) => Math.sin(i + 1)): NDArray =>
  new NDArray(
    Float32Array.from({ length: count * width }, (_, i) => of(i)),
    [count, width],
    "float32",
  );
const x = rows(6, 2);
const y = rows(6, 1);

function regression(learningRate = 0.01) {
  const model = sequential([input([2]), new Dense(1, { kernelInitializer: "ones" })]);
  return model.compile({ optimizer: new SGD(learningRate), loss: "meanSquaredError", metrics: ["meanAbsoluteError"] });
}
type Regression = ReturnType<typeof regression>;

const kerasName = (name: string): string =>
  name
    .replace("meanAbsoluteError", "mae")
    .replace("mean_absolute_error", "mae")
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const HOOKS = [
  "onTrainBegin",
  "onTrainEnd",
  "onEpochBegin",
  "onEpochEnd",
  "onTrainBatchBegin",
  "onTrainBatchEnd",
  "onTestBegin",
  "onTestEnd",
  "onTestBatchBegin",
  "onTestBatchEnd",
  "onPredictBegin",
  "onPredictEnd",
  "onPredictBatchBegin",
  "onPredictBatchEnd",
] as const satisfies readonly (keyof CallbackMethods)[];

/** Writes down every call as the oracle does. */
function logger(events: unknown[], label?: string): CallbackMethods {
  const methods: Record<string, (...args: unknown[]) => void> = {};
  for (const hook of HOOKS) {
    methods[hook] = (...args) => {
      const index = typeof args[0] === "number" ? args[0] : null;
      const logs = args.at(-1);
      const names =
        typeof logs === "object"
          ? Object.keys(logs as Logs)
              .map(kerasName)
              .sort()
          : [];
      const event = [kerasName(hook), index, names];
      events.push(label === undefined ? event : [label, ...event]);
    };
  }
  return methods as CallbackMethods;
}

class StopAt extends Callback {
  constructor(hook: "onTrainBatchEnd" | "onEpochBegin" | "onEpochEnd", index: number) {
    super();
    this[hook] = (at: number) => {
      if (at === index) this.model.stopTraining = true;
    };
  }
}

/** What comes besides the logger in the cases that have more. */
const others: Readonly<Record<string, () => readonly Callback[]>> = {
  "early stopping": () => [new EarlyStopping({ patience: 1 })],
  "stop_training after a batch": () => [new StopAt("onTrainBatchEnd", 0)],
  "stop_training after a batch, with validation": () => [new StopAt("onTrainBatchEnd", 0)],
  "stop_training at the beginning of an epoch": () => [new StopAt("onEpochBegin", 1)],
  "stop_training at the end of an epoch, with validation": () => [new StopAt("onEpochEnd", 1)],
  "ReduceLROnPlateau after the logger": () => [new ReduceLROnPlateau({ monitor: "loss" })],
  TerminateOnNaN: () => [new TerminateOnNaN()],
};

describe("row 122: hooks fire in the order of Keras", () => {
  test.each(oracle.hooks)("$name", async ({ name, settings, events }) => {
    const {
      batch_size: batchSize,
      epochs,
      validation_rows: tested,
      validation_split,
      validation_freq,
      initial_epoch,
      steps_per_epoch,
    } = settings as { readonly [key: string]: number };
    const found: unknown[] = [];
    const loggers = name === "two loggers" ? [logger(found, "first"), logger(found, "second")] : [logger(found)];
    const before = name.endsWith("before the logger")
      ? [new LearningRateScheduler((_epoch, rate) => rate), new ReduceLROnPlateau({ monitor: "loss" })]
      : [];
    const callbacks = [...before, ...loggers, ...(others[name]?.() ?? [])];
    const model = regression(name === "early stopping" ? 0 : 0.01);
    const warnings: string[] = [];
    const previous = setWarningHandler((text) => void warnings.push(text));
    try {
      if (name === "evaluate") await model.evaluate(x, y, { batchSize, callbacks });
      else if (name === "predict") await model.predict(rows(5, 2), { batchSize, callbacks });
      else {
        const target = name === "TerminateOnNaN" ? rows(6, 1, (i) => (i === 4 ? Number.NaN : i)) : y;
        const source = {
          *[Symbol.iterator]() {
            yield [rows(4, 2), rows(4, 1)] as const;
          },
        };
        const options = {
          epochs,
          verbose: 0 as const,
          shuffle: false,
          callbacks,
          validationData: tested ? ([rows(tested, 2), rows(tested, 1)] as const) : undefined,
          validationSplit: validation_split,
          validationFrequency: validation_freq,
          initialEpoch: initial_epoch,
        };
        if (steps_per_epoch) await model.fit(source, { ...options, stepsPerEpoch: steps_per_epoch });
        else await model.fit(x, target, { ...options, batchSize });
      }
    } finally {
      setWarningHandler(previous);
    }
    // Keras hands what was predicted to the hook as well; here `predict` returns it.
    const wanted = events.map((event) => event.map((part) => (JSON.stringify(part) === '["outputs"]' ? [] : part)));
    expect(found).toEqual(wanted);
    expect(warnings).toHaveLength(name === "TerminateOnNaN" ? 1 : 0);
  });
});

/** A callback on its own, with a model whose weights tell the epoch they are of. */
function alone<C extends Callback>(
  callback: C,
  learningRate = 0.5,
): { readonly callback: C; readonly model: Regression; of(epoch: number): void } {
  const model = regression(learningRate);
  callback.model = model as never;
  callback.parameters = { epochs: 100, steps: null, verbose: 0 };
  return { callback, model, of: (epoch) => model.setWeights([[[epoch], [epoch]], [0]]) };
}
const camel = (options: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name
        .replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
        .replace("minLr", "minLearningRate")
        .replace("saveFreq", "saveFrequency"),
      value,
    ]),
  );
const numbers = (values: DecisionCase["values"]): readonly number[] => values.map(Number);

describe("row 127: EarlyStopping decides as Keras", () => {
  // There the first number is the best one whatever it is, and after a NaN nothing is ever better.
  const cases = oracle.early_stopping.filter(({ name }) => name !== "NaN first");
  test.each(cases)("$name", (wanted) => {
    const { callback, model, of } = alone(new EarlyStopping(camel(wanted.arguments)));
    const monitor = wanted.arguments.monitor as string;
    model.stopTraining = false;
    callback.onTrainBegin();
    let epochs = 0;
    for (const [epoch, value] of numbers(wanted.values).entries()) {
      of(epoch);
      callback.onEpochEnd(epoch, { [monitor]: value });
      epochs++;
      if (model.stopTraining) break;
    }
    callback.onTrainEnd();
    expect({
      epochs,
      stopped: callback.stoppedEpoch ?? 0,
      best: callback.best,
      bestEpoch: callback.bestEpoch ?? 0,
      weightsOf: model.getWeights()[0]!.data[0],
    }).toEqual({
      epochs: wanted.epochs,
      stopped: wanted.stopped_epoch,
      best: Number(wanted.best),
      bestEpoch: wanted.best_epoch,
      weightsOf: wanted.weights_of_epoch,
    });
  });

  test("a NaN is never best, not even the first", () => {
    const { callback, model } = alone(new EarlyStopping({ patience: 2 }));
    callback.onTrainBegin();
    for (const [epoch, value] of [Number.NaN, 1, 0.9, 1].entries()) callback.onEpochEnd(epoch, { val_loss: value });
    expect([callback.best, callback.bestEpoch, model.stopTraining]).toEqual([0.9, 2, false]);
  });

  test("restoreBestWeights also when another callback stops, throws, or the signal does", async () => {
    for (const how of ["stop", "throw", "abort"] as const) {
      const model = regression(0);
      const abort = new AbortController();
      const stopping = new EarlyStopping({ monitor: "loss", patience: 9, restoreBestWeights: true });
      const changes: CallbackMethods = {
        onEpochBegin: (epoch) => model.setWeights([[[epoch === 1 ? 0.1 : 5], [0]], [0]]),
        onEpochEnd(epoch) {
          if (epoch < 2) return;
          if (how === "stop") model.stopTraining = true;
          if (how === "throw") throw new Error("out of patience");
          abort.abort(new Error("aborted by hand"));
        },
      };
      const training = model.fit(x, y, { epochs: 9, verbose: 0, callbacks: [stopping, changes], signal: abort.signal });
      if (how === "stop") await training;
      else await expect(training).rejects.toThrow(how === "throw" ? "out of patience" : "aborted by hand");
      expect(stopping.bestEpoch, how).toBe(1);
      expect(model.getWeights()[0]!.toArray(), how).toEqual([[Math.fround(0.1)], [0]]);
    }
  });

  test("a name that is not in the logs is warned of once", async () => {
    const warnings: string[] = [];
    const previous = setWarningHandler((text) => void warnings.push(text));
    await regression().fit(x, y, { epochs: 2, verbose: 0, callbacks: [new EarlyStopping()] });
    setWarningHandler(previous);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^EarlyStopping: there is no "val_loss" in the logs\n.*loss[\s\S]*fix: give fit something to test on/,
    );
  });
});

describe("learning rates", () => {
  test.each(oracle.reduce_lr_on_plateau)("ReduceLROnPlateau decides as Keras: $name", (wanted) => {
    const { callback, model } = alone(new ReduceLROnPlateau(camel(wanted.arguments)), wanted.learning_rate);
    callback.onTrainBegin();
    const rates: number[] = [];
    const logged: number[] = [];
    for (const [epoch, value] of numbers(wanted.values).entries()) {
      const logs: Logs = { [wanted.arguments.monitor as string]: value };
      callback.onEpochEnd(epoch, logs);
      logged.push(logs.learningRate!);
      rates.push(model.optimizer.learningRate as number);
    }
    const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 8));
    expect(rates).toEqual(close(wanted.learning_rates));
    expect(logged).toEqual(close(wanted.logged));
  });

  test("LearningRateScheduler sets the rate before each epoch; nothing is compiled again", async () => {
    const model = regression(0.25);
    const { history } = await model.fit(x, y, {
      epochs: 4,
      verbose: 0,
      callbacks: [new LearningRateScheduler((epoch) => 0.5 / (1 + epoch))],
    });
    expect(history.learningRate).toEqual([0.5, 0.25, 0.5 / 3, 0.125]);
  });
});

describe("row 126: ModelCheckpoint", () => {
  test.each(oracle.model_checkpoint)(
    "writes when Keras does: $name",
    async ({ arguments: options, values, batches, filepath, saves }) => {
      const { callback, model } = alone(new ModelCheckpoint(filepath, camel(options)));
      const found: unknown[] = [];
      let now: readonly unknown[] = [];
      for (const [method, name] of [
        ["save", "save"],
        ["saveWeights", "save_weights"],
      ] as const) {
        Object.defineProperty(model, method, { value: async (path: string) => void found.push([...now, name, path]) });
      }
      callback.onTrainBegin();
      for (const [epoch, value] of numbers(values).entries()) {
        callback.onEpochBegin(epoch);
        for (let batch = 0; batch < batches; batch++) {
          now = ["on_train_batch_end", epoch, batch];
          await callback.onTrainBatchEnd(batch, { loss: value });
        }
        now = ["on_epoch_end", epoch, null];
        await callback.onEpochEnd(epoch, { loss: value, [options.monitor as string]: value });
      }
      expect(found).toEqual(saves);
    },
  );
});

describe("row 123: history", () => {
  test("has one number for each epoch that ran, and the epochs", async () => {
    const model = regression();
    const history = await model.fit(x, y, {
      epochs: 5,
      initialEpoch: 1,
      verbose: 0,
      validationData: [x, y],
      callbacks: [new StopAt("onEpochEnd", 3)],
    });
    expect(history).toBeInstanceOf(History);
    expect(history.epoch).toEqual([1, 2, 3]);
    expect(Object.keys(history.history).map(kerasName)).toEqual(["loss", "mae", "val_loss", "val_mae"]);
    for (const values of Object.values(history.history)) expect(values).toHaveLength(3);
  });
});

describe("row 129: Webhook and Slack", () => {
  const secret = "https://hooks.example/T0/B0/secret";
  function post(answer: (count: number) => { ok: boolean; status: number }): {
    readonly fetch: Fetch;
    readonly bodies: unknown[];
  } {
    const bodies: unknown[] = [];
    const fetch: Fetch = async (url, request) => {
      expect(url).toBe(secret);
      expect(request.method).toBe("POST");
      bodies.push(JSON.parse(request.body));
      return answer(bodies.length);
    };
    return { fetch, bodies };
  }

  test("posts the numbers of each epoch and the end", async () => {
    const { fetch, bodies } = post(() => ({ ok: true, status: 200 }));
    await regression(0).fit(x, y, { epochs: 2, verbose: 0, callbacks: [new Slack(secret, { fetch })] });
    expect(bodies).toHaveLength(3);
    expect(bodies[0]).toEqual({
      text: expect.stringMatching(/^epoch 1: loss [\d.]+, mean_?[aA]bsolute_?[eE]rror [\d.]+$/),
    });
    expect(bodies[2]).toEqual({ text: expect.stringMatching(/^training is done after 2 epochs: loss /) });
  });

  test("what fails never stops training, is warned of once, and shows no address", async () => {
    const failing: readonly Fetch[] = [
      post(() => ({ ok: false, status: 404 })).fetch,
      () => Promise.reject(new TypeError(`fetch failed: ${secret}`)),
      () => {
        throw new Error(`bad address ${secret}`);
      },
    ];
    for (const fetch of failing) {
      const warnings: string[] = [];
      const previous = setWarningHandler((text) => void warnings.push(text));
      const { epoch } = await regression().fit(x, y, {
        epochs: 3,
        verbose: 0,
        callbacks: [new Webhook(secret, { fetch })],
      });
      setWarningHandler(previous);
      expect(epoch).toEqual([0, 1, 2]);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/^Webhook: a message was not delivered/);
      expect(warnings[0]).not.toContain("secret");
      expect(warnings[0]).not.toContain("hooks.example");
    }
  });

  test("a text or body of the user's own that fails does no harm either", async () => {
    const previous = setWarningHandler(() => {});
    const { fetch } = post(() => ({ ok: true, status: 200 }));
    const text = () => {
      throw new Error("no text");
    };
    await regression().fit(x, y, { verbose: 0, callbacks: [new Webhook(secret, { fetch, text, every: 1 })] });
    setWarningHandler(previous);
  });
});

describe("CSVLogger", () => {
  test.each(oracle.csv_logger)(
    "writes what Keras writes: $name",
    async ({ arguments: options, validation_freq, file }) => {
      const lines: string[] = [];
      const model = regression(0);
      const { history } = await model.fit(x, y, {
        epochs: 2,
        verbose: 0,
        validationData: [x, y],
        validationFrequency: validation_freq,
        callbacks: [new CSVLogger((line) => void lines.push(line), options)],
      });
      expect(Object.keys(history).length).toBe(4);
      const cells = lines.join("").replace(/(?<=^|[,;])\d+\.\d+(?:e-\d+)?/gm, "<number>");
      // Lines end as everywhere else, and not as Python's csv module likes them.
      expect(cells.replaceAll("meanAbsoluteError", "mae")).toBe(file.replace(/\r\n/g, "\n"));
    },
  );

  test("goes on in a file that has its first line", async () => {
    const lines: string[] = [];
    const log = new CSVLogger((line) => void lines.push(line), { append: true });
    await regression(0).fit(x, y, { epochs: 2, initialEpoch: 1, verbose: 0, callbacks: [log] });
    expect(lines.join("")).toMatch(/^1,[\d.]+,[\d.]+\n$/);
  });
});

describe("row 121: verbose", () => {
  function terminal(isTerminal = true, columns = 200): Terminal & { text: string } {
    let now = 0;
    return {
      text: "",
      isTerminal,
      columns,
      write(text) {
        this.text += text;
      },
      now: () => (now += 50),
    };
  }
  /** `Progress` as `fit` uses it, on a terminal of ours. */
  async function shown(verbose: 0 | 1 | 2, screen: ReturnType<typeof terminal>): Promise<string> {
    const progress = new Progress(screen);
    const model = regression(0);
    const set: CallbackMethods = {};
    const start = Object.assign(set, {
      onTrainBegin() {
        progress.parameters = { ...progress.parameters, verbose };
      },
    });
    await model.fit(x, y, { epochs: 2, batchSize: 2, verbose: 0, callbacks: [start, progress] });
    return screen.text.replace(/(loss|mean_?absolute_?error|meanAbsoluteError) [\d.]+/gi, "$1 #");
  }

  test("0 is silent", async () => {
    expect(await shown(0, terminal())).toBe("");
  });
  test("1 is a bar that is drawn again and again", async () => {
    const text = await shown(1, terminal());
    expect(text.split("\n")[0]!.split("\r")).toMatchInlineSnapshot(`
      [
        "",
        "epoch 1/2  ████████░░░░░░░░░░░░░░░░  1/3  20.0 steps/s  0.1 s left  loss #  meanAbsoluteError #",
        "epoch 1/2  ████████████████████████  3/3  20.0 steps/s  0.0 s left  loss #  meanAbsoluteError #",
        "epoch 1/2  ████████████████████████  3/3  15.0 steps/s  0.2 s  loss #  meanAbsoluteError #     ",
      ]
    `);
    expect(text.split("\n")).toHaveLength(3);
  });
  test("1 writes nothing to a file or pipe, and is cut to the width of the terminal", async () => {
    expect(await shown(1, terminal(false))).toBe("");
    const lines = (await shown(1, terminal(true, 40))).split(/[\r\n]+/).filter((line) => line !== "");
    for (const line of lines) expect(line.trimEnd().length).toBeLessThan(40);
  });
  test("2 is a line for each epoch", async () => {
    expect(await shown(2, terminal(false))).toMatchInlineSnapshot(`
      "epoch 1/2  3/3  60.0 steps/s  0.1 s  loss #  meanAbsoluteError #
      epoch 2/2  3/3  60.0 steps/s  0.1 s  loss #  meanAbsoluteError #
      "
    `);
  });
});

describe("rows 119 and 130: how training ends", () => {
  test("TerminateOnNaN ends it after the batch, with a warning", async () => {
    const warnings: string[] = [];
    const previous = setWarningHandler((text) => void warnings.push(text));
    const model = regression();
    const bad = rows(6, 1, (i) => (i === 2 ? Number.NaN : i));
    const { history } = await model.fit(x, bad, {
      batchSize: 2,
      epochs: 3,
      shuffle: false,
      verbose: 0,
      callbacks: [new TerminateOnNaN()],
    });
    setWarningHandler(previous);
    expect(history.loss).toEqual([Number.NaN]);
    expect(model.position).toEqual({ epoch: 0, batch: 2 });
    expect(warnings[0]).toMatch(/^TerminateOnNaN: the loss of batch 1 is NaN, training ends\n/);
  });

  test("a signal ends it at the next batch; the weights are those after whole steps", async () => {
    const reference = regression(0.1);
    await reference.fit(x, y, {
      batchSize: 2,
      epochs: 1,
      shuffle: false,
      verbose: 0,
      callbacks: [new StopAt("onTrainBatchEnd", 1)],
    });
    const abort = new AbortController();
    const model = regression(0.1);
    let ended = 0;
    const stops = new LambdaCallback({
      onTrainBatchEnd: (batch) => (batch === 1 ? abort.abort() : undefined),
      onTrainEnd: () => void ended++,
    });
    await expect(
      model.fit(x, y, {
        batchSize: 2,
        epochs: 5,
        shuffle: false,
        verbose: 0,
        callbacks: [stops],
        signal: abort.signal,
      }),
    ).rejects.toThrow(/abort/i);
    expect(ended).toBe(1);
    expect(model.position).toEqual({ epoch: 0, batch: 2 });
    expect(model.getWeights().map(({ data }) => [...data])).toEqual(
      reference.getWeights().map(({ data }) => [...data]),
    );
  });

  test("what a callback throws rejects fit, after everybody's onTrainEnd; the first error is told", async () => {
    for (const hook of [
      "onTrainBegin",
      "onEpochBegin",
      "onTrainBatchBegin",
      "onTrainBatchEnd",
      "onTestBegin",
      "onTestBatchEnd",
      "onEpochEnd",
      "onTrainEnd",
    ] as const) {
      const model = regression();
      const ended: string[] = [];
      const bad: CallbackMethods = {
        [hook]: () => {
          throw new Error(`thrown in ${hook}`);
        },
      };
      const worse: CallbackMethods = {
        onTrainEnd() {
          ended.push("worse");
          throw new Error("thrown later");
        },
      };
      const good: CallbackMethods = { onTrainEnd: () => void ended.push("good") };
      const training = model.fit(x, y, {
        batchSize: 2,
        epochs: 2,
        verbose: 0,
        validationData: [x, y],
        callbacks: [bad, worse, good],
      });
      await expect(training).rejects.toThrow(`thrown in ${hook}`);
      expect(ended, hook).toEqual(["worse", "good"]);
      // It can be trained on.
      const { epoch } = await model.fit(x, y, { epochs: 1, verbose: 0 });
      expect(epoch).toEqual([0]);
    }
  });

  test("a callback may evaluate, at the end too", async () => {
    const model = regression(0);
    const seen: number[] = [];
    const looks: CallbackMethods = {
      onEpochEnd: async () => void seen.push((await model.evaluate(x, y)).loss!),
      onTrainEnd: async () => void seen.push((await model.evaluate(x, y)).loss!),
    };
    const { history } = await model.fit(x, y, { epochs: 2, verbose: 0, shuffle: false, callbacks: [looks] });
    expect(seen).toEqual([...history.loss!, history.loss![1]]);
  });

  test("hooks of a class of one's own are typed, may wait, and know model and parameters", async () => {
    const seen: string[] = [];
    class Own extends Callback {
      override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, 1));
        seen.push(`${epoch} ${typeof logs.loss} ${this.parameters.epochs} ${this.parameters.steps} ${this.model.name}`);
        logs.own = epoch * 2;
      }
    }
    const { history } = await regression().fit(x, y, { batchSize: 4, epochs: 2, verbose: 0, callbacks: [new Own()] });
    expect(seen).toEqual(["0 number 2 2 sequential", "1 number 2 2 sequential"]);
    expect(history.own).toEqual([0, 2]);
  });
});
