/**
 * Typed access to `shared/`: values, gradients and training runs that PyTorch computed in float64 from inputs that
 * float32 holds exactly. The types follow the JSON files as they are; README.md beside this file states conventions.
 */
import { readFileSync } from "node:fs";

export interface OracleTensor {
  readonly shape: readonly number[];
  readonly dtype: "float" | "int32" | "bool";
  /** Row by row; booleans are 0 and 1. */
  readonly data: readonly number[];
}

export const gradientGroups = ["unary", "binary", "reduce", "index", "linalg", "nn", "conv"] as const;
/** Groups of the same format made here, by the script of the same name. */
export const ownGradientGroups = ["breadth-a", "breadth-b", "breadth-c"] as const;
export type GradientGroup = (typeof gradientGroups)[number] | (typeof ownGradientGroups)[number];

/** One operation with its outputs and the gradient of L = Σₖ ⟨cot[k], out[k]⟩. */
export interface GradientCase {
  readonly name: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** What was taken where frameworks disagree. */
  readonly doc?: string;
  readonly in: Readonly<Record<string, OracleTensor>>;
  readonly out: readonly OracleTensor[];
  /** One cotangent per output, laid out like it; null where the output is not float. */
  readonly cot: readonly (readonly number[] | null)[];
  /** ∂L/∂x for some of the inputs, laid out like them. */
  readonly grad: Readonly<Record<string, readonly number[]>>;
  /** The largest error of plain float32 arithmetic on this case: the scale for a float32 tolerance. */
  readonly f32loss: { readonly out: number; readonly grad: number };
}

/** A scalar function with first and second derivatives in the inputs named by `wrt`. */
export interface SecondOrderCase {
  readonly name: string;
  readonly formula: string;
  readonly in: Readonly<Record<string, OracleTensor>>;
  readonly wrt: readonly string[];
  readonly loss: number;
  readonly grad: Readonly<Record<string, OracleTensor>>;
  /** The direction of `hvp`. */
  readonly v: Readonly<Record<string, OracleTensor>>;
  /** The Hessian times `v`. */
  readonly hvp: Readonly<Record<string, OracleTensor>>;
  /** Rows and columns are the inputs of `wrt`, flattened row by row, one after another. */
  readonly hessian: OracleTensor;
  readonly grad_of_sq_grad_norm: Readonly<Record<string, OracleTensor>>;
}

/** Derivatives of order 0 to 5 of a function of one number, at each point of `x`. */
export interface HigherOrderCase {
  readonly f: "sin" | "exp_neg_sq";
  readonly x: readonly number[];
  readonly derivatives_0_to_5: readonly (readonly number[])[];
}

export interface SecondOrderOracle {
  readonly cases: readonly SecondOrderCase[];
  readonly higher: readonly HigherOrderCase[];
}

export type OracleArray = Pick<OracleTensor, "shape" | "data">;
export type RegressionWeights = Readonly<Record<"w1" | "b1" | "w2" | "b2", OracleArray>>;

/** Twenty updates by one optimizer; update i uses `batches[i % 4]`. */
export interface TrainingRun {
  readonly optimizer: string;
  readonly formula: string;
  readonly hyper?: Readonly<Record<string, number>>;
  readonly note?: string;
  readonly checked_against?: { readonly "torch.optim": string; readonly max_abs_dw_after_20: number } | null;
  /** `losses[i]` and `grad_norms[i]` are taken before update i. */
  readonly losses: readonly number[];
  readonly grad_norms: readonly number[];
  readonly weights: { readonly after_1?: RegressionWeights; readonly after_20: RegressionWeights };
  readonly float32_run_deviation?: { readonly loss: number; readonly weights_after_20: number };
}

/** Runs of the model mean((tanh(x w1 + b1) w2 + b2 − y)²), all from the same weights. */
export interface TrainingOracle {
  readonly loss: string;
  readonly init: RegressionWeights;
  readonly batches: readonly { readonly x: OracleArray; readonly y: OracleArray }[];
  readonly runs: readonly TrainingRun[];
}

export function loadGradientCases(group: GradientGroup): readonly GradientCase[] {
  const own = ownGradientGroups.some((name) => name === group);
  const path = own ? `${group}.json` : `shared/grads/${group}.json`;
  return load<{ cases: readonly GradientCase[] }>(path, "gradpack/1").cases;
}

export function loadSecondOrder(): SecondOrderOracle {
  return load<SecondOrderOracle>("shared/grads/second_order.json", "gradpack2/1");
}

export function loadTraining(): TrainingOracle {
  return load<TrainingOracle>("shared/training/train_regression.json", "trainpack/1");
}

function load<Content>(path: string, format: string): Content {
  const content = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as { format: string };
  if (content.format !== format) throw new Error(`${path} has the format ${content.format}, expected ${format}.`);
  return content as Content;
}
