import type { EagerVariable } from "../../eager/tensor.ts";
import { WEIGHTS } from "../core/internal.ts";
import { Layer } from "../core/layer.ts";
import { Module } from "../core/module.ts";
import { snakeCase } from "../core/names.ts";
import { Network } from "../core/network.ts";
import { recordOf } from "../core/weight.ts";
import type { AnyLayer } from "./describe.ts";

/** True for names as Keras gives them in `.weights.h5` files. */
export const isKerasName = (name: string): boolean => /(^|\/)vars\/\d+$/.test(name);

/**
 * The weights of a model under the names that Keras gives them in `.weights.h5` files:
 *
 *     layers/dense/vars/0                 of a sequential or functional model, by class, with a number from the second on
 *     layers/functional/layers/dense/…    of a model in it
 *     layers/lstm/cell/vars/1             of a layer in a layer, by the name of its field
 *     hidden/vars/0                       of a class of the user's own, by the names of fields that come before "layers"
 *                                         in the alphabet; the others are in that list
 *
 * Counters of random numbers are left out: Keras draws in another way.
 */
export function kerasNames(model: Module): ReadonlyMap<string, EagerVariable> {
  const named = new Map<string, EagerVariable>();
  const seen = new Set<Module>();
  const walk = (module: Module, prefix: string): void => {
    if (seen.has(module)) return;
    seen.add(module);
    for (const [name, weight] of module instanceof Layer ? weightsOf(module) : []) named.set(prefix + name, weight);
    for (const [name, part] of partsOf(module)) walk(part, `${prefix}${name}/`);
  };
  walk(model, "");
  return named;
}

/** Weights of a layer. Keras has a layer for each projection of a multi-head attention: `query_dense/vars/0`. */
function weightsOf(layer: Pick<AnyLayer, "kind" | typeof WEIGHTS>): readonly (readonly [string, EagerVariable])[] {
  const counts = new Map<string, number>();
  return layer[WEIGHTS].map((weight) => {
    const projection = layer.kind === "MultiHeadAttention" ? recordOf(weight).name.split("/").at(-2)! : null;
    const folder = projection === null ? "" : `${projection.replace(/^attention_/, "")}_dense/`;
    const count = counts.get(folder) ?? 0;
    counts.set(folder, count + 1);
    return [`${folder}vars/${count}`, weight] as const;
  });
}

/** Modules directly in a module, under the first part of their names. */
function partsOf(module: Module): readonly (readonly [string, Module])[] {
  if (!(module instanceof Network)) return fieldsOf(module);
  const listed = numbered(module.layers).map(([name, layer]) => [`layers/${name}`, layer] as const);
  if (module.kind === "Sequential" || module.kind === "Functional") return listed;
  // Keras goes through the fields by the alphabet, and in their place through the list of all layers, which has no field.
  const fields = fieldsOf(module).filter(([name]) => name < "layers");
  return [...fields, ...listed];
}

function fieldsOf(module: Module): readonly (readonly [string, Module])[] {
  return Object.entries(module).flatMap(([field, value]): readonly (readonly [string, Module])[] => {
    const name = snakeCase(field);
    if (value instanceof Module) return [[name, value]];
    if (!Array.isArray(value)) return [];
    const modules = value.filter((item): item is Module => item instanceof Module);
    // A layer that runs cells has one as a rule; several are one of Keras' StackedRNNCells.
    if (field === "cells" && "cell" in module) {
      return modules.length === 1
        ? [["cell", modules[0]!]]
        : numbered(modules).map(([cell, item]) => [`cell/cells/${cell}`, item]);
    }
    return numbered(modules).map(([item, part]) => [`${name}/${item}`, part]);
  });
}

function numbered(modules: readonly Module[]): readonly (readonly [string, Module])[] {
  const counts = new Map<string, number>();
  return modules.map((module) => {
    const name = snakeCase(module instanceof Layer ? module.kind : module.constructor.name);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return [count === 0 ? name : `${name}_${count}`, module];
  });
}
