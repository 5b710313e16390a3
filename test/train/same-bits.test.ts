import { expect, test } from "vitest";
import { convolutional, dense, train } from "../support/networks.ts";

const differences = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((count, value, i) => count + (Object.is(value, b[i]) ? 0 : 1), Math.abs(a.length - b.length));

test.each([
  ["dense network", dense],
  ["convolutional network", convolutional],
] as const)(
  "100 training steps of the %s have the same bits in WebAssembly and JavaScript",
  (_, network) => {
    const wasm = train(network, { backend: "wasm" }, 100, 8);
    expect(wasm.every(Number.isFinite)).toBe(true);
    expect(wasm[99]).not.toBe(wasm[0]);
    expect(differences(train(network, { backend: "javascript" }, 100, 8), wasm)).toBe(0);
  },
  120_000,
);

test.each([
  ["dense network", dense, 5],
  ["convolutional network", convolutional, 1],
] as const)(
  "training steps of the %s have the interpreter's bits",
  (_, network, steps) => {
    expect(
      differences(train(network, { backend: "interpreter" }, steps, 1), train(network, { backend: "wasm" }, steps, 1)),
    ).toBe(0);
  },
  120_000,
);
