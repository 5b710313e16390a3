import { getOrMake } from "../../core/collections.ts";
import { type Sizes, sameShape } from "../../core/shape.ts";
import { bodiesOf } from "../../graph/body.ts";
import type { GraphFunction } from "../../graph/function.ts";
import { inOrder, usersOf } from "../../graph/function.ts";
import { Operation, type Tensor } from "../../graph/operation.ts";
import { type Expr, indexVariable, int, type VarExpr, withFreshExpressions } from "../../kernel/expr.ts";
import { capacityOf, extentOf, mostOf } from "../../kernel/extent.ts";
import { accessesOf, type Site } from "../access.ts";
import { carriesOf, withOwnResults } from "../bodies.ts";
import { variablesIn } from "../expressions.ts";
import { type FusedGraph, type FusionGroup, fusedText, isSource, verifyFused } from "../fused.ts";
import type { Pass, PassContext } from "../pass.ts";
import { FUSION_RULES, type FusionQuestion, isContraction, isReduction } from "../rules/fusion.ts";
import { mergeSiblings } from "./merge-siblings.ts";

/** Elements a scratch row may have. */
const ROW_LIMIT = 16384;
/** Distinct indices per value that are still looked at; more than this is never fused. */
const SITE_LIMIT = 6;

/** A kernel in the making: one stored value and all that is computed on the way to it. */
interface Draft {
  readonly root: Operation;
  readonly domain: Sizes;
  readonly index: readonly Expr[];
  readonly members: Set<Operation>;
  /** Where each value is read, also by those that will not be members. */
  readonly sites: Map<Operation, Map<string, Site>>;
  readonly scratch: Map<Operation, readonly number[]>;
  /** Root axes that row reductions depend on, as nested sets from the outermost. */
  rows: readonly (readonly number[])[];
}

const siteKey = (site: Site): string => site.map((i) => i.id).join();

export const fuse: Pass<GraphFunction, FusedGraph> = {
  name: "fuse",
  doc: "Groups operations into kernels. Rules vote on every value; the first that answers decides, and says why.\n\n{ a = matmul(x, w); b = a + c; y = relu(b) }  →  one kernel that stores y",
  run: (fn, context) => fuseFunction(fn, (one) => mergeSiblings(draftKernels(one, context, true), one)),
  skip: (fn, context) => fuseFunction(fn, (one) => draftKernels(one, context, false)),
  verify: verifyFused,
  print: fusedText,
};

/** Groups of a function, and of the functions its operations run. */
function fuseFunction(fn: GraphFunction, group: (fn: GraphFunction) => readonly FusionGroup[]): FusedGraph {
  const groups = withFreshExpressions(() => group(fn)).map((made): FusionGroup => {
    const [op] = made.ops;
    if (!op?.def.control) return made;
    const bodies = bodiesOf(op).map((body) => fuseFunction(withOwnResults(body, carriesOf(op)), group));
    return { ...made, bodies };
  });
  return { fn, groups };
}

/** Decides for each value, users first, whether its readers compute it themselves or read it from a buffer. */
function draftKernels(fn: GraphFunction, context: PassContext, enabled: boolean): readonly FusionGroup[] {
  const users = usersOf(fn);
  const demanded = new Map<Operation, string>();
  for (const { variable, value } of fn.writes) demanded.set(value.op, `it is the new value of ${variable.op.name}`);
  for (const result of fn.results) demanded.set(result.op, "it is fetched");

  const finishes = finishedBy(fn, (value, by) => !demanded.has(value.op) && users.get(value)!.every((op) => op === by));
  const drafts: (Draft | Operation)[] = [];
  /** Kernels that compute an operation, or read it at the sites they list. */
  const readers = new Map<Operation, Set<Draft>>();
  const copies = new Map<Operation, number>();
  const join = (op: Operation, draft: Draft): void => {
    draft.members.add(op);
    for (const site of draft.sites.get(op)?.values() ?? []) {
      accessesOf(op, site).forEach((sites, k) => {
        const known = getOrMake(draft.sites, op.inputs[k]!.op, () => new Map<string, Site>());
        for (const read of sites) known.set(siteKey(read), read);
      });
    }
    // Also what is read at no site (an empty part, an operand of loops): it is a member too, or stored.
    for (const input of op.inputs) getOrMake(readers, input.op, () => new Set<Draft>()).add(draft);
  };

  for (let i = fn.ops.length - 1; i >= 0; i--) {
    const producer = fn.ops[i]!;
    if (isSource(producer)) continue;
    if (producer.def.control) {
      drafts.push(producer);
      for (const input of producer.inputs) demanded.set(input.op, `${producer.name} runs with it`);
      continue;
    }
    const consumers = users.get(producer.outputs[0]!) ?? [];
    const kernels = [...(readers.get(producer) ?? [])];
    const depthOfCopies = Math.max(0, ...consumers.map((op) => copies.get(op) ?? 0)) + (kernels.length > 1 ? 1 : 0);
    const question = {
      ...ask(producer, consumers, kernels, depthOfCopies),
      demanded: demanded.get(producer) ?? null,
      finishes: finishes.get(producer) ?? null,
    };
    const rule = FUSION_RULES.find((candidate) => candidate.decide(question) !== null)!;
    const verdict = enabled ? rule.decide(question)! : { fuse: false, why: "fusion is switched off" };
    for (const consumer of consumers) {
      const kind = verdict.fuse ? "fuse" : "split";
      context.note({ kind, rule: enabled ? rule.name : "fuse", why: verdict.why, producer, consumer });
    }
    if (verdict.fuse && kernels.length > 0) {
      copies.set(producer, depthOfCopies);
      for (const draft of kernels) {
        if ("row" in verdict && verdict.row) draft.scratch.set(producer, varyingAxes(draft, producer)!);
        if (isReduction(producer)) draft.rows = rowsWith(draft, producer)!;
        join(producer, draft);
      }
    } else {
      const draft = newDraft(producer);
      drafts.push(draft);
      join(producer, draft);
    }
  }
  return drafts.reverse().map((draft) => groupOf(draft, fn));
}

