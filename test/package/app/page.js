// What the page runs: every backend, and the one a session takes by itself, with the error in the place of the losses where one can not run.
import { trainTinyNet } from "./tiny-net.js";

function attempt(backend) {
  try {
    return { losses: trainTinyNet(backend) };
  } catch (error) {
    return { error: { name: error.name, message: error.message } };
  }
}

globalThis.results = {
  default: attempt(undefined),
  wasm: attempt("wasm"),
  javascript: attempt("javascript"),
  interpreter: attempt("interpreter"),
};
