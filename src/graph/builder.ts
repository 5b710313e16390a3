import type { TypedArray } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import type { OpDef } from "./define.ts";
import { inferSpecs, operandOf } from "./infer.ts";
import { type Attrs, Operation, type Tensor, type Variable } from "./operation.ts";
import { captureStack, lineOf, type Origin, userLine } from "./origin.ts";

/** Names scopes may have; operations may hold slashes too. */
const NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/;

export interface ApplyOptions {
  /**
   * Wished name; made unique within the scope. Default: the op's own. As in TensorFlow, a name that ends in `/` is
   * taken as it is: an operation may be called like the scope that holds what belongs to it (`add` and `add/y`).
   */
  readonly name?: string | undefined;
  readonly controls?: readonly Operation[];
}

/** Append-only builder behind every graph. A define-by-run graph overrides `apply`: it runs the operation instead. */
export class GraphBuilder {
  readonly name: string;
  /** True if operations run as they are applied: tensors hold values and know nothing of how they came to be. */
  readonly runsAtOnce: boolean = false;
  /** True if it is what a traced function has added up, not a graph the user builds. */
  readonly isTrace: boolean = false;
  readonly #operations: Operation[] = [];
  readonly #byName = new Map<string, Operation>();
  /** Lower-case name → how often it was asked for, as TensorFlow counts. */
  readonly #taken = new Map<string, number>();
  readonly #initializers = new Map<Variable, Operation>();
  #scope = "";
  #origin: Origin | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** Every operation, in the order it was made. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /**
   * Adds one operation.
   * @throws DTypeError, ShapeError, GraphError (a tensor of another graph, a bad name)
   */
  apply<A extends Attrs>(def: OpDef<A>, inputs: readonly Tensor[], attrs: A, options: ApplyOptions = {}): Operation<A> {
    const origin: Origin = this.#origin ?? { kind: "user", capture: captureStack(this.apply) };
    const name = this.#nameFor(options.name ?? def.name);
    for (const input of inputs) this.checkOwner(input, def.name);
    const site = {
      name,
      get line() {
        return userLine(origin);
      },
    };
    const { specs, checks } = inferSpecs(def, inputs.map(operandOf), attrs, site);
    const controls = options.controls ?? [];
    const op = new Operation({ def, name, inputs, controls, attrs, origin, graph: this, specs, checks });
    this.#operations.push(op);
    this.#byName.set(name, op);
    return op;
  }

  /** The tensors of this graph that stand for one: itself; in a traced function, each value that a variable has had. */
  standIns(tensor: Tensor): readonly Tensor[] {
    return [tensor];
  }

  /** What `build` makes, and the operations it adds for that, inputs first. */
  recorded(build: () => readonly Tensor[]): {
    readonly outputs: readonly Tensor[];
    readonly ops: readonly Operation[];
  } {
    const first = this.#operations.length;
    const outputs = build();
    return { outputs, ops: this.#operations.slice(first) };
  }

  /**
   * Takes back those of the operations made since number `first` that `keep` does not need; taps of what stays do, too.
   * For callers that build more than turns out to be wanted; nobody may hold what is taken back.
   */
  discardUnused(first: number, keep: readonly Operation[]): void {
    const kept = new Set<Operation>();
    const stack = [...keep];
    for (let op = stack.pop(); op; op = stack.pop()) {
      if (kept.has(op)) continue;
      kept.add(op);
      stack.push(...op.inputs.map((input) => input.op), ...op.controls);
    }
    const shows = (op: Operation): boolean => op.def.effect === "tap" && kept.has(op.inputs[0]!.op);
    for (const op of this.#operations.splice(first)) {
      if (kept.has(op) || shows(op)) this.#operations.push(op);
      else this.#byName.delete(op.name);
    }
  }

  /** The elements of a tensor that has a value already; null where operations run later. */
  elementsOf(_tensor: Tensor): TypedArray | null {
    return null;
  }

  /** What is wrong with using a tensor of this graph in another one, if there is more to say than that. */
  leakOf(_tensor: Tensor, _user: string): GraphError | null {
    return null;
  }

  /** Refuses a tensor that belongs to another graph. Builders of compiler passes accept all. */
  protected checkOwner(input: Tensor, user: string): void {
    if (input.graph === this) return;
    const leak = input.graph.leakOf(input, user);
    if (leak) throw leak;
    if (input.graph.runsAtOnce) {
      throw new GraphError({
        what: `${user}: "${input.op.name}" is a value, not a tensor of graph "${this.name}"`,
        details: [`it was made at ${input.op.line ?? "an unknown line"}`],
        at: lineOf(captureStack()),
        fix: "put it into the graph as a constant, graph.constant(x.value), or feed it to a placeholder",
      });
    }
    throw new GraphError({
      what: `${user}: tensor "${input.name}" belongs to graph "${input.graph.name}", not to graph "${this.name}"`,
      details: [`"${input.name}" was made at ${input.op.line ?? "an unknown line"}`],
      at: lineOf(captureStack()),
      fix: "build both operands in one graph; a value crosses graphs only by fetching it here and feeding it there",
    });
  }

  /** `name`, or `name_1`, `name_2` … if it is taken, within the current scope. Case does not make names differ. */
  uniqueName(wish: string): string {
    if (!NAME.test(wish)) {
      throw new GraphError({
        what: `"${wish}" can not be the name of an operation`,
        at: lineOf(captureStack()),
        fix: "use letters, digits, _ . - and /, beginning with a letter, digit or dot",
      });
    }
    const full = this.#scope + wish;
    const key = full.toLowerCase();
    let count = this.#taken.get(key) ?? 0;
    this.#taken.set(key, count + 1);
    if (count === 0) return full;
    let unique = `${full}_${count}`;
    while (this.#taken.has(unique.toLowerCase())) unique = `${full}_${++count}`;
    this.#taken.set(key, count + 1);
    this.#taken.set(unique.toLowerCase(), 1);
    return unique;
  }

  #nameFor(wish: string): string {
    const ofScope = wish.slice(0, -1);
    return wish.endsWith("/") && !this.#byName.has(ofScope) ? ofScope : this.uniqueName(wish.replace(/\/$/, ""));
  }

  /** What stands in front of the names of what is made at the moment: `encoder/dense/`, or nothing. */
  get currentScope(): string {
    return this.#scope;
  }

  /** Runs `build` with `name/` in front of the names of what it makes; a scope used twice gets a number. */
  scope<T>(name: string, build: (scope: string) => T): T {
    return this.#within(`${this.uniqueName(name)}/`, build);
  }

  /** Runs `build` in the scope with this very name, even if it was used before. */
  reenterScope<T>(name: string, build: (scope: string) => T): T {
    return this.#within(name === "" ? "" : `${name.replace(/\/$/, "")}/`, build);
  }

  #within<T>(scope: string, build: (scope: string) => T): T {
    const outer = this.#scope;
    this.#scope = scope;
    try {
      return build(scope);
    } finally {
      this.#scope = outer;
    }
  }

