import type { Operation } from "../../graph/operation.ts";

/** What a fusion rule sees: one value, who reads it, and at which places. */
export interface FusionQuestion {
  readonly producer: Operation;
  /** Everything that reads the value. */
  readonly consumers: readonly Operation[];
  /** Kernels the consumers ended up in. */
  readonly kernels: number;
  /** Why the value must exist in memory whatever happens: fetched, a variable's new value; else null. */
  readonly demanded: string | null;
  /** Distinct indices at which the one kernel reads the value (the most over its kernels). */
  readonly sites: number;
  /** True if every element is read where the kernel stores its own element of that index. */
  readonly aligned: boolean;
  /** How often elements would be computed, over how many there are; 1 means each once. */
  readonly recomputed: number;
  /** The contraction inside whose sum the value is read, perhaps through ops that only move it. */
  readonly summedBy: Operation | null;
  /** True if the value's index depends on outer loops of the kernel only, in an order other rows agree with. */
  readonly rowLevel: boolean;
  /** True if the value can be kept in a scratch row between its sites. */
  readonly fitsRow: boolean;
  /** The contraction that this value finishes: all between is pointwise and read by nothing else. */
  readonly finishes: Operation | null;
  /** Operands that are not smaller than the value itself. */
  readonly bigOperands: number;
  /** Operations the kernel would hold. */
  readonly kernelSize: number;
  /** Kernels that already compute this value's consumers a second time. */
  readonly depthOfCopies: number;
}

export interface FusionRule {
  readonly name: string;
  readonly doc: string;
  /** The first rule that answers decides; the reason is kept with the edge. */
  decide(question: FusionQuestion): { readonly fuse: boolean; readonly row?: boolean; readonly why: string } | null;
}

export const isReduction = (op: Operation): boolean => op.def.category === "reduction";
export const isContraction = (op: Operation): boolean => op.def.category === "contraction";

/** Operations in one kernel, above which compile time and register pressure cost more than a buffer. */
export const KERNEL_LIMIT = 48;
/** Kernels deep to which a cheap value may be computed again rather than stored. */
const COPY_LIMIT = 3;

const keep = (why: string) => ({ fuse: false, why });
const fuse = (why: string) => ({ fuse: true, why });

/** Tried in this order. */
export const FUSION_RULES: readonly FusionRule[] = [
  {
    name: "demanded-values-are-stored",
    doc: "A fetched value or a variable's new value needs a place in memory.",
    decide: ({ demanded }) => (demanded ? keep(demanded) : null),
  },
  {
    name: "loops-store-their-result",
    doc: "An op written as loops (scatter, permutation) fills a whole array before anyone may read it.",
    decide: ({ producer }) =>
      producer.def.kernel ? keep(`${producer.def.name} fills its whole array before any of it can be read`) : null,
  },
  {
    name: "kernels-stay-small",
    doc: "Very long chains are cut, so that compile time stays linear.",
    decide: ({ kernelSize }) =>
      kernelSize >= KERNEL_LIMIT ? keep(`the kernel already holds ${kernelSize} operations`) : null,
  },
  {
    name: "contraction-takes-its-epilogue",
    doc: "A contraction read once, element for element, finishes that value in a register.",
    decide: ({ producer, aligned, kernels, sites }) => {
      if (!isContraction(producer)) return null;
      if (aligned && kernels === 1 && sites === 1) {
        return fuse("one consumer over the same index space: the value is finished while it is in a register");
      }
      return keep(
        kernels > 1
          ? "several kernels read it: a dear value is stored once"
          : "it is read at other places than it is made: a dear value is stored once",
      );
    },
  },
  {
    name: "contraction-reads-buffers",
    doc: "An operand of a contraction is read many times over, so it is computed once and stored; moving it costs nothing.",
    decide: ({ producer, consumers, summedBy }) => {
      if (producer.def.cost === "free") return null;
      const reader = consumers.find(isContraction) ?? summedBy;
      return reader ? keep(`${reader.def.name} reads each element many times over`) : null;
    },
  },
  {
    name: "row-reduction-stays-in-its-row",
    doc: "A reduction whose result is used along the same rows runs inside the row loop of its consumer.",
    decide: ({ producer, kernels, sites, rowLevel, recomputed }) => {
      if (!isReduction(producer)) return null;
      if (kernels === 1 && sites === 1 && rowLevel && recomputed <= 1) {
        return fuse("its result is used along the same rows: it stays in a register of the row loop");
      }
      return keep(
        kernels > 1
          ? "several kernels read the result"
          : "its result is not constant along the rows of the kernel that reads it",
      );
    },
  },
  {
    name: "movement-is-free",
    doc: "Reshapes, transposes, broadcasts and slices only change the index.",
    decide: ({ producer, sites }) =>
      producer.def.cost === "free" && sites <= 4
        ? fuse("it only changes the index: reading through it costs nothing")
        : null,
  },
  {
    name: "pointwise-computed-once",
    doc: "A value whose elements are each read once is computed where it is used.",
    decide: ({ kernels, sites, recomputed }) =>
      kernels === 1 && sites === 1 && recomputed <= 1
        ? fuse("each element is used once: it never leaves its register")
        : null,
  },
  {
    name: "row-scratch",
    doc: "A dear value read several times along a row is kept in a scratch row.",
    decide: ({ producer, kernels, sites, fitsRow }) =>
      producer.def.cost === "expensive" && kernels === 1 && sites > 1 && fitsRow
        ? { fuse: true, row: true, why: `read at ${sites} places of the same row: computed once into a scratch row` }
        : null,
  },
  {
    name: "epilogue-is-stored",
    doc: "A value that finishes a contraction is stored itself, rather than the raw sums and the finish in every reader.",
    decide: ({ kernels, finishes }) =>
      kernels > 1 && finishes
        ? keep(`it finishes ${finishes.def.name}: stored once, not finished again by every kernel that reads it`)
        : null,
  },
  {
    name: "cheap-pointwise-is-recomputed",
    doc: "A cheap value that reads no more than it would store is computed again rather than written and read.",
    decide: ({ producer, bigOperands, sites, recomputed, depthOfCopies, kernels }) =>
      producer.def.cost !== "expensive" &&
      bigOperands <= 1 &&
      sites <= 2 &&
      recomputed <= 2 &&
      depthOfCopies < COPY_LIMIT
        ? fuse(`cheap, and reads no more than it would store: computed again at ${Math.max(sites, kernels)} places`)
        : null,
  },
  {
    name: "shared-values-are-stored",
    doc: "What is left is computed once and stored.",
    decide: ({ kernels, sites }) =>
      keep(
        kernels > 1
          ? `${kernels} kernels read it, and computing it again would cost more than a buffer`
          : `it is read at ${sites} places or many times over, and computing it again would cost more than a buffer`,
      ),
  },
];
