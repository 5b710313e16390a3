import { byteSize, type DType, isFloat } from "../../core/dtype.ts";
import { type CastExpr, type Expr, isCompare, type LoadExpr, type SelectExpr } from "../../kernel/expr.ts";
import { type Mask, pieceLanes } from "./context.ts";
import { extremeOperands, vectorExtreme } from "./extremes.ts";
import type { Region } from "./region.ts";
import {
  demote,
  extractLane,
  fromHighWords,
  highWords,
  joinMasks,
  laneLoad,
  narrowCast,
  promote,
  splat,
  splatLoad,
  splitMask,
  vectorBinary,
  vectorBits,
  vectorCast,
  vectorConst,
  vectorLoad,
  vectorSelect,
  vectorShift,
  vectorUnary,
  widenCast,
} from "./select.ts";
import { ValueEmitter } from "./values.ts";

/** Constants kept in locals; more of them would only be spilled (docs/performance.md). */
const CONSTANT_LOCALS = 20;
/**
 * Expressions inside of a vector loop. A value of four lanes is one v128, of float64 two lanes; a loop of more lanes has
 * several such pieces, each in a local of its own. What does not depend on the lane stays scalar until a lane needs it.
 */
export abstract class VectorEmitter extends ValueEmitter {
  #constants = 0;
  /** Lanes whose value is wanted where a load may not be done for the others. */
  #guard: readonly number[] | null = null;

  /** Pushes piece `p` of a value. */
  piece(expr: Expr, p: number): void {
    if (!this.facts(expr).varying) {
      this.#uniform(expr);
      return;
    }
    if (expr.kind === "var") {
      this.#variable(expr.name, expr.type, p);
      return;
    }
    const known = this.#known(expr);
    if (known) {
      this.code.op("local.get", known[p]!);
      return;
    }
    if (this.isShared(expr) || expr.kind === "call" || this.hoistTo(this.facts(expr))) {
      this.code.op("local.get", this.materialise(expr)[p]!);
    } else this.#compute(expr, p);
  }

  #isKept = (expr: Expr): boolean => this.isShared(expr) || this.#known(expr) !== undefined;

