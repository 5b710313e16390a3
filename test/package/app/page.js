// What the page runs: both backends, with the error in the place of the losses where one can not run.
import { trainTinyNet } from "./tiny-net.js";

function attempt(backend) {
  try {
    return { losses: trainTinyNet(backend) };
  } catch (error) {
    return { error: { name: error.name, message: error.message } };
  }
}

globalThis.results = { javascript: attempt("javascript"), interpreter: attempt("interpreter") };
