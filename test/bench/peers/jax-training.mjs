// The training step of both networks in jax-js. Arrays are counted references: `x.ref` where x is used again, else its
// use consumes it.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { ADAM, BATCHES, batches, checkedSteps, cnnParametersChannelsFirst, mlpParameters } from "../cases.ts";

export const toArray = ({ shape, values }) => np.array(values).reshape(shape);

function mlpLogits([w1, b1, w2, b2, w3, b3], x) {
  const layer = (input, w, b) => np.matmul(input, w).add(b);
  return layer(nn.relu(layer(nn.relu(layer(x, w1, b1)), w2, b2)), w3, b3);
}

function cnnLogits([f1, b1, f2, b2, w3, b3], x) {
  const block = (input, filters, bias, channels, size) => {
    const y = nn.relu(lax.conv(input, filters, [1, 1], "SAME").add(bias.reshape([channels, 1, 1])));
    // Windows do not overlap: axes of their own. `lax.reduceWindow` takes as long.
    return np.max(y.reshape([-1, channels, size / 2, 2, size / 2, 2]), [3, 5]);
  };
  const features = block(block(x, f1, b1, 8, 28), f2, b2, 16, 14);
  return np.matmul(features.reshape([-1, 784]), w3).add(b3);
}

/** A session of training; `count` distinct batches are made. */
export async function training(wanted, count = BATCHES) {
  await init("wasm");
  defaultDevice("wasm");
  const logitsOf = wanted.network === "mlp" ? mlpLogits : cnnLogits;
  const shape = wanted.network === "mlp" ? [wanted.batch, 784] : [wanted.batch, 1, 28, 28];
  const initial = wanted.network === "mlp" ? mlpParameters() : cnnParametersChannelsFirst();
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const lossOf = (parameters, x, labels) => {
    const picked = nn.logSoftmax(logitsOf(parameters, x)).mul(nn.oneHot(labels, 10));
    return np.sum(picked).mul(-1 / wanted.batch);
  };
  // Loss, gradients and Adam in one compiled function; `rate` holds the correction of the bias.
  const step = jit((parameters, m, v, rate, x, labels) => {
    const [loss, gradients] = valueAndGrad(lossOf)(
      parameters.map((parameter) => parameter.ref),
      x,
      labels,
    );
    const newM = m.map((old, i) => old.mul(beta1).add(gradients[i].ref.mul(1 - beta1)));
    const newV = v.map((old, i) => old.mul(beta2).add(np.square(gradients[i]).mul(1 - beta2)));
    const updated = parameters.map((old, i) => {
      const last = i === parameters.length - 1;
      const change = newM[i].ref.div(np.sqrt(newV[i].ref).add(epsilon));
      return old.sub(change.mul(last ? rate : rate.ref));
    });
    return [loss, updated, newM, newV];
  });
  let parameters = initial.map(toArray);
  let m = initial.map((parameter) => np.zeros(parameter.shape));
  let v = initial.map((parameter) => np.zeros(parameter.shape));
  let steps = 0;
  const data = batches(wanted.batch, count);
  const call = (turn) => {
    const batch = data[turn % count];
    steps++;
    const rate = (learningRate * Math.sqrt(1 - beta2 ** steps)) / (1 - beta1 ** steps);
    const x = np.array(batch.images).reshape(shape);
    let loss;
    [loss, parameters, m, v] = step(parameters, m, v, np.array([rate]), x, np.array(batch.labels));
    return loss.dataSync()[0];
  };
  return { check: () => Array.from({ length: checkedSteps(wanted) }, (_, turn) => call(turn)), call };
}
