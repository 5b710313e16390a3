import { getOrMake } from "../../core/collections.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { type Pass, unchanged } from "../pass.ts";
import { LEAST_LOOP, paralleliseKernel } from "../schedule/parallelise.ts";
import { type LoweredProgram, printCalls, replaceKernels, verifyCalls } from "./lower.ts";

export const parallelise: Pass<LoweredProgram> = {
  name: "parallelise",
  doc: "Marks the loops whose turns threads may share: those at the top of a kernel whose turns do not touch what others write, if they take long enough. Only where there are threads.\n\nfor i < 64: y[i] = …  →  for i < 64 parallel: y[i] = …",
  run: (program, { options: { threads = 1, parallelFrom = LEAST_LOOP } }) =>
    threads > 1 ? replaceKernels(program, from(parallelFrom)) : program,
  skip: unchanged,
  verify: verifyCalls,
  print: printCalls,
};

/** One function for each limit, so that kernels made with it are known again. */
const from = (nanoseconds: number): ((kernel: Kernel) => Kernel) =>
  getOrMake(functions, nanoseconds, () => (kernel: Kernel) => paralleliseKernel(kernel, nanoseconds));
const functions = new Map<number, (kernel: Kernel) => Kernel>();
