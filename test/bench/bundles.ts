/**
 * Measured JavaScript runs from bundles, so that no compiler and no loader of TypeScript sits in the measured process.
 * Packages stay outside: a peer's bundle lies beside the peers' `node_modules` and finds them there.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
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

const made = new Map<string, Promise<string>>();

/** Bundles a file of this folder for Node, once a run, and gives the path of the bundle. */
export function bundle(file: string): Promise<string> {
  const found = made.get(file);
  if (found) return found;
  const folder = here(file.startsWith("peers/") ? "./peers/node_modules/.bench" : "../../node_modules/.bench");
  const outfile = `${folder}/${file.replace(/^peers\//, "").replace(/[/.]/g, "-")}.mjs`;
  mkdirSync(folder, { recursive: true });
  const work = build({
    entryPoints: [here(`./${file}`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    plugins: [inlineGradients],
    logLevel: "error",
  }).then(() => outfile);
  made.set(file, work);
  return work;
}
