/**
 * Members that parts of this folder use among themselves. They are symbols, so that no name is taken from those who
 * subclass: a field may be called `parts` or `owner` as well as `output`.
 */

/** Modules and variables directly in a module, in the order of its fields. */
export const PARTS: unique symbol = Symbol("parts");
/** A module and all in it, each once. */
export const MODULES: unique symbol = Symbol("modules");
/** Variables of the modules that are trained, whatever they say of themselves now. */
export const TRAINED: unique symbol = Symbol("trained");
/** The user's line that made a layer. */
export const LINE: unique symbol = Symbol("line");
/** A layer's own weights, in the order they were made. */
export const WEIGHTS: unique symbol = Symbol("weights");
/** The stream of random numbers of a layer, if it has drawn any. */
export const RANDOM: unique symbol = Symbol("random");
/** Builds a layer for tensors like those given. */
export const BUILD: unique symbol = Symbol("build");
/** Calls a layer to see what it would give. */
export const TRIAL: unique symbol = Symbol("trial");
/** Shapes of what a layer gave in the last trial. */
export const OUTPUT_SHAPE: unique symbol = Symbol("output shape");
/** Shapes of what it was called on there. */
export const CALL_SHAPE: unique symbol = Symbol("call shape");
/** Tensors it was called on there, for their names, dtypes and shapes. */
export const INPUT_SPECS: unique symbol = Symbol("input specs");
/** The model a layer is directly in. */
export const OWNER: unique symbol = Symbol("owner");
/** The outermost model around a layer. */
export const ROOT: unique symbol = Symbol("root");
/** Takes a layer up into a model, and names it. */
export const ADOPT: unique symbol = Symbol("adopt");
/** True if a layer has a name that nobody may change. */
export const NAMED: unique symbol = Symbol("named");
/** Decides on the seeds of all in a model that has none yet. */
export const CLAIM: unique symbol = Symbol("claim");
/** Makes a model ready for tensors like those given. */
export const PREPARE: unique symbol = Symbol("prepare");
/** Shape of one sample that a layer was told to expect, if it was. */
export const INPUT_SHAPE: unique symbol = Symbol("input shape");
/** The seed of a model. */
export const SEED: unique symbol = Symbol("seed");
/** Names of the outputs of a model, one for each tensor it gives. */
export const OUTPUT_NAMES: unique symbol = Symbol("output names");
/** Which layer of a model takes what which others give, a line each. */
export const CONNECTIONS: unique symbol = Symbol("connections");
/** What a functional model does, one thing after the other. */
export const DRAWING: unique symbol = Symbol("drawing");
/** Takes up what a file held. */
export const RESTORE: unique symbol = Symbol("restore");
