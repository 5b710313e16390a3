/** Measured process: forerun in define-by-run, op by op or traced. */
import { eagerRunner } from "./eager.ts";
import { serve } from "./protocol.ts";
import { backendOption } from "./workloads.ts";

await serve((assignment) => {
  const options = { ...backendOption(assignment.backend), threads: assignment.threads };
  return { name: "forerun", version: "0.1.0", ...eagerRunner(assignment, options) };
});
