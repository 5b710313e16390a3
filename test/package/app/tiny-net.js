// One program for Node and for a page: a tiny net learns the exclusive or. Imports the package as its users do.
import { affine, Graph, meanSquaredError, relu, Session, tanh } from "forerun";
import { Adam, glorotUniform } from "forerun/train";

const inputs = new Float32Array([0, 0, 0, 1, 1, 0, 1, 1]);
const targets = new Float32Array([0, 1, 1, 0]);

/** The losses of some steps as the bits of float32 in hexadecimal, so that nothing is lost by printing. */
export function trainTinyNet(backend, steps = 20) {
  const graph = new Graph({ seed: 7 });
  const x = graph.placeholder("x", ["batch", 2]);
  const target = graph.placeholder("target", ["batch", 1]);
  const hidden = tanh(affine(x, graph.variable("w1", [2, 8], { initial: glorotUniform }), graph.variable("b1", [8])));
  const output = relu(
    affine(hidden, graph.variable("w2", [8, 1], { initial: glorotUniform }), graph.variable("b2", [1])).add(0.5),
  );
  const loss = meanSquaredError(target, output);
  const trainStep = new Adam(0.05).minimize(loss);
  const session = new Session(graph, { backend });
  session.run(graph.initializer);
  const losses = [];
  for (let step = 0; step < steps; step++)
    losses.push(session.run([loss, trainStep], { x: inputs, target: targets })[0]);
  return losses.map((value) => new Uint32Array(new Float32Array([value.item()]).buffer)[0].toString(16));
}
