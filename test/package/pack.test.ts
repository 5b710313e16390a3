/**
 * The package as its users get it: what is in it, whether tools find its parts, and whether it runs where they run it,
 * in Node and in a page. `npm run check:engines` repeats the second part in other versions of Node.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openPages, type PageResults, type Policy, trainInPages } from "./browser.ts";
import { buildWithEsbuild, buildWithVite } from "./bundlers.ts";
import { type BundleSize, bundleSizes } from "./size.ts";
import {
  checked,
  entries,
  install,
  manifest,
  type Packed,
  pack,
  removeFolder,
  run,
  type Smoke,
  tool,
  trainInNode,
} from "./support.ts";

let packed: Packed;
let project: string;

beforeAll(async () => {
  packed = pack();
  project = await install(packed);
}, 180_000);
afterAll(() => {
  if (packed) removeFolder(packed.folder);
});

const installed = (path: string) => join(project, "node_modules/forerun", path);
const paths = () => packed.files.map(({ path }) => path);

describe("npm pack", () => {
  test("holds these folders and kinds of files", () => {
    const kinds = new Set(
      paths().map((path) =>
        path.replace(/^(?:dist|src)\/.*?(?=(?:\.d)?\.[a-z]+(?:\.map)?$)/, (found) => `${found.split("/")[0]}/…/*`),
      ),
    );
    expect([...kinds].sort()).toMatchInlineSnapshot(`
      [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "dist/…/*.d.ts",
        "dist/…/*.d.ts.map",
        "dist/…/*.js",
        "dist/…/*.js.map",
        "package.json",
        "src/…/*.ts",
      ]
    `);
  });

  test("holds each source once, its declarations, and its code in a few files", () => {
    const of = (folder: string, end: string) =>
      paths()
        .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(end))
        .map((path) => path.slice(folder.length + 1, -end.length))
        .sort();
    const sources = of("src", ".ts");
    expect(sources.length).toBeGreaterThan(100);
    for (const end of [".d.ts", ".d.ts.map"]) expect(of("dist", end)).toEqual(sources);
    const code = of("dist", ".js");
    expect(of("dist", ".js.map")).toEqual(code);
    expect(code.length).toBeLessThan(50);
    // Each file lies where the others are, so that chunks find what lies beside the module they came from.
    expect(code.filter((name) => name.includes("/"))).toEqual([]);
    const folders = new Set(sources.map((path) => path.split("/").slice(0, -1)[0] ?? "(entries)"));
    expect([...folders].sort()).toMatchInlineSnapshot(`
      [
        "(entries)",
        "autodiff",
        "backend",
        "compiler",
        "core",
        "data",
        "eager",
        "files",
        "graph",
        "inspect",
        "kernel",
        "layers",
        "lint",
        "node",
        "ops",
        "remote",
        "rewrite",
        "runtime",
        "tensorboard",
        "tf1",
        "train",
      ]
    `);
  });

  test("holds no test, no sample and nothing secret", () => {
    expect(
      paths().filter((path) => /(?:^|\/)(?:test|tests|samples|docs|node_modules|\.[^/]+)(?:\/|$)|\.test\./.test(path)),
    ).toEqual([]);
  });

  test("is not larger than it has to be", () => {
    const { size, unpackedSize, files } = packed;
    console.log(
      `forerun ${manifest.version}: ${files.length} files, ${Math.round(size / 1000)} kB packed, ${Math.round(unpackedSize / 1000)} kB unpacked`,
    );
    expect(size).toBeLessThan(1_850_000);
    expect(unpackedSize).toBeLessThan(7_800_000);
  });

  test("needs no other package", () => {
    expect(manifest.dependencies).toEqual({});
    expect(existsSync(join(project, "node_modules/forerun/node_modules"))).toBe(false);
  });

  test("has the target of every export", () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    expect(targets.filter((target) => !existsSync(installed(target)))).toEqual([]);
  });

  test("has maps that lead to the sources in it", () => {
    const known = new Set(paths());
    const broken = paths()
      .filter((path) => path.endsWith(".map"))
      .flatMap((path) => {
        const { sources, sourceRoot = "" } = JSON.parse(readFileSync(installed(path), "utf8")) as {
          sources: string[];
          sourceRoot?: string;
        };
        return sources
          .map((source) => posix.join(posix.dirname(path), sourceRoot, source))
          .filter((source) => !known.has(source))
          .map((source) => `${path}: ${source}`);
      });
    expect(broken).toEqual([]);
  });
});

describe("tools find", () => {
  test("nothing to complain of: publint", () => {
    checked(tool("publint", "publint", ["run", packed.tarball, "--strict"], packed.folder), "publint");
  });

  test("the types of every entry: attw", () => {
    checked(
      tool("@arethetypeswrong/cli", "attw", [packed.tarball, "--profile", "esm-only", "--no-color"], packed.folder),
      "attw",
    );
  });
});

describe("a bundle", () => {
  test("holds what the program uses and no other ops or float functions", async () => {
    const sizes = new Map((await bundleSizes()).map((size) => [size.name, size]));
    const [all, forward] = ["all of forerun", "forward program, forerun/functional"].map((name) => sizes.get(name)!);
    // As measured in November 2026, and a little more; the goals are in docs/performance.md.
    expect(all!.compressed).toBeLessThan(188_500);
    expect(forward!.compressed).toBeLessThan(113_000);
    const opsOf = (size: BundleSize): number => new Map(size.folders).get("ops")!;
    expect(opsOf(forward!)).toBeLessThan(opsOf(all!) / 6);
  }, 60_000);
});

describe("installed in an empty folder", () => {
  let smoke: Smoke;
  const node = (text: string) => {
    const { stdout } = checked(run(process.execPath, ["--input-type=module", "--eval", text], project), "node");
    return stdout.trim();
  };

  beforeAll(() => {
    smoke = JSON.parse(checked(run(process.execPath, ["smoke.js"], project), "smoke.js").stdout) as Smoke;
  });

  test("every entry can be imported", () => {
    expect(Object.keys(smoke.exported)).toEqual(entries);
    for (const entry of entries) expect(smoke.exported[entry]!.length, entry).toBeGreaterThan(0);
  });

  test("forerun/functional exports what forerun does, and installs no methods", () => {
    expect(smoke.exported["forerun/functional"]).toEqual(smoke.exported.forerun);
    const methods = (entry: string) =>
      node(`import { Tensor } from "${entry}"; console.log(typeof Tensor.prototype.matmul)`);
    expect(methods("forerun/functional")).toBe("undefined");
    expect(methods("forerun")).toBe("function");
  });

  test("forerun/functional builds, differentiates and runs a graph without them", () => {
    const text = `
      import { affine, Graph, gradients, relu, Session, softmax, sparseSoftmaxCrossEntropy } from "forerun/functional";
      const graph = new Graph();
      const x = graph.placeholder("x", ["batch", 2]);
      const w = graph.variable("w", [2, 3]);
      const logits = relu(affine(x, w, graph.variable("b", [3])));
      const [g] = gradients(sparseSoftmaxCrossEntropy(graph.constant([1], { dtype: "int32" }), logits), [w]);
      const session = new Session(graph);
      session.run(graph.initializer);
      console.log(session.run([softmax(logits), g], { x: [[1, 2]] }).map(({ shape }) => shape.join()).join(" "));`;
    expect(node(text)).toBe("1,3 2,3");
  });

  test("errors name the line of the program, from whichever file of the package they come", () => {
    const text = `
      import { add, Graph } from "forerun/functional";
      import { Adam } from "forerun/train";
      const x = new Graph().placeholder("x", ["batch", 2]);
      const tried = (wrong) => { try { wrong(); } catch ({ message }) { console.log(message.includes("[eval1]:6")); } };
      tried(() => add(x, x.graph.constant([1, 2, 3]))), tried(() => new Adam(0.1).minimize(x));`;
    expect(node(text).split("\n")).toEqual(["true", "true"]);
  });

  test("a program trains to the same bits on every backend", () => {
    const { wasm, javascript, interpreter } = smoke.losses;
    expect(wasm).toEqual(javascript);
    expect(javascript).toHaveLength(20);
    expect(new Set(javascript).size).toBe(20);
    expect(interpreter).toEqual(javascript);
  });

  test.skipIf(chromiumPath === null)(
    `a Vite bundle in Chromium gives the bits of Node, under every content-security policy${chromiumPath ? "" : " (no browser here: skipped)"}`,
    async () => {
      const { free, wasm, strict }: Record<Policy, PageResults> = await openPages(project);
      expect(free.default).toEqual({ losses: smoke.losses.wasm });
      expect(free.wasm).toEqual({ losses: smoke.losses.wasm });
      // A policy may allow WebAssembly and no eval; without either a session falls back.
      expect(wasm.default).toEqual({ losses: smoke.losses.wasm });
      expect(wasm.javascript).toMatchObject({ error: { name: "CompileError" } });
      expect(strict.wasm).toMatchObject({ error: { name: "GraphError" } });
      expect(strict.default).toEqual({ losses: smoke.losses.interpreter });
      expect(free.javascript).toEqual({ losses: smoke.losses.javascript });
      expect(free.interpreter).toEqual({ losses: smoke.losses.interpreter });
      // A content-security policy without 'unsafe-eval' forbids what the javascript backend does.
      expect(strict.interpreter).toEqual({ losses: smoke.losses.interpreter });
      expect(strict.javascript).toMatchObject({ error: { name: "CompileError" } });
      const { message } = (strict.javascript as { error: { message: string } }).error;
      expect(message).toContain("javascript backend: this page forbids code made at run time");
      expect(message).toContain(
        "its content-security policy lacks 'unsafe-eval'; use { backend: \"interpreter\" } there",
      );
    },
    60_000,
  );

  test(`threads give the bits of one thread, in Node and in a page${chromiumPath ? "" : " (no browser here: only in Node)"}`, async () => {
    const few = { network: "MLP", steps: 100, batch: 32 } as const;
    const many = { network: "CNN", steps: 20, batch: 16 } as const;
    const [one, other, two, three] = trainInNode(project, [
      { ...few, threads: 1 },
      { ...many, threads: 1 },
      // This thread does nothing in every tenth step before another has taken a share.
      { ...few, threads: 2, wait: 10 },
      { ...many, threads: 3, wait: 10 },
    ]);
    expect(two).toMatchObject({ hash: one!.hash, threads: 2, looks: 10, helped: 10, warnings: [] });
    expect(three).toMatchObject({ hash: other!.hash, threads: 3, looks: 2, helped: 2, warnings: [] });
    if (chromiumPath === null) return;
    const [main, worker, alone] = await trainInPages(await buildWithVite(project, "threads.html"), [
      { ...few, threads: 2, later: true, place: "main thread" },
      { ...few, threads: 3, wait: 10, place: "worker" },
      { ...few, threads: 2, place: "not isolated" },
    ]);
    expect(main).toMatchObject({ hash: one!.hash, threads: 2, warnings: [] });
    // The main thread had nothing to do.
    expect(main!.ownRuns).toBeLessThan(50);
    expect(worker).toMatchObject({ hash: one!.hash, threads: 3, looks: 10, helped: 10, warnings: [] });
    expect(alone).toMatchObject({ hash: one!.hash, threads: 1, warnings: [] });
  }, 120_000);

  test("bundlers find the file of the threads, or are told where it is", async () => {
    const few = { network: "MLP", steps: 20, batch: 32 } as const;
    const bundle = await buildWithEsbuild(project, "threads.html");
    const elsewhere = pathToFileURL(join(bundle, "elsewhere/worker.js")).href;
    const [one, beside, told] = trainInNode(bundle, [
      { ...few, threads: 1 },
      { ...few, threads: 2, wait: 10 },
      { ...few, threads: 2, wait: 10, workerUrl: elsewhere },
    ]);
    const helped = { hash: one!.hash, threads: 2, looks: 2, helped: 2, warnings: [] };
    expect(beside).toMatchObject(helped);
    expect(told).toMatchObject(helped);
    if (chromiumPath === null) return;
    for (const folder of [bundle, await buildWithVite(project, "threads.html")]) {
      const trained = await trainInPages(folder, [
        { ...few, threads: 2, wait: 10, place: "worker" },
        { ...few, threads: 2, wait: 10, place: "worker", workerUrl: "/elsewhere/worker.js" },
      ]);
      for (const one of trained) expect(one).toMatchObject(helped);
    }
  }, 120_000);
});
