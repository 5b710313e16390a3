/**
 * How far does a car go with a gallon? Regression on the cars of the Auto MPG data, with normalised inputs as on the
 * slide: `npx tsx samples/layers/auto-mpg.ts`, a few seconds.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tensor } from "../../src/eager/index.ts";
import { Dense, EarlyStopping, input, Normalization, sequential } from "../../src/layers/index.ts";
import { RMSprop } from "../../src/train/index.ts";
import { seededRandom, shuffle } from "../mnist/data.ts";
import { folderFor } from "../support/output.ts";
import { writeHistory, writePredictions } from "../support/plot.ts";

interface Car {
  readonly Miles_per_Gallon: number | null;
  readonly Cylinders: number;
  readonly Displacement: number;
  readonly Horsepower: number | null;
  readonly Weight_in_lbs: number;
  readonly Acceleration: number;
  /** The first of January of its year. */
  readonly Year: string;
  readonly Origin: "USA" | "Europe" | "Japan";
}
const origins = ["USA", "Europe", "Japan"] as const;

/** The package lets programs import its code alone; the data lie beside it. */
export function carsFile(): string {
  const code = createRequire(import.meta.url).resolve("vega-datasets");
  return join(dirname(code), "../data/cars.json");
}

/** Features and miles per gallon of the cars of which all is known, in an order of chance; a fifth is for the test. */
export function loadCars(seed = 1) {
  const cars: readonly Car[] = JSON.parse(readFileSync(carsFile(), "utf8"));
  const known = cars.filter((car) => car.Miles_per_Gallon !== null && car.Horsepower !== null);
  shuffle(known, seededRandom(seed));
  const features = (car: Car): number[] => [
    car.Cylinders,
    car.Displacement,
    car.Horsepower!,
    car.Weight_in_lbs,
    car.Acceleration,
    Number(car.Year.slice(0, 4)),
    ...origins.map((origin) => Number(car.Origin === origin)),
  ];
  const part = (chosen: readonly Car[]) => ({
    data: chosen.map(features),
    labels: chosen.map((car) => [car.Miles_per_Gallon!]),
  });
  const forTest = Math.floor(known.length / 5);
  return { train: part(known.slice(forTest)), test: part(known.slice(0, forTest)) };
}

/** Learns from normalised cars: each of the nine features has mean 0 and variance 1. */
export function carsNetwork(seed = 1) {
  const layers = [
    input([9], { name: "car" }),
    new Dense(64, { activation: "relu" }),
    new Dense(64, { activation: "relu" }),
    new Dense(1),
  ] as const;
  const network = sequential(layers, { name: "normedCars", seed });
  return network.compile({ optimizer: new RMSprop(0.001), loss: "mse", metrics: ["mae"] });
}

export async function trainCars(epochs: number, seed = 1) {
  const { train, test } = loadCars();
  const normalization = new Normalization();
  normalization.adapt(train.data);
  const normedTrainData = normalization(tensor(train.data));
  const network = carsNetwork(seed);
  const history = await network.fit(normedTrainData, train.labels, {
    epochs,
    validationSplit: 0.2,
    callbacks: [new EarlyStopping({ patience: 30, restoreBestWeights: true })],
    verbose: 0,
  });
  // For cars as they come: mean and variance are a part of it, and are saved with it.
  const whole = sequential([input([9], { name: "car" }), normalization, network], { name: "cars", seed });
  whole.compile({ loss: "mse", metrics: ["mae"] });
  return { network, normalization, normedTrainData, whole, history, train, test };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { whole, history, test } = await trainCars(1000);
  const { mae } = await whole.evaluate(test.data, test.labels, { verbose: 0 });
  console.log(
    `${history.epoch.length} epochs; off by ${mae!.toFixed(2)} miles per gallon on average for cars it never saw`,
  );
  const predicted = await whole.predict(test.data);
  const folder = folderFor(import.meta.url);
  await writeHistory(join(folder, "auto-mpg.svg"), history);
  const pairs = test.labels.map(([truth], i) => ({ truth: truth!, predicted: predicted.data[i] as number }));
  await writePredictions(join(folder, "auto-mpg-predictions.svg"), pairs, "miles per gallon");
}
