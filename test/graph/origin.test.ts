import { describe, expect, test } from "vitest";
import { captureStack, lineOf, originText } from "../../src/graph/origin.ts";
import { Graph, gradients, square } from "../../src/index.ts";

/** Frames of the library, as each engine would write them, are under this path. */
const library = decodeURI(new URL("../../src/", import.meta.url).href);
const libraryPath = library.replace(/^file:\/\//, "");
const here = `${process.cwd()}/`;

describe("the user's line is read from", () => {
  test("Node and Chromium", () => {
    const stack = [
      "Error",
      `    at Graph.apply (${library}graph/builder.ts:42:10)`,
      `    at add (${libraryPath}ops/arithmetic.ts:12:3)`,
      "    at node:internal/modules/run_main:128:12",
      `    at buildModel (file://${here}samples/model.ts:7:21)`,
      `    at file://${here}samples/main.ts:3:1`,
    ].join("\n");
    expect(lineOf({ stack })).toBe("samples/model.ts:7:21");
  });

  test("Node, without a function name, async, or outside of the working directory", () => {
    expect(lineOf({ stack: `Error\n    at file://${here}train.ts:3:1` })).toBe("train.ts:3:1");
    expect(lineOf({ stack: `Error\n    at async file://${here}train.ts:3:1` })).toBe("train.ts:3:1");
    expect(lineOf({ stack: "Error\n    at main (/elsewhere/train.js:3:1)" })).toBe("/elsewhere/train.js:3:1");
    expect(lineOf({ stack: `Error\n    at new Model (${here}model.ts:30:12)` })).toBe("model.ts:30:12");
    expect(lineOf({ stack: `Error\n    at Object.<anonymous> (${here}a folder/x.ts:30:12)` })).toBe(
      "a folder/x.ts:30:12",
    );
  });

  test("Firefox", () => {
    const stack = [
      `apply@${library}graph/builder.ts:42:10`,
      `add@${library}ops/arithmetic.ts:12:3`,
      "buildModel@http://localhost:5173/lesson/model.js:7:21",
      "@http://localhost:5173/lesson/main.js:3:1",
      "",
    ].join("\n");
    expect(lineOf({ stack })).toBe("http://localhost:5173/lesson/model.js:7:21");
    expect(lineOf({ stack: "@http://localhost:5173/lesson/main.js:3:1\n" })).toBe(
      "http://localhost:5173/lesson/main.js:3:1",
    );
  });

  test("WebKit", () => {
    const stack = [
      `apply@${library}graph/builder.ts:42:10`,
      "map@[native code]",
      "buildModel@https://example.org/model.js:7:21",
      "module code@https://example.org/main.js:3:1",
      "evaluate@[native code]",
    ].join("\n");
    expect(lineOf({ stack })).toBe("https://example.org/model.js:7:21");
    expect(lineOf({ stack: "module code@https://example.org/main.js:3:1" })).toBe("https://example.org/main.js:3:1");
  });

  test("nothing, when there is nothing", () => {
    expect(lineOf(null)).toBeNull();
    expect(lineOf({})).toBeNull();
    expect(lineOf({ stack: "Error\n    at <anonymous>\nmap@[native code]" })).toBeNull();
  });
});

test("an operation knows the line that made it", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", []);
  const line = lineOf(captureStack());
  const row = Number(line?.split(":")[1]);
  expect(line).toMatch(/^test\/graph\/origin\.test\.ts:\d+:\d+$/);
  expect(x.op.line).toMatch(new RegExp(`^test/graph/origin\\.test\\.ts:${row - 1}:\\d+$`));
});

test("a gradient points at the line of the op it differentiates, and says so", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", []);
  const y = square(x, { name: "y" });
  const [gradient] = gradients(y, [x]);
  expect(gradient!.op.line).toBe(y.op.line);
  expect(originText(gradient!.op.origin)).toBe(`${y.op.line} (gradient of y)`);
  expect(originText(y.op.origin)).toBe(y.op.line);
});

test("capturing leaves the engine's stack limit as it was", () => {
  const before = Error.stackTraceLimit;
  captureStack();
  expect(Error.stackTraceLimit).toBe(before);
});
