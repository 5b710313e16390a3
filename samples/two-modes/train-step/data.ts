/** What all three programs begin with: points of a curve, and first weights of a network 1-8-1. */
import { seededRandom } from "../../mnist/data.ts";

const random = seededRandom(7);
const numbers = (count: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, () => (2 * random() - 1) * scale);

export const units = 8;
/** First weights: 1 → 8 and 8 → 1. */
export const hiddenWeights = numbers(units, 1);
export const outputWeights = numbers(units, 0.5);

/** 16 points of y = x². */
export const inputs = numbers(16, 1);
export const targets = inputs.map((x) => x * x);
