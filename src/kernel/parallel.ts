import { childrenOf, type Expr } from "./expr.ts";
import { sharingProblem } from "./lanes.ts";
import { bodyOf, expressionsOf, type ForStmt, type Kernel, type Stmt, walkStatements } from "./statement.ts";

/**
 * How the work of one kernel is shared out among threads. Loops marked `parallel` stand in the kernel's body itself, or
 * are all there is in another; each nest of them is a part of its own, and so is what stands between them. Parts run one after another as the body says, as far as one
 * needs what another makes.
 *
 * Scratch memory that a single part fills and reads is each thread's own: threads never see one another's, so turns that
 * fill it anew can run side by side. Other scratch memory, like outputs, is there once for all.
 */
export interface Division {
  readonly parts: readonly Part[];
  /** Names of the scratch buffers that every thread has for itself. */
  readonly own: ReadonlySet<string>;
}

export interface Part {
  /** What every thread that takes part does first, for itself: it stores to scratch of its own only. */
  readonly prologue: readonly Stmt[];
  /** The loop whose turns are shared out; null if one thread does the part. */
  readonly loop: ForStmt | null;
  /** What one thread does, prologue included; of a shared loop just that loop. */
  readonly body: readonly Stmt[];
  /** Names of the buffers it loads and stores, those of `own` left out. */
  readonly loads: ReadonlySet<string>;
  readonly stores: ReadonlySet<string>;
}

/**
 * A parallel loop with those inside of it that are parallel too: each is all there is in the one around it, and their
 * turns are shared out as those of one loop.
 */
export function nestOf(loop: ForStmt): readonly [ForStmt, ...ForStmt[]] {
  const nest: [ForStmt, ...ForStmt[]] = [loop];
  for (let inner = loop.body[0]; inner && isParallel(inner); inner = inner.body[0]) nest.push(inner);
  return nest;
}
/** Turns of a parallel loop, all of its nest. */
export const turnsOf = (loop: ForStmt): number =>
  nestOf(loop).reduce((turns, { extent }) => turns * (extent as { readonly value: number }).value, 1);

/** Why the turns of a parallel loop may not be shared out; null if they may. */
export function parallelProblem(loop: ForStmt, own: ReadonlySet<string>): string | null {
  for (const one of nestOf(loop)) {
    const problem = sharingProblem(one, own);
    if (problem !== null) return problem;
  }
  return null;
}

/** The parts of a kernel whose parallel loops are marked. */
export function divide(kernel: Kernel): Division {
  const known = divisions.get(kernel);
  if (known) return known;
  const division = new Divider(kernel).division();
  divisions.set(kernel, division);
  return division;
}
const divisions = new WeakMap<Kernel, Division>();

const NOTHING: ReadonlySet<string> = new Set();

/** What a statement, with all inside of it, touches. */
interface Uses {
  readonly loads: Set<string>;
  readonly stores: Set<string>;
  readonly variables: Set<string>;
  /** Variables it introduces or sets. */
  readonly gives: Set<string>;
}

function usesOf(body: readonly Stmt[]): Uses {
  const uses: Uses = { loads: new Set(), stores: new Set(), variables: new Set(), gives: new Set() };
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "load") uses.loads.add(expr.buffer.name);
    if (expr.kind === "var") uses.variables.add(expr.name);
    for (const child of childrenOf(expr)) visit(child);
  };
  walkStatements(body, (statement) => {
    for (const expr of expressionsOf(statement)) visit(expr);
    if (statement.kind === "store") uses.stores.add(statement.buffer.name);
    if (statement.kind === "let" || statement.kind === "set" || statement.kind === "reduce")
      uses.gives.add(statement.variable.name);
  });
  return uses;
}

const isParallel = (statement: Stmt): statement is ForStmt => statement.kind === "for" && statement.parallel === true;

