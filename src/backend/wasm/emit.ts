import { byteSize, isFloat } from "../../core/dtype.ts";
import { constant, type Expr, mapChildren, withFreshExpressions } from "../../kernel/expr.ts";
import { nestOf } from "../../kernel/parallel.ts";
import type { ForStmt, IfStmt, Kernel, LetStmt, SetStmt, Stmt, StoreStmt, WhileStmt } from "../../kernel/statement.ts";
import type { Func } from "./assembler.ts";
import { type Mask, pieceLanes, valueType } from "./context.ts";
import type { Binding } from "./region.ts";
import { extractLane, scalarStore, splitMask, vectorConst, vectorStore, vectorStorePart } from "./select.ts";
import { VectorEmitter } from "./vectors.ts";

/**
 * A kernel as one WebAssembly function. Its parameters are the byte addresses of the kernel's buffers; `remainder` is
 * the index of an imported function `(f64, f64) -> f64` that is JavaScript's `%`, which WebAssembly lacks. A `shared` one
 * does part of the turns of its parallel loop: two more parameters are the first of them, and how many.
 *
 * What LoopIR says is done in its order; the rest is bookkeeping: addresses become pointers that loops move, what does
 * not change in a loop is computed in front of it, loops with `lanes` become vectors. Reductions must be expanded.
 */
export function emitKernel(kernel: Kernel, remainder: number, shared = false): Func {
  return withFreshExpressions(() => new KernelEmitter(kernel, remainder, shared).function());
}

class KernelEmitter extends VectorEmitter {
  function(): Func {
    this.statements(this.kernel.body);
    return {
      name: this.kernel.name,
      params: new Array<"i32">(this.kernel.buffers.length + (this.share ? 2 : 0)).fill("i32"),
      results: [],
      locals: this.locals.types,
      code: this.root.code,
    };
  }

  statements(body: readonly Stmt[]): void {
    for (const statement of body) this.#statement(statement);
  }

  #statement(statement: Stmt): void {
    switch (statement.kind) {
      case "for":
        if (statement.lanes) this.#lanes(statement, statement.lanes);
        else if (statement.parallel && this.share && nestOf(statement).length > 1) this.#sharedNest(nestOf(statement));
        else this.#for(statement);
        return;
      case "let":
        this.statement([statement.value], () => this.#let(statement));
        return;
      case "set":
        this.statement([statement.value], () => this.#set(statement));
        return;
      case "store":
        this.statement([statement.at, statement.value], () => this.#store(statement));
        return;
      case "if":
        this.#if(statement);
        return;
      case "while":
        this.#while(statement);
        return;
      case "reduce":
        this.fail(`reduction ${statement.variable.name} was left unexpanded`);
    }
  }

  // ── variables ──────────────────────────────────────────────────────────────────────────────────────────────────

  #let({ variable, value, mutable }: LetStmt): void {
    const base = { variable, region: this.region, mutable, masks: this.masks };
    const bind = (binding: Binding): void => void this.region.bindings.set(variable.name, binding);
    const varying = this.lanes > 0 && (mutable || this.facts(value).varying);
    if (varying) {
      const source = mutable || value.kind === "var" ? null : this.facts(value).varying;
      const pieces = source ? this.materialise(value) : this.#copies(value);
      bind({ ...base, varying: true, pieces });
      return;
    }
    if (this.lanes > 0 && value.kind === "load" && isFloat(value.type)) {
      // One value for all lanes: every lane wants it.
      const splat = this.locals.make("v128");
      this.splatted(value);
      this.code.op("local.set", splat);
      bind({ ...base, varying: false, splat });
      return;
    }
    const scalar = this.locals.make(valueType(value.type));
    this.scalar(value);
    this.code.op("local.set", scalar);
    bind({ ...base, varying: false, scalar });
  }

  /** The pieces of a value in locals of their own, which may be set later. */
  #copies(value: Expr): readonly number[] {
    return Array.from({ length: this.pieceCount(value.type) }, (_, p) => {
      const local = this.locals.make("v128");
      if (value.kind === "const") vectorConst(this, value.value, value.type);
      else this.piece(value, p);
      this.code.op("local.set", local);
      return local;
    });
  }

