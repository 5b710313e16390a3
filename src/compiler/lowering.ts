import type { DType } from "../core/dtype.ts";
import type { IndexFunction, LoopBuilder } from "../graph/define.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import {
  childrenOf,
  constant,
  type Expr,
  indexVariable,
  int,
  load,
  select,
  type VarExpr,
  variable,
} from "../kernel/expr.ts";
import {
  capacityOf,
  countOfAll,
  type Extent,
  extentOf,
  extentsOf,
  extentValue,
  leastOf,
  mostOf,
} from "../kernel/extent.ts";
import { type Buffer, expressionsOf, type Kernel, type ReduceOp, walkStatements } from "../kernel/statement.ts";
import { blaming } from "./blame.ts";
import {
  ExpressionBuilder,
  flatten,
  indexFunction,
  occurrences,
  outputInfo,
  reductionKey,
  substitute,
} from "./expressions.ts";
import { type FusionGroup, groupName } from "./fused.ts";
import { readSizes } from "./read-sizes.ts";
import { emptyScope, type Scope } from "./scope.ts";
import { uniformConstant } from "./uniform.ts";

/** A kernel and the tensor behind each of its parameters (null for scratch). */
export interface LoweredKernel {
  readonly kernel: Kernel;
  readonly arguments: readonly (Tensor | null)[];
}

/**
 * Turns a fusion group into a kernel. Sizes known only at run time are read from the array `sizes`.
 *
 * The heart of it is `valueAt`: a tensor of another group is a load from its buffer, one of this group is its
 * formula. Every statement is placed in the outermost scope in which all it uses is known; that single rule puts the
 * maximum and the sum of a softmax at row level and the epilogue of a matrix product after its loop over k.
 */
export function lowerGroup(group: FusionGroup, sizes: Tensor | null = null): LoweredKernel {
  return new Lowering(group, sizes).run();
}

class Lowering extends ExpressionBuilder {
  readonly #group: FusionGroup;
  readonly #members: ReadonlySet<Operation>;
  /** How often each member's value is asked for inside the group. */
  readonly #uses = new Map<Operation, number>();
  readonly #inputs = new Map<Tensor, Buffer>();
  readonly #outputs: Buffer[];
  readonly #scratch: Buffer[] = [];
  readonly #scopeOf = new Map<VarExpr, Scope>();
  readonly #names = new Map<string, number>();
  /** Where a scratch row is filled, and so where its elements mean something. */
  readonly #rowHome = new Map<Buffer, Scope>();
  readonly #top = emptyScope(null, false);
  #scope = this.#top;

  readonly #sizes: Tensor | null;

