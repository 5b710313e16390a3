/** Custom Layer: `npx tsx samples/seed/keras-custom-layer.ts`. (The lecture's class, line by line.) */
import { fileURLToPath } from "node:url";
import { tensor } from "../../src/eager/index.ts";
import { type ActivationName, activation, add, matmul, type Tensor, type Variable } from "../../src/functional.ts";
import { Layer, type LayerOptions, type Sizes } from "../../src/layers/index.ts";

export class MyLayer extends Layer {
  readonly units: number;
  readonly activation: (x: Tensor) => Tensor;
  // 값은 build에서 정해진다. (Declared only: build gives them their values.)
  declare weight: Variable;
  declare bias: Variable;

  constructor(units: number, options: LayerOptions & { readonly activation?: ActivationName } = {}) {
    // 강의에서는 super().__init__()가 끝에 있다: 파이썬에서도 오류이고, TypeScript는 컴파일하지 않는다.
    // (In the lecture super comes last: an error in Python, too, and TypeScript does not compile it.)
    super(options);
    this.units = units;
    this.activation = activation(options.activation ?? "linear");
  }

  override build(inputShape: Sizes): void {
    this.weight = this.addWeight("kernel", { shape: [inputShape[1]!, this.units], initializer: "uniform" });
    this.bias = this.addWeight("bias", { shape: [this.units], initializer: "zeros" });
    super.build(inputShape);
  }

  override call(X: Tensor): Tensor {
    const z = add(matmul(X, this.weight), this.bias);
    return this.activation(z);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const layer = new MyLayer(3, { activation: "relu" });
  const X = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { dtype: "float32" },
  );
  // __call__() → build() → add_weight() → call()
  console.log(`${layer(X)}`);
  for (const { op, value } of layer.trainableVariables) console.log(`${op.name} = ${value}`);
}
