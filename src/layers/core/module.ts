import { EagerVariable } from "../../eager/tensor.ts";
import { Callable } from "./callable.ts";
import { MODULES, PARTS, TRAINED } from "./internal.ts";

/** What a module may hold in its fields: modules, variables, and lists, maps and plain objects of them. */
function* partsOf(value: unknown): Generator<Module | EagerVariable> {
  if (value instanceof Module || value instanceof EagerVariable) yield value;
  else if (Array.isArray(value) || value instanceof Set) for (const item of value) yield* partsOf(item);
  else if (value instanceof Map) for (const item of value.values()) yield* partsOf(item);
  else if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* partsOf(item);
  }
}

/**
 * Root of the class hierarchy: something with variables. They are found where they are: in its fields, in lists, maps
 * and plain objects there, and in the modules among them. No field name is reserved.
 */
export abstract class Module extends Callable {
  #trainable = true;

  [PARTS](): Iterable<Module | EagerVariable> {
    return partsOf(Object.values(this));
  }

  /** Every variable of this module and of those in it, once, in a stable order. */
  get variables(): readonly EagerVariable[] {
    return [...new Set(this.#collect(null, new Set()))];
  }
  /** Those that training changes. A frozen module has none. */
  get trainableVariables(): readonly EagerVariable[] {
    return this[TRAINED]((module) => module.trainable);
  }
  get nonTrainableVariables(): readonly EagerVariable[] {
    const trainable = new Set(this.trainableVariables);
    return this.variables.filter((variable) => !trainable.has(variable));
  }
  [TRAINED](isTrainable: (module: Module) => boolean): readonly EagerVariable[] {
    return [...new Set(this.#collect(isTrainable, new Set()))];
  }
  *[MODULES](seen: Set<Module> = new Set()): Iterable<Module> {
    if (seen.has(this)) return;
    seen.add(this);
    yield this;
    for (const part of this[PARTS]()) if (part instanceof Module) yield* part[MODULES](seen);
  }
  /** Modules directly in this one, each once. */
  get submodules(): readonly Module[] {
    return [...new Set([...this[PARTS]()].filter((part): part is Module => part instanceof Module))];
  }

  /** False freezes the module and all that is in it. A model that is compiled already takes it up when compiled anew. */
  get trainable(): boolean {
    return this.#trainable;
  }
  set trainable(value: boolean) {
    this.#trainable = value;
  }

  /** @param isTrainable which modules are trained, of those whose variables are wanted; null for all variables */
  *#collect(isTrainable: ((module: Module) => boolean) | null, seen: Set<Module>): Generator<EagerVariable> {
    if (seen.has(this) || isTrainable?.(this) === false) return;
    seen.add(this);
    for (const part of this[PARTS]()) {
      if (part instanceof Module) yield* part.#collect(isTrainable, seen);
      else if (!isTrainable || part.trainable) yield part;
    }
  }
}
