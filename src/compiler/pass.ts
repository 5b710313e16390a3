import { CompileError, GraphError } from "../core/errors.ts";
import type { SizeBinding } from "../core/size.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import type { RunTimeSize } from "../kernel/extent.ts";

/** A named, documented function from one immutable representation to the next. */
export interface Pass<In, Out = In> {
  readonly name: string;
  readonly doc: string;
  run(input: In, context: PassContext): Out;
  /** What to do when the pass is switched off by name; absent where compiling without it makes no sense. */
  skip?(input: In, context: PassContext): Out;
  /** Checks the result; runs in tests and under `{ verify: true }`. Throws CompileError. */
  verify?(output: Out): void;
  /** The result as text, for traces and golden tests. */
  print(output: Out): string;
}

/** For passes that may be left out without replacement. */
export const unchanged = <T>(input: T): T => input;

export interface CompileOptions {
  /** Called after each pass, with the number of passes done. */
  readonly onPass?: (done: number) => void;
  /** Passes to switch off, by name. */
  readonly disable?: readonly string[];
  /** Adds the numeric rules (stabilisation), which may change rounding. */
  readonly stabilise?: boolean;
  /** Runs every pass's verifier. */
  readonly verify?: boolean;
  /** Keeps variables untouched until the run has succeeded, instead of updating them in place. */
  readonly inPlace?: boolean;
  /**
   * What the kernels are scheduled for: `"vector"` writes loops in lanes, register tiles and packed operands, `"scalar"`
   * plain loops. Every backend runs both with the same bits. Default: what the session's backend asks for.
   */
  readonly target?: Target;
  /** Threads that may share the work: above 1, loops are marked for that. Default: what the session has. */
  readonly threads?: number;
  /** Estimated nanoseconds from which a loop is shared out among threads. Default 3000: less is not worth a meeting. */
  readonly parallelFrom?: number;
}
export type Target = "scalar" | "vector";

export interface PassContext {
  readonly options: CompileOptions;
  /** Named sizes bound for this compilation. */
  readonly sizes: SizeBinding;
  /** Those that stay as they are: run-time integers. */
  readonly runTime: readonly RunTimeSize[];
  note(event: TraceEvent): void;
}

export type TraceEvent =
  | { readonly kind: "remove"; readonly op: Operation; readonly why: string }
  | { readonly kind: "rewrite"; readonly rule: string; readonly before: Operation; readonly after: Tensor }
  | {
      readonly kind: "fuse" | "split";
      readonly rule: string;
      readonly why: string;
      readonly producer: Operation;
      readonly consumer: Operation;
    }
  | { readonly kind: "exact"; readonly size: string; readonly why: string }
  | { readonly kind: "advice"; readonly rule: string; readonly at: Operation; readonly why: string }
  | {
      readonly kind: "buffer";
      readonly value: string;
      readonly offset: number;
      readonly bytes: number;
      readonly live: readonly [number, number];
    };

/** What one pass did. Inputs survive passes, so keeping them costs nothing but memory. */
export interface PassRecord {
  readonly name: string;
  readonly doc: string;
  readonly skipped: boolean;
  /** Text of the representation before and after; made when asked for. */
  before(): string;
  after(): string;
  readonly events: readonly TraceEvent[];
  readonly milliseconds: number;
}

/** What a list of passes tells about each. */
export interface PassInfo {
  readonly name: string;
  readonly doc: string;
  /** False if it can be switched off by name. */
  readonly required: boolean;
}

/** A list of passes whose types fit: a wrong order does not compile. */
export class Pipeline<In, Out> {
  readonly passes: readonly PassInfo[];
  readonly #run: (input: In, context: Omit<PassContext, "note">, trace: PassRecord[]) => Out;
  readonly #print: (output: Out) => string;

  private constructor(
    passes: readonly PassInfo[],
    run: (input: In, context: Omit<PassContext, "note">, trace: PassRecord[]) => Out,
    print: (output: Out) => string,
  ) {
    this.passes = passes;
    this.#run = run;
    this.#print = print;
  }

  /** An empty pipeline over `T`. */
  static of<T>(print: (input: T) => string): Pipeline<T, T> {
    return new Pipeline<T, T>([], (input) => input, print);
  }

  followedBy<Next>(pass: Pass<Out, Next>): Pipeline<In, Next> {
    const run = (input: In, context: Omit<PassContext, "note">, trace: PassRecord[]): Next => {
      const before = this.#run(input, context, trace);
      const events: TraceEvent[] = [];
      const full: PassContext = { ...context, note: (event) => void events.push(event) };
      const off = context.options.disable?.includes(pass.name) ?? false;
      const start = performance.now();
      const after = off ? pass.skip!(before, full) : pass.run(before, full);
      const milliseconds = performance.now() - start;
      if (context.options.verify) verified(pass, after);
      const { name, doc } = pass;
      const printBefore = this.#print;
      const record = { before: () => printBefore(before), after: () => pass.print(after), events, milliseconds };
      trace.push({ name, doc, skipped: off, ...record });
      context.options.onPass?.(trace.length);
      return after;
    };
    return new Pipeline<In, Next>(
      [...this.passes, { name: pass.name, doc: pass.doc, required: !pass.skip }],
      run,
      pass.print,
    );
  }

  /** @throws GraphError if `disable` names a pass that does not exist or that nothing works without */
  run(input: In, context: Omit<PassContext, "note">): { readonly output: Out; readonly trace: readonly PassRecord[] } {
    for (const name of context.options.disable ?? []) {
      const pass = this.passes.find((candidate) => candidate.name === name);
      if (pass && !pass.required) continue;
      const optional = this.passes.filter((candidate) => !candidate.required).map((candidate) => candidate.name);
      throw new GraphError({
        what: pass ? `pass "${name}" can not be switched off` : `there is no pass "${name}"`,
        at: lineOf(captureStack()),
        fix: `passes that can be switched off: ${[...new Set(optional)].join(", ")}`,
      });
    }
    const trace: PassRecord[] = [];
    return { output: this.#run(input, context, trace), trace };
  }
}

function verified<In, Out>(pass: Pass<In, Out>, output: Out): void {
  try {
    pass.verify?.(output);
  } catch (cause) {
    if (!(cause instanceof CompileError)) throw cause;
    throw new CompileError({ what: `pass ${pass.name} broke the program: ${cause.message}` });
  }
}
