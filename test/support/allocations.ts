/** What a loop allocates, counted and weighed. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const TYPED = ["Float32Array", "Float64Array", "Int32Array", "Uint32Array", "Uint8Array"] as const;

/** How many typed arrays `run` makes, `slice` and `subarray` included. */
export function typedArraysMade(run: () => void): number {
  const globals = globalThis as Record<string, unknown>;
  const methods = ["slice", "subarray", "map", "filter"] as const;
  const prototype = Object.getPrototypeOf(Float32Array.prototype) as Record<string, unknown>;
  const before = new Map<string, unknown>([...TYPED, "ArrayBuffer"].map((name) => [name, globals[name]]));
  const methodsBefore = new Map(methods.map((name) => [name, prototype[name]]));
  let count = 0;
  for (const [name, original] of before) {
    globals[name] = new Proxy(original as new () => object, {
      construct(target, args, newTarget) {
        count++;
        return Reflect.construct(target, args, newTarget) as object;
      },
    });
  }
  for (const [name, original] of methodsBefore) {
    prototype[name] = function (this: unknown, ...args: unknown[]) {
      count++;
      return Reflect.apply(original as () => unknown, this, args);
    };
  }
  try {
    run();
  } finally {
    for (const [name, original] of before) globals[name] = original;
    for (const [name, original] of methodsBefore) prototype[name] = original;
  }
  return count;
}

export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
