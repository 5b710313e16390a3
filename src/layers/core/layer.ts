import { ForerunError, GraphError, ShapeError } from "../../core/errors.ts";
import { type Sizes, shapeText } from "../../core/shape.ts";
import type { Dim } from "../../core/shape-types.ts";
import { isKnown, type Size, sizeText } from "../../core/size.ts";
import { EagerVariable } from "../../eager/tensor.ts";
import { TraceGraph } from "../../eager/trace.ts";
import { builderOf, currentBuilder, type GraphBuilder } from "../../graph/builder.ts";
import { describeTensor, type Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import { type ConstraintChoice, constraintFrom } from "../constraints.ts";
import { type InitializerChoice, initializerFrom } from "../initializers.ts";
import { type RegularizerChoice, regularizerFrom } from "../regularizers.ts";
import { type CallContext, currentCall, isTrial, maskOf, onTrial, setMask, withCall } from "./context.ts";
import { functionalGraph, isFunctional } from "./functional-graph.ts";
import { type InputSpec, specProblem } from "./input-spec.ts";
import {
  ADOPT,
  BUILD,
  CALL_SHAPE,
  CLAIM,
  INPUT_SHAPE,
  INPUT_SPECS,
  LINE,
  NAMED,
  OUTPUT_SHAPE,
  OWNER,
  PARTS,
  RANDOM,
  ROOT,
  TRIAL,
  WEIGHTS,
} from "./internal.ts";
import { Module } from "./module.ts";
import { snakeCase } from "./names.ts";
import { mapTensors, type TensorNest, tensorsIn, withTensors } from "./nest.ts";
import { LayerRandom } from "./random.ts";
import { findRecord, makeWeight, type WeightOptions } from "./weight.ts";

export interface LayerOptions {
  /** Unique in a model. Default: that of the class, such as `dense`, with a number if the model has several. */
  readonly name?: string | undefined;
  /** False freezes the layer. Default true. */
  readonly trainable?: boolean | undefined;
  /** Of one sample, for the first layer of a sequential model: the same as `input(shape)` before it. */
  readonly inputShape?: readonly Dim[] | undefined;
}

/** What a call may be given besides tensors. Layers add options of their own. */
export interface ApplyOptions {
  /** Whether the call is part of training. Default: as the layer or model around it, false outside of any. */
  readonly training?: boolean | undefined;
  /** Which steps count, bool[batch, time]. Default: what the layers before have handed on. */
  readonly mask?: Tensor | null | undefined;
}
/** The same as `call` sees them: nothing is left open. */
export type CallOptions<Options extends ApplyOptions = ApplyOptions> = Omit<Options, "training" | "mask"> & {
  readonly training: boolean;
  readonly mask: Tensor | null;
};

/** Shapes in the structure of tensors; of deeper ones the type knows the first level. */
export type ShapesOf<In> = In extends Tensor ? Sizes : { readonly [K in keyof In]: Sizes };

/** What may be given for a nest of tensors: arrays too. */
export type Given<In> = In extends Tensor ? In | NDArray : In;

export type { InputSpec } from "./input-spec.ts";

/** Who decides on the seeds of what layers draw: the model they belong to. */
export interface Owner {
  [CLAIM](): void;
  readonly [OWNER]?: Owner | null;
  readonly [ROOT]: Owner | null;
}

/** Layers are functions: `layer(x)` calls `apply`. */
export interface Layer<In extends TensorNest, Out extends TensorNest, Options extends ApplyOptions> {
  (inputs: Given<In>, options?: Options): Out;
}

const annotated = new WeakSet<ForerunError>();

/**
 * A function with weights. The first call builds it: `apply` → `build` → `addWeight` → `call`; later ones only `call`.
 *
 *     class Affine extends Layer {
 *       declare w: Variable;
 *       override build(shape: Sizes) {
 *         this.w = this.addWeight("kernel", { shape: [shape.at(-1) as number, 10], initializer: "glorotUniform" });
 *       }
 *       call(x: Tensor) { return matmul(x, this.w); }
 *     }
 *
 * It takes tensors with values and computes at once; tensors of a traced function, and becomes a part of it; or those of
 * `input`, and becomes a part of a functional model.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Callable
export abstract class Layer<
  In extends TensorNest = Tensor,
  Out extends TensorNest = Tensor,
  Options extends ApplyOptions = ApplyOptions,
> extends Module {
  readonly #given: string | null;
  #assigned: string | null = null;
  readonly [INPUT_SHAPE]: readonly Dim[] | null;
  readonly #capture = captureStack();
  readonly #weights: EagerVariable[] = [];
  #random: LayerRandom | null = null;
  #owner: Owner | null = null;
  #calledOn: unknown = null;
  #outputShape: unknown = null;
  #built = false;
  #spec: InputSpec | null = null;
  #losses: readonly Tensor[] = [];

  constructor(options: LayerOptions = {}) {
    super();
    this.#given = options.name ?? null;
    this[INPUT_SHAPE] = options.inputShape ?? null;
    if (options.trainable === false) this.trainable = false;
  }

  /** What it computes: of tensors, symbolic or with values, in the structure it was given them. */
  abstract call(inputs: In, options: CallOptions<Options>): Out;

  /** Makes the weights; called once, before the first `call`. Sizes may be open, such as that of the batch. */
  build(_shapes: ShapesOf<In>): void {}

  // ── what it is ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** `Dense`: of built-in layers written out, since a minifier renames classes. */
  get kind(): string {
    const own = Object.getOwnPropertyDescriptor(this.constructor, "kind");
    return typeof own?.value === "string" ? own.value : this.constructor.name;
  }
  /** Its name in the model, unique there; `dense` before it belongs to one. */
  get name(): string {
    return this.#given ?? this.#assigned ?? snakeCase(this.kind);
  }
  get [LINE](): string | null {
    return lineOf(this.#capture);
  }
  /** `<Dense "hidden">` */
  override toString(): string {
    return `<${this.kind} "${this.name}">`;
  }
  get built(): boolean {
    return this.#built;
  }
  /** The options it was made with, as JSON can hold them: enough to make it again. Null: it can not be saved. */
  getConfig(): Readonly<Record<string, unknown>> | null {
    return null;
  }

  get [NAMED](): boolean {
    return this.#given !== null || this.#assigned !== null;
  }
  /** The first model that takes it up stays its owner. */
  [ADOPT](owner: Owner, name: string | null): void {
    let above: Owner | null = owner;
    while (above && above !== (this as object)) above = above[OWNER] ?? null;
    // Nothing is its own owner, though it may be found in its fields.
    if (!above) this.#owner ??= owner;
    if (name !== null) this.#assigned ??= name;
  }
  get [OWNER](): Owner | null {
    return this.#owner;
  }
  get [ROOT](): Owner | null {
    return this.#owner && (this.#owner[ROOT] ?? this.#owner);
  }
  get [RANDOM](): LayerRandom | null {
    return this.#random;
  }
  get [WEIGHTS](): readonly EagerVariable[] {
    return this.#weights;
  }
  get [INPUT_SPECS](): unknown {
    return this.#calledOn;
  }
  get [CALL_SHAPE](): unknown {
    return this.#calledOn && mapTensors(this.#calledOn, ({ shape }) => shape);
  }
  get [OUTPUT_SHAPE](): unknown {
    return this.#outputShape;
  }
  override *[PARTS](): Iterable<Module | EagerVariable> {
    yield* this.#weights;
    if (this.#random) yield* this.#random.variables;
    yield* super[PARTS]();
  }

  // ── for build and call ─────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A new weight. Its name is unique in the layer, its initial value is computed when it is first wanted.
   * @throws GraphError outside of `build`'s time for a size that is not known, or an unknown initializer, regularizer or constraint
   */
  addWeight(
    name: string,
    options: Omit<WeightOptions, "initializer" | "regularizer" | "constraint" | "shape"> & {
      readonly shape: readonly Size[];
      readonly initializer?: InitializerChoice | undefined;
      readonly regularizer?: RegularizerChoice | undefined;
      readonly constraint?: ConstraintChoice | undefined;
    },
  ): EagerVariable {
    const { shape, initializer = "zeros", regularizer, constraint, ...rest } = options;
    shape.forEach((size, axis) => {
      if (isKnown(size)) return;
      throw new ShapeError({
        what: `${this.name}: the weight "${name}" can not have a size that is not known: axis ${axis} is ${sizeText(size)}`,
        details: [this.#madeAt()],
        at: here(),
        fix: "give the layer an input of which all sizes but that of the batch are numbers",
      });
    });
    const chosen = {
      initializer: initializerFrom(initializer),
      regularizer: regularizer && regularizerFrom(regularizer),
      constraint: constraint && constraintFrom(constraint),
    };
    const weight = makeWeight(
      `${this.name}/${name}`,
      { ...rest, ...chosen, shape: shape as number[] },
      () => this[ROOT],
    );
    this.#weights.push(weight);
    return weight;
  }

  /** A key for what it draws at random, of a stream of its own that goes on from call to call. For `call`. */
  randomKey(): Tensor<readonly [2]> {
    this.#random ??= new LayerRandom(() => this[ROOT]);
    return this.#random.key();
  }

  /** Adds a term, one number, to what training makes small. For `call`. @throws GraphError elsewhere */
  addLoss(loss: Tensor): void {
    this.#inCall("addLoss").losses.push(loss);
  }
  /** Adds a number that training reports, averaged over an epoch. For `call`. @throws GraphError elsewhere */
  addMetric(name: string, value: Tensor): void {
    this.#inCall("addMetric").metrics.push({ name, value });
  }
  #inCall(what: string) {
    const context = currentCall();
    if (context) return context;
    throw new GraphError({
      what: `${what}: layer "${this.name}" is not being called`,
      at: here(),
      fix: `use ${what} in call, on what is computed there; a penalty on a weight is its regularizer: addWeight(name, { regularizer })`,
    });
  }

  /** What the layer takes from now on: each call is checked. For constructors and `build`. */
  protected expectInput(spec: InputSpec): void {
    this.#spec = spec;
  }

  /** Terms of the loss: of its last call, and the penalties on weights that are trained. */
  get losses(): readonly Tensor[] {
    return [...this.#losses, ...this.regularizationLosses];
  }
  get regularizationLosses(): readonly Tensor[] {
    return this.trainableVariables.flatMap((variable) => {
      const regularizer = findRecord(variable)?.regularizer;
      return regularizer ? [regularizer(variable)] : [];
    });
  }

  /** Which steps of its output count; null: all. Default: the mask of its first input, if the layer hands it on. */
  outputMask(_inputs: In, mask: Tensor | null): Tensor | null {
    return this.passesMask ? mask : null;
  }
  /** True for layers that leave the time axis alone. */
  protected get passesMask(): boolean {
    return false;
  }

  // ── being called ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Calls the layer: the same as `layer(inputs, options)`. */
  apply(inputs: Given<In>, options: Options = NO_OPTIONS as Options): Out {
    const given = withTensors(inputs) as In;
    const extra = withTensors(options) as Options;
    const tensors = [...tensorsIn(given), ...tensorsIn(extra)];
    if (tensorsIn(given).length === 0) throw this.#noTensor(inputs);
    if (currentBuilder() === null && tensors.some(isFunctional)) return this.#draw(given, extra, tensors);
    this[BUILD](given);
    return this.#run(given, extra);
  }

  /** Builds it, if it is not yet, for tensors like these. */
  [BUILD](inputs: In): void {
    this.#check(inputs);
    if (this.#built) return;
    this.#built = true;
    try {
      this.#explained(inputs, () => this.build(mapTensors(inputs, ({ shape }) => shape) as ShapesOf<In>));
      this.#check(inputs);
    } catch (error) {
      this.#built = false;
      this.#weights.length = 0;
      throw error;
    }
  }

  /** What it would give for tensors like these, of which only the specs mean something; builds it on the way. */
  [TRIAL](inputs: In, options: Options, look: (context: CallContext) => void = () => {}): Out {
    const scratch = new TraceGraph({ name: this.name });
    const stand = (nest: unknown): unknown =>
      mapTensors(nest, (tensor) =>
        tensor instanceof EagerVariable
          ? tensor
          : scratch.argument(tensor.op.name.split("/").at(-1)!.replace(/\W/g, "_"), tensor.dtype, tensor.shape ?? []),
      );
    const { result } = onTrial(() =>
      scratch.trace("trial", () => {
        const own = stand(inputs) as In;
        this[BUILD](own);
        const outputs = withCall(options.training, (context) => {
          const made = this.#run(own, stand(options) as Options);
          look(context);
          return made;
        });
        // By the names the user knows.
        this.#calledOn = inputs;
        return { result: mapTensors(outputs, (tensor) => scratch.standIn(tensor)) as Out, tensors: [] };
      }),
    );
    return result;
  }

  /** Adds the call to the drawing of a functional model. */
  #draw(inputs: In, options: Options, tensors: readonly Tensor[]): Out {
    const result = this[TRIAL](inputs, options);
    const specs = tensorsIn(result).map(({ spec }) => spec);
    const outputs = functionalGraph.call(tensors, specs, { layer: this, inputs, options });
    let next = 0;
    return mapTensors(result, () => outputs[next++]!) as Out;
  }

  #run(inputs: In, options: Options): Out {
    const isOutermost = currentCall() === null;
    const [first] = tensorsIn(inputs);
    return withCall(options.training, (context) => {
      const mask = options.mask ?? maskOf(first!);
      const full = { ...options, training: context.training, mask } as object as CallOptions<Options>;
      const outputs = inScope(builderOf(first!), this.name, () =>
        this.#explained(inputs, () => this.call(inputs, full)),
      );
      if (tensorsIn(outputs).length === 0) throw this.#noOutput(outputs);
      const handedOn = this.outputMask(inputs, mask);
      // Of several outputs the first is the sequence; states have no steps.
      setMask(tensorsIn(outputs)[0]!, handedOn);
      if (isTrial()) {
        this.#calledOn = inputs;
        this.#outputShape = mapTensors(outputs, ({ shape }) => shape);
      }
      if (isOutermost && !isTrial()) this.#losses = [...context.losses];
      return outputs;
    });
  }

  // ── what can be wrong ──────────────────────────────────────────────────────────────────────────────────────────

  #madeAt(): string {
    return `layer "${this.name}" (${this.kind}) was made at ${this[LINE] ?? "an unknown line"}`;
  }

  #noOutput(outputs: unknown): GraphError {
    return new GraphError({
      what: `${this.name}: call gave no tensor: ${String(outputs)}`,
      details: [this.#madeAt()],
      at: here(),
      fix: "let call return the tensor it computes: return matmul(x, this.w)",
    });
  }

  #noTensor(inputs: unknown): GraphError {
    return new GraphError({
      what: `${this.name}: called without a tensor: ${typeof inputs === "object" ? JSON.stringify(inputs) : String(inputs)}`,
      details: [this.#madeAt()],
      at: here(),
      fix: "call it on tensors: input([784]) for a model, tensor(value) for a value",
    });
  }

  /** What goes wrong inside says in which layer. */
  #explained<T>(inputs: In, build: () => T): T {
    try {
      return build();
    } catch (error) {
      if (!(error instanceof ForerunError) || annotated.has(error)) throw error;
      const given = tensorsIn(inputs)
        .slice(0, 3)
        .map((tensor) => `called on ${describeTensor(tensor).replace(/^trial\//, "")}`);
      const parts = { ...error.parts, details: [...(error.parts.details ?? []), this.#madeAt(), ...given] };
      const explained = new (error.constructor as new (parts: ForerunError["parts"]) => ForerunError)(parts);
      annotated.add(explained);
      throw explained;
    }
  }

  #check(inputs: In): void {
    const spec = this.#spec;
    if (!spec) return;
    for (const tensor of tensorsIn(inputs)) {
      const { shape } = tensor;
      if (shape === null) continue;
      const problem = specProblem(spec, shape);
      if (!problem) continue;
      const error = new ShapeError({
        what: `${this.name}: ${problem.text}`,
        details: [
          `input  ${tensor.op.name.replace(/^trial\//, "")}: ${tensor.dtype}${shapeText(shape, problem.marks)}`,
          this.#madeAt(),
        ],
        at: here(),
        fix: problem.fix,
      });
      annotated.add(error);
      throw error;
    }
  }
}

const NO_OPTIONS: ApplyOptions = {};

/** In the scope of a layer, if that is not where it is called anyway. */
const inScope = <T>(builder: GraphBuilder, name: string, build: () => T): T =>
  builder.currentScope === `${name}/` ? build() : builder.scope(name, build);
