/** Sessions whose threads all take part, even in the smallest runs. */
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { Backend } from "../../src/compiler/plan.ts";
import { type CompileOptions, Graph, relu, Session, type SessionOptions, type Tensor } from "../../src/index.ts";

/** Every loop that can be shared out is, however short. */
export const ALL_LOOPS: CompileOptions = { parallelFrom: 0, verify: true };

/** A backend that waits for its threads before a plan's first run. */
export const gathered = (threads: number, options: { spins?: number; workerUrl?: string | URL } = {}): Backend =>
  wasmBackend({ threads, gather: true, ...options });

/** A session with `threads` threads that share every loop. */
export const threaded = (graph: Graph, threads: number, options: SessionOptions = {}): Session =>
  new Session(graph, { backend: gathered(threads), compile: ALL_LOOPS, ...options });

/** relu of a fed tensor of `n` numbers. */
export function reluOf(n: number): { readonly graph: Graph; readonly x: Tensor; readonly y: Tensor } {
  const graph = new Graph();
  const x = graph.placeholder("x", [n]);
  return { graph, x, y: relu(x) };
}