  #set({ variable, value }: SetStmt): void {
    const binding = this.binding(variable.name);
    if (!binding.varying) {
      if (this.facts(value).varying) this.fail(`${variable.name} is set in a vector loop around which it lives`);
      this.scalar(value);
      this.code.op("local.set", binding.scalar!);
      return;
    }
    const pieces = binding.pieces!;
    // Several pieces: a later one may read what an earlier one would have overwritten only through its own piece.
    const blend = this.mask && binding.masks < this.masks ? this.piecesOf(this.mask) : null;
    pieces.forEach((local, p) => {
      this.piece(value, p);
      if (blend) {
        this.code.op("local.get", local).op("local.get", blend[this.#quad(value, p)]!);
        if (value.type === "float64") splitMask(this, (p & 1) as 0 | 1);
        this.code.op("v128.bitselect");
      }
      this.code.op("local.set", local);
    });
  }

  /** Index of the mask that covers piece `p` of a value. */
  #quad = (value: Expr, p: number): number => (p * pieceLanes(value.type)) >> 2;

  // ── stores ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #store({ buffer, at, value }: StoreStmt): void {
    const access = this.access(at);
    const { stride } = access;
    if (this.lanes === 0 || stride === 0) {
      if (this.facts(value).varying) this.fail(`every lane stores to the same element of ${buffer.name}`);
      const offset = this.address(buffer, access, 0, false);
      this.scalar(value);
      scalarStore(this, buffer.dtype, offset);
      return;
    }
    const width = pieceLanes(buffer.dtype);
    const bytes = byteSize(buffer.dtype);
    const whole = !this.mask || "first" in this.mask;
    const active = this.mask && "first" in this.mask ? this.mask.first : this.lanes;
    const count = Math.min(this.pieceCount(buffer.dtype), Math.ceil(active / width));
    if (stride === 1 && whole) {
      for (let p = 0; p < count; p++) {
        const offset = this.address(buffer, access, 0, true) + p * width * bytes;
        const { turning } = this;
        this.piece(value, p);
        const lanes = Math.min(width, active - p * width);
        this.moving(turning, () => {
          if (lanes === width) vectorStore(this, buffer.dtype, offset);
          else vectorStorePart(this, buffer.dtype, offset, lanes);
        });
      }
      return;
    }
    this.#scatter(at, value, buffer, stride, active);
  }

