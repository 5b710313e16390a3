/**
 * `npm run check:engines`: the packed package, installed in an empty folder, in each version of Node that is promised.
 * Every entry is imported, and networks must train to the same bits in all of them and on any number of threads; then
 * the same in a browser, if there is one. The versions come from the npm registry (`npx node@24`); without a network
 * this says so and leaves them out.
 */

import { chromiumPath, type Place, trainInPages } from "./browser.ts";
import { buildWithEsbuild, buildWithVite, buildWithWebpack } from "./bundlers.ts";
import {
  checked,
  entries,
  install,
  npm,
  type Outcome,
  pack,
  removeFolder,
  run,
  type Smoke,
  trainInNode,
} from "./support.ts";
import type { Trained, Wanted } from "./threads/training.ts";

/** The oldest that is promised, and the newest of each. */
const versions = ["20.0", "20", "22", "24"];
const networks = [
  { network: "MLP", steps: 1000, batch: 32 },
  { network: "CNN", steps: 1000, batch: 16 },
] as const;
/** The hash that every training of a network must give: that of the first one. */
const hashes = new Map<string, string>();

const packed = pack();
try {
  const project = await install(packed);
  const here = (args: readonly string[]) => run(process.execPath, args, project, 300);
  const smoke = JSON.parse(checked(here(["smoke.js"]), "smoke.js").stdout) as Smoke;
  console.log(`Node ${smoke.node} (this one): ${entries.length} entries imported`);
  const registry = npm(["view", "node", "version", "--fetch-retries=0"], project, 30).ok;
  if (registry) {
    for (const version of versions) {
      const other = (args: readonly string[]) =>
        npm(["exec", "--yes", "--package", `node@${version}`, "--", "node", ...args], project, 300);
      if (checkEntries(version, other(["smoke.js"]), smoke)) checkThreads(`Node ${version}`, project, other);
    }
  } else {
    console.log("no npm registry to be reached: other versions of Node are left out");
    checkThreads(`Node ${smoke.node}`, project, here);
  }
  if (chromiumPath === null) console.log("no browser here: left out");
  else {
    await checkPages(await buildWithVite(project, "threads.html"));
    await checkBundle("esbuild", await buildWithEsbuild(project, "threads.html"));
    if (registry) await checkBundle("webpack", await buildWithWebpack(project, "threads.html"));
    else console.log("no npm registry to be reached: webpack is left out");
  }
} finally {
  removeFolder(packed.folder);
}

function say(ok: boolean, text: string): boolean {
  if (!ok) process.exitCode = 1;
  console.log(`${ok ? "ok    " : "FAILED"} ${text}`);
  return ok;
}

function checkEntries(version: string, outcome: Outcome, here: Smoke): boolean {
  if (!outcome.ok) return say(false, `Node ${version}:\n${outcome.output}`);
  const found = JSON.parse(outcome.stdout) as Smoke;
  const right = found.node.startsWith(`v${version}.`);
  const same = (part: "exported" | "losses") => JSON.stringify(found[part]) === JSON.stringify(here[part]);
  return say(
    right && same("exported") && same("losses"),
    `Node ${found.node}: ${Object.keys(found.exported).length} entries imported, ` +
      `losses ${same("losses") ? "the same bits" : "other bits"}${right ? "" : `, but Node ${version} was wanted`}`,
  );
}

function checkThreads(where: string, project: string, start: (args: readonly string[]) => Outcome): void {
  for (const network of networks) {
    const wanted = [1, 2, 3, 8].map((threads) => ({ ...network, threads, wait: 100 }));
    try {
      trainInNode(project, wanted, start).forEach((trained, i) => void checkTrained(where, wanted[i]!, trained));
    } catch (error) {
      say(false, `${where}: ${String(error)}`);
    }
  }
}

async function checkPages(folder: string): Promise<void> {
  const places: readonly (readonly [Place, Partial<Wanted>])[] = [
    ["main thread", { threads: 2, later: true }],
    ["main thread", { threads: 3, later: true }],
    ["main thread", { threads: 3 }],
    ["worker", { threads: 2, wait: 100 }],
    ["worker", { threads: 3, wait: 100 }],
    ["worker", { threads: 2, wait: 100, workerUrl: "/elsewhere/worker.js" }],
    ["not isolated", { threads: 2, later: true }],
  ];
  const wanted = networks.flatMap((network) =>
    places.map(([place, more]) => ({ ...network, threads: 1, ...more, place })),
  );
  const trained = await trainInPages(folder, wanted);
  wanted.forEach((one, i) => void checkTrained(`Chromium, ${one.place}`, one, trained[i]!));
}

/** Does the page find the threads' file by itself, and where it is told? */
async function checkBundle(bundler: string, folder: string): Promise<void> {
  const [network] = networks;
  const wanted = ([{}, { workerUrl: "/elsewhere/worker.js" }] as const).map((url) => ({
    ...network,
    ...url,
    threads: 2,
    later: true,
    place: "main thread" as const,
  }));
  const trained = await trainInPages(folder, wanted);
  wanted.forEach((one, i) => void checkTrained(`Chromium, built by ${bundler}`, one, trained[i]!));
}

/** Same bits as everywhere, on as many threads as there can be, which all had a part, and without a word of warning. */
function checkTrained(where: string, wanted: Wanted & { readonly place?: Place }, trained: Trained): void {
  const { network, steps, threads, later, wait, place, workerUrl } = wanted;
  const hash = hashes.get(network) ?? trained.hash;
  hashes.set(network, hash);
  const shared = threads > 1 && place !== "not isolated";
  const asWanted =
    trained.threads === (shared ? threads : 1) &&
    trained.warnings.length === 0 &&
    trained.helped === trained.looks &&
    (!shared || !wait || trained.looks === steps / wait) &&
    (!shared || !later || trained.ownRuns < steps / 2);
  const help = !shared
    ? ""
    : later
      ? `, ${steps - trained.ownRuns} steps by others`
      : wait
        ? `, help in ${trained.helped} of ${trained.looks} steps looked at`
        : ", no help for a thread that may not wait";
  say(
    trained.hash === hash && asWanted,
    `${where}: ${network}, ${steps} steps${later ? " by runAsync" : ""}, ${threads} ${threads === 1 ? "thread" : "threads"}${workerUrl ? " by workerUrl" : ""}: ` +
      `${trained.hash}${trained.hash === hash ? "" : ` instead of ${hash}`} in ${trained.seconds.toFixed(1)} s${help}` +
      trained.warnings.map((warning) => `\n       ${warning}`).join(""),
  );
}
