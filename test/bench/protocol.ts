/** What a measured process is told, and what it answers: one line of JSON each. */
export interface Side {
  readonly name: string;
  readonly version: string;
  /** Runs one training step on the given batch and returns the loss before it. */
  step(images: Float32Array, labels: Int32Array): number;
}

export const BATCH = 64;

/** The same made-up batch and weights on both sides, exact in float32. */
export function batch(): { readonly images: Float32Array; readonly labels: Int32Array } {
  const images = Float32Array.from({ length: BATCH * 784 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 8) / 2 ** 24);
  return { images, labels: Int32Array.from({ length: BATCH }, (_, i) => i % 10) };
}
export const layers = [784, 64, 64, 10] as const;
export function weights(layer: number): Float32Array {
  const [inputs, units] = [layers[layer]!, layers[layer + 1]!];
  return Float32Array.from(
    { length: inputs * units },
    (_, i) => ((Math.imul(i + 1 + layer, 0x85ebca6b) >>> 8) / 2 ** 24 - 0.5) * 0.125,
  );
}

/** Answers `{ rounds }` lines on standard input with the time of each round in ms and the losses of the first steps. */
export async function serve(side: Side): Promise<void> {
  const { images, labels } = batch();
  const losses = Array.from({ length: 20 }, () => side.step(images, labels));
  console.log(JSON.stringify({ name: side.name, version: side.version, losses }));
  for await (const chunk of process.stdin) {
    const { steps } = JSON.parse(String(chunk)) as { steps: number };
    const times: number[] = [];
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      side.step(images, labels);
      times.push(performance.now() - start);
    }
    console.log(JSON.stringify({ times }));
  }
}
