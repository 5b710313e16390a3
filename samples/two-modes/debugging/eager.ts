/** Looking for a NaN eagerly: print, stop at a breakpoint, or ask with `if`. Every line is done when the next begins. */

import { tensor } from "../../../src/eager/index.ts";
import { div, log, mean, mul, relu, sub, type Tensor } from "../../../src/index.ts";
import { attempt } from "../../support/attempt.ts";

/** Prints a value on its way, and stops where it is not finite any more: put a breakpoint there. */
function look(name: string, x: Tensor): Tensor {
  console.log(`${name} = ${x}`);
  const bad = x.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) console.log(`look: ${name}[${bad}] is not finite`);
  return x;
}

function entropy(scores: Tensor): Tensor {
  const positive = look("positive", relu(scores));
  const shares = look("shares", div(positive, 4));
  const logs = look("logs", log(shares));
  const terms = look("terms", mul(shares, logs));
  return look("result", mean(terms));
}

entropy(tensor([3, 1, -2], { dtype: "float32" }));

// An error happens at the line that computes, and nothing after it runs.
attempt("sizes that do not fit", () => {
  const scores: Tensor = tensor([3, 1, -2]);
  const weights: Tensor = tensor([1, 2]);
  const difference = sub(scores, weights);
  console.log(`this is not printed: ${difference}`);
});
