/**
 * The multiply-add ideal of one core under WebAssembly without fused operations: as many additions and
 * multiplications a second as run when nothing but them is done. Two loops with 13 independent chains of `f32x4`, one
 * of additions, one of multiplications: processors with units for each can run both at once, so the ideal is the sum.
 */

const V128 = 0x7b;
const F32 = 0x7d;
const I32 = 0x7f;
const CHAINS = 13;
const UNROLL = 4;

export type ChainKind = "add" | "mul" | "mul-add";

/** Floating-point operations of one turn of the loop. */
const flopsPerTurn = (kind: ChainKind): number => CHAINS * UNROLL * 4 * (kind === "mul-add" ? 2 : 1);

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    bytes.push(value === 0 ? low : low | 0x80);
  } while (value !== 0);
  return bytes;
}
const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];
const section = (id: number, ...items: number[][]): number[] => [
  id,
  ...sized([...unsigned(items.length), ...items.flat()]),
];

/** `run(turns, x)`: every chain starts at x, which is also added to it or multiplied with it, turn after turn. */
function chainModule(kind: ChainKind): Uint8Array<ArrayBuffer> {
  const [turns, x, operand] = [0, 1, 2];
  const chain = (i: number): number => 3 + i;
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const add = [0xfd, ...unsigned(0xe4)];
  const multiply = [0xfd, ...unsigned(0xe6)];
  const step = kind === "add" ? add : kind === "mul" ? multiply : [...multiply, ...get(operand), ...add];
  const code: number[] = [...get(x), 0xfd, 0x13, ...set(operand)];
  for (let i = 0; i < CHAINS; i++) code.push(...get(operand), ...set(chain(i)));
  code.push(0x03, 0x40);
  for (let u = 0; u < UNROLL; u++) {
    for (let i = 0; i < CHAINS; i++) code.push(...get(chain(i)), ...get(operand), ...step, ...set(chain(i)));
  }
  code.push(...get(turns), 0x41, 1, 0x6b, 0x22, turns, 0x0d, 0, 0x0b);
  code.push(...get(chain(0)));
  for (let i = 1; i < CHAINS; i++) code.push(...get(chain(i)), ...add);
  code.push(0xfd, 0x1f, 0, 0x0b);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, 2, I32, F32, 1, F32]),
    ...section(3, [0]),
    ...section(7, [...sized([...new TextEncoder().encode("run")]), 0, 0]),
    ...section(10, sized([1, 1 + CHAINS, V128, ...code])),
  ]);
}

type Run = (turns: number, x: number) => number;
const instantiate = (kind: ChainKind): Run =>
  new WebAssembly.Instance(new WebAssembly.Module(chainModule(kind))).exports.run as Run;

const TURNS = 2000;

/** One call adds and multiplies; `gflops(ms)` says what a call of that long means. */
export function peakLoop(): { readonly call: () => void; readonly gflops: (ms: number) => number } {
  const [add, multiply] = [instantiate("add"), instantiate("mul")];
  return {
    call() {
      add(TURNS, 0);
      multiply(TURNS, 1);
    },
    // n additions and n multiplications one after the other take T: side by side, 2n operations take T / 2.
    gflops: (ms) => (4 * flopsPerTurn("add") * TURNS) / (ms * 1e6),
  };
}

/** GFLOP/s of multiplications each followed by an addition that waits for it, best of many calls: for the record. */
export function mulAddChains(): number {
  const run = instantiate("mul-add");
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    run(TURNS, 0);
    best = Math.min(best, performance.now() - start);
  }
  return (flopsPerTurn("mul-add") * TURNS) / (best * 1e6);
}
