/** Spoils files in all ways the fuzzers know. What is done follows from a seed, so every failure can be repeated. */
import {
  ForerunError,
  type Graph,
  loadVariables,
  parseGraph,
  parseSafetensors,
  Session,
  saveVariables,
  serializeGraph,
} from "../../src/index.ts";
import { RandomStream } from "../support/random.ts";
import { awkwardGraph, trainingGraph } from "./support.ts";

/** Files that are right, to be spoilt. */
export interface Samples {
  readonly graphs: readonly string[];
  readonly values: readonly Uint8Array[];
  /** For `loadVariables`, which touches a session only if all is well. */
  readonly session: Session;
}

export function makeSamples(): Samples {
  const { graph } = trainingGraph();
  const session = new Session(graph);
  session.run("initializer");
  const one = saveVariables(session, { variables: graph.allVariables.slice(0, 1) });
  return {
    graphs: [graph, awkwardGraph()].map((sample: Graph) => JSON.stringify(serializeGraph(sample))),
    values: [saveVariables(session, { metadata: { a: "b" } }), one],
    session,
  };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
/** Texts that have been trouble somewhere. */
const TROUBLE = [
  "null",
  "-1",
  "0",
  "1e308",
  "-0",
  "1e999",
  "9007199254740993",
  "0.5",
  '""',
  "[]",
  "{}",
  "[[[[]]]]",
  "true",
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '{"__proto__":{"polluted":1}}',
  '"?1"',
  '"batch*batch*batch"',
  '"floor((batch)/(0))"',
  '"max(batch, floor((height)/(batch - batch)))"',
  '"NaN"',
  '"x:0"',
  '"x:99"',
  '"float64"',
  '"bool"',
  '"\\u0000"',
  '"loss"',
  "[1e15,1e15]",
  `"${"a".repeat(300)}"`,
  `${"[".repeat(80)}${"]".repeat(80)}`,
];

/** One spoilt file. */
export function mutated(
  samples: Samples,
  seed: number,
): { readonly kind: "graph" | "values"; readonly bytes: Uint8Array } {
  const random = new RandomStream(seed);
  const pick = <T>(list: readonly T[]): T => list[random.whole(0, list.length - 1)]!;
  const kind = random.whole(0, 2) === 0 ? "values" : "graph";
  const text = pick(samples.graphs);
  const original = kind === "graph" ? bytesOf(text) : pick(samples.values);
  switch (random.whole(0, kind === "graph" ? 8 : 5)) {
    case 0:
      return { kind, bytes: Uint8Array.from({ length: random.whole(0, 200) }, () => random.whole(0, 255)) };
    case 1: {
      const bytes = original.slice();
      for (let i = random.whole(1, 4); i > 0; i--) bytes[random.whole(0, bytes.length - 1)]! ^= 1 << random.whole(0, 7);
      return { kind, bytes };
    }
    case 2:
      return { kind, bytes: original.slice(0, random.whole(0, original.length)) };
    case 3: {
      // A piece is copied over another place.
      const [from, to] = [random.whole(0, original.length - 1), random.whole(0, original.length - 1)];
      const piece = original.subarray(from, from + random.whole(1, 60));
      const bytes = new Uint8Array(original.length + piece.length);
      bytes.set(original.subarray(0, to));
      bytes.set(piece, to);
      bytes.set(original.subarray(to), to + piece.length);
      return { kind, bytes };
    }
    case 4: {
      const at = random.whole(0, original.length - 1);
      const bytes = new Uint8Array([...original.subarray(0, at), ...original.subarray(at + random.whole(1, 40))]);
      return { kind, bytes };
    }
    case 5: {
      if (kind === "values") return { kind, bytes: withHeader(original, random, pick) };
      return { kind, bytes: bytesOf(replaceToken(text, random, pick)) };
    }
    default:
      return { kind, bytes: bytesOf(editJson(text, random, pick)) };
  }
}

type Pick = <T>(list: readonly T[]) => T;

/** Another value in the place of a number, text or word of the JSON. */
function replaceToken(text: string, random: RandomStream, pick: Pick): string {
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{}:,]/g)];
  const token = tokens[random.whole(0, tokens.length - 1)]!;
  const other = random.whole(0, 1) === 0 ? pick(TROUBLE) : pick(tokens)[0];
  return text.slice(0, token.index) + other + text.slice(token.index + token[0].length);
}

