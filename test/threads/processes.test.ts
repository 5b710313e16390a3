/** Threads are no reason for a process to go on, whatever they are at. */
import { expect, test } from "vitest";
import { run } from "../package/support.ts";
import { projectRoot } from "../support/source-files.ts";

/** A session with a run of some hundred milliseconds, and one that is over at once. */
const start = `
  import { Graph, relu, Session } from "./src/index.ts";
  const graph = new Graph();
  const x = graph.placeholder("x", [600, 600]);
  let y = x;
  for (let i = 0; i < 40; i++) y = y.matmul(x);
  const feeds = [[x, new Float32Array(360_000)]];
  const open = () => new Session(graph, { threads: 3 });
  const session = open();
  const short = relu(x);
  const end = () => console.log("end " + Date.now());
  const sleep = (milliseconds) => new Promise((turn) => setTimeout(turn, milliseconds));
  /** True once others do the runs. */
  const led = async () => {
    for (;;) {
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      await session.runAsync(y, feeds);
      clearInterval(timer);
      if (turns > 3) return true;
    }
  };`;

test.each([
  ["that never closes its session", `session.run(short, feeds); end();`],
  ["that never closes it, and whose threads wait for more", `await led(); end();`],
  [
    "that closes it while runAsync is under way",
    `await led();
     const run = session.runAsync(y, feeds).catch(({ message }) => console.log(message));
     await sleep(20);
     session.close();
     await run;
     end();`,
  ],
  ["that does not await runAsync, and goes on until it is done", `await led(); session.runAsync(y, feeds).then(end);`],
  [
    "that ends itself while runAsync is under way",
    `await led(); session.runAsync(y, feeds); await sleep(20); end(); process.exit();`,
  ],
  [
    "that fails while runAsync is under way",
    `await led(); session.runAsync(y, feeds); await sleep(20); end(); throw new Error("as it should");`,
  ],
  ["that has opened, used and dropped many", `for (let i = 0; i < 6; i++) open().run(short, feeds); end();`],
])("a process ends by itself: one %s", (what, program) => {
  const text = `${start}\n${program}`;
  const { ok, output } = run(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", text],
    projectRoot,
    50,
  );
  const ended = Date.now();
  const said = /^end (\d+)$/m.exec(output);
  expect(said, output).not.toBeNull();
  expect(ended - Number(said![1])).toBeLessThan(5000);
  expect(ok).toBe(!program.includes("throw"));
  expect(output.includes("as it should")).toBe(!ok);
  expect(output.includes("session: closed before an asynchronous run had ended")).toBe(
    what.includes("closes it while"),
  );
});