  /** Stores lane by lane. */
  #scatter(at: Expr, value: Expr, buffer: StoreStmt["buffer"], stride: number | null, active: number): void {
    const width = pieceLanes(buffer.dtype);
    const bytes = byteSize(buffer.dtype);
    const pieces = this.facts(value).varying ? this.materialise(value) : null;
    const index = stride === null ? this.materialise(at) : null;
    const masks = this.mask && "pieces" in this.mask ? this.mask.pieces : null;
    const access = this.access(at);
    for (let lane = 0; lane < active; lane++) {
      const one = (): void => {
        let offset = 0;
        this.turning = null;
        if (index) {
          this.code.op("local.get", this.parameter.get(buffer.name)!).op("local.get", index[lane >> 2]!);
          extractLane(this, "int32", lane & 3);
          if (bytes > 1) this.code.op("i32.const", 31 - Math.clz32(bytes)).op("i32.shl");
          this.code.op("i32.add");
        } else {
          offset = this.address(buffer, access, lane * stride!, true);
        }
        const { turning } = this;
        if (pieces) {
          this.code.op("local.get", pieces[Math.floor(lane / width)]!);
          extractLane(this, buffer.dtype, lane % width);
        } else this.scalar(value);
        this.moving(turning, () => scalarStore(this, buffer.dtype, offset));
      };
      if (!masks) one();
      else {
        this.code.op("local.get", masks[lane >> 2]!);
        extractLane(this, "bool", lane & 3);
        const branch = this.scoped(() => this.nested("branch", one));
        this.code.if().append(branch.code).end();
      }
    }
  }

  // ── loops ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #for({ index, extent, body, unroll = 1, parallel = false }: ForStmt): void {
    if (extent.kind === "const" && extent.value <= 0) return;
    const share = parallel ? this.share : null;
    const turns = !share && extent.kind === "const" && extent.value % unroll === 0 ? unroll : 1;
    const outer = this.region;
    // Null where the number of turns is a constant.
    let end: number | null = null;
    if (share) {
      end = this.locals.make("i32");
      this.code.op("local.get", share.count).op("local.set", end);
    } else if (extent.kind !== "const") {
      end = this.locals.make("i32");
      const local = end;
      this.statement([extent], () => {
        this.scalar(extent);
        this.code.op("local.set", local);
      });
    }
    const region = this.nested(
      "loop",
      (loop) => {
        loop.indexName = index.name;
        loop.first = share?.first ?? null;
        const binding = { variable: index, region: loop, mutable: false, varying: false, masks: this.masks };
        loop.bindings.set(index.name, binding);
        this.statements(body);
        for (const { local, step } of loop.eachTurn) this.#increase(local, step);
        // A branch that is never taken (addresses are not negative) ends the basic block: in one long block V8 would
        // move the loads of all turns to its top and run out of registers.
        loop.code.repeat(loop, turns, (turn) => {
          this.code
            .op("local.get", 0)
            .op("i32.const", -76 - turn)
            .op("i32.eq")
            .op("br_if", 1);
        });
        for (const { local, step } of loop.allTurns) this.#increase(local, step);
      },
      turns,
    );
    const counter = region.bindings.get(index.name)!.scalar;
    const single = end === null && (extent as { value: number }).value === turns;
    if (counter !== undefined) {
      if (!share) outer.code.op("i32.const", 0);
      else outer.code.op("local.get", share.first);
      outer.code.op("local.set", counter);
      if (share) outer.code.op("local.get", share.first).op("local.get", end!).op("i32.add").op("local.set", end!);
    }
    const down = counter === undefined && !single ? (end ?? this.locals.make("i32")) : null;
    if (down !== null && end === null)
      outer.code.op("i32.const", (extent as { value: number }).value / turns).op("local.set", down);
    if (end !== null) {
      outer.code.op("local.get", share?.count ?? end);
      outer.code.op("i32.const", 0).op("i32.gt_s").if();
    }
    outer.code.block().loop().append(region.code);
    if (counter !== undefined) {
      outer.code.op("local.get", counter).op("i32.const", turns).op("i32.add").op("local.tee", counter);
      if (end !== null) outer.code.op("local.get", end);
      else outer.code.op("i32.const", (extent as { value: number }).value);
      outer.code.op("i32.lt_s").op("br_if", 0);
    } else if (down !== null) {
      outer.code.op("local.get", down).op("i32.const", 1).op("i32.sub").op("local.tee", down).op("br_if", 0);
    }
    outer.code.end().end();
    if (end !== null) outer.code.end();
  }

  /** The turns of a share of a nest of loops, as one loop that counts them; the indices are what is left of divisions. */
  #sharedNest(nest: readonly ForStmt[]): void {
    const { first, count } = this.share!;
    const outer = this.region;
    const [turn, left] = [this.locals.make("i32"), this.locals.make("i32")];
    const region = this.nested("loop", (loop) => {
      this.code.op("local.get", turn).op("local.set", left);
      for (const { index, extent } of [...nest].reverse()) {
        const { value } = extent as { readonly value: number };
        const scalar = this.locals.make("i32");
        const binding = { variable: index, region: loop, mutable: false, varying: false, masks: this.masks, scalar };
        loop.bindings.set(index.name, binding);
        this.code.op("local.get", left).op("i32.const", value).op("i32.rem_s").op("local.set", scalar);
        this.code.op("local.get", left).op("i32.const", value).op("i32.div_s").op("local.set", left);
      }
      this.statements(nest.at(-1)!.body);
    });
    const end = this.locals.make("i32");
    outer.code.op("local.get", first).op("local.tee", turn).op("local.get", count).op("i32.add").op("local.set", end);
    outer.code.op("local.get", count).op("i32.const", 0).op("i32.gt_s").if().block().loop().append(region.code);
    outer.code.op("local.get", turn).op("i32.const", 1).op("i32.add").op("local.tee", turn);
    outer.code.op("local.get", end).op("i32.lt_s").op("br_if", 0).end().end().end();
  }

  #increase(local: number, step: number): void {
    this.code.op("local.get", local).op("i32.const", step).op("i32.add").op("local.set", local);
  }

  #lanes({ index, body }: ForStmt, lanes: number): void {
    if (this.lanes > 0) this.fail("a vector loop stands in another");
    const outer = this.region;
    this.lanes = lanes;
    const region = this.nested("lanes", (inner) => {
      const binding = { variable: index, region: inner, mutable: false, varying: true, masks: this.masks, lane: true };
      inner.bindings.set(index.name, binding);
      this.statements(body);
    });
    this.lanes = 0;
    outer.code.append(region.code);
  }

  #while({ test, body }: WhileStmt): void {
    if (this.lanes > 0 && this.facts(test).varying) this.fail("a while loop whose end depends on the lane");
    const outer = this.region;
    const region = this.nested("loop", () => {
      this.statement([test], () => {
        this.scalar(test);
        this.code.op("i32.eqz").op("br_if", 1);
      });
      this.statements(body);
      this.code.op("br", 0);
    });
    outer.code.block().loop().append(region.code).end().end();
  }

  // ── conditions ─────────────────────────────────────────────────────────────────────────────────────────────────

  #if({ test, body }: IfStmt): void {
    const outer = this.region;
    if (this.lanes === 0 || !this.facts(test).varying) {
      this.statement([test], () => this.scalar(test));
      const region = this.nested("branch", () => this.statements(body));
      outer.code.if().append(region.code).end();
      return;
    }
    const first = this.#firstLanes(test);
    if (first === 0) return;
    const { mask } = this;
    if (first !== null && (!mask || "first" in mask)) {
      const active = Math.min(first, mask && "first" in mask ? mask.first : this.lanes);
      this.#masked(active === this.lanes ? null : { first: active }, body);
      return;
    }
    let pieces: readonly number[] = [];
    this.statement([test], () => {
      const around = mask ? this.piecesOf(mask) : null;
      pieces = this.#copies(test);
      if (around) {
        pieces.forEach((local, q) => {
          this.code.op("local.get", local).op("local.get", around[q]!).op("v128.and").op("local.set", local);
        });
      }
    });
    this.#masked({ pieces }, body);
  }

  /** Runs statements for the lanes of a mask. A block of its own: what it defines is not known after it. */
  #masked(mask: Mask | null, body: readonly Stmt[]): void {
    const outer = this.mask;
    this.mask = mask;
    if (mask) this.masks++;
    const region = this.nested("branch", () => this.statements(body));
    this.region.code.append(region.code);
    if (mask) this.masks--;
    this.mask = outer;
  }

  /** How many lanes pass a test that only depends on the lane, if they are the first ones; else null. */
  #firstLanes(test: Expr): number | null {
    const inLane = (lane: number): number | null => {
      const replaced = (expr: Expr): Expr => {
        if (expr.kind === "var" && this.region.find(expr.name)?.lane) return constant(lane, "int32");
        return mapChildren(expr, replaced);
      };
      const value = replaced(test);
      return value.kind === "const" ? value.value : null;
    };
    const lanes = Array.from({ length: this.lanes }, (_, lane) => inLane(lane));
    if (lanes.includes(null)) return null;
    const first = lanes.indexOf(0);
    if (first < 0) return this.lanes;
    return lanes.slice(first).every((value) => value === 0) ? first : null;
  }
}
