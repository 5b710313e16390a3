import type { Kernel } from "../../kernel/statement.ts";
import { contractOpenRows } from "../schedule/contraction/open-rows.ts";
import { contractOpenTerms } from "../schedule/contraction/open-terms.ts";
import { contractKernel } from "../schedule/contraction/schedule.ts";
import { kernelPass } from "./lower.ts";

export const contract = kernelPass(
  {
    name: "contract",
    doc: "Writes a sum of products (matrix product, convolution, either gradient) in register tiles of 4 rows by 8 lanes; operands that do not lie well are packed. Only for targets with vectors.\n\nfor m < 32: for n < 128: y = Σ a·b  →  for panel < 16: for m < 8: for lane < 8 in lanes: four sums side by side",
    target: "vector",
  },
  contractAny,
);

/** One function, so that kernels made with it are known again. */
function contractAny(kernel: Kernel): Kernel {
  for (const schedule of [contractKernel, contractOpenRows, contractOpenTerms]) {
    const scheduled = schedule(kernel);
    if (scheduled !== kernel) return scheduled;
  }
  return kernel;
}
