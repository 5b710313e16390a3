import type { DType, TypedArray } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import type { TensorSpec } from "../core/shape.ts";
import type { ApplyOptions } from "../graph/builder.ts";
import type { OpDef } from "../graph/define.ts";
import { inferSpecs, operandOf } from "../graph/infer.ts";
import { type Attrs, Operation, type Tensor, type Variable } from "../graph/operation.ts";
import { captureStack, type Origin, userLine } from "../graph/origin.ts";
import { constantOp } from "../ops/constant.ts";
import { Graph } from "../runtime/graph.ts";
import { here } from "../runtime/reading.ts";
import { type Recorder, Recorders } from "./recorder.ts";
import type { OperationRunner } from "./runner.ts";
import { EagerTensor, EagerVariable } from "./tensor.ts";

/** Frames looked at for the line of an operation that runs at once: enough for the functions a user calls. */
const FRAMES = 6;
/** Where an operation comes from if nobody asked for its line. */
const NOWHERE: Origin = { kind: "user", capture: null };

/**
 * The graph of define-by-run: an operation applied to it runs at once, and the graph keeps nothing. Ops, gradient rules,
 * initializers and optimizers take its tensors as they take any other, so nothing is written twice for this mode.
 */
export class EagerGraph extends Graph {
  override readonly runsAtOnce = true;
  readonly recorders = new Recorders();
  readonly #runner: () => OperationRunner;
  /** The last value of each variable that a recorder wanted to know. */
  readonly #values = new WeakMap<EagerVariable, { readonly version: number; readonly value: Tensor }>();
  readonly #variables = new WeakMap<Tensor, EagerVariable>();
  /** Variables made so far. */
  #made = 0;
  #derived: Origin | null = null;
  /** Remembers where each tensor was made: about five microseconds an operation. */
  lines = true;

  constructor(runner: () => OperationRunner) {
    super({ name: "eager" });
    this.#runner = runner;
  }

  override apply<A extends Attrs>(
    def: OpDef<A>,
    inputs: readonly Tensor[],
    attrs: A,
    options: ApplyOptions = {},
  ): Operation<A> {
    const origin: Origin =
      this.#derived ?? (this.lines ? { kind: "user", capture: captureStack(this.apply, FRAMES) } : NOWHERE);
    const name = options.name ?? def.name;
    switch (def.effect) {
      case "constant":
        return this.#leaf(def, attrs, name, origin, [specFrom(attrs)], [attrs.value as TypedArray]);
      case "variable":
        return this.#leaf(def, attrs, name, origin, [specFrom(attrs)], [NO_VALUE]);
      case "assign":
        return this.#assign(def, inputs, attrs, name, origin);
      case "group":
        return this.#leaf(def, attrs, name, origin, [], []);
      case "placeholder":
        throw new GraphError({
          what: `placeholder "${name}": in define-by-run there is nothing to be fed later`,
          at: userLine(origin),
          fix: "use the value itself, tensor(value), or build a Graph and feed it through a Session",
        });
      default:
        // A record of particular attributes is also one of any.
        return this.#run(def as OpDef, inputs, attrs, name, origin) as Operation<A>;
    }
  }

