/** A worker of the page, which has threads of its own. */
import { trainOnThreads, type Wanted } from "./training.ts";

addEventListener("message", async ({ data }: MessageEvent<Wanted>) => postMessage(await trainOnThreads(data)));
