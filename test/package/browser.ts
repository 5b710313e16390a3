/** Runs bundles of the programs in `app/` and `threads/` in headless Chromium. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { buildWithVite } from "./bundlers.ts";
import type { Trained, Wanted } from "./threads/training.ts";

/** A browser of the system, or null; `CHROMIUM` names another. */
export const chromiumPath: string | null =
  [
    process.env.CHROMIUM ?? "",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  ].find((path) => path !== "" && existsSync(path)) ?? null;

/** The losses of a backend as bits, or its error. */
export type Attempt =
  | { readonly losses: readonly string[] }
  | { readonly error: { readonly name: string; readonly message: string } };
export type PageResults = Readonly<Record<"default" | "wasm" | "javascript" | "interpreter", Attempt>>;
/** What code a page may make at run time: any (`free`), WebAssembly only, or none (`strict`). */
export type Policy = "free" | "wasm" | "strict";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What the page says under each policy. */
export async function openPages(project: string): Promise<Record<Policy, PageResults>> {
  return withBrowser(await buildWithVite(project, "index.html"), async (open) => {
    const results = async (path: string) => (await (await open(path)).evaluate("globalThis.results")) as PageResults;
    return {
      free: await results("/index.html"),
      wasm: await results("/index.html?wasm"),
      strict: await results("/index.html?strict"),
    };
  });
}

/** Where a page trains: on its main thread, in a worker that it starts, or where no memory can be shared. */
export type Place = "main thread" | "worker" | "not isolated";

/** Trains on threads in the pages of a built folder, one training after another. */
export function trainInPages(
  folder: string,
  wanted: readonly (Wanted & { readonly place: Place })[],
): Promise<readonly Trained[]> {
  return withBrowser(folder, async (open) => {
    const trained: Trained[] = [];
    for (const { place, ...training } of wanted) {
      const page = await open(place === "not isolated" ? "/threads.html" : "/threads.html?isolated");
      const noise: string[] = [];
      page.on("console", (message) => noise.push(message.text()));
      const call = place === "worker" ? "trainInWorker" : "trainHere";
      const result = (await page.evaluate(`${call}(${JSON.stringify(training)})`)) as Trained;
      trained.push({ ...result, warnings: [...result.warnings, ...noise] });
      await page.close();
    }
    return trained;
  });
}

async function withBrowser<R>(folder: string, use: (open: (path: string) => Promise<Page>) => Promise<R>): Promise<R> {
  const server = serve(folder);
  const browser = await chromium.launch({ executablePath: chromiumPath!, args: flags });
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return await use(async (path) => {
      const page = await browser.newPage();
      const failures: string[] = [];
      page.on("pageerror", (error) => failures.push(error.message));
      await page.goto(`http://127.0.0.1:${port}${path}`, { waitUntil: "load" });
      if (failures.length > 0) throw new Error(`the page failed: ${failures.join("; ")}`);
      return page;
    });
  } finally {
    await browser.close();
    server.close();
  }
}

const types: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

const policies: Readonly<Record<string, string>> = {
  "?wasm": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
  "?strict": "default-src 'self'",
};

/** The files of a folder, under the policy that the query names; `?isolated` lets a page share memory. */
function serve(folder: string): Server {
  return createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
    const file = join(folder, pathname);
    const type = types[extname(pathname)];
    if (type === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", type);
    const policy = policies[search];
    if (policy) response.setHeader("content-security-policy", policy);
    if (search === "?isolated") response.setHeader("cross-origin-opener-policy", "same-origin");
    // Of a page that is not isolated nobody asks it; the workers of one that is must have it too.
    if (search === "?isolated" || type === types[".js"])
      response.setHeader("cross-origin-embedder-policy", "require-corp");
    response.end(readFileSync(file));
  });
}
