import { writeFileSync } from "node:fs";
import { parse, View } from "vega";

/** A chart in the JSON of Vega-Lite. */
export type Chart = Readonly<Record<string, unknown>>;

/** Draws a chart of Vega-Lite to a file. */
export async function writeChart(path: string, chart: Chart): Promise<void> {
  // The type declarations of Vega-Lite do not pass the compiler's own check of libraries.
  const { compile } = (await import(VEGA_LITE)) as {
    compile(chart: Chart): { readonly spec: Parameters<typeof parse>[0] };
  };
  const view = new View(parse(compile({ background: "white", padding: 10, ...chart }).spec), { renderer: "none" });
  writeFileSync(path, await view.toSVG());
  view.finalize();
}

const VEGA_LITE: string = "vega-lite";

/** The numbers of training, as `fit` gives them. */
export interface Numbers {
  readonly epoch: readonly number[];
  readonly history: Readonly<Record<string, readonly number[]>>;
}

/** The numbers of every epoch as lines: those with `val_` in front beside those without, one chart for each name. */
export async function writeHistory(path: string, { epoch, history }: Numbers): Promise<void> {
  const names = [...new Set(Object.keys(history).map((name) => name.replace(/^val_/, "")))];
  const values = Object.entries(history).flatMap(([name, numbers]) =>
    numbers.map((value, i) => ({
      name: name.replace(/^val_/, ""),
      data: name.startsWith("val_") ? "validation" : "training",
      epoch: (epoch[i] ?? i) + 1,
      value,
    })),
  );
  const axis = epoch.length <= 10 ? { values: epoch.map((number) => number + 1), format: "d" } : {};
  await writeChart(path, {
    hconcat: names.map((name) => ({
      width: 300,
      height: 220,
      title: name,
      data: { values: values.filter((row) => row.name === name) },
      // Single epochs can be told apart where there are few.
      mark: { type: "line", point: epoch.length <= 30 },
      encoding: {
        x: { field: "epoch", type: "quantitative", axis, scale: { zero: false, nice: false } },
        y: { field: "value", type: "quantitative", title: null, scale: scaleFor(name) },
        color: { field: "data", type: "nominal", title: null },
      },
    })),
  });
}

/** Errors and losses fall by powers of ten: their beginning would press the rest to the floor. */
const scaleFor = (name: string) => (/loss|error|^m[as]e$/.test(name) ? { type: "log", nice: false } : { zero: false });

/** Points of what was foretold against the truth: those on the line are right. */
export async function writePredictions(
  path: string,
  pairs: readonly { readonly truth: number; readonly predicted: number }[],
  unit: string,
): Promise<void> {
  const all = pairs.flatMap(({ truth, predicted }) => [truth, predicted]);
  const ends = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
  const axis = (field: string, title: string) => ({
    field,
    type: "quantitative",
    title: `${title} (${unit})`,
    scale: { domain: ends, nice: false },
  });
  const encoding = { x: axis("truth", "truth"), y: axis("predicted", "predicted") };
  await writeChart(path, {
    width: 300,
    height: 300,
    layer: [
      {
        data: { values: ends.map((end) => ({ truth: end, predicted: end })) },
        mark: { type: "line", color: "grey" },
        encoding,
      },
      { data: { values: pairs }, mark: { type: "point", filled: true }, encoding },
    ],
  });
}