  #run(def: OpDef, inputs: readonly Tensor[], attrs: Attrs, name: string, origin: Origin): Operation {
    const data: TypedArray[] = [];
    for (const input of inputs) data.push(this.#valueOf(input, def.name));
    const compiled = this.#runner().operation(def, attrs, specsOf(inputs), () => {
      const site = {
        name,
        get line() {
          return userLine(origin);
        },
      };
      return inferSpecs(def, inputs.map(operandOf), attrs, site).specs;
    });
    const values = compiled.run(data);
    const op = this.#leaf(def, attrs, name, origin, compiled.specs, values);
    if (this.recorders.any) this.#tell(op, inputs, attrs, compiled.specs);
    return op;
  }

  /** Tells of an operation that has run. Of variables it keeps the values they had. */
  #tell(op: Operation, given: readonly Tensor[], attrs: Attrs, specs: readonly TensorSpec[]): void {
    const inputs = given.map((input) => this.#present(input));
    this.recorders.tell(inputs, () => {
      const { def, name, origin } = op;
      const handle = (_op: Operation, index: number): Tensor => op.outputs[index]!;
      const fields = { def, name, inputs, controls: NONE, attrs, origin, graph: this, specs, checks: NONE };
      return new Operation({ ...fields, handle });
    });
  }

  /** A tensor with the value a variable has now; other tensors are what they are. */
  #present(tensor: Tensor): Tensor {
    if (!(tensor instanceof EagerVariable)) return tensor;
    const known = this.#values.get(tensor);
    if (known?.version === tensor.version) return known.value;
    const { data, dtype, shape, version } = tensor;
    const value = this.apply(constantOp, [], { value: data, shape, dtype }, { name: tensor.op.name }).outputs[0]!;
    this.#values.set(tensor, { version, value });
    this.#variables.set(value, tensor);
    return value;
  }
  override standIns(tensor: Tensor): readonly Tensor[] {
    return [this.#present(tensor)];
  }
  /** The variable of which this tensor is a value. */
  variableOf(tensor: Tensor): EagerVariable | null {
    return this.#variables.get(tensor) ?? null;
  }

  /** An operation that keeps no inputs, with the values it made. */
  #leaf<A extends Attrs>(
    def: OpDef<A>,
    attrs: A,
    name: string,
    origin: Origin,
    specs: readonly TensorSpec[],
    values: readonly TypedArray[],
  ): Operation<A> {
    const isVariable = def.effect === "variable";
    const handle = (op: Operation, index: number, spec: TensorSpec): Tensor =>
      isVariable
        ? new EagerVariable(op, index, spec, values[index]!)
        : new EagerTensor(op, index, spec, values[index]!);
    const fields = { def, name, inputs: NONE, controls: NONE, attrs, origin, graph: this, specs, checks: NONE, handle };
    return new Operation(fields);
  }

  #assign<A extends Attrs>(def: OpDef<A>, inputs: readonly Tensor[], attrs: A, name: string, origin: Origin) {
    const [variable, value] = inputs as readonly [Variable, Tensor];
    const data = this.#valueOf(value, def.name);
    const site = { name, line: userLine(origin) };
    const { specs } = inferSpecs(def, inputs.map(operandOf), attrs, site);
    if (!(variable instanceof EagerVariable)) throw this.#symbolic(variable, def.name);
    variable.replace(data);
    return this.#leaf(def, attrs, name, origin, specs, [data]);
  }

  override elementsOf(tensor: Tensor): TypedArray {
    return this.#valueOf(tensor, "a condition");
  }

  #valueOf(tensor: Tensor, user: string): TypedArray {
    if (tensor instanceof EagerTensor || tensor instanceof EagerVariable) return tensor.data;
    throw this.#symbolic(tensor, user);
  }

  #symbolic(tensor: Tensor, user: string): GraphError {
    const { graph } = tensor;
    const details = [`"${tensor.name}" was made at ${tensor.op.line ?? "an unknown line"}`];
    if (graph.isTrace) {
      return new GraphError({
        what: `${user}: "${tensor.name}" stands for a value inside of the traced function "${graph.name}": outside it has none`,
        details,
        at: here(),
        fix: "return it from the function, and use what the function returns when it is called",
      });
    }
    return new GraphError({
      what: `${user}: "${tensor.name}" is symbolic, a tensor of graph "${graph.name}": it has no value yet`,
      details,
      at: here(),
      fix: "run that graph in a Session and use what it fetches, or put values into it as constants: graph.constant(x.value)",
    });
  }

  /** Variables are initialised as they are made, and the graph does not hold on to them: it only counts them. */
  protected override setInitializer(): void {
    this.#made++;
  }
  protected override get variablesMade(): number {
    return this.#made;
  }

  /** Names need not be unique: nothing is looked up by them, and a list of them would only grow. */
  override uniqueName(wish: string): string {
    return wish;
  }
  override scope<T>(_name: string, build: (scope: string) => T): T {
    return build("");
  }
  override reenterScope<T>(_name: string, build: (scope: string) => T): T {
    return build("");
  }
  override derive<T>(origin: Origin, build: () => T): T {
    const outer = this.#derived;
    this.#derived = this.lines ? origin : NOWHERE;
    try {
      return build();
    } finally {
      this.#derived = outer;
    }
  }

  override recorded(build: () => readonly Tensor[]) {
    const ops: Operation[] = [];
    const recorder: Recorder = { follows: () => true, add: (op) => void ops.push(op) };
    const outputs = this.recorders.during(recorder, build);
    return { outputs, ops };
  }

  /** A tensor with this value. Arrays are taken over: do not write to them any more. */
  tensorOf(data: TypedArray, shape: readonly number[], dtype: DType): EagerTensor {
    return this.apply(constantOp, [], { value: data, shape, dtype }).outputs[0] as EagerTensor;
  }
}

const NONE: readonly never[] = [];
/** A variable's array before its first assignment, which follows at once. */
const NO_VALUE = new Float32Array(0);

/** What a source says of itself. */
const specFrom = ({ dtype, shape }: Attrs): TensorSpec => ({
  dtype: dtype as DType,
  shape: shape as readonly number[],
});
const specsOf = (inputs: readonly Tensor[]): readonly TensorSpec[] => inputs.map(({ spec }) => spec);
