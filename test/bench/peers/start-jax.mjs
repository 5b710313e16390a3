// Process started by the `start` rows: everything up to the first training step of the MLP, then its loss.
import { training } from "./jax-training.mjs";

const { call } = await training({ network: "mlp", task: "train", batch: 32 }, 1);
console.log(JSON.stringify({ loss: call(0) }));
