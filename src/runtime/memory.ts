import type { Backend, Plan, PlanArray, Storage } from "../compiler/plan.ts";
import { byteSize, type TypedArray } from "../core/dtype.ts";
import { MemoryError, StateError } from "../core/errors.ts";
import { bytesText } from "../core/number-text.ts";
import { elementCount, knownShape } from "../core/shape.ts";
import { describeTensor, type Tensor, type Variable } from "../graph/operation.ts";
import { here } from "./reading.ts";

const bytesOf = ({ dtype, length }: Pick<PlanArray, "dtype" | "length">): number => length * byteSize(dtype);
const lengthOf = (variable: Variable): number => elementCount(knownShape(variable.shape));

/** Memory somebody asks for, to be named if there is not enough. */
interface Owner {
  readonly name: string;
  readonly bytes: number;
  readonly tensor: Tensor | null;
}

/**
 * What a session remembers: the values of its variables, and the storage they lie in, with the constants and fed values
 * of its plans and the arena that all plans share. Counts bytes, and refuses what is over the budget before anything
 * runs.
 */
export class SessionMemory {
  readonly initialized = new Set<Variable>();
  /** Why variables may hold mixed values: an earlier run failed half way. */
  broken: string | null = null;
  readonly #backend: Backend;
  #storage: Storage | null;
  readonly #budget: number;
  readonly #variables = new Map<Variable, number>();
  /** Plans share constants. */
  readonly #constants = new Map<TypedArray, { readonly address: number; users: number }>();
  #blockBytes = 0;
  #arenaBytes = 0;

  constructor(backend: Backend, budget = Infinity) {
    this.#backend = backend;
    this.#budget = budget;
    this.#storage = backend.open(budget);
  }

