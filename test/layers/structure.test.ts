/** The class hierarchy of Keras: modules, layers, networks, and the three ways to write a model. */
import { describe, expect, test } from "vitest";
import type { Sizes } from "../../src/core/shape.ts";
import { EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import {
  add,
  cond,
  graphHash,
  greater,
  matmul,
  mean,
  mul,
  NDArray,
  relu,
  reshape,
  scan,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
  type Variable,
} from "../../src/functional.ts";
import {
  Concatenate,
  Conv2D,
  classification,
  Dense,
  input,
  Layer,
  MaxPooling2D,
  Model,
  Module,
  model,
  regression,
  sequential,
} from "../../src/layers/index.ts";

const floats = (values: number[][]) => tensor(values, { dtype: "float32" });
const x = floats([
  [1, 2, -3, 4],
  [0.5, -1, 2, 0],
]);

class Affine extends Layer {
  readonly log: string[];
  w!: Variable;
  constructor(log: string[] = []) {
    super();
    this.log = log;
  }
  override apply(...args: Parameters<Layer["apply"]>): Tensor {
    this.log.push("apply");
    return super.apply(...args);
  }
  override build(shape: Sizes): void {
    this.log.push("build");
    this.w = this.addWeight("kernel", { shape: [shape.at(-1)!, 2], initializer: "uniform" });
  }
  override addWeight(...args: Parameters<Layer["addWeight"]>) {
    this.log.push("addWeight");
    return super.addWeight(...args);
  }
  call(given: Tensor): Tensor {
    this.log.push("call");
    return matmul(given, this.w);
  }
}

describe("modules and layers", () => {
  test("row 89: apply, build, addWeight, call, in that order; build once", () => {
    const layer = new Affine();
    layer(x);
    layer(x);
    expect(layer.log).toEqual(["apply", "build", "addWeight", "call", "apply", "call"]);
  });

  test("row 87: every nested variable once, in the order of the fields", () => {
    class Parts extends Module {
      readonly b = new Affine();
      readonly list = [new Affine(), { deep: new Affine() }];
      readonly again = this.b;
      apply(given: Tensor): Tensor {
        return add(this.b(given), add((this.list[0] as Affine)(given), (this.list[1] as { deep: Affine }).deep(given)));
      }
    }
    const parts = new Parts();
    parts.apply(x);
    const [first, second] = parts.list as [Affine, { deep: Affine }];
    expect(parts.variables).toEqual([parts.b.w, first.w, second.deep.w]);
    expect(parts.variables).toEqual(parts.variables);
  });

  test("row 88: a frozen layer has no trainable variables", () => {
    const network = sequential([new Dense(3), new Dense(2)], { inputShape: [4] });
    expect(network.trainableVariables.length).toBe(4);
    network.layers[0]!.trainable = false;
    expect(network.trainableVariables.map(({ op }) => op.name)).toEqual(["dense_1/kernel", "dense_1/bias"]);
    expect(network.nonTrainableVariables.map(({ op }) => op.name)).toEqual(["dense/kernel", "dense/bias"]);
    expect(network.variables.length).toBe(4);
  });

  test("row 90: weights have names, and uniform ones lie in the documented range", () => {
    const layer = new Dense(50, { kernelInitializer: "uniform" });
    layer(floats([new Array<number>(40).fill(1)]));
    expect(layer.variables.map(({ op }) => op.name)).toEqual(["dense/kernel", "dense/bias"]);
    const kernel = [...layer.variables[0]!.data];
    expect(Math.min(...kernel)).toBeGreaterThanOrEqual(-0.05);
    expect(Math.max(...kernel)).toBeLessThan(0.05);
    expect(new Set(kernel).size).toBeGreaterThan(1900);
  });

  test("row 91: a term that a layer adds is in losses, and so are penalties on weights", () => {
    class Penalised extends Layer {
      call(given: Tensor): Tensor {
        this.addLoss(mean(square(given)));
        return given;
      }
    }
    const network = sequential([new Penalised(), new Dense(2, { kernelRegularizer: (w) => mean(square(w)) })]);
    network(x);
    const [ofBatch, ofKernel] = network.losses as EagerTensor[];
    expect(ofBatch!.item()).toBeCloseTo((1 + 4 + 9 + 16 + 0.25 + 1 + 4) / 8, 5);
    expect(ofKernel!.item()).toBeGreaterThan(0);
  });

  test("layers are functions, and objects with fields", () => {
    const layer = new Dense(3);
    expect(typeof layer).toBe("function");
    expect(layer).toBeInstanceOf(Dense);
    expect(layer).toBeInstanceOf(Layer);
    expect(layer.name).toBe("dense");
    expect(String((layer(x) as EagerTensor).shape)).toBe("2,3");
  });

  test("a layer that fails to build can be called again", () => {
    let fails = true;
    class Shy extends Layer {
      override build(): void {
        this.addWeight("w", { shape: [1] });
        if (fails) throw new Error("not now");
      }
      call(given: Tensor): Tensor {
        return given;
      }
    }
    const shy = new Shy();
    expect(() => shy(x)).toThrow("not now");
    fails = false;
    shy(x);
    expect(shy.variables.length).toBe(1);
  });
});

describe("models", () => {
  const widths = [64, 64, 10] as const;
  const layersOf = () => [
    new Dense(widths[0], { activation: "relu" }),
    new Dense(widths[1], { activation: "relu" }),
    new Dense(widths[2]),
  ];
  class Digits extends Model {
    // The name `output` is free: row 111.
    readonly hidden = new Dense(64, { activation: "relu" });
    readonly second = new Dense(64, { activation: "relu" });
    readonly output = new Dense(10);
    call(images: Tensor): Tensor {
      return this.output(this.second(this.hidden(images)));
    }
  }
  const functional = () => {
    const img = input([784], { name: "img" });
    const [a, b, c] = layersOf();
    return model(img, c!(b!(a!(img))));
  };

  test("row 98: input is a placeholder", () => {
    expect(String(input([784], { name: "img" }))).toBe('Tensor("img:0", shape=(?, 784), dtype=float32)');
    const { inputs } = functional().graph();
    expect(inputs.map(String)).toEqual(['Tensor("functional/img:0", shape=(?, 784), dtype=float32)']);
  });

  test("row 97: 784-64-64-10 has 55,050 parameters", () => {
    const count = functional().variables.reduce((sum, { data }) => sum + data.length, 0);
    expect(count).toBe(55050);
  });

  test("row 96: adding layers and giving a list is the same", () => {
    const listed = sequential([input([784]), ...layersOf()]);
    const added = sequential();
    added.add(input([784]));
    for (const layer of layersOf()) added.add(layer);
    expect(graphHash(added.graph().outputs)).toBe(graphHash(listed.graph().outputs));
  });

  test("row 148: one model written three ways has one graph hash, and one set of bits", () => {
    const images = tensor(
      new Float32Array(3 * 784).map((_, i) => Math.sin(i)),
      { shape: [3, 784] },
    );
    const subclassed = new Digits();
    subclassed(images);
    const written = [sequential([input([784]), ...layersOf()]), functional(), subclassed];
    const hashes = written.map((network) => graphHash(network.graph().outputs));
    expect(new Set(hashes).size).toBe(1);
    const results = written.map((network) => [...(network(images) as EagerTensor).data]);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    // And another one has another.
    const other = sequential([input([784]), new Dense(64, { activation: "tanh" }), new Dense(64), new Dense(10)]);
    expect(graphHash(other.graph().outputs)).not.toBe(hashes[0]);
  });

  test("row 103: a subclassed model runs step by step, and traced, with the same bits", () => {
    const network = new Digits();
    const images = tensor(
      new Float32Array(2 * 784).map((_, i) => Math.cos(i)),
      { shape: [2, 784] },
    );
    const direct = (network(images) as EagerTensor).data;
    const traced = func((given: Tensor) => network(given));
    expect([...(traced(images) as EagerTensor).data]).toEqual([...direct]);
  });

  test("row 99: what lies between input and output, and nothing else", () => {
    const img = input([4]);
    const used = new Dense(3);
    const unused = new Dense(5);
    const hidden = used(img);
    unused(hidden);
    const cut = model(img, relu(hidden));
    expect(cut.layers).toEqual([used]);
    expect(cut.graph().graph.operations.map(({ def }) => def.name)).not.toContain("sub");
  });

  test("row 92: layers in order, a shared one once; row 106: its gradients add up", () => {
    const a = input([4], { name: "a" });
    const b = input([4], { name: "b" });
    const shared = new Dense(3, { name: "shared" });
    const network = model([a, b], sub(shared(a), shared(b)));
    expect(network.layers).toEqual([shared]);
    expect(network.variables.length).toBe(2);
    const [one, two] = [
      x,
      floats([
        [0, 1, 0, 2],
        [3, 1, 1, 1],
      ]),
    ];
    const tape = new GradientTape();
    const [kernel] = shared.variables;
    const gradient = tape.gradient(network([one, two]), kernel!) as EagerTensor;
    // d/dW of sum(a·W - b·W): the difference of the sums of inputs, for every unit.
    const expected = [0, 1, 2, 3].map((i) => one.data[i]! + one.data[4 + i]! - two.data[i]! - two.data[4 + i]!);
    expect([...gradient.data]).toEqual(expected.flatMap((value) => [value, value, value]));
  });

  test("rows 104, 105: several inputs by list or name, several outputs", () => {
    const a = input([4], { name: "a" });
    const b = input([2], { name: "b" });
    const hidden = add(new Dense(3)(a), new Dense(3)(b));
    const network = model({ a, b }, [new Dense(1, { name: "price" })(hidden), new Dense(2, { name: "kind" })(hidden)]);
    const [price, kind] = network({
      a: x,
      b: floats([
        [1, 2],
        [3, 4],
      ]),
    }) as readonly Tensor[] as readonly EagerTensor[];
    expect([price!.shape, kind!.shape]).toEqual([
      [2, 1],
      [2, 2],
    ]);
  });

  test("row 107: through a residual block the gradient is 1 + that of the branch", () => {
    const given = input([4]);
    const branch = new Dense(4, { name: "branch" });
    const network = model(given, add(given, branch(given)));
    network(x);
    const tape = new GradientTape();
    tape.watch(x);
    const gradient = tape.gradient(network(x), x) as EagerTensor;
    const kernel = branch.variables[0]!.data;
    const rows = [0, 1, 2, 3].map(
      (i) => 1 + [...kernel.subarray(4 * i, 4 * i + 4)].reduce((sum, value) => sum + value, 0),
    );
    [...rows, ...rows].forEach((row, i) => void expect(gradient.data[i]).toBeCloseTo(row, 5));
  });

  test("loops, branches and named sizes between layers, on tensors with values and in a plan", async () => {
    const text = input([3, 4], { name: "text" });
    const [last] = scan(
      (h: Tensor, row: Tensor) => [add(mul(h, 0.5), row), null],
      sum(mul(text, 0), { axis: 1 }),
      transpose(text, [1, 0, 2]),
    );
    const flat = reshape(
      cond(
        greater(mean(text), 0),
        () => mul(last, 2),
        () => last,
      ),
      ["batch", 4],
    );
    const network = model(text, new Dense(2)(flat));
    const given = tensor(
      new Float32Array(24).map((_, i) => Math.sin(i) + 0.1),
      { shape: [2, 3, 4] },
    );
    const called = network(given) as EagerTensor;
    expect([...(await network.predict(given)).data]).toEqual([...called.data]);
  });

  test("numbers of another kind become those of the input: bytes of images, float64", async () => {
    const drawn = input([2]);
    const dense = new Dense(1);
    for (const network of [sequential([input([2]), dense]), model(drawn, dense(drawn))]) {
      const wanted = [...(network(tensor([[1, 200]], { dtype: "float32" })) as EagerTensor).data];
      const bytes = { data: Uint8Array.of(1, 200), shape: [1, 2] };
      expect([...(await network.predict(bytes)).data]).toEqual(wanted);
      const wide = new NDArray(Float64Array.of(1, 200), [1, 2], "float64");
      expect([...(await network.predict(wide)).data]).toEqual(wanted);
    }
  });

  test("models are layers: nested ones, and names that are unique", () => {
    const inner = sequential([new Dense(3, { activation: "relu" }), new Dense(3)], { name: "inner" });
    const network = sequential([input([4]), inner, new Dense(2), new Dense(2)]);
    expect(network.layers.map(({ name }) => name)).toEqual(["inner", "dense", "dense_1"]);
    expect([...network.namedVariables.keys()]).toEqual([
      "inner/dense/kernel",
      "inner/dense/bias",
      "inner/dense_1/kernel",
      "inner/dense_1/bias",
      "dense/kernel",
      "dense/bias",
      "dense_1/kernel",
      "dense_1/bias",
    ]);
    expect(network(x)).toBeInstanceOf(EagerTensor);
  });

  test("the seed decides: the same model begins with the same bits, another seed with others", () => {
    const weights = (seed: number) => [...sequential([input([4]), new Dense(3)], { seed }).variables[0]!.data];
    expect(weights(1)).toEqual(weights(1));
    expect(weights(1)).not.toEqual(weights(2));
  });

  test("rows 12, 93: design and summary", () => {
    const network = functional();
    expect(network.design()).toBe(
      [
        "1 Input          form          [batch, 784]",
        "2 Output         form          [batch, 10]",
        "                 activation    linear",
        "3 Hidden         activation    relu, relu",
        "4 Network size   depth         3 layers with weights",
        "                 width         64, 64, 10",
        "                 connections   img → dense",
        "                               dense → dense_1",
        "                               dense_1 → dense_2",
      ].join("\n"),
    );
    expect(network.summary()).toBe(
      [
        'Model: "functional"',
        "─────────────────────────────────────────────────",
        "Layer (type)         Output shape      Parameters",
        "─────────────────────────────────────────────────",
        "dense (Dense)        [batch, 64]           50,240",
        "dense_1 (Dense)      [batch, 64]            4,160",
        "dense_2 (Dense)      [batch, 10]              650",
        "─────────────────────────────────────────────────",
        "Total parameters: 55,050 (215.04 KB)",
        "Trainable: 55,050 (215.04 KB)",
        "Frozen: 0 (0 B)",
      ].join("\n"),
    );
  });
});

describe("outputs", () => {
  test("row 21: classes: a sigmoid for two, softmax for more, each with its loss; probabilities and classes in one run", async () => {
    for (const classes of [2, 3]) {
      const head = classification(classes);
      const given = input([4]);
      const probabilities = head.layer(given);
      const network = model(given, { probabilities, kind: head.answer(probabilities) });
      const found = await network.predict(x as never);
      const wanted = [0, 1].map((sample) => {
        const row = [...found.probabilities.data].slice(
          sample * (classes === 2 ? 1 : 3),
          (sample + 1) * (classes === 2 ? 1 : 3),
        );
        if (classes === 3) expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
        return classes === 2 ? Number(row[0]! > 0.5) : row.indexOf(Math.max(...row));
      });
      expect([...found.kind.data]).toEqual(wanted);
      expect(head.loss.name).toMatch(classes === 2 ? /^binary/i : /^sparse/i);
    }
    expect(() => classification(1)).toThrow("give a whole number from 2 on");
  });

  test("row 22: regression: the output is the mean, as it is", () => {
    const head = regression(2);
    const output = head.layer(x) as EagerTensor;
    expect(head.answer(output)).toBe(output);
    expect(head.loss.name).toMatch(/squared/i);
  });

  test("row 108: an inception block; an error names the branch", () => {
    const image = input([8, 8, 3]);
    const branch = (filters: number, size: number, name: string) =>
      new Conv2D(filters, size, { padding: "same", name })(image);
    const pooled = new MaxPooling2D(3, { strides: 1, padding: "same", name: "pool" })(image);
    const block = new Concatenate();
    const joined = block([branch(4, 1, "one"), branch(6, 3, "three"), branch(2, 5, "five"), pooled]);
    expect(model(image, joined)(tensor(new Float32Array(192), { shape: [1, 8, 8, 3] })).shape).toEqual([1, 8, 8, 15]);
    const wrong = new Conv2D(2, 5, { name: "narrow" })(image);
    expect(() => new Concatenate()([branch(4, 1, "one"), wrong])).toThrow(/narrow/);
  });

  test("row 109: any flow without a circle; a circle can not even be written down", () => {
    const given = input([4]);
    const a = new Dense(4, { name: "a" })(given);
    const b = new Dense(4, { name: "b" })(add(a, given));
    const c = add(mul(a, b), given);
    const network = model(given, c);
    expect(network.layers.map(({ name }) => name)).toEqual(["a", "b"]);
    // What a layer is called on is there before what it gives: a tensor can not depend on itself.
    expect(network(x)).toBeInstanceOf(EagerTensor);
  });

  test("row 110: fields before super() are refused by the compiler, as Keras refuses them when it runs", () => {
    class MyLayer extends Layer {
      readonly units: number;
      // biome-ignore lint/correctness/noUnreachableSuper: the mistake of the slide
      constructor(units: number) {
        // @ts-expect-error 'super' must be called before accessing 'this': the order of the lecture's slide
        this.units = units;
        super();
      }
      call(given: Tensor): Tensor {
        return given;
      }
    }
    expect(() => new MyLayer(3)).toThrow(ReferenceError);
  });
});

describe("what is wrong", () => {
  const message = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return (error as Error).message.replace(/structure\.test\.ts:\d+:\d+/g, "structure.test.ts:L:C");
    }
    throw new Error("nothing was thrown");
  };

  test("another number of features", () => {
    const network = sequential([input([4]), new Dense(3, { name: "first" })]);
    expect(message(() => network(floats([[1, 2, 3]])))).toBe(
      [
        "first: takes 4 features, got 3",
        "  input  constant: float32[1, »3«]",
        '  layer "first" (Dense) was made at test/layers/structure.test.ts:L:C',
        "at test/layers/structure.test.ts:L:C",
        "fix: a layer keeps the sizes it was built for; make another one for 3 features",
      ].join("\n"),
    );
  });

  test("another rank", () => {
    expect(message(() => new Dense(3)(tensor([1.5, 2, 3])))).toContain(
      "fix: the first axis is the batch: expandDims(x, 0) makes a batch of one, or add the axis that is missing",
    );
  });

  test("what goes wrong in call says in which layer", () => {
    class Wrong extends Layer {
      call(given: Tensor): Tensor {
        return add(given, floats([[1, 2, 3]]));
      }
    }
    const text = message(() => new Wrong({ name: "mine" })(x));
    expect(text).toContain('layer "mine" (Wrong) was made at test/layers/structure.test.ts:L:C');
    expect(text).toContain("called on constant: float32[2, 4]");
  });

  test("outputs that do not come from the inputs", () => {
    const [a, b] = [input([4], { name: "a" }), input([4], { name: "b" })];
    expect(message(() => model(a, add(a, b)))).toContain(
      'functional: the outputs depend on "b", which is not among the inputs',
    );
    expect(message(() => model(x, x))).toContain('"constant" does not come from input(…)');
  });

  test("layers used wrongly", () => {
    const dense = new Dense(2);
    expect(message(() => sequential([dense, dense]))).toContain('sequential: layer "dense" is in it already');
    expect(
      message(() => sequential([new Dense(2, { name: "a" }), new Dense(2, { name: "a" })], { inputShape: [4] })),
    ).toContain('sequential: two layers are called "a"');
    expect(message(() => sequential([dense]).summary())).toContain("summary before anything is known of its shapes");
    expect(message(() => sequential([new Dense(2, { name: "first" })]).getLayer("furst"))).toContain("layers: first");
  });
});
