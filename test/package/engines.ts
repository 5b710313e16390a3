/**
 * `npm run check:engines`: the packed package, installed in an empty folder, in each version of Node that is promised.
 * Every entry is imported, and a net must train to the same bits in all of them. The versions come from the npm
 * registry (`npx node@24`); without a network this says so and checks nothing.
 */
import { checked, entries, install, npm, pack, removeFolder, run, type Smoke } from "./support.ts";

const versions = ["20", "22", "24"];

const packed = pack();
try {
  const project = install(packed);
  const here = JSON.parse(checked(run(process.execPath, ["smoke.js"], project), "smoke.js").stdout) as Smoke;
  console.log(`Node ${here.node} (this one): ${entries.length} entries imported`);
  if (npm(["view", "node", "version", "--fetch-retries=0"], project, 30).ok)
    for (const version of versions) check(version, project, here);
  else console.log("no npm registry to be reached: other versions of Node are skipped");
} finally {
  removeFolder(packed.folder);
}

function check(version: string, project: string, here: Smoke): void {
  const outcome = npm(["exec", "--yes", "--package", `node@${version}`, "--", "node", "smoke.js"], project, 300);
  if (!outcome.ok) {
    console.log(`FAILED Node ${version}:\n${outcome.output}`);
    process.exitCode = 1;
    return;
  }
  const found = JSON.parse(outcome.stdout) as Smoke;
  const right = found.node.startsWith(`v${version}.`);
  const same = (part: "exported" | "losses") => JSON.stringify(found[part]) === JSON.stringify(here[part]);
  const ok = right && same("exported") && same("losses");
  if (!ok) process.exitCode = 1;
  console.log(
    `${ok ? "ok    " : "FAILED"} Node ${found.node}: ${Object.keys(found.exported).length} entries imported, ` +
      `losses ${same("losses") ? "the same bits" : "other bits"}${right ? "" : `, but Node ${version} was wanted`}`,
  );
}
