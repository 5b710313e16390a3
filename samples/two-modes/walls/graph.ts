/** Four walls of define-and-run: each is an error that names what is missing and the line it was made at. */
import { add, Graph, matmul, mul, Session } from "../../../src/index.ts";
import { attempt } from "../../support/attempt.ts";

const graph = new Graph({ name: "affine" });
const x = graph.placeholder("x");
const w = graph.variable("w", [], { initial: 2 });
const z = add(mul(w, x), 0.5);
const session = new Session(graph);

attempt("a value is missing", () => {
  session.run(graph.initializer);
  session.run(z);
});

attempt("a variable has no value yet", () => {
  new Session(graph).run(z, { x: 3 });
});

attempt("two graphs do not mix", () => {
  const other = new Graph({ name: "other" });
  add(z, other.constant(1.5));
});

// Nothing has run here: the sizes are known as soon as the operation is added.
attempt("sizes that do not fit", () => {
  const images = graph.placeholder("images", ["batch", 784]);
  const kernel = graph.variable("kernel", [100, 10]);
  // @ts-expect-error The editor underlines it, too: TypeScript knows the sizes.
  matmul(images, kernel);
});

console.log(`z = ${session.run(z, { x: 3 })}`);
