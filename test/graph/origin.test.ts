import { describe, expect, test } from "vitest";
import { captureStack, libraryPath, lineOf, originText, userPlace } from "../../src/graph/origin.ts";
import { Graph, gradients, square } from "../../src/index.ts";

/** Frames of the library, as each engine would write them, are under this path. */
const library = decodeURI(new URL("../../src/", import.meta.url).href);
const libraryFolder = library.replace(/^file:\/\//, "");
const here = `${process.cwd()}/`;

describe("the user's line is read from", () => {
  test("Node and Chromium", () => {
    const stack = [
      "Error",
      `    at Graph.apply (${library}graph/builder.ts:42:10)`,
      `    at add (${libraryFolder}ops/arithmetic.ts:12:3)`,
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

describe("on Windows the user's line is read from", () => {
  const library = libraryPath("file:///C:/Users/Jo%20Lee/app/node_modules/forerun/dist/graph/origin.js");
  const own = "    at add (file:///C:/Users/Jo%20Lee/app/node_modules/forerun/dist/ops/arithmetic.js:12:3)";
  const read = (frame: string, directory = "C:\\Users\\Jo Lee\\app") =>
    userPlace(["Error", own, frame].join("\n"), library, directory);

  test("modules of Node: URLs of files", () => {
    expect(library).toBe("C:/Users/Jo Lee/app/node_modules/forerun/dist/");
    expect(read("    at file:///C:/Users/Jo%20Lee/app/train.ts:3:1")).toBe("train.ts:3:1");
    expect(read("    at async main (file:///C:/Users/Jo%20Lee/app/src/train.ts:30:12)")).toBe("src/train.ts:30:12");
    expect(read("    at main (file:///D:/other/train.ts:3:1)")).toBe("D:/other/train.ts:3:1");
  });

  test("chunks of the package, also where it is linked from a folder that no package manager made", () => {
    const chunk = libraryPath("file:///C:/work/forerun/dist/forerun-P6LDIJTM.js");
    expect(chunk).toBe("C:/work/forerun/dist/");
    const stack =
      "Error\n    at new Adam (file:///C:/work/forerun/dist/train.js:9:1)\n    at file:///C:/work/app/main.js:2:1";
    expect(userPlace(stack, chunk, "C:\\work\\app")).toBe("main.js:2:1");
  });

  test("CommonJS of Node: paths with backslashes, blanks and brackets", () => {
    expect(read("    at C:\\Users\\Jo Lee\\app\\train.js:3:1")).toBe("train.js:3:1");
    expect(read("    at Object.<anonymous> (C:\\Users\\Jo Lee\\app\\src\\train.js:3:1)")).toBe("src/train.js:3:1");
    expect(read("    at new Model (C:\\Program Files (x86)\\lesson\\model.js:3:1)")).toBe(
      "C:/Program Files (x86)/lesson/model.js:3:1",
    );
    expect(read("    at main (\\\\server\\share\\train.js:3:1)")).toBe("//server/share/train.js:3:1");
  });

  test("drives in either case", () => {
    expect(read("    at main (c:\\Users\\Jo Lee\\app\\train.js:3:1)")).toBe("train.js:3:1");
    expect(read("    at file:///c:/Users/Jo%20Lee/app/train.ts:3:1")).toBe("train.ts:3:1");
    expect(read("    at file:///C:/Users/Jo%20Lee/app/train.ts:3:1", "c:\\Users\\Jo Lee\\app\\")).toBe("train.ts:3:1");
    const lower = own.replace("C:", "c:");
    expect(userPlace(`${lower}\n    at file:///C:/x.ts:3:1`, library, null)).toBe("C:/x.ts:3:1");
  });

  test("Firefox and WebKit, from a page in a file", () => {
    expect(read("main@file:///C:/Users/Jo%20Lee/page.js:7:21")).toBe("C:/Users/Jo Lee/page.js:7:21");
    expect(read("file:///C:/Users/Jo%20Lee/page.js:7:21")).toBe("C:/Users/Jo Lee/page.js:7:21");
  });
});

describe("in a browser the user's line is read from", () => {
  const library = libraryPath("http://localhost:5173/node_modules/.vite/deps/forerun.js?v=1a2b3c4d");
  const read = (...frames: string[]) => userPlace(frames.join("\n"), library, null);

  test("a development server, which adds queries to its URLs", () => {
    expect(library).toBe("http://localhost:5173/node_modules/.vite/deps/");
    expect(
      read(
        "Error",
        "    at matmul (http://localhost:5173/node_modules/.vite/deps/chunk-AB12.js?v=1a2b3c4d:88:7)",
        "    at build (http://localhost:5173/src/model.ts?t=1700000000000:7:21)",
      ),
    ).toBe("http://localhost:5173/src/model.ts:7:21");
  });

  test("Chromium: async, methods with an alias, code of eval passed over", () => {
    expect(read("    at async http://localhost:5173/a.js:3:1")).toBe("http://localhost:5173/a.js:3:1");
    expect(read("    at Model.build [as run] (http://localhost:5173/a.js:3:1)")).toBe("http://localhost:5173/a.js:3:1");
    expect(
      read(
        "    at eval (eval at main (http://localhost:5173/a.js:3:1), <anonymous>:1:1)",
        "    at main (http://localhost:5173/a.js:9:5)",
      ),
    ).toBe("http://localhost:5173/a.js:9:5");
    expect(read("    at wasm://wasm/2f3a:1:20", "    at Array.map (<anonymous>)")).toBeNull();
  });

  test("Firefox: async callers, code of eval and the engine's own passed over", () => {
    expect(read("promise callback*main@http://localhost:5173/a.js:3:1")).toBe("http://localhost:5173/a.js:3:1");
    expect(
      read(
        "f@http://localhost:5173/a.js line 3 > eval:1:1",
        "anonymous@http://localhost:5173/a.js line 4 > Function:1:1",
        "map@self-hosted:178:17",
        "main/<@http://localhost:5173/a.js:9:5",
      ),
    ).toBe("http://localhost:5173/a.js:9:5");
    expect(read("f@https://unpkg.com/@scope/lesson@1.0.0/a.js:3:1")).toBe(
      "https://unpkg.com/@scope/lesson@1.0.0/a.js:3:1",
    );
  });

  test("WebKit: no name and so no @, code of eval passed over", () => {
    expect(read("eval code@", "eval@[native code]", "http://localhost:5173/a.js:3:1")).toBe(
      "http://localhost:5173/a.js:3:1",
    );
    expect(read("https://unpkg.com/lesson@1.0.0/a.js:3:1")).toBe("https://unpkg.com/lesson@1.0.0/a.js:3:1");
    expect(read("async main@http://localhost:5173/a.js:3:1")).toBe("http://localhost:5173/a.js:3:1");
  });

  test("no line of a bundle that holds library and program together, but the file of a program beside it", () => {
    const bundle = libraryPath("https://example.org/assets/index-Ab12.js");
    const frame = "    at f (https://example.org/assets/index-Ab12.js:1:4711)";
    expect(userPlace(frame, bundle, null)).toBeNull();
    expect(userPlace(`${frame}\n    at g (https://example.org/assets/page-Cd34.js:1:42)`, bundle, null)).toBe(
      "https://example.org/assets/page-Cd34.js:1:42",
    );
    expect(userPlace(frame, libraryPath(undefined), null)).toBeNull();
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
