/** Names visible at a point of a walk over statements: a name lives to the end of the block that defines it. */
export class Scope<T> {
  readonly #visible = new Map<string, T>();
  readonly #defined: string[] = [];

  find(name: string): T | undefined {
    return this.#visible.get(name);
  }

  /** False if the name is visible already: LoopIR has no shadowing. */
  define(name: string, value: T): boolean {
    if (this.#visible.has(name)) return false;
    this.#visible.set(name, value);
    this.#defined.push(name);
    return true;
  }

  /** Runs `visit` in a nested block. */
  block<R>(visit: () => R): R {
    const outer = this.#defined.length;
    try {
      return visit();
    } finally {
      for (const name of this.#defined.splice(outer)) this.#visible.delete(name);
    }
  }
}
