/**
 * The public surface: everything of `forerun/functional`, where the exports are listed. Importing this module also
 * installs the methods of tensors.
 */
import "./ops/methods.ts";

export * from "./functional.ts";