  /** Where everything lies. @throws StateError after `close` */
  get storage(): Storage {
    if (this.#storage) return this.#storage;
    throw new StateError({ what: "session: use after close", at: here(), fix: "open a new Session on the graph" });
  }

  /** Bytes of all arrays held. */
  get bytes(): number {
    return this.#blockBytes + this.#arenaBytes;
  }

  /** True if the variable has its place. */
  has(variable: Variable): boolean {
    return this.#variables.has(variable);
  }

  /** Memory of a variable, as it lies now. */
  variable(variable: Variable): TypedArray {
    const { dtype } = variable;
    const length = lengthOf(variable);
    let address = this.#variables.get(variable);
    if (address === undefined) {
      const bytes = bytesOf({ dtype, length });
      this.#require(bytes, [{ name: variable.op.name, bytes, tensor: variable }]);
      address = this.#addressOf(variable);
    }
    return this.storage.view(dtype, address, length);
  }

  /**
   * Gives every array of a plan its place: for those of the arena an offset, for others an address.
   * @throws MemoryError that names the largest owners, if the budget, the backend or the machine do not have it
   */
  bind(plan: Plan): readonly number[] {
    const added = plan.arrays.filter((array) => {
      if (array.region === "arena" || array.part) return false;
      if (array.region === "variable") return !this.#variables.has(plan.variables[array.at]!);
      return array.region === "feed" || !this.#constants.has(plan.constants[array.at]!);
    });
    const more = added.reduce((bytes, array) => bytes + bytesOf(array), 0);
    const arena = Math.max(0, plan.arenaBytes - this.#arenaBytes);
    const owners = () => [...plan.arrays.filter(({ part }) => !part).map(ownerOf), ...this.#held()];
    this.#require(more + arena, owners);
    const addresses: number[] = [];
    try {
      naming(owners, () => {
        for (const array of plan.arrays)
          addresses.push(array.part ? addresses[array.part.of]! : this.#place(array, plan));
        this.storage.reserveArena(plan.arenaBytes);
      });
    } catch (error) {
      this.release(plan, addresses);
      throw error;
    }
    this.#arenaBytes = Math.max(this.#arenaBytes, plan.arenaBytes);
    return addresses;
  }

  #place(array: PlanArray, plan: Plan): number {
    switch (array.region) {
      case "arena":
        return array.at;
      case "variable":
        return this.#addressOf(plan.variables[array.at]!);
      case "feed":
        return this.#reserve(bytesOf(array));
      case "constant":
        return this.#constant(plan.constants[array.at]!, array);
    }
  }

  /** A further block for an array of a plan. @throws MemoryError */
  keep(array: PlanArray): number {
    this.#require(bytesOf(array), [ownerOf(array)]);
    return naming([ownerOf(array)], () => this.#reserve(bytesOf(array)));
  }

  /** Gives back what only this plan uses, of its first arrays as many as have addresses; and what was kept for it. */
  release(plan: Plan, addresses: readonly number[], kept: ReadonlyMap<number, number> = new Map()): void {
    addresses.forEach((address, i) => {
      const array = plan.arrays[i]!;
      if (array.part) return;
      if (array.region === "feed") this.#free(address, bytesOf(array));
      if (array.region !== "constant") return;
      const value = plan.constants[array.at]!;
      const constant = this.#constants.get(value)!;
      constant.users--;
      if (constant.users > 0) return;
      this.#constants.delete(value);
      this.#free(constant.address, bytesOf(array));
    });
    for (const [at, address] of kept) this.#free(address, bytesOf(plan.arrays[at]!));
  }

  /** Lets go of everything. */
  close(): void {
    this.initialized.clear();
    this.#variables.clear();
    this.#constants.clear();
    this.#storage?.close?.();
    this.#storage = null;
  }

  #reserve(bytes: number): number {
    const address = this.storage.reserve(bytes);
    this.#blockBytes += bytes;
    return address;
  }
  #free(address: number, bytes: number): void {
    this.storage.release(address, bytes);
    this.#blockBytes -= bytes;
  }

  #addressOf(variable: Variable): number {
    const known = this.#variables.get(variable);
    if (known !== undefined) return known;
    const address = this.#reserve(bytesOf({ dtype: variable.dtype, length: lengthOf(variable) }));
    this.#variables.set(variable, address);
    return address;
  }

  #constant(value: TypedArray, array: PlanArray): number {
    let constant = this.#constants.get(value);
    if (!constant) {
      constant = { address: this.#reserve(bytesOf(array)), users: 0 };
      this.storage.view(array.dtype, constant.address, array.length).set(value);
      this.#constants.set(value, constant);
    }
    constant.users++;
    return constant.address;
  }

  #held(): readonly Owner[] {
    return [...this.#variables.keys()].map((variable) => ({
      name: variable.op.name,
      bytes: bytesOf({ dtype: variable.dtype, length: lengthOf(variable) }),
      tensor: variable,
    }));
  }

  #require(more: number, owners: Owners): void {
    const total = this.bytes + more;
    const { capacity } = this.storage;
    if (total <= this.#budget && total <= capacity) return;
    const [limit, fix] =
      capacity < this.#budget
        ? [`the ${this.#backend.name} backend can address ${bytesText(capacity)}`, "run with smaller batches"]
        : [`memoryBudget is ${bytesText(this.#budget)}`, "run with smaller batches, or raise memoryBudget"];
    throw new MemoryError({
      what: `session: ${bytesText(more)} of memory are needed for this, and ${limit}`,
      details: [`in use by the session: ${bytesText(this.bytes)}`, ...largest(owners)],
      at: here(),
      fix,
    });
  }
}

type Owners = readonly Owner[] | (() => readonly Owner[]);

const ownerOf = (array: PlanArray): Owner => ({ name: array.of, bytes: bytesOf(array), tensor: array.tensor });

/** Runs `reserve`; a storage that has no more memory is told to whom it would have gone. */
function naming<T>(owners: Owners, reserve: () => T): T {
  try {
    return reserve();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    throw new MemoryError({
      fix: "run with smaller batches, or close sessions that are not used any more",
      ...error.parts,
      details: [...(error.parts.details ?? []), ...largest(owners)],
      at: here(),
    });
  }
}

/** The three largest owners, a line each. */
function largest(owners: Owners): readonly string[] {
  const all = typeof owners === "function" ? owners() : owners;
  // A variable and its new value, computed in place, are one.
  const distinct = new Map(all.map((owner) => [owner.name, owner]));
  const three = [...distinct.values()].sort((a, b) => b.bytes - a.bytes).slice(0, 3);
  return ["the largest:", ...three.map((owner) => `  ${ownerText(owner)}`)];
}

function ownerText({ name, bytes, tensor }: Owner): string {
  if (!tensor) return `${name}: ${bytesText(bytes)}, scratch memory of a kernel`;
  return `${describeTensor(tensor)}: ${bytesText(bytes)}, made at ${tensor.op.line ?? "an unknown line"}`;
}
