import type { Size } from "../../core/size.ts";
import type { Tensor } from "../../graph/operation.ts";
import { fill } from "../../ops/movement.ts";
import type { Layer } from "../core/layer.ts";

/**
 * One step of a recurrent layer: a layer from `[x, ...states]` to `[output, ...states]`, `[batch, …]` each. A cell of your
 * own is a `Layer` with a `stateSize`:
 *
 *     class MinimalCell extends Layer<readonly Tensor[], readonly Tensor[]> {
 *       readonly stateSize = 32;
 *       …
 *       override call([x, before]: readonly Tensor[]) {
 *         const next = tanh(add(matmul(x, this.kernel), matmul(before, this.recurrentKernel)));
 *         return [next, next];
 *       }
 *     }
 */
export interface RecurrentCell extends Layer<readonly Tensor[], readonly Tensor[]> {
  /** Units of each state. */
  readonly stateSize: number | readonly number[];
  /** Units of the output. Default: those of the first state. */
  readonly outputSize?: number;
}

/** What goes on in a cell while a sequence runs along: for all steps at once where that is possible. */
export interface Loop {
  /** What a step needs of its input, for one step `[batch, …]` or for all `[steps, batch, …]`. */
  project(x: Tensor): Tensor;
  /** `[output, ...states]` of a step, from what `project` made of its input. */
  step(projected: Tensor, states: readonly Tensor[]): readonly Tensor[];
  /** Whether the output is the first state. */
  readonly outputIsState: boolean;
}

/** What a loop begins with. */
export interface LoopStart {
  /** Of the graph to add to; the first step's, or all steps'. */
  readonly x: Tensor;
  readonly batch: Size;
  readonly states: readonly Tensor[];
  readonly training: boolean;
}

/** Cells of this library make a loop of their own. */
export const LOOP: unique symbol = Symbol("loop");
interface CellWithLoop extends RecurrentCell {
  [LOOP](start: LoopStart): Loop;
}
const hasLoop = (cell: RecurrentCell): cell is CellWithLoop => LOOP in cell;

export const stateSizesOf = ({ stateSize }: RecurrentCell): readonly number[] =>
  typeof stateSize === "number" ? [stateSize] : stateSize;
export const outputSizeOf = (cell: RecurrentCell): number => cell.outputSize ?? stateSizesOf(cell)[0]!;

/** The loop of cells one above the other: the output of each is the input of the next. */
export function loopOf(cells: readonly RecurrentCell[], start: LoopStart): Loop {
  let { x } = start;
  let from = 0;
  const loops = cells.map((cell) => {
    const count = stateSizesOf(cell).length;
    const states = start.states.slice(from, from + count);
    from += count;
    const loop = loopOfCell(cell, { ...start, x, states });
    // Stands for what the next cell gets: only its shape means something.
    x = fill(states[0]!, [start.batch, outputSizeOf(cell)], 0, states[0]!.dtype);
    return { loop, count };
  });
  const [first] = loops;
  if (loops.length === 1) return first!.loop;
  return {
    project: first!.loop.project,
    step(projected, states) {
      let output = projected;
      let own = 0;
      const next: Tensor[] = [];
      for (const [i, { loop, count }] of loops.entries()) {
        const input = i === 0 ? projected : loop.project(output);
        const made = loop.step(input, states.slice(own, own + count));
        own += count;
        output = made[0]!;
        next.push(...made.slice(1));
      }
      return [output, ...next];
    },
    outputIsState: false,
  };
}

const loopOfCell = (cell: RecurrentCell, start: LoopStart): Loop =>
  hasLoop(cell)
    ? cell[LOOP](start)
    : {
        project: (x) => x,
        step: (x, states) => cell.apply([x, ...states], { training: start.training }),
        outputIsState: false,
      };
