// Runs before `npm start` and `npm test`: installs the dependencies when they are missing, or when the lockfile is
// not the one they were installed from, and otherwise costs a few milliseconds. It needs nothing installed itself.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const lockfile = join(root, "package-lock.json");
const stamp = join(root, "node_modules", ".forerun-lock");

function lockHash() {
  // Line endings are left out of the hash: a checkout may rewrite them.
  return createHash("sha256").update(readFileSync(lockfile, "utf8").replaceAll("\r\n", "\n")).digest("hex");
}

/** Runs npm itself, through the copy of it that runs this script where there is one: no shell, so no npm.cmd trouble. */
function npm(...args) {
  const cli = process.env.npm_execpath;
  if (cli !== undefined && basename(cli) === "npm-cli.js") {
    return spawnSync(process.execPath, [cli, ...args], { cwd: root, stdio: "inherit" });
  }
  return spawnSync(["npm", ...args].join(" "), { cwd: root, stdio: "inherit", shell: true });
}

if (!existsSync(stamp) || readFileSync(stamp, "utf8").trim() !== lockHash()) {
  console.log("forerun: installing the development dependencies (once per change of package-lock.json)");
  const { status, error } = npm("install", "--include=dev", "--no-audit", "--no-fund");
  if (error !== undefined || status !== 0) {
    console.error(
      `forerun: \`npm install\` failed${error === undefined ? "" : `: ${error.message}`}; see the lines above.`,
    );
    process.exit(1);
  }
  // Older compilers are installed beside the newest, for tests. All of them bring a `tsc`; `npx tsc` means the newest.
  npm("rebuild", "typescript", "--silent");
  writeFileSync(stamp, `${lockHash()}\n`);
}
