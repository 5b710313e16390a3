/**
 * Measured JavaScript runs from bundles, so that no compiler and no loader of TypeScript sits in the measured process.
 * Packages stay outside: a peer's bundle lies beside the peers' `node_modules` and finds them there.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const peersInstalled = (): boolean => existsSync(here("./peers/node_modules"));

/** Version of an installed peer. */
export function peerVersion(packageName: string): string {
  const manifest = JSON.parse(readFileSync(here(`./peers/node_modules/${packageName}/package.json`), "utf8"));
  return (manifest as { readonly version: string }).version;
}

/** tfjs-core has its gradients in a file that only bundlers can read; it finds the rest of the library by itself. */
const inlineGradients: Plugin = {
  name: "inline-gradients",
  setup({ onResolve }) {
    onResolve({ filter: /^@tensorflow\/tfjs-core\/dist\// }, ({ path }) => ({
      path: here(`./peers/node_modules/${path}`),
    }));
  },
};

/** forerun as it is published, outside of the bundle like the peers: a program starts with the files of its packages. */
const publishedForerun: Plugin = {
  name: "published-forerun",
  setup({ onStart, onResolve }) {
    onStart(() => void execFileSync(process.execPath, [here("../scripts/build.mjs")], { stdio: "inherit" }));
    onResolve({ filter: /\/src\/\w+(?:\/index)?\.ts$/ }, ({ path }) => ({
      path: pathToFileURL(here(path.replace(/^.*\/src\/(\w+).*$/, "../../dist/$1.js"))).href,
      external: true,
    }));
  },
};

/** The file of forerun's threads, where bundles look for it. There no package says that it is an ES module. */
const threadFile = (folder: string) =>
  build({
    entryPoints: [here("../../src/backend/wasm/threads/worker.ts")],
    outfile: `${folder}/worker.js`,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    logLevel: "error",
  });

const made = new Map<string, Promise<string>>();

/**
 * Bundles a file of this folder for Node, once a run, and gives the path of the bundle.
 * @param published measures what `npm run build` makes of forerun, and builds it; else its sources are in the bundle
 */
export function bundle(file: string, published = false): Promise<string> {
  const found = made.get(file);
  if (found) return found;
  const folder = here(file.startsWith("peers/") ? "./peers/node_modules/.bench" : "../../node_modules/.bench");
  const outfile = `${folder}/${file.replace(/^peers\//, "").replace(/[/.]/g, "-")}.mjs`;
  mkdirSync(folder, { recursive: true });
  const work = Promise.all([
    threadFile(folder),
    build({
      entryPoints: [here(`./${file}`)],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      packages: "external",
      plugins: published ? [publishedForerun] : [inlineGradients],
      logLevel: "error",
    }),
  ]).then(() => outfile);
  made.set(file, work);
  return work;
}
