/**
 * `forerun/tf1`: the spelling of TensorFlow 1.x, for programs and lectures written for it:
 *
 *     import * as tf from "forerun/tf1";
 *
 * Sources go to a default graph, bare numbers become constants, names are TensorFlow's. Everything else is the core:
 * a tensor, graph or variable made here is one of `forerun`. After `tf.enableEagerExecution()` the same calls are
 * define-by-run: tensors have values, as in TensorFlow 2.
 */
import "../ops/methods.ts";

export { gradients } from "../autodiff/gradients.ts";
export { func as function } from "../eager/func.ts";
export { GradientTape } from "../eager/index.ts";
export { NDArray } from "../runtime/ndarray.ts";
export {
  disableEagerExecution,
  enableEagerExecution,
  executingEagerly,
  Graph,
  getDefaultGraph,
  nameScope,
  resetDefaultGraph,
} from "./graph.ts";
export {
  abs,
  add,
  argmax,
  cast,
  div,
  divide,
  equal,
  exp,
  greater,
  identity,
  less,
  log,
  matmul,
  maximum,
  minimum,
  mul,
  multiply,
  negative,
  pow,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  reshape,
  sqrt,
  square,
  sub,
  subtract,
  transpose,
} from "./math.ts";
export * as nn from "./nn.ts";
export { Session, session, type ValueOf, type Values } from "./session.ts";
export {
  assign,
  bool,
  constant,
  float32,
  float64,
  globalVariablesInitializer,
  group,
  int32,
  ones,
  placeholder,
  uint32,
  Variable,
  zeros,
} from "./sources.ts";
export * as train from "./train.ts";
