import { FileError } from "../core/errors.ts";
import { here } from "../runtime/reading.ts";
import { maskedChecksum } from "./checksum.ts";

/*
 * TensorFlow's record files, one record after another, little-endian:
 *
 *     uint64  length of the data      uint32  masked checksum of these eight bytes
 *     data                            uint32  masked checksum of the data
 */
const LENGTH = 8;
const CHECKSUM = 4;
const HEADER = LENGTH + CHECKSUM;

/** The bytes of one record. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER + data.length + CHECKSUM);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(LENGTH, maskedChecksum(record.subarray(0, LENGTH)), true);
  record.set(data, HEADER);
  view.setUint32(HEADER + data.length, maskedChecksum(data), true);
  return record;
}

/** How the file is named in errors. */
export interface RecordOptions {
  readonly file?: string | undefined;
}

/** Makes the error for something wrong with the byte at `offset`. */
export function recordError(problem: string, offset: number, options: RecordOptions, fix: string): FileError {
  return new FileError({
    what: `readEvents: ${problem}`,
    details: [`at byte ${offset}${options.file === undefined ? "" : ` of ${options.file}`}`],
    at: here(),
    fix,
  });
}

const CUT_OFF = "the file was cut off, or is being written just now; the records before this byte are whole";
export const DAMAGED = "the file was damaged, or is no event file; fetch it again";

/**
 * The data of each record, as parts of `bytes`.
 * @throws FileError where the file ends within a record, or a checksum is wrong
 */
export function* readRecords(bytes: Uint8Array, options: RecordOptions = {}): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    if (left < HEADER) throw recordError(`${left} bytes are no record`, at, options, CUT_OFF);
    if (view.getUint32(at + LENGTH, true) !== maskedChecksum(bytes.subarray(at, at + LENGTH))) {
      throw recordError("the checksum of a record's length is wrong", at, options, DAMAGED);
    }
    const length = Number(view.getBigUint64(at, true));
    if (left < HEADER + length + CHECKSUM) {
      const missing = HEADER + length + CHECKSUM - left;
      throw recordError(`the last record lacks ${missing} of its bytes`, at, options, CUT_OFF);
    }
    const data = bytes.subarray(at + HEADER, at + HEADER + length);
    if (view.getUint32(at + HEADER + length, true) !== maskedChecksum(data)) {
      throw recordError("the checksum of a record's data is wrong", at, options, DAMAGED);
    }
    yield data;
    at += HEADER + length + CHECKSUM;
  }
}
