import { vectoriseKernel } from "../schedule/vectorise.ts";
import { kernelPass } from "./lower.ts";

export const vectorise = kernelPass(
  {
    name: "vectorise",
    doc: "Writes loops in lanes, and folds along memory with partial results in lanes. Only for targets with vectors.\n\nfor i < 1000: y[i] = x[i]  →  for i < 62: for lane < 16 in lanes: y[i*16 + lane] = x[i*16 + lane]; and the last 8",
    target: "vector",
  },
  vectoriseKernel,
);
