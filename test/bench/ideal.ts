/** Measured process: nothing but additions and multiplications; see `peak.ts`. Its note tells GFLOP/s in passing. */
import { mulAddChains, peakLoop } from "./peak.ts";
import { serve } from "./protocol.ts";

await serve(() => {
  const { call } = peakLoop();
  return {
    name: "multiply-add ideal",
    version: "",
    note: `additions each waiting for a multiplication: ${mulAddChains().toFixed(1)} GFLOP/s`,
    check: () => [],
    call,
  };
});
