import type { Phase, Plan, SharedWork } from "../../../compiler/plan.ts";
import { kernelKey } from "../../../kernel/key.ts";
import { divide, type Part, turnsOf } from "../../../kernel/parallel.ts";
import type { Kernel } from "../../../kernel/statement.ts";
import { Code, type ModuleBuilder } from "../assembler.ts";
import type { MemoryImport } from "../code.ts";
import { type Callable, counterLocals, PlanModule } from "../module.ts";
import { type Board, sharesOf } from "./layout.ts";
import { arriveFunction, awaitFunction, OUTCOME, takeFunction, type Waiting } from "./meeting.ts";

/** Addresses a module for threads imports beside those of arrays: its board, and the desk of the session. */
export const BOARD = "board";
export const DESK_IMPORT = "desk";

/**
 * A plan as a module whose `run(thread, turn, stays)` every thread calls: each takes shares of the work of a phase until
 * there are none, then waits for the others. It returns an `OUTCOME`. Here `turn` is how often the plan has run before,
 * and a thread that `stays` waits for the end of the last phase too.
 */
export function threadedModule(
  plan: Plan,
  board: Board,
  { threads, waiting, memory }: { readonly threads: number; readonly waiting: Waiting; readonly memory: MemoryImport },
): ModuleBuilder {
  const [thread, turn, stays, share, shares, outcome, counters] = [0, 1, 2, 3, 4, 5, 6];
  const module = new PlanModule(plan, memory, [BOARD, DESK_IMPORT], counters);
  const { builder } = module;
  const { phases } = plan;
  const global = (name: string): number => builder.globalImports.findIndex((imported) => imported.name === name);
  const [boardGlobal, deskGlobal] = [global(BOARD), global(DESK_IMPORT)];
  const take = builder.add(takeFunction(threads));
  const arrive = builder.add(arriveFunction());
  const wait = builder.add(awaitFunction(waiting));
  const code = new Code();
  const onBoard = (offset: number): Code => code.op("global.get", boardGlobal).op("i32.const", offset).op("i32.add");
  /** Shares done of a phase once this run has done all. */
  const target = (works: Phase["works"]): void => {
    const all = works.reduce((sum, work) => sum + sharesOf(work), 0);
    code.op("local.get", turn).op("i32.const", 1).op("i32.add").op("i32.const", all).op("i32.mul");
  };
  phases.forEach(({ works }, p) => {
    code.op("i32.const", 0).op("local.set", shares);
    works.forEach((work, w) => {
      code.block().loop();
      onBoard(board.works[p]![w]!).op("local.get", thread).op("local.get", turn).op("call", take);
      code.op("local.tee", share).op("i32.const", 0).op("i32.lt_s").op("br_if", 1);
      if (work.kind === "shared") sharedCall(module, code, work, thread, share);
      else {
        for (const { step, part } of work.parts) {
          if (!part) {
            module.step(code, step);
            continue;
          }
          module.addresses(code, step, thread);
          code.op("call", module.kernel(serialKernel(step.kernel, part)));
        }
      }
      code.op("local.get", shares).op("i32.const", 1).op("i32.add").op("local.set", shares);
      code.op("br", 0).end().end();
    });
    onBoard(board.phases[p]!).op("local.get", shares);
    target(works);
    code.op("call", arrive);
    const last = p === phases.length - 1;
    if (last) code.op("local.get", stays).if();
    onBoard(board.phases[p]!);
    target(works);
    code.op("global.get", deskGlobal).op("call", wait).op("local.tee", outcome);
    code.if().op("local.get", outcome).op("return").end();
    if (last) code.end();
  });
  code.op("i32.const", OUTCOME.done);
  builder.add({
    name: "run",
    params: ["i32", "i32", "i32"],
    results: ["i32"],
    locals: ["i32", "i32", "i32", ...counterLocals(plan)],
    code,
    exported: true,
  });
  return builder;
}

/** Calls a kernel for one share: `turns / shares` turns, one more in the first shares where that leaves a rest. */
function sharedCall(module: PlanModule, code: Code, work: SharedWork, thread: number, share: number): void {
  const { step, part, shares } = work;
  const turns = turnsOf(part.loop);
  const each = Math.floor(turns / shares);
  const rest = turns % shares;
  module.addresses(code, step, thread);
  code.op("local.get", share).op("i32.const", each).op("i32.mul");
  if (rest > 0) {
    // + min(share, rest)
    code.op("local.get", share).op("i32.const", rest);
    code.op("local.get", share).op("i32.const", rest).op("i32.lt_s").op("select").op("i32.add");
  }
  code.op("i32.const", each);
  if (rest > 0) code.op("local.get", share).op("i32.const", rest).op("i32.lt_s").op("i32.add");
  code.op("call", module.kernel(sharedKernel(step.kernel, part)));
}

// ── parts as kernels ─────────────────────────────────────────────────────────────────────────────────────────────

const callables = new WeakMap<Part, Callable>();

function sharedKernel(kernel: Kernel, part: SharedWork["part"]): Callable {
  return partKernel(kernel, part, () => ({
    kernel: { ...kernel, body: [...part.prologue, ...part.body] },
    shared: true,
  }));
}
const serialKernel = (kernel: Kernel, part: Part): Callable =>
  divide(kernel).parts.length === 1 && !part.loop
    ? { kernel, key: kernelKey(kernel) }
    : partKernel(kernel, part, () => ({ kernel: { ...kernel, body: [...part.prologue, ...part.body] } }));

/** What stands for a part, made once. */
function partKernel(kernel: Kernel, part: Part, make: () => Omit<Callable, "key">): Callable {
  const position = divide(kernel).parts.findIndex(({ body }) => body === part.body);
  const original = divide(kernel).parts[position]!;
  let callable = callables.get(original);
  if (!callable) {
    callable = { ...make(), key: `${kernelKey(kernel)} part ${position}` };
    callables.set(original, callable);
  }
  return callable;
}