function newDraft(root: Operation): Draft {
  const domain = root.outputs[0]!.shape!;
  const index = domain.map((size, axis) => (size === 1 ? int(0) : indexVariable(`i${axis}`, extentOf(size))));
  const sites = new Map([[root, new Map([[siteKey(index), index]])]]);
  return { root, domain, index, members: new Set(), sites, scratch: new Map(), rows: [] };
}

function ask(
  producer: Operation,
  consumers: readonly Operation[],
  kernels: readonly Draft[],
  depthOfCopies: number,
): Omit<FusionQuestion, "demanded" | "finishes"> {
  const shape = producer.outputs[0]!.shape;
  const size = capacityOf(shape);
  const siteLists = kernels.map((draft) => [...(draft.sites.get(producer)?.values() ?? [])]);
  const sites = Math.max(0, ...siteLists.map((list) => list.length));
  // A kernel written as loops reads its operands at indices of its own: what it reads is stored.
  const opaque = kernels.some((draft) => draft.root.def.kernel !== undefined);
  const aligned = kernels.every((draft) => {
    const list = [...(draft.sites.get(producer)?.values() ?? [])];
    return sameShape(draft.domain, shape) && list.length === 1 && list[0]!.every((i, axis) => i === draft.index[axis]);
  });
  const judged = isReduction(producer)
    ? kernels.map((draft) => ({ ...draft, rows: rowsWith(draft, producer) ?? draft.rows }))
    : kernels;
  const times = judged.map(
    (draft, k) => siteLists[k]!.reduce((n, site) => n + evaluations(draft, site), 0) / Math.max(1, size),
  );
  return {
    producer,
    consumers,
    kernels: kernels.length,
    sites: opaque || sites > SITE_LIMIT ? Number.POSITIVE_INFINITY : sites,
    aligned: aligned && !opaque,
    recomputed: Math.max(0, ...times),
    summedBy: kernels.reduce<Operation | null>((found, draft) => found ?? summingOf(draft, producer), null),
    rowLevel: !opaque && kernels.every((draft) => rowsWith(draft, producer) !== null),
    fitsRow: !opaque && kernels.every((draft) => varyingAxes(draft, producer) !== null),
    bigOperands: producer.inputs.filter((input) => !isScalarLike(input) && capacityOf(input.shape) >= size).length,
    kernelSize: Math.max(0, ...kernels.map((draft) => draft.members.size)),
    depthOfCopies,
  };
}

/**
 * Which contraction a pointwise value finishes: all on the way is pointwise, of one shape, and read only there.
 * `readOnlyBy` tells whether a value is read by one operation alone.
 */
function finishedBy(
  fn: GraphFunction,
  readOnlyBy: (value: Tensor, op: Operation) => boolean,
): ReadonlyMap<Operation, Operation> {
  const found = new Map<Operation, Operation>();
  for (const op of fn.ops) {
    if (op.def.category !== "pointwise") continue;
    for (const input of op.inputs) {
      const contraction = isContraction(input.op) ? input.op : found.get(input.op);
      if (!contraction || !sameShape(input.shape, op.outputs[0]!.shape)) continue;
      if (readOnlyBy(input, op)) found.set(op, contraction);
    }
  }
  return found;
}

