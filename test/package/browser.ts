/** Bundles the program in `app/` with Vite and runs it in headless Chromium. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";

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
  const built = join(project, "built");
  await build({ root: project, logLevel: "warn", configFile: false, build: { outDir: built, emptyOutDir: true } });
  const server = serve(built);
  const browser = await chromium.launch({ executablePath: chromiumPath!, args: flags });
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const open = async (path: string): Promise<PageResults> => {
      const page = await browser.newPage();
      const failures: string[] = [];
      page.on("pageerror", (error) => failures.push(error.message));
      await page.goto(`http://127.0.0.1:${port}${path}`, { waitUntil: "load" });
      if (failures.length > 0) throw new Error(`the page failed: ${failures.join("; ")}`);
      return (await page.evaluate("globalThis.results")) as PageResults;
    };
    return {
      free: await open("/index.html"),
      wasm: await open("/index.html?wasm"),
      strict: await open("/index.html?strict"),
    };
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

/** The files of a folder, under the policy that the query names. */
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
    response.end(readFileSync(file));
  });
}
