/** Where the walls were: three are gone with the graph, the last is met at the line that computes. */

import { tensor, variable } from "../../../src/eager/index.ts";
import { add, matmul, mul } from "../../../src/index.ts";
import { attempt } from "../../support/attempt.ts";

const w = variable(2, { name: "w" });
const affine = (x: number) => add(mul(w, x), 0.5);

// A value can not be missing: what is not there is JavaScript's own error, and TypeScript's before that.
// A variable has its value from the line that makes it.
console.log(w);

// All tensors are values, and fit together wherever they come from.
console.log(add(affine(3), tensor(1.5)));

attempt("sizes that do not fit", () => {
  const images = tensor(new Float32Array(2 * 784), { shape: [2, 784] });
  const kernel = variable({ shape: [100, 10] }, { name: "kernel" });
  // @ts-expect-error The editor underlines it, too: TypeScript knows the sizes.
  matmul(images, kernel);
});

console.log(`z = ${affine(3)}`);
