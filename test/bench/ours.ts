/** Measured process: forerun. */
import { serve } from "./protocol.ts";
import { backendOption, forerunRunner } from "./workloads.ts";

await serve((assignment) => {
  const options = { ...backendOption(assignment.backend), threads: assignment.threads };
  return { name: "forerun", version: "0.1.0", ...forerunRunner(assignment, options) };
});
