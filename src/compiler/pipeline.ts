import { functionText } from "../graph/print.ts";
import { throughBodies } from "./bodies.ts";
import { Pipeline } from "./pass.ts";
import { type BindInput, bindSizes } from "./passes/bind-sizes.ts";
import { contract } from "./passes/contract.ts";
import { decompose } from "./passes/decompose.ts";
import { foldConstants } from "./passes/fold-constants.ts";
import { fuse } from "./passes/fuse.ts";
import { expand, lower, tile } from "./passes/lower.ts";
import { memory, type UntracedPlan } from "./passes/memory.ts";
import { mergeDuplicates } from "./passes/merge-duplicates.ts";
import { order } from "./passes/order.ts";
import { parallelise } from "./passes/parallelise.ts";
import { placeBarriers } from "./passes/place-barriers.ts";
import { prune } from "./passes/prune.ts";
import { pruneOutputs } from "./passes/prune-outputs.ts";
import { simplify, stabilise } from "./passes/simplify.ts";
import { vectorise } from "./passes/vectorise.ts";

/** The passes, in order. */
export const PIPELINE: Pipeline<BindInput, UntracedPlan> = Pipeline.of<BindInput>(({ fn }) => functionText(fn))
  // What nobody fetches is never looked at again.
  .followedBy(prune)
  // From here on every shape is made of numbers, and of the names of sizes that only a run knows.
  .followedBy(bindSizes)
  // What branches and loops keep for gradients that nobody asked for.
  .followedBy(pruneOutputs)
  // Composites are still whole, so that rules see `softmax`, not its debris.
  .followedBy(throughBodies(foldConstants("fold-constants")))
  .followedBy(throughBodies(simplify))
  .followedBy(throughBodies(stabilise))
  .followedBy(throughBodies(mergeDuplicates("merge-duplicates")))
  // Primitives only. Composites share parts (two softmaxes of one tensor), so duplicates are merged again.
  .followedBy(throughBodies(decompose))
  .followedBy(throughBodies(foldConstants("fold-primitives")))
  .followedBy(throughBodies(mergeDuplicates("merge-primitives")))
  // Which operations share a kernel.
  .followedBy(fuse)
  // Loop nests, their order, and where their arrays live.
  .followedBy(lower)
  .followedBy(contract)
  .followedBy(vectorise)
  .followedBy(tile)
  .followedBy(expand)
  .followedBy(parallelise)
  .followedBy(order)
  .followedBy(memory)
  // Who does what, if there are several to do it.
  .followedBy(placeBarriers);
