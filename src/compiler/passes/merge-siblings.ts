import { sameShape } from "../../core/shape.ts";
import { type GraphFunction, inOrder } from "../../graph/function.ts";
import type { Operation } from "../../graph/operation.ts";
import type { FusionGroup } from "../fused.ts";
import { isContraction, isReduction, KERNEL_LIMIT } from "../rules/fusion.ts";

/** Groups merged so far. `depth` is the longest chain of groups below, and never changes once given. */
interface Merged {
  readonly groups: FusionGroup[];
  readonly members: Set<Operation>;
  readonly depth: number;
}

/** Only plain loops over the same domain merge: there each element is read, computed and stored in one go. */
const isPlain = (group: FusionGroup): boolean =>
  group.scratch.size === 0 &&
  group.ops.every((op) => !isReduction(op) && !isContraction(op) && !op.def.kernel && !op.def.control);

/**
 * Merges kernels over the same domain that read the same values or one another, so that Adam's two moments and the
 * new weight are one loop.
 *
 * Merging must not close a cycle. Every group has a depth, one more than the deepest group it reads; two groups of
 * equal depth never depend on each other, and a group may join one it reads if all others it reads are less deep
 * than that one. Both keep all depths as they are, so a single walk suffices.
 */
export function mergeSiblings(groups: readonly FusionGroup[], fn: GraphFunction): readonly FusionGroup[] {
  const makerOf = new Map<Operation, Merged>();
  /** Candidates by depth, domain and something they read. */
  const siblings = new Map<string, Merged>();
  const merged: Merged[] = [];
  for (const group of groups) {
    const inside = new Set(group.ops);
    const reads = new Set(
      group.ops.flatMap((op) => op.inputs.map((input) => input.op)).filter((op) => !inside.has(op)),
    );
    const below = new Set([...reads].flatMap((op) => makerOf.get(op) ?? []));
    const depth = 1 + Math.max(0, ...[...below].map((maker) => maker.depth));
    const plain = isPlain(group);
    const shape = group.domain.join();
    const keys = [...reads].filter((op) => op.def.effect !== "constant").map((op) => `${depth}:${shape}:${op.id}`);
    const target = plain
      ? (joinable(group, below) ?? keys.map((key) => siblings.get(key)).find((m) => m && fits(m, group)))
      : undefined;
    const home: Merged = target ?? { groups: [], members: new Set(), depth };
    if (!target) merged.push(home);
    home.groups.push(group);
    for (const op of group.ops) home.members.add(op);
    for (const root of group.roots) makerOf.set(root.op, home);
    if (plain && home.depth === depth) for (const key of keys) siblings.set(key, home);
  }
  // A group that joined another comes where its last part was; sorting by depth keeps readers after makers.
  return merged
    .map((entry, i) => ({ entry, i }))
    .sort((a, b) => a.entry.depth - b.entry.depth || a.i - b.i)
    .map(({ entry }) => combine(entry, fn));
}

const fits = (merged: Merged, group: FusionGroup): boolean =>
  merged.members.size + group.ops.length <= KERNEL_LIMIT && merged.groups.every(isPlain);

/** A group this one reads, over the same domain, with everything else it reads less deep. */
function joinable(group: FusionGroup, below: ReadonlySet<Merged>): Merged | undefined {
  return [...below].find(
    (maker) =>
      sameShape(maker.groups[0]!.domain, group.domain) &&
      fits(maker, group) &&
      readsAligned(group, maker) &&
      [...below].every((other) => other === maker || other.depth < maker.depth),
  );
}

/**
 * True if `group` reads what `maker` stores element for element: all that lies between is pointwise over the whole
 * domain. What does not depend on the maker (a step size worked out from scalars) may be anything.
 */
function readsAligned(group: FusionGroup, maker: Merged): boolean {
  const dependent = new Set<Operation>(maker.groups.flatMap((part) => part.roots.map((root) => root.op)));
  for (const op of group.ops) {
    if (!op.inputs.some((input) => dependent.has(input.op))) continue;
    if (op.def.category !== "pointwise" || !sameShape(op.outputs[0]!.shape, group.domain)) return false;
    dependent.add(op);
  }
  return true;
}

function combine({ groups, members }: Merged, fn: GraphFunction): FusionGroup {
  const [first] = groups;
  if (groups.length === 1) return first!;
  return { ...first!, ops: inOrder(members, fn), roots: groups.flatMap((group) => group.roots) };
}
