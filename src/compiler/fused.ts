import { CompileError } from "../core/errors.ts";
import { type Sizes, shapeText } from "../core/shape.ts";
import type { GraphFunction } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";

/**
 * Operations that become one kernel: a loop nest over `domain` that stores the `roots` and computes everything else
 * on the way.
 */
export interface FusionGroup {
  /** In topological order. A cheap operation may belong to several groups. */
  readonly ops: readonly Operation[];
  /** Values that are stored, all over the same domain. */
  readonly roots: readonly Tensor[];
  /** Sizes of the loops, by axis of the roots. */
  readonly domain: Sizes;
  /** Axes from the outermost loop to the innermost: rows before what a row reduction runs along. */
  readonly loopOrder: readonly number[];
  /** Dear values read at several places of a row: kept in a scratch row along these axes. */
  readonly scratch: ReadonlyMap<Operation, readonly number[]>;
  /** The functions an operation runs that is alone in its group; absent for kernels. */
  readonly bodies?: readonly FusedGraph[];
}

export interface FusedGraph {
  readonly fn: GraphFunction;
  /** In an order in which every group comes after those it reads. */
  readonly groups: readonly FusionGroup[];
}

/**
 * Checks that every value a group reads is a source, its own, or stored by an earlier group, and that what the
 * function returns or writes is stored.
 * @throws CompileError naming the value
 */
export function verifyFused({ fn, groups }: FusedGraph): void {
  const stored = new Set<Operation>(fn.params.map((param) => param.op));
  for (const group of groups) {
    group.bodies?.forEach(verifyFused);
    const members = new Set(group.ops);
    for (const op of group.ops) {
      for (const { op: input } of op.inputs) {
        if (members.has(input) || stored.has(input) || isSource(input)) continue;
        throw new CompileError({
          what: `fuse: ${groupName(group)} reads "${input.name}", which is not stored before it`,
        });
      }
    }
    for (const root of group.roots) {
      if (!members.has(root.op))
        throw new CompileError({ what: `fuse: "${root.op.name}" is stored by a kernel without it` });
      stored.add(root.op);
    }
  }
  for (const wanted of [...fn.results, ...fn.writes.map((write) => write.value)]) {
    if (stored.has(wanted.op) || isSource(wanted.op)) continue;
    throw new CompileError({ what: `fuse: "${wanted.op.name}" is wanted but not stored` });
  }
}

/** Sources are read from where they are; they are not members of kernels. */
export const isSource = (op: Operation): boolean => op.def.effect !== undefined;

/** `matmul_add_relu`. */
export function groupName(group: Pick<FusionGroup, "ops">): string {
  const names = group.ops
    .filter((op) => op.def.effect === undefined && op.def.cost !== "free")
    .map((op) => op.def.name);
  const all = names.length > 0 ? names : group.ops.map((op) => op.def.name);
  return all.length <= 5 ? all.join("_") : `${all.slice(0, 3).join("_")}_and_${all.length - 4}_more_${all.at(-1)}`;
}

/** Text of a fused graph: a block per group. */
export function fusedText({ fn, groups }: FusedGraph): string {
  const blocks = groups.map((group, i) => {
    const stored = new Set(group.roots.map((root) => root.op));
    const lines = group.ops.map((op) => {
      const mark = stored.has(op) ? " → buffer" : group.scratch.has(op) ? " → row scratch" : "";
      return `    ${op.name}: ${op.def.name}${mark}`;
    });
    const bodies = (group.bodies ?? []).map((body) => fusedText(body).replace(/^/gm, "    "));
    return [`  group ${i} ${groupName(group)} over ${shapeText(group.domain)}`, ...lines, ...bodies].join("\n");
  });
  return [`fused ${fn.name} {`, ...blocks, "}"].join("\n");
}
