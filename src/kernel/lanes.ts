import { getOrMake } from "../core/collections.ts";
import { childrenOf, type Expr, exactInteger, type VarExpr } from "./expr.ts";
import { mostOf } from "./extent.ts";
import { printExpr } from "./print.ts";
import { reductionOrder } from "./reduce.ts";
import { bodyOf, expressionsOf, type ForStmt, type ReduceStmt, type Stmt, walkStatements } from "./statement.ts";

/** Lanes of the widest vector loop. */
const MOST_LANES = 32;
/** Steps of the search for two turns that meet, per pair of accesses. Longer searches count as found. */
const MOST_STEPS = 10_000;

/**
 * What is wrong with a vector loop (a loop with `lanes`), null if nothing: it must have 4, 8, … 32 turns, no vector loop
 * may stand in it, and its turns must be free to run side by side (see `turnsProblem`).
 */
export function lanesProblem({ index, extent, lanes, body }: ForStmt): string | null {
  if (extent.kind !== "const" || extent.value !== lanes) return `${lanes} lanes for ${printExpr(extent)} turns`;
  if (lanes % 4 !== 0 || lanes < 4 || lanes > MOST_LANES) return `${lanes} lanes, expected 4, 8, … ${MOST_LANES}`;
  return turnsProblem(index, body);
}

/**
 * Why the turns of a loop over `index` may not run side by side, statement by statement; null if they may:
 * - every turn sets only variables of its own, and runs inner loops as often as the others;
 * - folds inside need no array of partial results, which the turns would share;
 * - no turn reads or writes what another writes, at whatever time.
 * The last point is proved for indices that are linear in what differs between turns, and taken as broken otherwise.
 */
export const turnsProblem = (index: VarExpr, body: readonly Stmt[]): string | null =>
  new TurnCheck(index, body).problem();

/**
 * Why the turns of a loop may not run on several threads, each turn as a whole; null if they may: no turn sets a variable
 * from outside, and none reads or writes what another writes. `own` names buffers that every thread has for itself.
 */
export const sharingProblem = ({ index, body }: ForStmt, own: ReadonlySet<string>): string | null =>
  new TurnCheck(index, body, own).sharingProblem();

/** An access to memory in the loop. */
interface Access {
  readonly buffer: string;
  readonly at: Expr;
  readonly form: Form;
  /** Turns that may do it, null if that is all of them: in the tail of a loop it is not. */
  readonly turns: readonly number[] | null;
}

/**
 * `Σ coefficient·atom + constant`. Atoms that are `fixed` have one value throughout the loop; of all others each turn
 * has its own, at any time another.
 */
interface Form {
  readonly terms: ReadonlyMap<Expr, number>;
  readonly constant: number;
}

/** `coefficient·(a whole number from min to max)`. */
interface Unknown {
  readonly coefficient: number;
  readonly min: number;
  readonly max: number;
}

/** What the loop defines: a value that never changes, an index all turns count together, or one of each turn's own. */
type Definition = Expr | "index" | "own";

class TurnCheck {
  readonly #index: VarExpr;
  readonly #body: readonly Stmt[];
  readonly #turns: number;
  readonly #inside = new Map<string, Definition>();
  /** Buffers that any turn stores to, and those of them that others see. */
  readonly #changed = new Set<string>();
  readonly #stored = new Set<string>();
  readonly #varies = new Map<Expr, boolean>();
  readonly #fixed = new Map<Expr, boolean>();
  readonly #forms = new Map<Expr, Form>();

  /** @param own buffers that no other turn sees */
  constructor(index: VarExpr, body: readonly Stmt[], own: ReadonlySet<string> = new Set()) {
    this.#index = index;
    this.#body = body;
    this.#turns = index.max + 1;
    this.#inside.set(index.name, "own");
    walkStatements(body, (statement) => {
      if (statement.kind === "for") this.#define(statement.index, "index");
      if (statement.kind === "let") this.#define(statement.variable, statement.mutable ? "own" : statement.value);
      if (statement.kind === "store") this.#changed.add(statement.buffer.name);
      if (statement.kind === "store" && !own.has(statement.buffer.name)) this.#stored.add(statement.buffer.name);
      if (statement.kind !== "reduce") return;
      this.#define(statement.variable, "own");
      for (const { index } of statement.loops) this.#define(index, "index");
    });
  }