const isScalarLike = (tensor: Tensor): boolean => capacityOf(tensor.shape) === 1;

/** The contraction of a kernel, if the kernel reads the value along the loops of its sum. */
function summingOf(draft: Draft, producer: Operation): Operation | null {
  const contraction = [...draft.members].find(isContraction);
  if (!contraction) return null;
  const sites = [...(draft.sites.get(producer)?.values() ?? [])];
  return sites.some((site) => rootAxes(draft, variablesIn(site)) === null) ? contraction : null;
}

/**
 * How often a value at `site` is computed: once per turn of all loops down to the innermost it depends on. Loops of
 * reductions stand inside the root loops they depend on.
 */
function evaluations(draft: Draft, site: Site): number {
  const order = loopOrderOf(draft);
  let count = 1;
  let deepest = -1;
  for (const loop of variablesIn(site)) {
    const axis = draft.index.indexOf(loop);
    if (axis >= 0) deepest = Math.max(deepest, order.indexOf(axis));
    // A value read out of another tensor (a gathered index) can change everywhere.
    else if (loop.name.startsWith("x")) deepest = order.length - 1;
    else count *= loop.max + 1;
  }
  for (let i = 0; i <= deepest; i++) count *= mostOf(extentOf(draft.domain[order[i]!]!));
  return count;
}

/** Root axes from the outermost loop in: those of row reductions first. */
const loopOrderOf = (draft: Draft): readonly number[] => [...new Set([...draft.rows.flat(), ...draft.domain.keys()])];

/** Axes of the root that a set of loop variables runs along; null if it uses other loops too. */
function rootAxes(draft: Draft, loops: ReadonlySet<VarExpr>): readonly number[] | null {
  const axes: number[] = [];
  for (const loop of loops) {
    const axis = draft.index.indexOf(loop);
    if (axis < 0) return null;
    axes.push(axis);
  }
  return axes.sort((a, b) => a - b);
}

/**
 * The row levels of a kernel if `reduction` joins it: the root axes its result depends on, nested with those of the
 * other row reductions. Null if they do not nest, or the result depends on something inside a row.
 */
function rowsWith(draft: Draft, reduction: Operation): readonly (readonly number[])[] | null {
  const sites = [...(draft.sites.get(reduction)?.values() ?? [])];
  if (sites.length !== 1) return null;
  const axes = rootAxes(draft, variablesIn(sites[0]!));
  if (axes === null) return null;
  const levels = [...draft.rows, axes].sort((a, b) => a.length - b.length);
  const nested = levels.every((level, k) => k === 0 || levels[k - 1]!.every((axis) => level.includes(axis)));
  return nested ? levels : null;
}

/**
 * Axes along which the sites of a value differ, if the rest is the same row of the kernel at all of them and what
 * varies is short enough for a scratch array; else null.
 */
function varyingAxes(draft: Draft, op: Operation): readonly number[] | null {
  const sites = [...(draft.sites.get(op)?.values() ?? [])];
  const shape = op.outputs[0]!.shape!;
  const varying = shape.flatMap((_, axis) => (sites.some((site) => site[axis] !== sites[0]![axis]) ? [axis] : []));
  if (sites.length < 2 || varying.length === 0 || varying.length === shape.filter((size) => size !== 1).length)
    return null;
  const fixed = sites[0]!.filter((_, axis) => !varying.includes(axis));
  const rows = rootAxes(draft, variablesIn(fixed));
  if (rows === null) return null;
  const level = draft.rows.find((axes) => rows.every((axis) => axes.includes(axis)));
  // The row must be an outer loop already, so that filling the scratch once per row computes each element once.
  if (!level || rows.length !== level.length) return null;
  return capacityOf(varying.map((axis) => shape[axis]!)) <= ROW_LIMIT ? varying : null;
}

function groupOf(draft: Draft | Operation, fn: GraphFunction): FusionGroup {
  if (draft instanceof Operation) {
    return { ops: [draft], roots: draft.outputs, domain: [], loopOrder: [], scratch: new Map() };
  }
  const ops = draft.members.size === 1 ? [draft.root] : inOrder(draft.members, fn);
  return {
    ops,
    roots: [draft.root.outputs[0]!],
    domain: draft.domain,
    loopOrder: loopOrderOf(draft),
    scratch: draft.scratch,
  };
}
