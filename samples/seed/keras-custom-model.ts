/** Custom Model: `npx tsx samples/seed/keras-custom-model.ts`. (The lecture's class, line by line.) */
import type { Tensor } from "../../src/functional.ts";
import { Model, type ModelOptions } from "../../src/layers/index.ts";
import { MyLayer } from "./keras-custom-layer.ts";
import { formatLogs, makePlane } from "./keras-data.ts";

class MyModel extends Model {
  readonly hidden: MyLayer;
  // Keras에서는 `output`이라는 이름을 쓸 수 없다. (In Keras `output` is taken; here no name is.)
  readonly output: MyLayer;

  constructor(options: ModelOptions = {}) {
    super(options);
    this.hidden = new MyLayer(10, { activation: "relu" });
    this.output = new MyLayer(1);
  }

  override call(input: Tensor): Tensor {
    const h = this.hidden(input);
    return this.output(h);
  }
}

const model = new MyModel();

const { data, labels } = makePlane();
model.compile({ optimizer: "adam", loss: "mse", metrics: ["mae"] });
await model.fit(data, labels, { epochs: 20, verbose: 0 });
console.log(formatLogs(await model.evaluate(data, labels)));
console.log(model.summary());
