import type { Operation } from "../graph/operation.ts";

/** TensorFlow's names of ops, where they are not this library's name with a capital letter. */
export const RENAMED_OPS: Readonly<Record<string, string>> = {
  variable: "VariableV2",
  constant: "Const",
  group: "NoOp",
  cond: "StatelessIf",
  switchCase: "StatelessCase",
  whileLoop: "StatelessWhile",

  add: "AddV2",
  div: "RealDiv",
  mod: "FloorMod",
  isNaN: "IsNan",
  where: "SelectV2",
  bitwiseNot: "Invert",

  pad: "PadV2",
  concat: "ConcatV2",
  reverse: "ReverseV2",
  gather: "GatherV2",
  linspace: "LinSpace",
  argmax: "ArgMax",
  argmin: "ArgMin",

  matmul: "MatMul",
  diag: "MatrixDiag",
  diagPart: "MatrixDiagPart",
  bandPart: "MatrixBandPart",

  conv2d: "Conv2D",
  conv2dInputGradient: "Conv2DBackpropInput",
  conv2dFilterGradient: "Conv2DBackpropFilter",
  conv3d: "Conv3D",
  conv3dInputGradient: "Conv3DBackpropInputV2",
  conv3dFilterGradient: "Conv3DBackpropFilterV2",
  depthwiseConv2d: "DepthwiseConv2dNative",
  maxPool2d: "MaxPool",
  maxPool3d: "MaxPool3D",
  averagePool2d: "AvgPool",
  averagePool3d: "AvgPool3D",

  localResponseNormalization: "LRN",
  softmaxCrossEntropy: "SoftmaxCrossEntropyWithLogits",
  sparseSoftmaxCrossEntropy: "SparseSoftmaxCrossEntropyWithLogits",
};

/**
 * What TensorFlow calls the op of an operation, `AddV2`; for those it does not have, this library's name written as
 * TensorFlow writes names, `LayerNorm`.
 */
export function tensorflowOp({ def: { name }, outputs: [output] }: Operation): string {
  if (name === "matmul" && output !== undefined && output.rank !== 2) return "BatchMatMulV2";
  return Object.hasOwn(RENAMED_OPS, name) ? RENAMED_OPS[name]! : name.charAt(0).toUpperCase() + name.slice(1);
}
