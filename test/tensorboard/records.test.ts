import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileError } from "../../src/core/errors.ts";
import { crc32c, maskedChecksum } from "../../src/tensorboard/checksum.ts";
import { EventWriter, MemorySink, readEvents } from "../../src/tensorboard/index.ts";
import { bytes, double, float, integer, Message, message, text } from "../../src/tensorboard/protobuf.ts";
import { frameRecord } from "../../src/tensorboard/records.ts";
import { exampleEvents } from "./example.ts";

const ascii = (content: string): Uint8Array => new TextEncoder().encode(content);
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

test("CRC-32C: the examples of RFC 3720, B.4", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(ascii("123456789"))).toBe(0xe3069283);
  // The length of the first record of tensorflow.v2 beside the oracles, and the checksum there.
  expect(maskedChecksum(Uint8Array.of(62, 0, 0, 0, 0, 0, 0, 0))).toBe(0xe740d2d9);
});

describe("Protocol Buffers", () => {
  const fail = (problem: string): FileError => new FileError({ what: problem });

  test("the examples of the specification", () => {
    expect(hex(integer(1, 150))).toBe("089601");
    expect(hex(text(2, "testing"))).toBe("120774657374696e67");
    expect(hex(message(3, integer(1, 150)))).toBe("1a03089601");
    expect(hex(integer(1, -2))).toBe("08feffffffffffffffff01");
  });

  test("what was written is read", () => {
    for (const value of [0, 1, 127, 128, 2 ** 31, 2 ** 53 - 1, -1, -(2 ** 40)]) {
      expect([...new Message(integer(19, value), fail)].map((field) => [field.number, field.integer()])).toEqual([
        [19, value],
      ]);
    }
    const [first] = new Message(double(1, Math.PI), fail);
    expect(first!.double()).toBe(Math.PI);
    const [second] = new Message(float(1, 0.1), fail);
    expect(second!.float()).toBe(Math.fround(0.1));
  });

  test("a field of another kind than it should be", () => {
    const [field] = new Message(bytes(4, Uint8Array.of(0xff)), fail);
    expect(() => field!.integer()).toThrow("field 4 is no whole number: it has wire type 2");
    expect(() => field!.text()).toThrow("the text of field 4 is not UTF-8");
    expect(() => [...new Message(Uint8Array.of(0x0b), fail)]).toThrow("there is no wire type 3");
    expect(() => [...new Message(Uint8Array.of(0x80), fail)]).toThrow("a number does not end");
    expect(() => [...new Message(Uint8Array.of(0x12, 9, 1), fail)]).toThrow(
      "a field should have 9 bytes, 1 are left of its message",
    );
  });
});

describe("readEvents: files that are not whole", () => {
  const file = ((): Uint8Array => {
    const sink = new MemorySink();
    const writer = new EventWriter(sink, { clock: () => 1 });
    writer.scalar("loss", 0.5, 1);
    return sink.bytes;
  })();
  /** Where the second record begins: a header, 24 bytes, a checksum. */
  const second = 12 + 24 + 4;

  test("a file that was cut off", () => {
    expect(() => readEvents(file.subarray(0, file.length - 3), { file: "run/events" })).toThrow(
      /^readEvents: the last record lacks 3 of its bytes\n {2}at byte 40 of run\/events\nat .*records\.test\.ts.*\nfix: the file was cut off, or is being written just now; the records before this byte are whole$/,
    );
    expect(() => readEvents(file.subarray(0, second + 5))).toThrow(/5 bytes are no record\n {2}at byte 40\n/);
    expect(readEvents(file.subarray(0, second))).toHaveLength(1);
    for (let length = 1; length < file.length; length++) {
      if (length !== second) expect(() => readEvents(file.subarray(0, length))).toThrow(FileError);
    }
  });

  test("a damaged byte anywhere", () => {
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at]! ^= 1;
      expect(() => readEvents(damaged)).toThrow(/checksum of a record's (length|data) is wrong/);
    }
    const damaged = file.slice();
    damaged[second + 20]! ^= 1;
    expect(() => readEvents(damaged)).toThrow(/data is wrong\n {2}at byte 40\nat .*\nfix: the file was damaged/);
  });

  test("a record that holds something else than an event", () => {
    const other = new Uint8Array([...file, ...frameRecord(Uint8Array.of(0x0a, 77))]);
    expect(() => readEvents(other)).toThrow(
      new RegExp(`a field should have 77 bytes, 0 are left of its message\\n {2}at byte ${file.length + 14}\\n`),
    );
  });

  test("a summary that asks for more memory than the file has bytes", () => {
    const shape = message(2, message(2, integer(1, 2 ** 40)));
    const tensor = message(8, integer(1, 1), shape, float(5, 1));
    const event = message(5, message(1, text(1, "loss"), tensor));
    expect(() => readEvents(frameRecord(event))).toThrow(
      /^readEvents: a summary with 1099511627776 numbers\n {2}at byte 24\n/,
    );
  });

  test("whatever a record holds, it is events or a FileError", () => {
    const events = exampleEvents();
    const record = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      // A part of a real event, and a byte of it changed.
      fc.tuple(fc.nat(events.length - 200), fc.nat(200), fc.nat(199), fc.nat(255)).map(([from, length, at, byte]) => {
        const part = events.slice(from, from + length);
        part[at % Math.max(length, 1)] = byte;
        return part;
      }),
      fc.uint8Array({ maxLength: 40 }).map((inner) => message(5, message(1, text(1, "loss"), message(8, inner)))),
    );
    fc.assert(
      fc.property(record, (data) => {
        try {
          readEvents(frameRecord(data));
        } catch (error) {
          expect(error).toBeInstanceOf(FileError);
        }
      }),
      { numRuns: 500, seed: 128 },
    );
  });

  test("bytes that stand in a larger buffer", () => {
    const events = exampleEvents();
    const within = new Uint8Array(events.length + 7);
    within.set(events, 5);
    expect(readEvents(within.subarray(5, 5 + events.length))).toEqual(readEvents(events));
  });
});
