/** Instruction selection: the WebAssembly of one operation of LoopIR. See `Selection` for the conventions. */
export {
  extractLane,
  laneLoad,
  replaceLane,
  splat,
  splatLoad,
  vectorLoad,
  vectorStore,
  vectorStorePart,
} from "./select-memory.ts";
export { scalarBinary, scalarCast, scalarConst, scalarLoad, scalarStore, scalarUnary } from "./select-scalar.ts";
export {
  demote,
  fromHighWords,
  highWords,
  joinMasks,
  laneByLane,
  narrowCast,
  promote,
  splitMask,
  vectorBinary,
  vectorBits,
  vectorCast,
  vectorConst,
  vectorSelect,
  vectorShift,
  vectorUnary,
  widenCast,
} from "./select-vector.ts";
export type { Half, Selection } from "./selection.ts";
