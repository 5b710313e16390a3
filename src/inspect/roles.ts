import type { GraphBuilder } from "../graph/builder.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import type { Role } from "./picture.ts";
import { scopeOf } from "./text.ts";

/** True if the operation was made by differentiation, or derived from one that was. */
function isGradient(op: Operation): boolean {
  for (let { origin } = op; origin.kind !== "user"; origin = origin.of.origin) {
    if (origin.kind === "gradient") return true;
  }
  return false;
}

/** What a gradient operation belongs to: the scope of the operation it differentiates, within the scope of `gradients`. */
export interface GradientSource {
  /** `adam/gradients`. */
  readonly root: string;
  /** `dense_1`. */
  readonly scope: string;
}

/**
 * Found by the name: `gradients` puts what it makes for `dense_1/matmul` into `gradients/dense_1/matmul_grad/`. Null
 * for what belongs to no single operation, such as the seed.
 */
export function gradientSource(op: Operation): GradientSource | null {
  let first: { readonly at: number; readonly of: Operation } | null = null;
  for (let { origin } = op; origin.kind !== "user"; origin = origin.of.origin) {
    const at = origin.kind === "gradient" ? op.name.indexOf(`${origin.of.name}_grad/`) : -1;
    if (at >= 0 && (first === null || at < first.at)) first = { at, of: origin.of };
  }
  return first && { root: op.name.slice(0, Math.max(0, first.at - 1)), scope: scopeOf(first.of.name) };
}

/** Operations that read each operation or run it along. */
function usersOfOps(ops: readonly Operation[]): ReadonlyMap<Operation, ReadonlySet<Operation>> {
  const users = new Map<Operation, Set<Operation>>(ops.map((op) => [op, new Set()]));
  for (const op of ops) {
    for (const input of op.inputs) users.get(input.op)?.add(op);
    for (const control of op.controls) users.get(control)?.add(op);
  }
  return users;
}

/**
 * The role of each operation.
 *
 * @param ops inputs before their users
 * @param asked what a user wants to see for its own sake: never a mere part of an update
 * @param written values that become variables' next values without an `assign` (plans)
 */
export function rolesOf(
  ops: readonly Operation[],
  asked: ReadonlySet<Tensor> = new Set(),
  written: ReadonlySet<Tensor> = new Set(),
): ReadonlyMap<Operation, Role> {
  const users = usersOfOps(ops);
  const initializers = initializersOf(ops);
  const roles = new Map<Operation, Role>();
  // Users first: what an operation is for decides what it is.
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i]!;
    const { effect } = op.def;
    const reasons = [...users.get(op)!].map((user) => roles.get(user)!);
    const isAsked = op.outputs.some((output) => asked.has(output));
    const serves = (role: Role): boolean => {
      const relevant = role === "initializer" ? reasons : reasons.filter((reason) => reason !== "initializer");
      return relevant.every((reason) => reason === role) && !isAsked;
    };
    const keepsState = effect === "variable" || effect === "placeholder";
    let role: Role = "forward";
    if (effect === "assign") role = initializers.has(op) ? "initializer" : "update";
    else if (effect === "group") role = roleOfGroup(op, initializers);
    else if (!keepsState && reasons.length > 0 && serves("initializer")) role = "initializer";
    else if (isGradient(op)) role = "backward";
    // Weights belong to the model even if nothing but the update reads them; an optimizer's own variables do not.
    else if (effect === "placeholder" || op.attrs.trainable === true) role = "forward";
    else if (reasons.includes("update") && serves("update")) role = "update";
    else if (op.outputs.some((output) => written.has(output)) && serves("update")) role = "update";
    roles.set(op, role);
  }
  return roles;
}

/** The assigns that give variables their first values. */
export function initializersOf(ops: readonly Operation[]): ReadonlySet<Operation> {
  const graphs = new Set<GraphBuilder>(ops.map((op) => op.graph));
  return new Set([...graphs].flatMap((graph) => graph.allVariables.map((variable) => variable.initializer)));
}

function roleOfGroup(op: Operation, initializers: ReadonlySet<Operation>): Role {
  const members: Operation[] = [];
  const stack = [...op.controls];
  for (let next = stack.pop(); next; next = stack.pop()) {
    if (next.def.effect === "group") stack.push(...next.controls);
    else members.push(next);
  }
  if (members.every((member) => initializers.has(member))) return "initializer";
  return members.some((member) => member.def.effect === "assign") ? "update" : "forward";
}
