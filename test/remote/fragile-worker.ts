/** A session's worker that ends, or fails, when it is asked for a plan. */
import { workerPort } from "../../src/core/workers.ts";
import "../../src/remote/session-worker.ts";

workerPort().onMessage((message) => {
  const { kind, call } = message as { kind: string; call?: { kind: string; feeds: { tensors: readonly string[] } } };
  if (kind !== "call" || call?.kind !== "plan") return;
  if (call.feeds.tensors.length === 0) process.exit(3);
  setTimeout(() => {
    throw new RangeError("out of luck");
  });
});
