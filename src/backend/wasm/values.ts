import type { DType } from "../../core/dtype.ts";
import { type CallExpr, childrenOf, type Expr, isConst } from "../../kernel/expr.ts";
import { mathFunctionOf } from "../../kernel/math/define.ts";
import type { Stmt } from "../../kernel/statement.ts";
import { AddressEmitter } from "./addresses.ts";
import { valueType } from "./context.ts";
import type { Binding, Facts, Region } from "./region.ts";
import { extractLane, scalarBinary, scalarCast, scalarConst, scalarLoad, scalarUnary } from "./select.ts";

/** Scalar expressions, and what is known of any expression. */
export abstract class ValueEmitter extends AddressEmitter {
  abstract statements(body: readonly Stmt[]): void;
  /** Puts a varying value into locals, one a piece. */
  abstract materialise(expr: Expr): readonly number[];

  // ── facts ──────────────────────────────────────────────────────────────────────────────────────────────────────

  facts(expr: Expr): Facts {
    const known = this.region.facts.get(expr);
    if (known) return known;
    const facts = this.#facts(expr);
    this.region.facts.set(expr, facts);
    return facts;
  }

  #facts(expr: Expr): Facts {
    if (expr.kind === "const") return { home: this.root, varying: false, stable: true };
    if (expr.kind === "var") {
      const binding = this.binding(expr.name);
      const { varying, mutable } = binding;
      return { home: mutable ? this.region : binding.region, varying, stable: !mutable };
    }
    let home = this.root;
    let varying = false;
    let stable = true;
    const children = childrenOf(expr);
    for (let i = 0; i < children.length; i++) {
      const facts = this.facts(children[i]!);
      if (facts.home.depth > home.depth) home = facts.home;
      varying ||= facts.varying;
      stable &&= facts.stable;
    }
    if (expr.kind === "load" && (this.written.has(expr.buffer.name) || !this.inside(expr.buffer, expr.at)))
      stable = false;
    return { home: stable ? home : this.region, varying, stable };
  }

  protected binding(name: string): Binding {
    return this.region.find(name) ?? this.fail(`${name} is not defined here`);
  }

  /** The block in front of the outermost loop in which the value stays the same; null if that is no loop. */
  protected hoistTo(facts: Facts): Region | null {
    if (!facts.stable) return null;
    let target: Region | null = null;
    for (let region = this.region; region !== facts.home; region = region.parent!) {
      if (region.kind === "loop") target = region.parent!;
      if (!region.parent) break;
    }
    return target;
  }

  /** Counts uses inside of one statement and emits it. */
  protected statement(roots: readonly Expr[], emit: () => void): void {
    const uses = this.countUses(roots);
    this.scoped(() => {
      this.uses = uses;
      emit();
    }, true);
  }
  protected isShared = (expr: Expr): boolean => (this.uses.get(expr) ?? 0) > 1;

  /** True if the value may only be computed where it is wanted, since a load in it could leave all memory. */
  protected isGuarded(root: Expr): boolean {
    const stack = [root];
    for (let expr = stack.pop(); expr; expr = stack.pop()) {
      if (expr.kind === "load" && !this.harmless(expr.buffer, expr.at)) return true;
      stack.push(...childrenOf(expr));
    }
    return false;
  }

  // ── scalars ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Pushes a value that is the same in all lanes. */
  scalar(expr: Expr): void {
    if (expr.kind === "const") scalarConst(this, expr.value, expr.type);
    else if (expr.kind === "var") this.#variable(expr.name, expr.type);
    else {
      const known = this.#scalarLocal(expr);
      if (known !== null) this.code.op("local.get", known);
      else if (this.isShared(expr) || this.hoistTo(this.facts(expr))) this.code.op("local.get", this.#write(expr));
      else this.#compute(expr);
    }
  }

  #scalarLocal(expr: Expr): number | null {
    for (let region: Region | null = this.region; region; region = region.parent) {
      const local = region.scalars.get(expr);
      if (local !== undefined) return local;
    }
    return this.remembered?.scalars.get(expr) ?? null;
  }

  /** Computes a value into a local, where it is cheapest to do so. */
  #write(expr: Expr): number {
    const facts = this.facts(expr);
    const local = this.locals.make(valueType(expr.type));
    const target = this.hoistTo(facts);
    if (target) {
      this.within(target, () => {
        this.#compute(expr);
        this.code.op("local.set", local);
      });
      target.scalars.set(expr, local);
      return local;
    }
    this.#compute(expr);
    this.code.op("local.set", local);
    // A value computed inside of a branch is not there after it: a region's memory ends with the region.
    if (facts.stable) this.region.scalars.set(expr, local);
    else this.memo.scalars.set(expr, local);
    return local;
  }

  #variable(name: string, type: DType): void {
    const binding = this.binding(name);
    const { region } = binding;
    if (region.indexName === name) {
      binding.scalar ??= this.locals.make("i32");
      this.code.op("local.get", binding.scalar);
      if (region.turns > 1) this.code.addTurn(region);
    } else if (binding.scalar !== undefined) this.code.op("local.get", binding.scalar);
    else if (binding.splat !== undefined) {
      this.code.op("local.get", binding.splat);
      extractLane(this, type, 0);
    } else this.fail(`${name} has no single value`);
  }

  #compute(expr: Expr): void {
    switch (expr.kind) {
      case "load":
        scalarLoad(this, expr.type, this.#addressOf(expr.buffer, expr.at));
        return;
      case "unary":
        this.scalar(expr.x);
        scalarUnary(this, expr.op, expr.type);
        return;
      case "binary":
        this.scalar(expr.x);
        this.scalar(expr.y);
        scalarBinary(this, expr.op, expr.x.type);
        return;
      case "cast":
        this.scalar(expr.x);
        if (expr.bits && this.looseNaN && expr.type === "int32") this.#rawBits(expr.x.type);
        else scalarCast(this, expr.x.type, expr.type, expr.bits);
        return;
      case "select":
        if (this.isGuarded(expr.yes) || this.isGuarded(expr.no)) {
          this.scalar(expr.test);
          this.choose(
            valueType(expr.type),
            () => this.scalar(expr.yes),
            () => this.scalar(expr.no),
          );
          return;
        }
        this.scalar(expr.yes);
        this.scalar(expr.no);
        this.scalar(expr.test);
        this.code.op("select");
        return;
      case "call":
        this.code.op("local.get", this.#call(expr, false)[0]!);
        return;
      default:
        this.fail(`${expr.kind} has no code`);
    }
  }

  #rawBits(from: DType): void {
    if (from === "float32") this.code.op("i32.reinterpret_f32");
    else if (from === "float64") {
      this.code.op("i64.reinterpret_f64").op("i64.const", 32).op("i64.shr_u").op("i32.wrap_i64");
    }
  }

  #addressOf(buffer: Parameters<AddressEmitter["inside"]>[0], at: Expr): number {
    return this.address(buffer, this.access(at), 0, false);
  }

  /** The condition is on the stack; one branch runs and leaves its value. */
  protected choose(type: ReturnType<typeof valueType> | "v128", yes: () => void, no: () => void): void {
    const branch = (build: () => void) => this.scoped(() => this.nested("branch", build));
    const [first, second] = [branch(yes), branch(no)];
    this.code.if(type).append(first.code).else().append(second.code).end();
  }

  // ── functions of the library's own, written in place ───────────────────────────────────────────────────────────

  /** Locals that hold the result. Evaluated for all pieces together, so that independent chains stand side by side. */
  #call(expr: CallExpr, varying: boolean): readonly number[] {
    const fn = mathFunctionOf(expr.fn, expr.type);
    const given = expr.args.map((arg, i): Omit<Binding, "region"> => {
      const base = { variable: fn.params[i]!, mutable: false, masks: this.masks };
      if (this.facts(arg).varying) return { ...base, varying: true, pieces: this.materialise(arg) };
      const scalar = this.locals.make(valueType(arg.type));
      this.scalar(arg);
      this.code.op("local.set", scalar);
      return { ...base, varying: false, scalar };
    });
    let result: readonly number[] = [];
    const outer = this.looseNaN;
    this.looseNaN = true;
    this.scoped(() => {
      this.nested("inline", (region) => {
        for (const binding of given) region.bindings.set(binding.variable.name, { ...binding, region });
        this.statements(fn.body);
        this.statement([fn.result], () => {
          if (varying) result = this.materialise(fn.result);
          else {
            const local = this.locals.make(valueType(expr.type));
            this.scalar(fn.result);
            this.code.op("local.set", local);
            result = [local];
          }
        });
      });
    }, true);
    this.looseNaN = outer;
    return result;
  }

  protected varyingCall = (expr: CallExpr): readonly number[] => this.#call(expr, true);

  protected isZero = (expr: Expr): boolean => isConst(expr, 0);
}