  #known(expr: Expr): readonly number[] | undefined {
    for (let region: Region | null = this.region; region; region = region.parent) {
      const pieces = region.pieces.get(expr);
      if (pieces) return pieces;
    }
    return this.remembered?.pieces.get(expr);
  }

  materialise(expr: Expr): readonly number[] {
    const facts = this.facts(expr);
    const known = facts.varying ? this.#known(expr) : undefined;
    if (known) return known;
    if (expr.kind === "var" && facts.varying) {
      const { pieces, lane } = this.binding(expr.name);
      if (pieces && !lane) return pieces;
    }
    const target = facts.varying ? this.hoistTo(facts) : null;
    const pieces = target ? this.within(target, () => this.#write(expr)) : this.#write(expr);
    if (!facts.varying) return pieces;
    if (target) target.pieces.set(expr, pieces);
    else if (facts.stable && !this.#guard) this.region.pieces.set(expr, pieces);
    else this.memo.pieces.set(expr, pieces);
    return pieces;
  }

  #write(expr: Expr): readonly number[] {
    if (expr.kind === "call" && this.facts(expr).varying) return this.varyingCall(expr);
    const count = this.pieceCount(expr.type);
    const pieces: number[] = [];
    for (let p = 0; p < count; p++) {
      const local = this.locals.make("v128");
      if (this.facts(expr).varying && expr.kind !== "var") this.#compute(expr, p);
      else this.piece(expr, p);
      this.code.op("local.set", local);
      pieces.push(local);
    }
    return pieces;
  }

  // ── values that are the same in all lanes ──────────────────────────────────────────────────────────────────────

  #uniform(expr: Expr): void {
    if (expr.kind === "const") {
      this.#constant(expr.value, expr.type);
      return;
    }
    if (expr.kind === "var") {
      const binding = this.binding(expr.name);
      if (binding.splat === undefined) {
        const { region } = binding;
        if (binding.mutable || region.indexName === expr.name) {
          this.scalar(expr);
          splat(this, expr.type);
          return;
        }
        const local = this.locals.make("v128");
        this.within(region, () => {
          this.scalar(expr);
          splat(this, expr.type);
          this.code.op("local.set", local);
        });
        binding.splat = local;
      }
      this.code.op("local.get", binding.splat);
      return;
    }
    for (let region: Region | null = this.region; region; region = region.parent) {
      const local = region.splats.get(expr);
      if (local !== undefined) {
        this.code.op("local.get", local);
        return;
      }
    }
    const known = this.remembered?.splats.get(expr);
    if (known !== undefined) {
      this.code.op("local.get", known);
      return;
    }
    const facts = this.facts(expr);
    const target = this.hoistTo(facts);
    const local = this.locals.make("v128");
    const write = () => {
      this.splatted(expr);
      this.code.op("local.set", local);
    };
    if (target) {
      this.within(target, write);
      target.splats.set(expr, local);
    } else {
      write();
      if (facts.stable) this.region.splats.set(expr, local);
      else this.memo.splats.set(expr, local);
    }
    this.code.op("local.get", local);
  }

  /** Pushes a value that is the same in all lanes, in every lane. */
  protected splatted(expr: Expr): void {
    if (expr.kind === "load" && expr.type !== "bool") {
      const offset = this.address(expr.buffer, this.access(expr.at), 0, false);
      splatLoad(this, expr.type, offset);
      return;
    }
    this.scalar(expr);
    splat(this, expr.type);
  }

  #constant(value: number, type: DType): void {
    const key = `${type}:${Object.is(value, -0) ? "-0" : value}`;
    const known = this.root.splats.get(key);
    if (known !== undefined) this.code.op("local.get", known);
    else if (this.#constants < CONSTANT_LOCALS) {
      this.#constants++;
      const local = this.locals.make("v128");
      this.within(this.root, () => {
        vectorConst(this, value, type);
        this.code.op("local.set", local);
      });
      this.root.splats.set(key, local);
      this.code.op("local.get", local);
    } else vectorConst(this, value, type);
  }

  #variable(name: string, type: DType, p: number): void {
    const binding = this.binding(name);
    if (binding.lane) {
      const first = p * pieceLanes(type);
      const key = `lane:${first}`;
      let local = this.root.splats.get(key);
      if (local === undefined) {
        const fresh = this.locals.make("v128");
        local = fresh;
        this.within(this.root, () => {
          this.code.op("v128.const", first, first + 1, first + 2, first + 3).op("local.set", fresh);
        });
        this.root.splats.set(key, fresh);
      }
      this.code.op("local.get", local);
    } else this.code.op("local.get", binding.pieces![p]!);
  }

  // ── one piece ──────────────────────────────────────────────────────────────────────────────────────────────────

  #compute(expr: Expr, p: number): void {
    switch (expr.kind) {
      case "load":
        this.#load(expr, p);
        return;
      case "unary":
        this.piece(expr.x, p);
        vectorUnary(this, expr.op, expr.type);
        return;
      case "binary": {
        const { op, x, y, type } = expr;
        if (isCompare(op) && x.type === "float64") {
          for (const half of [2 * p, 2 * p + 1]) {
            this.piece(x, half);
            this.piece(y, half);
            vectorBinary(this, op, x.type);
          }
          joinMasks(this);
          return;
        }
        if ((op === "shl" || op === "shr") && !this.facts(y).varying) {
          this.piece(x, p);
          this.scalar(y);
          vectorShift(this, op, x.type);
          return;
        }
        const operands = (op === "max" || op === "min") && isFloat(type) ? extremeOperands(expr, this.#isKept) : null;
        if (operands) {
          const pieces = operands.map((operand) => this.materialise(operand)[p]!);
          vectorExtreme(this, op as "max" | "min", type, pieces);
          return;
        }
        this.piece(x, p);
        this.piece(y, p);
        vectorBinary(this, op, x.type);
        return;
      }
      case "cast":
        this.#cast(expr, p);
        return;
      case "select":
        this.#select(expr, p);
        return;
      default:
        this.fail(`${expr.kind} has no vector code`);
    }
  }

  /** Pushes piece `p` of a value that is read several times: it is put into locals first. */
  #kept(expr: Expr, p: number): void {
    if (this.facts(expr).varying && expr.kind !== "var") this.code.op("local.get", this.materialise(expr)[p]!);
    else this.piece(expr, p);
  }

  #cast({ x, type, bits }: CastExpr, p: number): void {
    const [from, to] = [x.type === "float64", type === "float64"];
    const half = (p & 1) as 0 | 1;
    if (from === to) {
      this.piece(x, p);
      if (from) return;
      if (bits && this.looseNaN) return;
      if (bits) vectorBits(this, x.type, type);
      else vectorCast(this, x.type, type);
    } else if (to) {
      this.#kept(x, p >> 1);
      if (bits) {
        if (x.type === "float32" && !this.looseNaN) vectorBits(this, x.type, "int32"); // one NaN
        fromHighWords(this, half);
      } else if (x.type === "float32") promote(this, half);
      else widenCast(this, x.type, half);
    } else {
      this.piece(x, 2 * p);
      this.piece(x, 2 * p + 1);
      if (bits) highWords(this, this.looseNaN);
      else if (type === "float32") demote(this);
      else narrowCast(this, type);
    }
  }

  #select(expr: SelectExpr, p: number): void {
    const { test, yes, no, type } = expr;
    if (!this.facts(test).varying) {
      this.scalar(test);
      this.choose(
        "v128",
        () => this.piece(yes, p),
        () => this.piece(no, p),
      );
      return;
    }
    const guarded = this.isGuarded(yes) || this.isGuarded(no);
    if (!guarded && this.#clamp(expr, p)) return;
    const wide = type === "float64";
    const mask = (): void => {
      if (!wide) this.piece(test, p);
      else {
        this.#kept(test, p >> 1);
        splitMask(this, (p & 1) as 0 | 1);
      }
    };
    if (guarded) {
      const masks = this.materialise(test);
      this.#guarded(masks, false, () => this.piece(yes, p));
      this.#guarded(masks, true, () => this.piece(no, p));
      mask();
      vectorSelect(this);
    } else if (this.isZero(no)) {
      this.piece(yes, p);
      mask();
      this.code.op("v128.and");
    } else if (this.isZero(yes)) {
      this.piece(no, p);
      mask();
      this.code.op("v128.andnot");
    } else {
      this.piece(yes, p);
      this.piece(no, p);
      mask();
      vectorSelect(this);
    }
  }

  /** `x < b ? b : x` is one instruction: pmax(x, b); `x < b ? x : b` is pmin(b, x). NaN stays or goes as written. */
  #clamp({ test, yes, no, type }: SelectExpr, p: number): boolean {
    if (test.kind !== "binary" || test.op !== "lt" || (type !== "float32" && type !== "float64")) return false;
    const shape = type === "float32" ? "f32x4" : "f64x2";
    if (yes === test.y && no === test.x) {
      this.piece(test.x, p);
      this.piece(test.y, p);
      this.code.op(`${shape}.pmax`);
      return true;
    }
    if (yes === test.x && no === test.y) {
      this.piece(test.y, p);
      this.piece(test.x, p);
      this.code.op(`${shape}.pmin`);
      return true;
    }
    return false;
  }

  /** Inside of `build` only lanes whose mask is set (or not set) may load. */
  #guarded(masks: readonly number[], negate: boolean, build: () => void): void {
    const outer = this.#guard;
    const guard = masks.map((mask, q) => {
      const local = this.locals.make("v128");
      this.code.op("local.get", mask);
      if (negate) this.code.op("v128.not");
      if (outer) this.code.op("local.get", outer[q]!).op("v128.and");
      this.code.op("local.set", local);
      return local;
    });
    this.#guard = guard;
    this.scoped(build);
    this.#guard = outer;
  }

  // ── loads ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #load(expr: LoadExpr, p: number): void {
    const { buffer, at, type } = expr;
    const width = pieceLanes(type);
    const bytes = byteSize(type);
    const guard = this.harmless(buffer, at) ? null : (this.#guard ?? this.#maskPieces());
    const access = this.access(at);
    const { stride } = access;
    if (stride === 1 && !guard) {
      const offset = this.address(buffer, access, 0, true);
      this.moving(this.turning, () => vectorLoad(this, type, offset + p * width * bytes));
      return;
    }
    // Lane by lane.
    if (stride === null) {
      // The index itself is a vector.
      const index = this.materialise(at);
      vectorConst(this, 0, type);
      this.#gather(type, p, guard, (lane) => {
        this.turning = null;
        const base = this.parameter.get(buffer.name)!;
        this.code.op("local.get", base).op("local.get", index[(p * width + lane) >> 2]!);
        extractLane(this, "int32", (p * width + lane) & 3);
        if (bytes > 1) this.code.op("i32.const", 31 - Math.clz32(bytes)).op("i32.shl");
        this.code.op("i32.add");
        return 0;
      });
      return;
    }
    vectorConst(this, 0, type);
    this.#gather(type, p, guard, (lane) => this.address(buffer, access, (p * width + lane) * stride, true));
  }

  /** A vector is on the stack; loads each lane into it. `push` gives the address and returns the offset. */
  #gather(type: DType, p: number, guard: readonly number[] | null, push: (lane: number) => number): void {
    const width = pieceLanes(type);
    const sum = this.temp("v128");
    this.code.op("local.set", sum);
    for (let lane = 0; lane < width; lane++) {
      const one = (): void => {
        const offset = push(lane);
        this.code.op("local.get", sum);
        this.moving(this.turning, () => laneLoad(this, type, offset, lane));
        this.code.op("local.set", sum);
      };
      if (!guard) one();
      else {
        const element = p * width + lane;
        this.code.op("local.get", guard[element >> 2]!);
        extractLane(this, "bool", element & 3);
        const branch = this.nested("branch", one);
        this.code.if().append(branch.code).end();
      }
    }
    this.code.op("local.get", sum);
    this.release(sum);
  }

  /** The mask around as vectors, for loads that only the lanes in it may do. */
  #maskPieces(): readonly number[] | null {
    return this.mask ? this.piecesOf(this.mask) : null;
  }

  piecesOf(mask: Mask): readonly number[] {
    if ("pieces" in mask) return mask.pieces;
    const pieces: number[] = [];
    for (let q = 0; q < this.lanes / 4; q++) {
      const local = this.locals.make("v128");
      const words = [0, 1, 2, 3].map((lane) => (4 * q + lane < mask.first ? -1 : 0));
      this.code.op("v128.const", ...words).op("local.set", local);
      pieces.push(local);
    }
    return pieces;
  }
}