/** The header of a file of values with one token replaced; its length is put right, so that it is read at all. */
function withHeader(bytes: Uint8Array, random: RandomStream, pick: Pick): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const changed = bytesOf(replaceToken(header, random, pick));
  const result = new Uint8Array(8 + changed.length + bytes.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(changed.length), true);
  result.set(changed, 8);
  result.set(bytes.subarray(8 + length), 8 + changed.length);
  return result;
}

interface OpText {
  name: string;
  op: string;
  inputs: string[];
  attrs: Record<string, unknown>;
}
/** A change that keeps the JSON and the outline right, so that it reaches the checks further in. */
function editJson(text: string, random: RandomStream, pick: Pick): string {
  const def = JSON.parse(text) as { ops: OpText[]; variables: { variable: string; initializer: string }[] };
  for (let i = random.whole(1, 3); i > 0; i--) {
    const [op, other] = [pick(def.ops), pick(def.ops)];
    const attr = pick([...Object.keys(op.attrs), "axis", "toString", "shape"]);
    const trouble = (): unknown => {
      try {
        return JSON.parse(pick(TROUBLE)) as unknown;
      } catch {
        return 1;
      }
    };
    const changes: readonly (() => void)[] = [
      () => void op.inputs.push(other.name),
      () => void op.inputs.pop(),
      () => {
        op.inputs[random.whole(0, op.inputs.length)] = other.name;
      },
      () => {
        op.op = other.op;
      },
      () => {
        op.attrs = other.attrs;
      },
      () => {
        op.attrs[attr] = trouble();
      },
      () => void delete op.attrs[attr],
      () => {
        op.name = other.name;
      },
      () => void def.ops.reverse(),
      () => void def.ops.splice(def.ops.indexOf(op), 1),
      () => void def.ops.push({ ...op, name: `${op.name}_again` }),
      () => {
        op.attrs[attr] = other.attrs[pick(Object.keys(other.attrs))] ?? null;
      },
      () => {
        const shape = op.attrs.shape;
        if (Array.isArray(shape)) shape[random.whole(0, shape.length)] = trouble();
      },
      () => void def.variables.push({ variable: op.name, initializer: other.name }),
    ];
    pick(changes)();
  }
  return JSON.stringify(def);
}

/** What a spoilt file may lead to. */
export interface Outcome {
  readonly refused: boolean;
  readonly milliseconds: number;
}

/** Longest a file of some kilobytes may take. Generous, for machines that do other things too. */
export const LONGEST_MS = 3000;

/** @throws Error if a reader throws anything but the library's own errors, takes too long, or marks an object */
export function tryFile(samples: Samples, seed: number): Outcome {
  const { kind, bytes } = mutated(samples, seed);
  const started = performance.now();
  let refused = false;
  const attempt = (run: () => unknown): void => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ForerunError))
        throw new Error(`seed ${seed}, ${kind}: ${String(error)}`, { cause: error });
      if (!/\nfix: /.test(error.message)) throw new Error(`seed ${seed}: no fix in\n${error.message}`);
      if (error.message.split("\n").length > 12) throw new Error(`seed ${seed}: more than 12 lines\n${error.message}`);
      refused = true;
    }
  };
  if (kind === "graph") {
    attempt(() => serializeGraph(parseGraph(bytes)));
    if (!refused) {
      // What was accepted is a graph like any other, and can be written and read again.
      const text = JSON.stringify(serializeGraph(parseGraph(bytes)));
      if (JSON.stringify(serializeGraph(parseGraph(text))) !== text)
        throw new Error(`seed ${seed}: written twice, differs`);
    }
  } else {
    attempt(() => parseSafetensors(bytes));
    attempt(() => loadVariables(samples.session, bytes));
    attempt(() => loadVariables(samples.session, bytes, { partial: true }));
  }
  const milliseconds = performance.now() - started;
  if (milliseconds > LONGEST_MS) throw new Error(`seed ${seed}, ${kind}: took ${milliseconds.toFixed(0)} ms`);
  if ("polluted" in {} || Object.keys(Object.prototype).length > 0)
    throw new Error(`seed ${seed}: Object.prototype changed`);
  return { refused, milliseconds };
}