class Divider {
  readonly #kernel: Kernel;
  readonly #uses: readonly Uses[];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#uses = kernel.body.map((statement) => usesOf([statement]));
  }

  division(): Division {
    const { body } = this.#kernel;
    if (!body.some(isParallel)) return this.#whole();
    const own = this.#own();
    // Statements that only prepare: variables, and scratch memory of the thread's own.
    const prepares = body.map(
      (statement, i) => !isParallel(statement) && [...this.#uses[i]!.stores].every((name) => own.has(name)),
    );
    const stored = new Set(this.#uses.flatMap(({ stores }) => [...stores]).filter((name) => !own.has(name)));
    const reads = (i: number): boolean => [...this.#uses[i]!.loads].some((name) => stored.has(name));
    // Done again in each part, it might see what a later one has stored.
    if (body.some((_, i) => prepares[i] && reads(i))) return this.#whole();
    const parts: Part[] = [];
    for (let i = 0; i < body.length; i++) {
      const statement = body[i]!;
      if (prepares[i]) continue;
      if (isParallel(statement)) {
        const before = body.map((_, k) => k).filter((k) => k < i && prepares[k]);
        parts.push(this.#part(this.#needed(before, [i]), [i], statement, own));
        continue;
      }
      let end = i + 1;
      while (end < body.length && !isParallel(body[end]!)) end++;
      const all = body.map((_, k) => k).filter((k) => k < end && (k >= i || prepares[k]));
      parts.push(
        this.#part(
          [],
          this.#needed(
            all,
            all.filter((k) => !prepares[k]),
          ),
          null,
          own,
        ),
      );
      i = end - 1;
    }
    return { parts, own };
  }

  /** All of it on one thread. */
  #whole(): Division {
    const all = this.#kernel.body.map((_, i) => i);
    return { parts: [this.#part([], all, null, NOTHING)], own: NOTHING };
  }

  #part(prologue: readonly number[], body: readonly number[], loop: ForStmt | null, own: ReadonlySet<string>): Part {
    const both = [...prologue, ...body].map((i) => this.#uses[i]!);
    const others = (names: (uses: Uses) => ReadonlySet<string>): ReadonlySet<string> =>
      new Set(both.flatMap((uses) => [...names(uses)]).filter((name) => !own.has(name)));
    const statements = (list: readonly number[]): readonly Stmt[] => list.map((i) => this.#kernel.body[i]!);
    return {
      prologue: statements(prologue),
      loop,
      body: statements(body),
      loads: others(({ loads }) => loads),
      stores: others(({ stores }) => stores),
    };
  }

  /** Of the statements given those that `wanted` ones need, themselves included if they are among them. */
  #needed(from: readonly number[], wanted: readonly number[]): readonly number[] {
    const needed = new Set<string>();
    const add = (i: number): void => {
      for (const name of this.#uses[i]!.variables) needed.add(`variable ${name}`);
      for (const name of this.#uses[i]!.loads) needed.add(`buffer ${name}`);
    };
    for (const i of wanted) add(i);
    const kept: number[] = [];
    for (const i of [...from].reverse()) {
      const { gives, stores } = this.#uses[i]!;
      const useful =
        [...gives].some((name) => needed.has(`variable ${name}`)) ||
        [...stores].some((name) => needed.has(`buffer ${name}`));
      if (!useful && !wanted.includes(i)) continue;
      add(i);
      kept.unshift(i);
    }
    return kept;
  }

  /** The scratch buffers that every thread can have for itself. */
  #own(): Set<string> {
    const { body, buffers } = this.#kernel;
    const own = new Set(
      buffers.filter(({ role, name }) => role === "scratch" && this.#isOwn(name)).map(({ name }) => name),
    );
    // A statement between the loops that stores to anything else too is done by one thread only.
    const mixed = body.flatMap((statement, i) => (isParallel(statement) ? [] : [this.#uses[i]!.stores]));
    for (let before = -1; before !== own.size; ) {
      before = own.size;
      for (const stores of mixed)
        if ([...stores].some((name) => !own.has(name))) for (const name of stores) own.delete(name);
    }
    return own;
  }

  /** True if every thread can have a scratch buffer for itself: what a thread reads there it has written. */
  #isOwn(name: string): boolean {
    const { body } = this.#kernel;
    const storing = body.filter((_, i) => this.#uses[i]!.stores.has(name));
    const loops = storing.filter(isParallel);
    if (loops.length === 0) return true;
    const [loop] = loops;
    // What a loop leaves there must not be read by others, and nothing but loops and what comes before them may fill it.
    const others = body.filter((statement, i) => statement !== loop && this.#uses[i]!.loads.has(name));
    if (loops.length > 1 || others.length > 0) return false;
    if (body.slice(body.indexOf(loop!)).some((statement) => statement !== loop && storing.includes(statement)))
      return false;
    return startsAnew(nestOf(loop!).at(-1)!.body, name);
  }
}

/**
 * True if no turn of a loop with this body reads from a buffer what an earlier turn stored there. Either a turn stores
 * before it loads, and each turn to the same elements, perhaps in each turn of an inner loop; or it first fills a range,
 * whole, and all other stores fall into that.
 */
function startsAnew(body: readonly Stmt[], name: string): boolean {
  const uses = body.map((statement) => usesOf([statement]));
  const firstLoad = uses.findIndex(({ loads }) => loads.has(name));
  const stores = body.flatMap((statement, i) => (uses[i]!.stores.has(name) ? [{ statement, i }] : []));
  if (firstLoad < 0) return true;
  const before = stores.every(({ i }) => i < firstLoad);
  if (before && stores.every(({ statement }) => storesAlike(statement, name))) return true;
  const [only] = stores;
  const touching = uses.filter(({ loads, stores: stored }) => loads.has(name) || stored.has(name)).length;
  if (touching === 1 && only?.statement.kind === "for") return startsAnew(only.statement.body, name);
  const filled = rangesFilled(
    stores.filter(({ i }) => i < firstLoad && !uses[i]!.loads.has(name)).map(({ statement }) => statement),
    name,
  );
  return stores.every(({ statement }) =>
    storesTo(statement, name).every(({ min, max }) => filled.some((range) => range.min <= min && max <= range.max)),
  );
}

/** The indices at which a statement stores to a buffer. */
function storesTo(statement: Stmt, name: string): readonly Expr[] {
  const found: Expr[] = [];
  walkStatements([statement], (inner) => {
    if (inner.kind === "store" && inner.buffer.name === name) found.push(inner.at);
  });
  return found;
}

/** True if a statement stores to the same elements whenever it runs: loops of fixed length do. */
function storesAlike(statement: Stmt, name: string): boolean {
  const fixed = new Set<string>();
  const visit = (inner: Stmt): boolean => {
    if (inner.kind === "store" && inner.buffer.name === name) return dependsOnlyOn(inner.at, fixed);
    if (!storesTo(inner, name).length) return true;
    if (inner.kind === "for" && inner.extent.kind === "const") {
      fixed.add(inner.index.name);
      return bodyOf(inner).every(visit);
    }
    // The tail of a vector loop: a test of lanes alone.
    return inner.kind === "if" && dependsOnlyOn(inner.test, fixed) && inner.body.every(visit);
  };
  return visit(statement);
}

function dependsOnlyOn(expr: Expr, names: ReadonlySet<string>): boolean {
  if (expr.kind === "var") return names.has(expr.name);
  return expr.kind !== "load" && childrenOf(expr).every((child) => dependsOnlyOn(child, names));
}

/** Ranges of a buffer that nests of loops of fixed length fill, element for element, with one store each. */
function rangesFilled(nests: readonly Stmt[], name: string): readonly { readonly min: number; readonly max: number }[] {
  const ranges = nests.flatMap((statement) => {
    let turns = 1;
    let at: Expr | null = null;
    const visit = (inner: Stmt): boolean => {
      if (inner.kind === "for" && inner.extent.kind === "const") {
        const stores = inner.body.filter((below) => storesTo(below, name).length > 0);
        turns *= inner.extent.value;
        return stores.length === 1 && visit(stores[0]!);
      }
      if (inner.kind !== "store") return false;
      at = inner.at;
      return true;
    };
    if (!visit(statement) || at === null) return [];
    const { min, max, kind } = at as Expr;
    // As many turns as elements, each index another one: nothing is left out. Indices are sums of distinct digits.
    return kind !== "load" && max - min + 1 === turns && digits(at, turns) ? [{ min, max }] : [];
  });
  return joined(ranges);
}

/** True if an index is a sum of variables times coefficients in which each combination has a value of its own. */
function digits(at: Expr, turns: number): boolean {
  const terms: { readonly coefficient: number; readonly count: number }[] = [];
  const visit = (expr: Expr, factor: number): boolean => {
    if (expr.kind === "const") return true;
    if (expr.kind === "var") {
      terms.push({ coefficient: factor, count: expr.max + 1 });
      return expr.min === 0;
    }
    if (expr.kind !== "binary") return false;
    if (expr.op === "add") return visit(expr.x, factor) && visit(expr.y, factor);
    return expr.op === "mul" && expr.y.kind === "const" && visit(expr.x, factor * expr.y.value);
  };
  if (!visit(at, 1)) return false;
  terms.sort((x, y) => x.coefficient - y.coefficient);
  let next = 1;
  for (const { coefficient, count } of terms) {
    if (coefficient !== next) return false;
    next *= count;
  }
  return next === turns;
}

/** Ranges that touch as one. */
function joined(ranges: readonly { readonly min: number; readonly max: number }[]): { min: number; max: number }[] {
  const result: { min: number; max: number }[] = [];
  for (const { min, max } of [...ranges].sort((x, y) => x.min - y.min)) {
    const last = result.at(-1);
    if (last && min <= last.max + 1) last.max = Math.max(last.max, max);
    else result.push({ min, max });
  }
  return result;
}
