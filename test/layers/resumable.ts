/** Models and data whose training is stopped in one process and goes on in another. */
import { add, NDArray, type Tensor } from "../../src/index.ts";
import { BatchNormalization } from "../../src/layers/batch-normalization.ts";
import { Dense, input, type Logs, Model, model, sequential } from "../../src/layers/index.ts";
import { Concatenate } from "../../src/layers/merging.ts";
import { Dropout } from "../../src/layers/regularization.ts";
import { Adam } from "../../src/train/index.ts";
import { RandomStream } from "../support/random.ts";

const SAMPLES = 44;
export const BATCH = 8;
/** 44 samples: five batches of 8 and one of 4. */
export const STEPS = 6;
export const EPOCHS = 3;

function draw(seed: number, ...shape: number[]): NDArray {
  const random = new RandomStream(seed);
  const data = Float32Array.from(
    { length: shape.reduce((n, size) => n * size, 1) },
    () => random.whole(-100, 100) / 64,
  );
  return new NDArray(data, shape, "float32");
}
export const x = draw(1, SAMPLES, 4);
export const y = draw(2, SAMPLES, 2);

class Own extends Model {
  hidden = new Dense(5, { activation: "tanh" });
  drop = new Dropout(0.3);
  output = new Dense(2);
  constructor() {
    super({ seed: 5 });
  }
  call(inputs: Tensor) {
    return this.output(this.drop(this.hidden(inputs)));
  }
}

/** A sequential model, a functional one with two branches and ops between layers, and a class of its own. */
export const makers = {
  sequential: (seed = 7) =>
    sequential(
      [input([4]), new Dense(6, { activation: "relu" }), new BatchNormalization(), new Dropout(0.25), new Dense(2)],
      { seed },
    ),
  functional: () => {
    const start = input([4]);
    const shared = new Dense(3, { activation: "tanh" });
    const tower = sequential([new Dense(4), new Dropout(0.5), new Dense(4)]);
    const left = shared(start);
    const right = new Dropout(0.2)(shared(add(tower(start), 1)));
    return model(start, new Dense(2)(new Concatenate()([left, right])), { seed: 3 });
  },
  own: () => {
    const own = new Own();
    own(x);
    return own;
  },
};
export type Which = keyof typeof makers;

type Any = ReturnType<typeof makers.sequential>;
export const compiled = (made: object): Any => {
  const network = made as Any;
  network.compile({ optimizer: new Adam(0.01), loss: "meanSquaredError" });
  return network;
};

/** Trains to the end, or until `stop` batches are done. */
export async function train(network: Any, resume = false, stop = Number.POSITIVE_INFINITY): Promise<readonly number[]> {
  let batches = 0;
  const losses: number[] = [];
  await network.fit(x, y, {
    epochs: EPOCHS,
    batchSize: BATCH,
    verbose: 0,
    resume,
    callbacks: [
      {
        onTrainBatchEnd(_batch: number, logs: Logs) {
          losses.push(logs.loss!);
          if (++batches >= stop) network.stopTraining = true;
        },
      },
    ],
  });
  return losses;
}

/** All that training depends on, as text: equal text is equal bits. */
export const bitsOf = (network: Any): string =>
  JSON.stringify([
    network.position,
    ...[...network.variables, ...(network.optimizer.variables as unknown as Any["variables"])].map(({ data }) =>
      [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)].join(),
    ),
  ]);
