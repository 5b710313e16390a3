import { compile } from "../compiler/compile.ts";
import type { CompileOptions } from "../compiler/pass.ts";
import {
  type Backend,
  bytesTaken,
  type Executable,
  type Plan,
  type PlanArray,
  type Storage,
} from "../compiler/plan.ts";
import { getOrMake, objectNumber } from "../core/collections.ts";
import { byteSize, type TypedArray } from "../core/dtype.ts";
import type { TensorSpec } from "../core/shape.ts";
import type { OpDef } from "../graph/define.ts";
import { captureFunction } from "../graph/function.ts";
import type { Attr, Attrs } from "../graph/operation.ts";
import { placeholderOp } from "../ops/state.ts";
import { Graph } from "../runtime/graph.ts";

/** Operations compiled and kept. */
const LIMIT = 1024;
/** Arrays in attributes longer than this are told apart by identity. */
const CONTENT_LIMIT = 64;
const ALIGNMENT = 64;

/** One operation, compiled for inputs of certain shapes: values in, values out. */
export interface CompiledOperation {
  readonly specs: readonly TensorSpec[];
  run(inputs: readonly TypedArray[]): readonly TypedArray[];
}

/**
 * Runs single operations, each as a plan of its own, made by the compiler that makes all plans: so the bits are those of
 * a session. Plans are kept by what they compute. All work in one arena: values are copied in and results out, and
 * nothing of an operation stays in memory once it has run.
 */
export class OperationRunner {
  readonly #backend: Backend;
  readonly #options: CompileOptions;
  #storage: Storage;
  /** By record, then by attributes and the specs of inputs. */
  readonly #compiled = new Map<OpDef, Map<string, CompiledOperation>>();
  #count = 0;

  constructor(backend: Backend, options: CompileOptions = {}) {
    this.#backend = backend;
    this.#options = options;
    this.#storage = backend.open();
  }

  /** The operation for inputs like these, from the cache if it can be. */
  operation(
    def: OpDef,
    attrs: Attrs,
    inputs: readonly TensorSpec[],
    specs: () => readonly TensorSpec[],
  ): CompiledOperation {
    const key = keyOf(attrs, inputs);
    const known = this.#compiled.get(def)?.get(key);
    if (known) return known;
    // First: what does not fit is said in terms of the user's own tensors.
    const outputs = specs();
    if (this.#count >= LIMIT) this.#forget();
    this.#count++;
    const made = this.#compile(def, attrs, inputs, outputs);
    getOrMake(this.#compiled, def, () => new Map<string, CompiledOperation>()).set(key, made);
    return made;
  }

  /** Makes room: all of it, which is simple, and rare. */
  #forget(): void {
    this.close();
    this.#storage = this.#backend.open();
    this.#compiled.clear();
    this.#count = 0;
  }

  /** Lets go of threads. */
  close(): void {
    this.#storage.close?.();
  }

  #compile(def: OpDef, attrs: Attrs, inputs: readonly TensorSpec[], specs: readonly TensorSpec[]): CompiledOperation {
    const graph = new Graph({ name: def.name });
    const params = inputs.map(
      ({ dtype, shape }, i) => graph.apply(placeholderOp, [], { dtype, shape }, { name: `input${i}` }).outputs[0]!,
    );
    const { outputs } = graph.apply(def, params, attrs);
    const fn = captureFunction(graph, outputs, [], params, def.name);
    const { target } = this.#backend;
    const shapes = inputs.map(({ shape }) => shape as readonly number[]);
    const plan = withFeedsInArena(compile(fn, shapes, new Map(), { target, ...this.#options }));
    return new Placed(plan, specs, this.#backend, this.#storage);
  }
}

/** A plan whose fed values lie in the arena too, since they are needed for one run only. */
function withFeedsInArena(plan: Plan): Plan {
  let end = plan.arenaBytes;
  const moved: PlanArray[] = [];
  for (const array of plan.arrays) moved.push(array.region === "feed" ? inArena(array) : array);

  function inArena(array: PlanArray): PlanArray {
    // Rows of an array lie where that lies.
    if (array.part) return { ...array, region: "arena", at: moved[array.part.of]!.at };
    const at = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = at + bytesTaken(array);
    return { ...array, region: "arena", at };
  }
  return { ...plan, arrays: moved, arenaBytes: end };
}

/** A plan linked to the memory that all share. */
class Placed implements CompiledOperation {
  readonly specs: readonly TensorSpec[];
  readonly #plan: Plan;
  readonly #storage: Storage;
  readonly #executable: Executable;
  readonly #addresses: readonly number[];
  /** Positions of the fed arrays among all, in the order of the inputs. */
  readonly #inputs: readonly number[];
  #views: TypedArray[] = [];
  #generation = Number.NaN;

  constructor(plan: Plan, specs: readonly TensorSpec[], backend: Backend, storage: Storage) {
    this.specs = specs;
    this.#plan = plan;
    this.#storage = storage;
    this.#inputs = plan.feeds.map((feed) => plan.arrays.findIndex(({ tensor }) => tensor === feed));
    storage.reserveArena(plan.arenaBytes);
    this.#addresses = plan.arrays.map((array) => {
      if (array.region === "arena") return array.at;
      const address = storage.reserve(array.length * byteSize(array.dtype));
      storage.view(array.dtype, address, array.length).set(plan.constants[array.at]!);
      return address;
    });
    this.#executable = backend.link(plan, { storage, addresses: this.#addresses });
  }

  run(inputs: readonly TypedArray[]): readonly TypedArray[] {
    const storage = this.#storage;
    if (this.#generation !== storage.generation) this.#look();
    const views = this.#views;
    for (let i = 0; i < inputs.length; i++) views[this.#inputs[i]!]?.set(inputs[i]!);
    this.#executable.run(views);
    return this.#plan.results.map((at) => views[at]!.slice());
  }

  #look(): void {
    const { arrays } = this.#plan;
    this.#views = arrays.map(({ region, dtype, length }, i) => {
      const address = this.#addresses[i]!;
      return this.#storage.view(dtype, region === "arena" ? this.#storage.arena + address : address, length);
    });
    this.#generation = this.#storage.generation;
  }
}

// ── what tells operations apart ──────────────────────────────────────────────────────────────────────────────────

function keyOf(attrs: Attrs, inputs: readonly TensorSpec[]): string {
  let key = "";
  for (let i = 0; i < inputs.length; i++) {
    const { dtype, shape } = inputs[i]!;
    key += `${dtype}${shape}|`;
  }
  for (const name in attrs) key += `${name}=${attrKey(attrs[name]!)};`;
  return key;
}

function attrKey(attr: Attr): string {
  if (Array.isArray(attr)) return `[${attr.map((item: Attr) => attrKey(item)).join()}]`;
  if (ArrayBuffer.isView(attr)) {
    if (attr.length > CONTENT_LIMIT) return `#${objectNumber(attr)}`;
    return `${attr.constructor.name}[${Array.from(attr, (x) => (Object.is(x, -0) ? "-0" : x))}]`;
  }
  // Functions say how to differentiate, not what is computed.
  if (typeof attr === "function") return "function";
  if (typeof attr === "object" && attr !== null) return `#${objectNumber(attr)}`;
  return Object.is(attr, -0) ? "-0" : `${typeof attr}${attr}`;
}
