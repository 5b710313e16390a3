import { GraphError } from "../../core/errors.ts";
import { here } from "../../runtime/reading.ts";
import { Optimizer } from "../../train/optimizer.ts";
import { lossFrom } from "../losses/index.ts";
import { Loss } from "../losses/loss.ts";
import { Metric, metricFrom } from "../metrics/index.ts";
import type { ObjectiveOptions } from "./objective.ts";

/**
 * Looks at what `compile` was given, before outputs and shapes are known.
 * @throws GraphError for names that do not exist, classes in place of their objects, and metrics that are no list
 */
export function checkChoices(options: ObjectiveOptions & { readonly optimizer: unknown }): void {
  if (!(options.optimizer instanceof Optimizer)) throw noObject("optimizer", options.optimizer, "Adam");
  each("loss", options.loss, (choice) => void lossFrom(choice as never));
  for (const option of ["metrics", "weightedMetrics"] as const) {
    const given = options[option];
    if (typeof given === "string" || typeof given === "function" || given instanceof Metric) {
      throw new GraphError({
        what: `compile: ${option} is no list`,
        at: here(),
        fix: `put brackets around it: ${option}: ["accuracy"]`,
      });
    }
    each(option, given, (choice) => void (typeof choice === "string" && metricFrom(choice as never)));
  }
}

/** What was chosen: alone, in lists, or by names of outputs. */
function each(option: string, given: unknown, check: (choice: unknown) => void): void {
  if (given === undefined || given === null) return;
  if (Array.isArray(given)) {
    for (const item of given) each(option, item, check);
  } else if (typeof given === "object" && Object.getPrototypeOf(given) === Object.prototype) {
    for (const item of Object.values(given)) each(option, item, check);
  } else if (typeof given === "function" && (given.prototype instanceof Loss || given.prototype instanceof Metric)) {
    throw noObject(option, given, given.name);
  } else if (typeof given === "string" || typeof given === "function") {
    check(given);
  } else if (!(given instanceof Metric)) {
    throw noObject(option, given, option === "loss" ? "MeanSquaredError" : "metrics.MeanSquaredError");
  }
}

const noObject = (option: string, given: unknown, example: string): GraphError =>
  new GraphError({
    what: `compile: ${option} ${typeof given === "function" ? `is the class ${given.name}, not one of its objects` : `can not be ${JSON.stringify(given) ?? String(given)}`}`,
    at: here(),
    fix: `make an object, new ${typeof given === "function" ? given.name : example}(), or give a name`,
  });