  constructor(group: FusionGroup, sizes: Tensor | null) {
    super();
    this.#group = group;
    this.#sizes = sizes;
    this.#members = new Set(group.ops);
    for (const op of group.ops) {
      for (const input of op.inputs) this.#uses.set(input.op, (this.#uses.get(input.op) ?? 0) + 1);
    }
    for (const root of group.roots) this.#uses.set(root.op, (this.#uses.get(root.op) ?? 0) + 1);
    this.#outputs = group.roots.map((root) =>
      this.#buffer(root, group.roots.length === 1 ? "y" : root.op.def.name, "out"),
    );
  }

  run(): LoweredKernel {
    const { roots } = this.#group;
    if (roots[0]!.op.def.kernel) this.#lowerLoops(roots[0]!.op);
    else this.#lowerDomain();
    const { statements } = this.#top;
    const body = [...readSizes(statements, () => this.#inputBuffer(this.#sizes!)), ...statements];
    const inputs = [...this.#inputs];
    const buffers = [...this.#outputs, ...inputs.map(([, buffer]) => buffer), ...this.#scratch];
    return {
      kernel: { name: groupName(this.#group), buffers, body },
      arguments: [...roots, ...inputs.map(([tensor]) => tensor), ...this.#scratch.map(() => null)],
    };
  }

  #lowerDomain(): void {
    const { loopOrder, roots } = this.#group;
    const domain = extentsOf(this.#group.domain);
    const index: Expr[] = domain.map(() => int(0));
    const loops = loopOrder.filter((axis) => domain[axis] !== 1);
    const nest = (depth: number): void => {
      const axis = loops[depth];
      if (axis !== undefined) {
        this.#loop(`i${axis}`, domain[axis]!, (i) => {
          index[axis] = i;
          nest(depth + 1);
        });
        return;
      }
      // All values first, then all stores: a buffer may be updated in place.
      const values = roots.map((root) => this.#valueAt(root, index));
      const kept = values.length === 1 ? values : values.map((value, r) => this.#bind(roots[r]!.op.def.name, value));
      roots.forEach((root, r) => {
        const at = flatten(extentsOf(root.shape), index);
        this.#scope.statements.push({ kind: "store", buffer: this.#outputs[r]!, at, value: kept[r]! });
      });
    };
    nest(0);
  }

  #lowerLoops(op: Operation): void {
    const buffer = this.#outputs[0]!;
    const loops: LoopBuilder = {
      loop: (extent, body) => this.#loop("i", extent, body),
      branch: (test, body) => {
        const inner = this.#inside(true, body);
        this.#scope.statements.push({ kind: "if", test, body: inner.statements });
      },
      // Frozen where it is read: later stores must not change it.
      load: (element) => this.#letHere("old", load(buffer, element)),
      store: (at, value) => this.#scope.statements.push({ kind: "store", buffer, at, value }),
    };
    blaming(op, () => op.def.kernel!({ ...this.#contextOf(op), loops }));
  }

  #contextOf(op: Operation) {
    const output = op.outputs[0]!;
    return {
      in: op.inputs.map((input) => this.#read(input)),
      attrs: op.attrs,
      output: outputInfo(output.spec),
      k: this,
    };
  }

  // ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A tensor as a function of its index. */
  #read(tensor: Tensor): IndexFunction {
    const { spec } = tensor;
    if (this.#members.has(tensor.op)) return indexFunction(spec, (index) => this.#valueAt(tensor, index));
    const uniform = uniformConstant(tensor);
    if (uniform !== null) {
      const value = constant(uniform, tensor.dtype);
      return indexFunction(
        spec,
        () => value,
        () => value,
      );
    }
    const fromBuffer = (element: Expr): Expr => load(this.#inputBuffer(tensor), element);
    return indexFunction(spec, (index, extents) => fromBuffer(flatten(extents, index)), fromBuffer);
  }

  /** Value of a member at an index; computed once per scope in which the index is known. */
  #valueAt(tensor: Tensor, index: readonly Expr[]): Expr {
    const { op } = tensor;
    const key = `${op.id}:${index.map((i) => i.id).join()}`;
    const known = this.#knownAs(key);
    if (known) return this.#ask(known, key, op);
    const scratchAxes = this.#group.scratch.get(op);
    const value = scratchAxes ? this.#fromScratch(op, index, scratchAxes) : this.#named(op, this.#compute(op, index));
    this.#home([value]).known.set(key, value);
    return this.#ask(value, key, op);
  }

  #knownAs(key: string): Expr | undefined {
    for (let scope: Scope | null = this.#scope; scope; scope = scope.parent) {
      const known = scope.known.get(key);
      if (known) return known;
    }
    return undefined;
  }

  #ask(value: Expr, key: string, op: Operation): Expr {
    if (value.kind !== "const" && value.kind !== "var" && value.kind !== "load") {
      this.#asked.set(value, { key, hint: op.def.name });
    }
    return value;
  }

  #compute(op: Operation, index: readonly Expr[]): Expr {
    return this.#sharing(() => blaming(op, () => op.def.compute!(this.#contextOf(op), index)));
  }

  /** Member values asked for while an expression is built, and where they are known. */
  #asked: Map<Expr, { readonly key: string; readonly hint: string }> = new Map();

  /**
   * Builds an expression and names those operands that it uses more than once: printed as a tree, `x·x` would
   * compute x twice, and a chain of such squares exponentially often.
   */
  #sharing(build: () => Expr): Expr {
    const outer = this.#asked;
    this.#asked = new Map();
    const value = build();
    const asked = this.#asked;
    this.#asked = outer;
    const names = new Map<Expr, Expr>();
    for (const [operand, { key, hint }] of asked) {
      if (occurrences(value, operand) < 2) continue;
      const named = this.#bind(hint, operand);
      names.set(operand, named);
      this.#home([named]).known.set(key, named);
    }
    return names.size === 0 ? value : substitute(value, names);
  }

  /** Gives a value a name if it is used several times, or could be computed outside of an inner loop. */
  #named(op: Operation, value: Expr): Expr {
    const shared = (this.#uses.get(op) ?? 0) > 1;
    const movable = op.def.cost !== "free" && this.#home([value]) !== this.#scope;
    return shared || movable ? this.#bind(op.def.name, value) : value;
  }

  /** Keeps a dear value for a whole row: fills a scratch array along `axes` once, and loads from it. */
  #fromScratch(op: Operation, index: readonly Expr[], axes: readonly number[]): Expr {
    const extents = extentsOf(op.outputs[0]!.shape);
    const row = axes.map((axis) => extents[axis]!);
    const fixed = index.filter((_, axis) => !axes.includes(axis));
    const key = `${op.id}:${fixed.map((i) => i.id).join()}`;
    let buffer: Buffer | undefined;
    for (let scope: Scope | null = this.#scope; scope && !buffer; scope = scope.parent) buffer = scope.rows.get(key);
    buffer ??= this.#fillRow(op, index, axes, this.#home(fixed), key);
    return load(
      buffer,
      flatten(
        row,
        axes.map((axis) => index[axis]!),
      ),
    );
  }

  #fillRow(op: Operation, index: readonly Expr[], axes: readonly number[], home: Scope, key: string): Buffer {
    const { dtype, shape } = op.outputs[0]!;
    const row = axes.map((axis) => extentOf(shape![axis]!));
    const buffer = this.#scratchBuffer(`${op.def.name}_row`, dtype, mostOf(countOfAll(row)));
    const outer = this.#scope;
    this.#scope = home;
    const at = [...index];
    const fill = (depth: number): void => {
      const axis = axes[depth];
      if (axis === undefined) {
        const value = this.#compute(op, at);
        const element = flatten(
          row,
          axes.map((a) => at[a]!),
        );
        this.#scope.statements.push({ kind: "store", buffer, at: element, value });
      } else {
        this.#loop("s", extentOf(shape![axis]!), (i) => {
          at[axis] = i;
          fill(depth + 1);
        });
      }
    };
    fill(0);
    this.#scope = outer;
    home.rows.set(key, buffer);
    this.#rowHome.set(buffer, home);
    return buffer;
  }

  // ── statements ─────────────────────────────────────────────────────────────────────────────────────────────────

  #loop(hint: string, extent: Extent, body: (index: Expr) => void): void {
    const index = indexVariable(this.#fresh(hint), extent);
    // The body of an empty loop never runs, so nothing may leave it: what it loads need not exist.
    const inner = this.#inside(leastOf(extent) <= 0, () => body(index), index);
    this.#scope.statements.push({ kind: "for", index, extent: extentValue(extent), body: inner.statements });
  }

  /** Runs `build` in a new scope below the current one. */
  #inside(guarded: boolean, build: () => void, ...indices: VarExpr[]): Scope {
    const outer = this.#scope;
    const inner = emptyScope(outer, guarded);
    for (const index of indices) this.#scopeOf.set(index, inner);
    this.#scope = inner;
    build();
    this.#scope = outer;
    return inner;
  }

  /**
   * The outermost scope, of those around the current one, in which all that `exprs` use is known. Never leaves a
   * guard. Variables of scopes that are already closed (the loops of a reduction) do not count.
   */
  #home(exprs: readonly Expr[]): Scope {
    const around: Scope[] = [];
    for (let scope: Scope | null = this.#scope; scope; scope = scope.parent) around[scope.depth] = scope;
    let home = around.findLast((scope) => scope.guarded) ?? this.#top;
    const include = (scope: Scope | undefined): void => {
      if (scope && scope.depth > home.depth && around[scope.depth] === scope) home = scope;
    };
    const seen = new Set<Expr>();
    const stack = [...exprs];
    for (let expr = stack.pop(); expr; expr = stack.pop()) {
      if (seen.has(expr)) continue;
      seen.add(expr);
      if (expr.kind === "var") include(this.#scopeOf.get(expr));
      else if (expr.kind === "load") include(this.#rowHome.get(expr.buffer));
      stack.push(...childrenOf(expr));
    }
    return home;
  }

  #fresh(hint: string): string {
    let count = this.#names.get(hint) ?? 0;
    let name = count === 0 ? hint : `${hint}_${count}`;
    // Another hint may end in a number itself.
    while (this.#names.has(name) && name !== hint) name = `${hint}_${++count}`;
    this.#names.set(hint, count + 1);
    if (name !== hint) this.#names.set(name, 1);
    return name;
  }

  /** Names a value in the outermost scope that knows all of it. */
  #bind(hint: string, value: Expr): Expr {
    if (value.kind === "const" || value.kind === "var") return value;
    return this.#letIn(this.#home([value]), hint, value);
  }
  #letHere(hint: string, value: Expr): Expr {
    return this.#letIn(this.#scope, hint, value);
  }
  #letIn(scope: Scope, hint: string, value: Expr): VarExpr {
    const named = variable(this.#fresh(`${hint}_v`), value.type, value);
    this.#scopeOf.set(named, scope);
    scope.statements.push({ kind: "let", variable: named, value, mutable: false });
    return named;
  }

  override let(hint: string, value: Expr): Expr {
    return this.#bind(hint, value);
  }

  override when(test: Expr, yes: () => Expr, no: Expr): Expr {
    if (test.kind === "const") return test.value ? yes() : no;
    let value: Expr = no;
    // What is shared inside of the guard gets its name there: outside, its loads may be out of bounds.
    const inner = this.#inside(true, () => {
      value = this.#sharing(yes);
    });
    if (inner.statements.length === 0) return select(test, value, no);
    const result = variable(this.#fresh("guarded"), no.type);
    this.#scopeOf.set(result, this.#scope);
    this.#scope.statements.push({ kind: "let", variable: result, value: no, mutable: true });
    inner.statements.push({ kind: "set", variable: result, value });
    this.#scope.statements.push({ kind: "if", test, body: inner.statements });
    return result;
  }

  override reduce(
    op: ReduceOp,
    extents: readonly Extent[],
    value: (...index: Expr[]) => Expr,
    order: "serial" | "interleaved" = "serial",
  ): Expr {
    const loops: { index: VarExpr; extent: Extent }[] = [];
    const index = extents.map((extent): Expr => {
      if (extent === 1) return int(0);
      const variableOfLoop = indexVariable(this.#fresh("r"), extent);
      loops.push({ index: variableOfLoop, extent });
      return variableOfLoop;
    });
    if (loops.length === 0) loops.push({ index: indexVariable(this.#fresh("r"), 1), extent: 1 });
    let term: Expr = int(0);
    const indices = loops.map((loop) => loop.index);
    const { statements: body } = this.#inside(
      extents.some((extent) => leastOf(extent) <= 0),
      () => {
        term = this.#sharing(() => value(...index));
      },
      ...indices,
    );
    const used: Expr[] = [term];
    walkStatements(body, (statement) => void used.push(...expressionsOf(statement)));
    const home = this.#home(used);
    const key = reductionKey(op, order, loops, body, term);
    const same = key === null ? undefined : this.#knownAs(key);
    if (same) return same;
    const result = variable(this.#fresh(op === "add" ? "sum" : op), term.type);
    this.#scopeOf.set(result, home);
    if (key !== null) home.known.set(key, result);
    home.statements.push({ kind: "reduce", variable: result, op, order, loops, body, value: term });
    return result;
  }

  // ── buffers ────────────────────────────────────────────────────────────────────────────────────────────────────

  #buffer(tensor: Tensor, hint: string, role: Buffer["role"]): Buffer {
    return {
      name: this.#fresh(identifier(hint)),
      dtype: tensor.dtype,
      size: capacityOf(tensor.shape),
      role,
    };
  }
  #inputBuffer(tensor: Tensor): Buffer {
    let buffer = this.#inputs.get(tensor);
    if (!buffer) {
      const { effect, name } = tensor.op.def;
      buffer = this.#buffer(tensor, effect === undefined ? name : tensor.op.name.split("/").at(-1)!, "in");
      this.#inputs.set(tensor, buffer);
    }
    return buffer;
  }
  #scratchBuffer(hint: string, dtype: DType, size: number): Buffer {
    const buffer: Buffer = { name: this.#fresh(identifier(hint)), dtype, size, role: "scratch" };
    this.#scratch.push(buffer);
    return buffer;
  }
}

const identifier = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
