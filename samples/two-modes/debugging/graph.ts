/** Looking for a NaN in a graph: JavaScript has gone by when it appears, so one fetches what lies in between. */
import { div, Graph, log, mean, mul, relu, Session, sub, type Tensor } from "../../../src/index.ts";
import { attempt } from "../../support/attempt.ts";

function entropy(scores: Tensor) {
  const positive = relu(scores);
  const shares = div(positive, 4);
  const logs = log(shares);
  const terms = mul(shares, logs);
  console.log(`terms: ${terms}`); // a symbol: a breakpoint here sees no number either
  return { positive, shares, logs, terms, result: mean(terms) };
}

const graph = new Graph();
const scores = graph.placeholder("scores", ["n"]);
const steps = entropy(scores);
const session = new Session(graph);

for (const [name, value] of Object.entries(session.run(steps, { scores: [3, 1, -2] }))) {
  console.log(`${name} = ${value}`);
}

// An error at run time happens in the session. It tells the lines of both: of the run, and of the operation.
attempt("sizes that do not fit", () => {
  const weights = graph.placeholder("weights", ["m"]);
  const difference = sub(scores, weights);
  console.log("the graph is built");
  session.run(difference, { scores: [3, 1, -2], weights: [1, 2] });
});
