import { FileError } from "../core/errors.ts";
import { here } from "../runtime/reading.ts";
import type { Bucket } from "./histogram.ts";
import { integer, type Message, message, text } from "./protobuf.ts";
import { readTensor, scalarFields, stringFields, type TensorValue, tensorFields } from "./tensor-proto.ts";

/*
 * A Summary holds values. Each has a tag, a tensor, and the name of the plugin of TensorBoard that knows what the tensor
 * means; that is how `tf.summary` of TensorFlow 2 writes them.
 */

/** What one tag says at one step. */
export type SummaryValue = { readonly tag: string; readonly description: string } & (
  | { readonly kind: "scalar"; readonly value: number }
  | { readonly kind: "histogram"; readonly buckets: readonly Bucket[] }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "image"; readonly width: number; readonly height: number; readonly images: readonly Uint8Array[] }
  | { readonly kind: "other"; readonly plugin: string }
);

/** Names of plugins, and the kind of thing a value is to TensorBoard (DataClass). */
const PLUGINS = {
  scalar: { name: "scalars", dataClass: 1 },
  histogram: { name: "histograms", dataClass: 2 },
  text: { name: "text", dataClass: 2 },
  image: { name: "images", dataClass: 3 },
} as const;

type Plugin = keyof typeof PLUGINS;

/** The fields of a Summary with one value. */
function summary(
  plugin: Plugin,
  tag: string,
  tensor: readonly Uint8Array[],
  description: string | undefined,
): readonly Uint8Array[] {
  const { name, dataClass } = PLUGINS[plugin];
  const described = description === undefined ? [] : [text(3, description)];
  const metadata = message(9, message(1, text(1, name)), ...described, integer(4, dataClass));
  return [message(1, text(1, tag), metadata, message(8, ...tensor))];
}

/** A number, which becomes float32. */
export const scalarSummary = (tag: string, value: number, description?: string): readonly Uint8Array[] =>
  summary("scalar", tag, scalarFields(value), description);

/** Buckets, as rows of left edge, right edge, count: float64[buckets, 3]. */
export function histogramSummary(tag: string, buckets: readonly Bucket[], description?: string): readonly Uint8Array[] {
  const rows = Float64Array.from(buckets.flatMap(({ left, right, count }) => [left, right, count]));
  return summary("histogram", tag, tensorFields("float64", [buckets.length, 3], rows), description);
}

const encoder = new TextEncoder();

/** A text, which TensorBoard shows as Markdown. */
export const textSummary = (tag: string, content: string, description?: string): readonly Uint8Array[] =>
  summary("text", tag, stringFields([], [encoder.encode(content)]), description);

/**
 * PNG files, all of one size: a list of texts, width and height in front.
 * @throws FileError for what is no PNG
 */
export function imageSummary(tag: string, images: readonly Uint8Array[], description?: string): readonly Uint8Array[] {
  const [size, ...others] = images.map((image, i) => sizeOfPng(tag, image, i));
  if (size === undefined) {
    throw new FileError({ what: `image "${tag}": the list of images is empty`, at: here(), fix: "give one, or more" });
  }
  const odd = others.findIndex(({ width, height }) => width !== size.width || height !== size.height);
  if (odd >= 0) {
    const { width, height } = others[odd]!;
    throw new FileError({
      what: `image "${tag}": images[${odd + 1}] is ${width} wide and ${height} high, images[0] ${size.width} and ${size.height}`,
      at: here(),
      fix: "images of one tag have one size; write the others under another tag",
    });
  }
  const sizes = [size.width, size.height].map((length) => encoder.encode(String(length)));
  return summary("image", tag, stringFields([images.length + 2], [...sizes, ...images]), description);
}

/** How every PNG file begins: its signature, and the length and name of its header, which has the size. */
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];
const PNG_SIZE_END = 24;

function sizeOfPng(tag: string, image: Uint8Array, index: number): { readonly width: number; readonly height: number } {
  if (image.length < PNG_SIZE_END || PNG.some((byte, i) => image[i] !== byte)) {
    throw new FileError({
      what: `image "${tag}": images[${index}] is no PNG file`,
      details: [`${image.length} bytes, the first ${[...image.subarray(0, 8)].join(" ") || "none"}`],
      at: here(),
      fix: "give the bytes of a PNG file, not pixels: canvas.convertToBlob() makes one",
    });
  }
  const view = new DataView(image.buffer, image.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The values of a Summary. @throws FileError if it is damaged */
export function readSummary(summary: Message): readonly SummaryValue[] {
  const values: SummaryValue[] = [];
  for (const field of summary) if (field.number === 1) values.push(readValue(field.message()));
  return values;
}

function readValue(value: Message): SummaryValue {
  let tag = "";
  let metadata = { plugin: "", description: "" };
  let tensor: TensorValue = { shape: [], numbers: [], strings: [] };
  for (const field of value) {
    if (field.number === 1) tag = field.text();
    // How TensorFlow 1 wrote numbers.
    else if (field.number === 2) [metadata, tensor] = [{ ...metadata, plugin: "scalars" }, scalarOf(field.float())];
    else if (field.number === 8) tensor = readTensor(field.message());
    else if (field.number === 9) metadata = readMetadata(field.message());
  }
  const { plugin, description } = metadata;
  const { numbers, strings } = tensor;
  const decode = (item: Uint8Array | undefined): string => new TextDecoder().decode(item);
  switch (plugin) {
    case PLUGINS.scalar.name:
      return { tag, description, kind: "scalar", value: numbers[0] ?? Number.NaN };
    case PLUGINS.histogram.name: {
      const buckets = Array.from({ length: Math.floor(numbers.length / 3) }, (_, i) => {
        const [left, right, count] = numbers.slice(3 * i) as [number, number, number];
        return { left, right, count };
      });
      return { tag, description, kind: "histogram", buckets };
    }
    case PLUGINS.text.name:
      return { tag, description, kind: "text", text: decode(strings[0]) };
    case PLUGINS.image.name: {
      const [width, height, ...images] = strings;
      return { tag, description, kind: "image", width: Number(decode(width)), height: Number(decode(height)), images };
    }
    default:
      return { tag, description, kind: "other", plugin };
  }
}

const scalarOf = (value: number): TensorValue => ({ shape: [], numbers: [value], strings: [] });

function readMetadata(metadata: Message): { readonly plugin: string; readonly description: string } {
  let plugin = "";
  let description = "";
  for (const field of metadata) {
    if (field.number === 3) description = field.text();
    else if (field.number === 1) for (const part of field.message()) if (part.number === 1) plugin = part.text();
  }
  return { plugin, description };
}
