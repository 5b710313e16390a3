/** Measured process: forerun. */
import { CannotError, serve } from "./protocol.ts";
import { backendOption, forerunRunner } from "./workloads.ts";

/** Grows when the library runs on several threads; rows that want more are listed as to come. */
const MOST_THREADS = 1;

await serve((assignment) => {
  if (assignment.threads > MOST_THREADS) throw new CannotError("later: forerun has no threads yet");
  return { name: "forerun", version: "0.1.0", ...forerunRunner(assignment, backendOption(assignment.backend)) };
});
