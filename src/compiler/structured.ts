import type { Tensor } from "../graph/operation.ts";
import type { BranchAttrs } from "../ops/control/branch.ts";
import type { ScanAttrs } from "../ops/control/scan.ts";
import type { WhileAttrs } from "../ops/control/while.ts";
import { bodyStarts, type Frame, frameOf, type ResultPlace } from "./frame.ts";
import type { ControlCall, LoweredProgram } from "./passes/lower.ts";
import type { CopyStep, PlanStep } from "./plan.ts";
import type { Planner } from "./planner.ts";

/** An operation that runs functions, as its arrays lie. */
interface Laid {
  readonly planner: Planner;
  readonly call: ControlCall;
  /** Arrays of the inputs and outputs. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** When each body begins. */
  readonly starts: readonly number[];
}

/** The steps of call number `i` of a program, which runs functions: branches and loops on arrays of the same arena. */
export function controlSteps(planner: Planner, call: ControlCall, i: number, frame: Frame): readonly PlanStep[] {
  const { op } = call;
  const inputs = op.inputs.map((input) => planner.array(input));
  const outputs = op.outputs.map((output, k) => planner.output(call, k, output, i, frame));
  const laid: Laid = { planner, call, inputs, outputs, starts: bodyStarts(call, frame.starts[i]!) };
  if (op.def.control === "branch") return branchSteps(laid);
  return op.def.control === "scan" ? scanSteps(laid) : whileSteps(laid);
}

/** The steps of body number `which`, with arrays for its params and places for its results. */
function bodySteps(
  { planner, call, starts }: Laid,
  which: number,
  params: readonly number[],
  places: ReadonlyMap<Tensor, ResultPlace>,
): readonly PlanStep[] {
  const program = call.bodies[which]!;
  program.fn.params.forEach((param, k) => void planner.bind(param, params[k]!));
  return planner.steps(frameOf(program, starts[which]!, places));
}

function branchSteps(laid: Laid): readonly PlanStep[] {
  const { call, inputs, outputs } = laid;
  const { shared } = call.op.attrs as BranchAttrs;
  let own = shared;
  const branches = call.bodies.map((program, which) => {
    const { results } = program.fn;
    const places = new Map<Tensor, ResultPlace>();
    results.forEach((result, k) => {
      places.set(result, { array: outputs[k < shared ? k : own + k - shared]!, instead: null });
    });
    own += results.length - shared;
    return bodySteps(laid, which, inputs.slice(1), places);
  });
  return [{ kind: "branch", by: inputs[0]!, branches, op: call.op }];
}

function scanSteps(laid: Laid): readonly PlanStep[] {
  const { planner, call, inputs, outputs } = laid;
  const { carries, sequences, length, reverse } = call.op.attrs as ScanAttrs;
  const turns = planner.turns(length);
  const first = copies(laid, inputs.slice(0, carries));
  if (turns === 0) return first;
  const loop = planner.newLoop();
  const [program] = call.bodies;
  const { params, results } = program!.fn;
  const row = (tensor: Tensor, of: number): number => planner.row(tensor, of, loop, turns, reverse);
  const arrays = params.map((param, k) => {
    if (k < carries) return outputs[k]!;
    return k < carries + sequences ? row(param, inputs[k]!) : inputs[k]!;
  });
  const places = carriedPlaces(program!, outputs, carries);
  results.forEach((result, k) => {
    if (k >= carries) places.set(result, { array: row(result, outputs[k]!), instead: null });
  });
  const steps = [...bodySteps(laid, 0, arrays, places), ...carryOn(laid, program!, carries)];
  return [...first, { kind: "loop", loop, until: turns, steps, op: call.op }];
}

function whileSteps(laid: Laid): readonly PlanStep[] {
  const { planner, call, inputs, outputs } = laid;
  const { carries } = call.op.attrs as WhileAttrs;
  const loop = planner.newLoop();
  const arrays = inputs.map((input, k) => (k < carries ? outputs[k]! : input));
  const [test, body] = call.bodies;
  const testSteps = bodySteps(laid, 0, arrays, new Map());
  const until = { steps: testSteps, test: planner.array(test!.fn.results[0]!) };
  const steps = [
    ...bodySteps(laid, 1, arrays, carriedPlaces(body!, outputs, carries)),
    ...carryOn(laid, body!, carries),
  ];
  return [...copies(laid, inputs.slice(0, carries)), { kind: "loop", loop, until, steps, op: call.op }];
}

/** What is carried on may be written where it was carried from. */
function carriedPlaces({ fn }: LoweredProgram, outputs: readonly number[], carries: number): Map<Tensor, ResultPlace> {
  const places = new Map<Tensor, ResultPlace>();
  for (let k = 0; k < carries; k++) places.set(fn.results[k]!, { array: outputs[k]!, instead: fn.params[k]! });
  return places;
}

/** Copies what is carried on and lies elsewhere. */
const carryOn = (laid: Laid, { fn }: LoweredProgram, carries: number): readonly CopyStep[] =>
  copies(
    laid,
    fn.results.slice(0, carries).map((result) => laid.planner.array(result)),
  );

/** Copies to what is carried. */
const copies = ({ planner, call, outputs }: Laid, from: readonly number[]): readonly CopyStep[] =>
  from.flatMap((array, k) => (array === outputs[k] ? [] : [planner.copy(call.op.outputs[k]!, array, outputs[k]!)]));
