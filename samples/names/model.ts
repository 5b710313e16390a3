import {
  add,
  affine,
  div,
  dropout,
  embeddingLookup,
  fill,
  foldIn,
  Graph,
  matmul,
  mul,
  type Operation,
  RandomState,
  randomCategorical,
  range,
  scan,
  sigmoid,
  sparseSoftmaxCrossEntropy,
  split,
  sum,
  type Tensor,
  tanh,
} from "../../src/index.ts";
import { Adam, glorotUniform } from "../../src/train/index.ts";
import { MARK } from "./data.ts";

export interface NameModelOptions {
  /** Size of the vocabulary. */
  readonly letters: number;
  /** Size of what is remembered of a name from letter to letter. Default 128. */
  readonly units?: number;
  /** Decides the first weights, what dropout drops, and the names that are written. Default 1. */
  readonly seed?: number;
}

export interface NameModel {
  readonly graph: Graph;
  /** Fed to learn, [time, batch] each: letters, the letter behind each, and 1 where there is one; the step size. */
  readonly inputs: Tensor;
  readonly targets: Tensor;
  readonly mask: Tensor;
  readonly learningRate: Tensor;
  /** Cross entropy in nats per letter, the mark at the end of a name being one: with dropout, and without. */
  readonly loss: Tensor;
  readonly testLoss: Tensor;
  /** Run to update every weight once. */
  readonly trainStep: Operation;
  /** Fed to write: at 1 letters are drawn as likely as the model finds them, below 1 it is more careful. */
  readonly temperature: Tensor;
  /** Fetched: letters of new names, int32 [turns, names], others in each run. */
  readonly written: Tensor;
}

/** Names that one run writes, and the letters that each of them has at most. */
const NAMES = 500;
const TURNS = 16;
const EMBEDDING = 24;
const DROPOUT = 0.3;

/** What is carried from letter to letter, [rows, units] each. */
type Memory = { readonly hidden: Tensor; readonly cell: Tensor };

/**
 * A long short-term memory (Hochreiter and Schmidhuber, 1997) that foretells the next letter of a name, run along
 * letters that are given, to learn, and along those it draws itself, to write.
 */
export function buildNameModel({ letters, units = 128, seed = 1 }: NameModelOptions): NameModel {
  const graph = new Graph({ name: "names", seed });
  const weights = (name: string, rows: number, columns: number): Tensor =>
    graph.variable(name, [rows, columns], { initial: glorotUniform });
  const vectors = weights("vectors", letters, EMBEDDING);
  const cell = graph.scope("lstm", () => ({
    fromLetter: weights("fromLetter", EMBEDDING, 4 * units),
    fromHidden: weights("fromHidden", units, 4 * units),
    bias: graph.variable("bias", [4 * units]) as Tensor,
  }));
  const output = graph.scope("output", () => ({
    kernel: weights("kernel", units, letters),
    bias: graph.variable("bias", [letters]) as Tensor,
  }));

  const nothing = (rows: number | string): Memory => ({
    hidden: fill(graph, [rows, units], 0),
    cell: fill(graph, [rows, units], 0),
  });
  const read = (memory: Memory, letter: Tensor): Memory => {
    const x = embeddingLookup(vectors, letter);
    const gates = add(affine(x, cell.fromLetter, cell.bias), matmul(memory.hidden, cell.fromHidden));
    const [input, forget, candidate, out] = split(gates, 4, 1);
    // With 1 added it begins by keeping what it remembers (Jozefowicz, Zaremba and Sutskever, 2015).
    const kept = mul(sigmoid(add(forget, 1)), memory.cell);
    const next = add(kept, mul(sigmoid(input), tanh(candidate)));
    return { hidden: mul(sigmoid(out), tanh(next)), cell: next };
  };
  /** How likely each letter comes next, before the softmax. */
  const foretell = (hidden: Tensor): Tensor => affine(hidden, output.kernel, output.bias);

  const inputs = graph.placeholder("inputs", ["time", "batch"], { dtype: "int32" });
  const targets = graph.placeholder("targets", ["time", "batch"], { dtype: "int32" });
  const mask = graph.placeholder("mask", ["time", "batch"]);
  const learningRate = graph.placeholder("learningRate");

  const step = (memory: Memory, letter: Tensor): [Memory, Tensor] => {
    const next = read(memory, letter);
    return [next, next.hidden];
  };
  const [, hidden] = scan(step, nothing("batch"), inputs, { name: "read" });
  const lossOf = (states: Tensor): Tensor => {
    const each = sparseSoftmaxCrossEntropy(targets, foretell(states), { reduction: "none" });
    return div(sum(mul(each, mask)), sum(mask));
  };
  const dropped = new RandomState(graph, { name: "dropout" });
  const loss = graph.scope("loss", () => lossOf(dropout(hidden, dropped.key(), DROPOUT)));
  const testLoss = graph.scope("testLoss", () => lossOf(hidden));
  const trainStep = new Adam(learningRate, { clipGlobalNorm: 1 }).minimize(loss);

  const temperature = graph.placeholder("temperature");
  const written = graph.scope("write", () => {
    // One key for the run; each turn folds in its number, since one key would draw the same letters again.
    const key = new RandomState(graph, { name: "letters" }).key();
    const turn = (before: { memory: Memory; letter: Tensor }, number: Tensor) => {
      const memory = read(before.memory, before.letter);
      const letter = randomCategorical(foldIn(key, number), div(foretell(memory.hidden), temperature));
      return [{ memory, letter }, letter] as const;
    };
    const begin = { memory: nothing(NAMES), letter: fill(graph, [NAMES], MARK, "int32") as Tensor };
    const [, text] = scan(turn, begin, range(graph, TURNS));
    return text;
  });
  return { graph, inputs, targets, mask, learningRate, loss, testLoss, trainStep, temperature, written };
}