  /** Runs `build`, giving what it makes this origin instead of the user's line. */
  derive<T>(origin: Origin, build: () => T): T {
    const outer = this.#origin;
    this.#origin = origin;
    try {
      return build();
    } finally {
      this.#origin = outer;
    }
  }

  /**
   * An operation or, with `:index`, one of its outputs.
   * @throws GraphError listing near names
   */
  operation(name: string): Operation {
    const op = this.#byName.get(name);
    if (op) return op;
    throw new GraphError({
      what: `graph "${this.name}" has no operation "${name}"`,
      at: lineOf(captureStack()),
      fix: nearNamesFix(name, this.#byName.keys(), "list them with graph.text()"),
    });
  }
  tensor(name: string): Tensor {
    const match = /^(.*):(\d+)$/.exec(name);
    const op = this.operation(match ? match[1]! : name);
    const output = op.outputs[match ? Number(match[2]) : 0];
    if (output) return output;
    const outputs = op.outputs.map((tensor) => `"${tensor.name}"`);
    throw new GraphError({
      what: `there is no tensor "${name}"`,
      details: [`operation "${op.name}" has ${outputs.length === 0 ? "no outputs" : `only ${outputs.join(", ")}`}`],
      at: lineOf(captureStack()),
      fix: outputs.length === 0 ? `run the operation itself: "${op.name}"` : "outputs count from 0",
    });
  }
  has(name: string): boolean {
    return this.#byName.has(name.replace(/:\d+$/, ""));
  }

  /** Registers the operation that writes a variable's initial value. */
  protected setInitializer(variable: Variable, initializer: Operation): void {
    this.#initializers.set(variable, initializer);
  }
  initializerOf(variable: Variable): Operation {
    const op = this.#initializers.get(variable);
    if (op) return op;
    throw new GraphError({ what: `variable "${variable.op.name}" has no initializer` });
  }
  /** Variables in the order they were made. */
  get allVariables(): readonly Variable[] {
    return [...this.#initializers.keys()];
  }
}

/** Names that differ from `wish` by few letters, nearest first. */
export function nearNames(wish: string, names: Iterable<string>, count = 3): readonly string[] {
  const scored = [...names].map((name) => ({ name, distance: editDistance(wish.toLowerCase(), name.toLowerCase()) }));
  return scored
    .filter(({ distance }) => distance <= Math.max(1, wish.length / 2))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name);
}

/** The fix of an error about a name that does not exist: `near names: a, b`, or another hint. */
export function nearNamesFix(wish: string, names: Iterable<string>, otherwise: string): string {
  const near = nearNames(wish, names);
  return near.length > 0 ? `near names: ${near.join(", ")}` : otherwise;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

// ── which builder an op function appends to ──────────────────────────────────────────────────────────────────────

let override: GraphBuilder | null = null;

/** Runs `build` so that op functions append to `builder` whatever graph their inputs belong to. */
export function buildInto<T>(builder: GraphBuilder, build: () => T): T {
  const outer = override;
  override = builder;
  try {
    return build();
  } finally {
    override = outer;
  }
}

/** The builder that op functions append to at the moment, whatever their inputs; null if inputs decide. */
export const currentBuilder = (): GraphBuilder | null => override;

/** The builder an op on these inputs belongs to. */
export const builderOf = (tensor: Tensor): GraphBuilder => override ?? tensor.graph;
