// Process started by the `start` rows: everything up to the first training step of the MLP, then its loss.
import { training } from "./tfjs-training.mjs";

const { call } = await training({ network: "mlp", task: "train", batch: 32, threads: 1 }, 1);
console.log(JSON.stringify({ loss: call(0) }));
