/** In Node: trains what the argument lists, and prints what has come of it. */
import { type Trained, trainOnThreads, type Wanted } from "./training.ts";

const trained: Trained[] = [];
for (const wanted of JSON.parse(process.argv[2]!) as Wanted[]) trained.push(await trainOnThreads(wanted));
console.log(JSON.stringify(trained));
