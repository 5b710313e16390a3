import { GraphError } from "../../core/errors.ts";
import { nearNamesFix } from "../../graph/builder.ts";
import { here } from "../../runtime/reading.ts";
import type { Model } from "../model.ts";
import type { Logs } from "../training/trainer.ts";
import type { Turn } from "../training/turns.ts";

/** What a run of `fit`, `evaluate` or `predict` is about, for callbacks. */
export interface RunParameters {
  readonly epochs: number;
  /** Batches in an epoch; null if that is not known before it ends. */
  readonly steps: number | null;
  readonly verbose: 0 | 1 | 2;
  /** Whether `fit` tests after epochs, be it after some only. */
  readonly hasValidation?: boolean;
}

type Awaitable = void | Promise<void>;

/**
 * What happens at the turns of training. Subclass it, or give `fit` an object with some of the methods. They are called
 * in the order of Keras, callbacks of a list one after another; a promise is waited for. `logs` are numbers by name.
 */
export abstract class Callback {
  /** The model that is trained; set before anything is called. */
  model!: Model<never, never>;
  parameters!: RunParameters;

  onTrainBegin(_logs?: Logs): Awaitable {}
  onTrainEnd(_logs?: Logs): Awaitable {}
  /** @param _epoch from 0 on */
  onEpochBegin(_epoch: number, _logs?: Logs): Awaitable {}
  /** @param _logs of the epoch, with `val_` in front of what validation gave. A callback may add to them. */
  onEpochEnd(_epoch: number, _logs: Logs): Awaitable {}
  onTrainBatchBegin(_batch: number, _logs?: Logs): Awaitable {}
  /** @param _logs running means since the epoch began; the same object at each batch, so copy what is kept */
  onTrainBatchEnd(_batch: number, _logs: Logs): Awaitable {}
  onTestBegin(_logs?: Logs): Awaitable {}
  onTestEnd(_logs: Logs): Awaitable {}
  onTestBatchBegin(_batch: number, _logs?: Logs): Awaitable {}
  onTestBatchEnd(_batch: number, _logs: Logs): Awaitable {}
  onPredictBegin(_logs?: Logs): Awaitable {}
  onPredictEnd(_logs?: Logs): Awaitable {}
  onPredictBatchBegin(_batch: number, _logs?: Logs): Awaitable {}
  onPredictBatchEnd(_batch: number, _logs?: Logs): Awaitable {}
}

/** Names of the hooks. */
export type Hook = {
  [K in keyof Callback]: Callback[K] extends (...args: never[]) => Awaitable ? K : never;
}[keyof Callback];

/** Some of the methods of a callback, as a plain object: `{ onEpochEnd(epoch, logs) { … } }`. */
export type CallbackMethods = Partial<Pick<Callback, Hook>>;

/** Several callbacks as one. Those without a hook cost nothing there. */
export class CallbackList {
  readonly #members: readonly (Callback | CallbackMethods)[];
  /** Who has something to do at each hook. */
  readonly #at = new Map<Hook, readonly (Callback | CallbackMethods)[]>();

  readonly #turn: Turn | null;

  /**
   * @param turn of the run the callbacks belong to: it is theirs while they are at work
   * @throws GraphError for something that is no callback
   */
  constructor(
    members: readonly (Callback | CallbackMethods)[],
    model: unknown,
    parameters: RunParameters,
    turn: Turn | null = null,
  ) {
    this.#members = members;
    this.#turn = turn;
    for (const member of members) {
      requireCallback(member);
      if (!(member instanceof Callback)) continue;
      member.model = model as Model<never, never>;
      member.parameters = parameters;
    }
  }

  /**
   * Calls a hook of all, in order.
   * @returns a promise only if one of them gave one
   */
  call(hook: Hook, ...args: readonly unknown[]): Awaitable {
    let members = this.#at.get(hook);
    if (!members) {
      const empty = Callback.prototype[hook];
      members = this.#members.filter((member) => member[hook] !== undefined && member[hook] !== empty);
      this.#at.set(hook, members);
    }
    if (members.length === 0) return;
    this.#turn?.lend();
    let i = 0;
    while (i < members.length) {
      const result = callHook(members[i++]!, hook, args);
      if (result instanceof Promise) return this.#rest(result, members, i, hook, args);
    }
    this.#turn?.takeBack();
  }

  /**
   * Calls the last hook of all, also when one of them fails.
   * @returns the first failure
   */
  async end(hook: Hook, ...args: readonly unknown[]): Promise<{ readonly error: unknown } | null> {
    let failure: { readonly error: unknown } | null = null;
    const attempt = async (act: () => Awaitable): Promise<void> => {
      try {
        await act();
      } catch (error) {
        failure ??= { error };
      }
    };
    this.#turn?.lend();
    for (const member of this.#members) {
      if (member[hook] !== undefined) await attempt(() => callHook(member, hook, args));
    }
    await attempt(() => this.#turn?.takeBack());
    return failure;
  }

  async #rest(
    first: Promise<void>,
    members: readonly (Callback | CallbackMethods)[],
    from: number,
    hook: Hook,
    args: readonly unknown[],
  ): Promise<void> {
    await first;
    for (let i = from; i < members.length; i++) await callHook(members[i]!, hook, args);
    this.#turn?.takeBack();
  }
}

const hooks = (): readonly string[] =>
  Object.getOwnPropertyNames(Callback.prototype).filter((name) => name.startsWith("on"));

function requireCallback(member: unknown): void {
  if (typeof member !== "object" || member === null) {
    const name = typeof member === "function" ? member.name : null;
    throw new GraphError({
      what: `callbacks: ${name ? `${name} is a class or a function,` : `${JSON.stringify(member) ?? String(member)} is`} no callback`,
      at: here(),
      fix: name ? `make one of it: new ${name}()` : "give callbacks, or objects with methods such as onEpochEnd",
    });
  }
  if (member instanceof Callback) return;
  const unknown = Object.keys(member).find((name) => /^on[A-Z_]/.test(name) && !hooks().includes(name));
  if (unknown === undefined) return;
  throw new GraphError({
    what: `callbacks: there is no hook "${unknown}"`,
    at: here(),
    fix: nearNamesFix(unknown, hooks(), `hooks: ${hooks().join(", ")}`),
  });
}

const callHook = (member: Callback | CallbackMethods, hook: Hook, args: readonly unknown[]): Awaitable =>
  (member[hook] as (...args: unknown[]) => Awaitable).apply(member, [...args]);
