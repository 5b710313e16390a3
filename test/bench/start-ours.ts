/**
 * Process started by the `start` rows: everything up to the first training step of the MLP, then its loss. It loads the
 * package as it is published.
 */
import { Session, type SessionOptions } from "../../src/functional.ts";
import { batches } from "./cases.ts";
import { trained } from "./networks.ts";
import type { Assignment } from "./protocol.ts";

const { backend } = JSON.parse(process.argv.at(-1)!) as Assignment;
const { graph, loss, trainStep } = trained({ network: "mlp", task: "train", batch: 32 });
const session = new Session(
  graph,
  backend === undefined ? {} : { backend: backend as NonNullable<SessionOptions["backend"]> },
);
session.run(graph.initializer);
const [first] = batches(32, 1) as [ReturnType<typeof batches>[number]];
const [value] = session.run([loss, trainStep], { images: first.images, labels: first.labels });
console.log(JSON.stringify({ loss: value.item() }));
