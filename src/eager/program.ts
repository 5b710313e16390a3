import type { DType } from "../core/dtype.ts";
import { StateError } from "../core/errors.ts";
import type { Size } from "../core/size.ts";
import type { ValueLike } from "../core/values.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import type { PreparedRun } from "../runtime/prepared.ts";
import { here } from "../runtime/reading.ts";
import { Session, type SessionOptions } from "../runtime/session.ts";
import type { EagerVariable } from "./tensor.ts";
import { type LinkedVariable, TraceGraph } from "./trace.ts";

/** An argument of an entry of a program. */
export interface ProgramArgument {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (Size | string)[];
}

/** One traced function of a program: what to feed and to fetch, and what it does to variables. */
export interface ProgramEntry {
  readonly placeholders: readonly Tensor[];
  readonly fetches: readonly Tensor[];
  /** What writes the variables. */
  readonly targets: readonly Operation[];
  /**
   * Runs the compiled plan.
   * @returns views of the session's memory, which the next run overwrites
   */
  run(...inputs: ValueLike[]): readonly NDArray[];
  /** A further way to run the same, with memory of its own for what is fed: for zero-copy feeds of given shapes. */
  prepare(shapes: readonly (readonly number[])[]): PreparedEntry;
}
export interface PreparedEntry {
  readonly feeds: PreparedRun<unknown>["feeds"];
  run(): readonly NDArray[];
}

/** A variable between its own array and the memory of the session. */
class Residence {
  readonly #eager: EagerVariable;
  readonly #traced: LinkedVariable["traced"];
  readonly #session: Session;
  /** Which value the session has. */
  #version = -1;
  readonly #read = () => this.#session.value(this.#traced).data;

  constructor({ eager, traced }: LinkedVariable, session: Session) {
    this.#eager = eager;
    this.#traced = traced;
    this.#session = session;
  }
  /** Before a run that reads it. */
  bring(): void {
    if (this.#version === this.#eager.version) return;
    const { value } = this.#eager;
    this.#session.setValue(this.#traced, value);
    this.#version = this.#eager.version;
  }
  /** After a run that has written it: the value stays there until somebody wants to know it. */
  changed(): void {
    this.#eager.replaceLater(this.#read);
    this.#version = this.#eager.version;
  }
  settle(): void {
    this.#eager.settle();
  }
}

/**
 * Several traced functions that work on the same variables: training, evaluation and prediction of a model. They share
 * one graph and one session, so weights lie in one place, are updated there, and are copied out only when somebody
 * reads them. Variables may belong to several programs, and change outside: the newest value always counts.
 */
export class Program {
  readonly graph: TraceGraph;
  readonly #session: Session;
  readonly #residences = new Map<EagerVariable, Residence>();
  #closed = false;

  constructor(name: string, options: SessionOptions = {}) {
    this.graph = new TraceGraph({ name });
    this.#session = new Session(this.graph, options);
  }

  get session(): Session {
    return this.#session;
  }

  /**
   * Traces `build` once, with a symbolic tensor for each argument.
   * @param build gives the tensors to fetch
   */
  entry(name: string, args: readonly ProgramArgument[], build: (...args: Tensor[]) => readonly Tensor[]): ProgramEntry {
    const placeholders: Tensor[] = [];
    const { result: fetches, effects } = this.graph.trace(name, () => {
      for (const { name: argument, dtype, shape } of args)
        placeholders.push(this.graph.argument(argument, dtype, shape));
      const tensors = build(...placeholders).map((tensor) => this.graph.standIn(tensor));
      return { result: tensors, tensors };
    });
    const targets = [...effects.writes.map(({ by }) => by), ...effects.taps];
    const reads = effects.reads.map((linked) => this.#residence(linked));
    const writes = effects.writes.map(({ variable }) => this.#residence(variable));
    const around = (run: () => { readonly fetches: readonly NDArray[] }): readonly NDArray[] => {
      this.#requireOpen(name);
      for (const variable of reads) variable.bring();
      const { fetches: values } = run();
      for (const variable of writes) variable.changed();
      return values;
    };
    const wanted = { fetches, targets };
    let prepared: PreparedRun<{ readonly fetches: readonly NDArray[] }> | null = null;
    return {
      placeholders,
      fetches,
      targets,
      run: (...inputs) =>
        around(() => {
          prepared ??= this.#prepare(wanted, placeholders);
          return prepared(...inputs);
        }),
      prepare: (shapes) => {
        const own = this.#prepare(wanted, placeholders, shapes);
        return {
          get feeds() {
            return own.feeds;
          },
          run: () => around(() => own()),
        };
      },
    };
  }

  #prepare(
    wanted: { fetches: readonly Tensor[]; targets: readonly Operation[] },
    placeholders: readonly Tensor[],
    shapes?: readonly (readonly number[])[],
  ) {
    const options = shapes ? { copy: false, shapes } : { copy: false };
    return this.#session.prepare(wanted, placeholders, options) as PreparedRun<{
      readonly fetches: readonly NDArray[];
    }>;
  }

  #residence(linked: LinkedVariable): Residence {
    let residence = this.#residences.get(linked.eager);
    if (!residence) {
      residence = new Residence(linked, this.#session);
      this.#residences.set(linked.eager, residence);
    }
    return residence;
  }

  /** Variables take their values with them; the session, and the threads it has, are let go. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const residence of this.#residences.values()) residence.settle();
    this.#session.close();
  }

  #requireOpen(name: string): void {
    if (!this.#closed) return;
    throw new StateError({
      what: `${this.graph.name}: ${name} after close`,
      at: here(),
      fix: "compile the model again",
    });
  }
}
