/** The file a worker of `mapInWorker` runs: it loads one function, and calls it for each sample it is sent. */
import { workerPort } from "../core/workers.ts";
import { type Assignment, type Failure, pack, type Reply, type Request, unpack } from "./messages.ts";

type UserFunction = (sample: unknown) => unknown;

async function load({ url, exportName }: Assignment): Promise<UserFunction> {
  const module = (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as Readonly<Record<string, unknown>>;
  const found = module[exportName];
  if (typeof found === "function") return found as UserFunction;
  const functions = Object.keys(module).filter((name) => typeof module[name] === "function");
  throw new Error(
    `${url} exports no function ${JSON.stringify(exportName)}, but ${functions.length > 0 ? functions.join(", ") : "none at all"}`,
  );
}

function failure(during: Failure["during"], error: unknown): Failure {
  if (!(error instanceof Error)) return { during, name: "Error", message: String(error), stack: undefined };
  return { during, name: error.name, message: error.message, stack: error.stack };
}

const port = workerPort();
let loading: Promise<UserFunction> | null = null;

async function answer({ sample, value }: Request): Promise<void> {
  let during: Failure["during"] = "load";
  const reply = (message: Reply, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer);
  try {
    const call = await loading!;
    during = "call";
    const result = await call(unpack(value));
    during = "reply";
    const parcel = pack(result, true);
    reply({ sample, value: parcel.value }, parcel.transfer);
  } catch (error) {
    reply({ sample, failed: failure(during, error) });
  }
}

port.onMessage((message) => {
  if (loading !== null) return void answer(message as Request);
  loading = load(message as Assignment);
  loading.catch(() => {}); // told with the first sample
});
