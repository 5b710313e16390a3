/** Measured process: forerun. */
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { serve } from "./protocol.ts";
import { backendOption, forerunRunner } from "./workloads.ts";

await serve((assignment) => {
  const { threads, spins } = assignment;
  const options =
    spins === undefined
      ? { ...backendOption(assignment.backend), threads }
      : { backend: wasmBackend({ threads, spins }), threads };
  return { name: "forerun", version: "0.1.0", ...forerunRunner(assignment, options) };
});
