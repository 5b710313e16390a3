import { GraphError } from "../../core/errors.ts";
import type { Sizes, TensorSpec } from "../../core/shape.ts";
import { EagerTensor, EagerVariable } from "../../eager/tensor.ts";
import type { ApplyOptions } from "../../graph/builder.ts";
import type { OpDef } from "../../graph/define.ts";
import { inferSpecs, operandOf } from "../../graph/infer.ts";
import { type Attrs, Operation, type Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf, type Origin, userLine } from "../../graph/origin.ts";
import { Graph } from "../../runtime/graph.ts";

/** A call of a layer, as one operation: what a functional model calls again, on other tensors. */
export interface LayerCall {
  readonly layer: object & { readonly name: string };
  /** The layer's arguments, with symbolic tensors in them. */
  readonly inputs: unknown;
  readonly options: object;
}
const calls = new WeakMap<Operation, LayerCall>();
/** The call an operation stands for; null for an ordinary operation. */
export const layerCallOf = (op: Operation): LayerCall | null => calls.get(op) ?? null;

/**
 * The graph of what `input` makes and of all that is computed from it: the drawing of functional models. There is one,
 * it has no values, and it keeps nothing: tensors hold on to what they were computed from, and go with it.
 */
class FunctionalGraph extends Graph {
  override apply<A extends Attrs>(
    def: OpDef<A>,
    inputs: readonly Tensor[],
    attrs: A,
    options: ApplyOptions = {},
  ): Operation<A> {
    if (def.effect === "assign" || def.effect === "variable" || def.effect === "group") {
      throw new GraphError({
        what: `${def.name}: not possible on tensors of input(…), which only say how a model is put together`,
        at: lineOf(captureStack()),
        fix: "variables belong into layers: make them with addWeight in build, assign them in call",
      });
    }
    for (const tensor of inputs) if (!hasValue(tensor)) this.checkOwner(tensor, def.name);
    const origin: Origin = { kind: "user", capture: captureStack(this.apply) };
    const name = options.name ?? def.name;
    const site = {
      name,
      get line() {
        return userLine(origin);
      },
    };
    const { specs, checks } = inferSpecs(def, inputs.map(operandOf), attrs, site);
    return this.#make(def, inputs, attrs, name, origin, specs, checks);
  }

  /** @param specs of what the call returns */
  call(inputs: readonly Tensor[], specs: readonly TensorSpec[], call: LayerCall): readonly Tensor[] {
    const origin: Origin = { kind: "user", capture: captureStack() };
    const op = this.#make(layerDef(call.layer.name), inputs, {}, call.layer.name, origin, specs, []);
    calls.set(op, call);
    return op.outputs;
  }

  #make<A extends Attrs>(
    def: OpDef<A>,
    inputs: readonly Tensor[],
    attrs: A,
    name: string,
    origin: Origin,
    specs: readonly TensorSpec[],
    checks: Operation["checks"],
  ): Operation<A> {
    const op = new Operation({ def, name, inputs, controls: [], attrs, origin, graph: this, specs, checks });
    this.#recording?.push(op as Operation);
    return op;
  }

  #recording: Operation[] | null = null;
  /** For loops and branches, whose bodies are built aside. */
  override recorded(build: () => readonly Tensor[]) {
    const outer = this.#recording;
    const ops: Operation[] = [];
    this.#recording = ops;
    try {
      return { outputs: build(), ops };
    } finally {
      this.#recording = outer;
      outer?.push(...ops);
    }
  }

  /** Names need not be unique: the model that is made of this gives every layer a name of its own. */
  override uniqueName(wish: string): string {
    return wish;
  }
  override scope<T>(_name: string, build: (scope: string) => T): T {
    return build("");
  }
  override reenterScope<T>(_name: string, build: (scope: string) => T): T {
    return build("");
  }
  override discardUnused(): void {}
}

export const functionalGraph = new FunctionalGraph({ name: "functional" });

/** True for tensors of `input` and what is computed from them. */
export const isFunctional = (tensor: Tensor): boolean => tensor.graph === functionalGraph;

const hasValue = (tensor: Tensor): boolean => tensor instanceof EagerTensor || tensor instanceof EagerVariable;

/** A call of a layer has the specs that its call gave, and no meaning of its own: it is never compiled. */
const layerDef = (name: string): OpDef<Attrs> => ({
  name,
  category: "neural",
  doc: "A call of a layer.",
  inputs: "many",
  dtypes: (inputs) => inputs,
  shapes: (inputs) => inputs as readonly Sizes[],
  gradient: "none",
  effect: "placeholder",
  examples: [],
});
