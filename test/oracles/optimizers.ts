/** Typed access to `optimizers.json`: runs of Keras' and PyTorch's optimizers, and values of their schedules. */
import { readFileSync } from "node:fs";
import type { OracleArray } from "./shared.ts";

/** Twenty steps. `losses[i]` is taken before step i; weights are the kernel, row by row, and the bias. */
export interface OptimizerRun {
  readonly optimizer: string;
  /** As the framework calls them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly losses: readonly number[];
  readonly weights: readonly number[];
  /** Of the weights, where the optimizer keeps them; otherwise empty. */
  readonly averages: readonly number[];
  /** How far the framework's own float32 run is from this one. */
  readonly float32: { readonly losses: number; readonly weights: number };
}

export interface OptimizerOracle {
  readonly data: Readonly<Record<"x" | "y" | "kernel" | "bias", OracleArray>>;
  readonly keras: {
    readonly runs: readonly OptimizerRun[];
    readonly schedules: readonly {
      readonly schedule: string;
      readonly args: readonly unknown[];
      readonly options: Readonly<Record<string, unknown>>;
      readonly values: readonly number[];
    }[];
  };
  readonly torch: {
    readonly runs: readonly OptimizerRun[];
    readonly schedules: Readonly<Record<string, readonly number[]>>;
  };
}

export function loadOptimizers(): OptimizerOracle {
  const oracle = JSON.parse(readFileSync(new URL("optimizers.json", import.meta.url), "utf8"));
  if (oracle.format !== "optimizers/1") throw new Error(`optimizers.json has the format ${oracle.format}`);
  return oracle as OptimizerOracle;
}