  /** Blocks beside each other may use a name twice. */
  #define({ name }: VarExpr, definition: Definition): void {
    const known = this.#inside.get(name) ?? definition;
    this.#inside.set(name, known === definition ? definition : "own");
  }

  problem(): string | null {
    return this.#structure(this.#body) ?? this.#memory();
  }

  sharingProblem(): string | null {
    let shared: string | null = null;
    walkStatements(this.#body, (statement) => {
      if (statement.kind === "set" && !this.#inside.has(statement.variable.name)) shared ??= statement.variable.name;
    });
    return shared === null ? this.#memory() : `all turns set ${shared}`;
  }

  /** Everything but memory. */
  #structure(body: readonly Stmt[]): string | null {
    for (const statement of body) {
      const problem = this.#one(statement) ?? this.#structure(bodyOf(statement));
      if (problem) return problem;
    }
    return null;
  }

  #one(statement: Stmt): string | null {
    switch (statement.kind) {
      case "for":
        if (statement.lanes) return "a vector loop stands in another";
        return this.#varying(statement.extent) ? "each lane has a number of turns of its own" : null;
      case "while":
        return this.#varying(statement.test) ? "each lane has an end of its own" : null;
      case "set":
        return this.#inside.has(statement.variable.name) ? null : `all lanes set ${statement.variable.name}`;
      case "reduce":
        return sharesPartials(statement) ? "all lanes would share the partial results of a fold" : null;
      default:
        return null;
    }
  }

  /** True if lanes may see different values. */
  #varying(expr: Expr): boolean {
    return getOrMake(this.#varies, expr, () => {
      const definition = expr.kind === "var" ? this.#inside.get(expr.name) : undefined;
      if (definition === "index" || definition === "own") return definition === "own";
      return definition ? this.#varying(definition) : childrenOf(expr).some((child) => this.#varying(child));
    });
  }

  #memory(): string | null {
    const stores: Access[] = [];
    const all: Access[] = [];
    this.#gather(this.#body, null, stores, all);
    for (const store of stores) {
      for (const other of all) {
        if (other.buffer !== store.buffer || !this.#meet(store, other)) continue;
        const [x, y] = [store.at, other.at].map(printExpr);
        const where = `${store.buffer}[${x}]`;
        return x === y ? `lanes may share ${where}` : `one lane may write ${where} and another use [${y}] of it`;
      }
    }
    return null;
  }

  /** Accesses to what is stored, those that are alike once. */
  #gather(body: readonly Stmt[], turns: Access["turns"], stores: Access[], all: Access[]): void {
    const note = (buffer: string, at: Expr, list: Access[]): void => {
      if (!this.#stored.has(buffer)) return;
      const alike = (known: Access) => known.buffer === buffer && known.at === at && known.turns === turns;
      if (!list.some(alike)) list.push({ buffer, at, form: this.#form(at), turns });
    };
    const seen = new Set<Expr>();
    const visit = (expr: Expr): void => {
      if (seen.has(expr)) return;
      seen.add(expr);
      if (expr.kind === "load") note(expr.buffer.name, expr.at, all);
      childrenOf(expr).forEach(visit);
    };
    for (const statement of body) {
      expressionsOf(statement).forEach(visit);
      if (statement.kind === "store") {
        note(statement.buffer.name, statement.at, stores);
        note(statement.buffer.name, statement.at, all);
      }
      const inside = statement.kind === "if" ? this.#passing(statement.test, turns) : turns;
      this.#gather(bodyOf(statement), inside, stores, all);
    }
  }

  /** The turns that may pass a test. */
  #passing(test: Expr, turns: Access["turns"]): Access["turns"] {
    if (this.#turns > MOST_LANES) return turns;
    const among = turns ?? Array.from({ length: this.#turns }, (_, turn) => turn);
    const passing = among.filter((turn) => this.#mayPass(test, turn));
    return passing.length === among.length ? turns : passing;
  }

  /** False if a test like `lane + 8 < 13` is known to fail in a turn. */
  #mayPass(test: Expr, turn: number): boolean {
    if (test.kind !== "binary") return true;
    const { op, x, y } = test;
    if (op === "and") return this.#mayPass(x, turn) && this.#mayPass(y, turn);
    if ((op !== "lt" && op !== "le") || x.type !== "int32") return true;
    const { terms, constant } = combine(this.#form(x), this.#form(y), -1);
    let least = constant;
    for (const [atom, coefficient] of terms) {
      if (atom === this.#index) least += coefficient * turn;
      else least += coefficient * (coefficient > 0 ? atom.min : atom.max);
    }
    return op === "lt" ? least < 0 : least <= 0;
  }

  #form(expr: Expr): Form {
    return getOrMake(this.#forms, expr, () => this.#newForm(expr));
  }

  #newForm(expr: Expr): Form {
    if (expr.kind === "const") return { terms: new Map(), constant: expr.value };
    if (expr.kind === "var") {
      const definition = this.#inside.get(expr.name);
      if (typeof definition === "object") return this.#form(definition);
    }
    if (expr.kind === "binary" && isLinear(expr.op) && exactInteger(expr.op, expr.x, expr.y)) {
      const [x, y] = [this.#form(expr.x), this.#form(expr.y)];
      if (expr.op !== "mul") return combine(x, y, expr.op === "add" ? 1 : -1);
      const zero: Form = { terms: new Map(), constant: 0 };
      if (y.terms.size === 0) return combine(zero, x, y.constant);
      if (x.terms.size === 0) return combine(zero, y, x.constant);
    }
    return { terms: new Map([[expr, 1]]), constant: 0 };
  }

  /** True if an atom has one value throughout the loop. */
  #isFixed(expr: Expr): boolean {
    return getOrMake(this.#fixed, expr, () => {
      if (expr.kind === "load" && this.#changed.has(expr.buffer.name)) return false;
      const definition = expr.kind === "var" ? this.#inside.get(expr.name) : undefined;
      if (typeof definition === "string") return false;
      return definition ? this.#isFixed(definition) : childrenOf(expr).every((child) => this.#isFixed(child));
    });
  }

  /** True if some turn may do the first access, and another the second, to one element. */
  #meet({ form: x, turns }: Access, { form: y, turns: others }: Access): boolean {
    const unknowns: Unknown[] = [];
    for (const atom of new Set([...x.terms.keys(), ...y.terms.keys()])) {
      if (atom === this.#index) continue;
      const [a, b] = [x.terms.get(atom) ?? 0, y.terms.get(atom) ?? 0];
      const { min, max } = atom;
      if (this.#isFixed(atom)) unknowns.push({ coefficient: a - b, min, max });
      else if (a === b) unknowns.push({ coefficient: a, min: min - max, max: max - min });
      else unknowns.push({ coefficient: a, min, max }, { coefficient: -b, min, max });
    }
    const [a, b] = [x.terms.get(this.#index) ?? 0, y.terms.get(this.#index) ?? 0];
    const last = this.#turns - 1;
    const apart = y.constant - x.constant;
    if (a === b && !turns && !others) {
      // How many turns lie between the two is all that counts: at least one.
      const sides = [1, -1].map((side): Unknown => ({ coefficient: a * side, min: 1, max: last }));
      return last > 0 && sides.some((side) => new Solver([...unknowns, side]).reaches(apart));
    }
    if (this.#turns > MOST_LANES) return true; // not worth a proof: it does not happen
    const solver = new Solver(unknowns);
    const all = Array.from({ length: this.#turns }, (_, turn) => turn);
    const meets = (turn: number, other: number): boolean =>
      turn !== other && solver.reaches(apart + b * other - a * turn);
    return (turns ?? all).some((turn) => (others ?? all).some((other) => meets(turn, other)));
  }
}

/** Partial results live in an array, one for all lanes, unless there is but one element. */
function sharesPartials({ op, variable, order, loops }: ReduceStmt): boolean {
  const extents = loops.map(({ extent }) => mostOf(extent));
  return reductionOrder(op, variable.type, order, extents).kind === "interleaved";
}

const isLinear = (op: string): op is "add" | "sub" | "mul" => op === "add" || op === "sub" || op === "mul";

/** `x + factor·y`. */
function combine(x: Form, y: Form, factor: number): Form {
  const terms = new Map(x.terms);
  for (const [atom, coefficient] of y.terms) terms.set(atom, (terms.get(atom) ?? 0) + factor * coefficient);
  return { terms, constant: x.constant + factor * y.constant };
}

/** Which sums `Σ coefficient·(a whole number from min to max)` can have. */
class Solver {
  readonly #unknowns: readonly Unknown[];
  /** Smallest and largest sum of the unknowns from a position on. */
  readonly #low: number[];
  readonly #high: number[];
  readonly #known = new Map<number, boolean>();
  #steps = 0;

  constructor(unknowns: readonly Unknown[]) {
    this.#unknowns = unknowns
      .filter(({ coefficient }) => coefficient !== 0)
      .sort((x, y) => Math.abs(y.coefficient) - Math.abs(x.coefficient));
    [this.#low, this.#high] = [[0], [0]];
    for (const { coefficient, min, max } of [...this.#unknowns].reverse()) {
      const ends = [coefficient * min, coefficient * max];
      this.#low.unshift(this.#low[0]! + Math.min(...ends));
      this.#high.unshift(this.#high[0]! + Math.max(...ends));
    }
  }

  reaches(sum: number): boolean {
    let value = this.#known.get(sum);
    if (value === undefined) {
      value = this.#from(0, sum);
      this.#known.set(sum, value);
    }
    return value;
  }

  /** The largest coefficient first: what the others can add leaves it few values. */
  #from(position: number, sum: number): boolean {
    if (sum < this.#low[position]! || sum > this.#high[position]!) return false;
    const unknown = this.#unknowns[position];
    if (!unknown) return true; // nothing is left to add, and the sum is 0
    if (++this.#steps > MOST_STEPS) return true;
    const { coefficient, min, max } = unknown;
    const ends = [sum - this.#high[position + 1]!, sum - this.#low[position + 1]!].map((end) => end / coefficient);
    const first = Math.max(min, Math.ceil(Math.min(...ends)));
    const last = Math.min(max, Math.floor(Math.max(...ends)));
    for (let value = first; value <= last; value++) {
      if (this.#from(position + 1, sum - coefficient * value)) return true;
    }
    return false;
  }
}
