/**
 * Who does the work of runs that threads share? The package does not say, so this looks at what passes between it and
 * the engine: the functions of its modules, and the counters in the memory they share.
 */

/** Milliseconds that a run waits for others to come. */
const PATIENCE = 10_000;
/** Words from the counter of shares taken from one thread to that of the next. */
const LINE = 16;

export interface Watch {
  /** In each such run this thread does nothing before another has taken a share; 0: never. */
  every: number;
  /** Shared runs in which this thread took part. */
  ownRuns: number;
  /** Runs in which this thread waited for another to take a share, and those in which one did. */
  looks: number;
  helped: number;
  /** Watches no modules linked from now on. */
  stop(): void;
}

type Run = (thread: number, turn: number, stays: number) => number;

/** Watches all modules linked from now on. */
export function watchRuns(threads: number): Watch {
  const { Instance } = WebAssembly;
  const watch: Watch = {
    every: 0,
    ownRuns: 0,
    looks: 0,
    helped: 0,
    stop() {
      WebAssembly.Instance = Instance;
    },
  };
  function watched(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
    const instance = new Instance(module, imports);
    const { memory, board } = imports.env as { memory?: WebAssembly.Memory; board?: WebAssembly.Global<"i32"> };
    if (!memory || !board) return instance;
    const original = instance.exports.run as Run;
    const taken = new Int32Array(memory.buffer, board.value, LINE * threads);
    let before = taken.slice();
    const run: Run = (...call) => {
      const number = watch.ownRuns++;
      if (watch.every > 0 && number % watch.every === 0) {
        watch.looks++;
        if (changes(taken, before)) watch.helped++;
      }
      const outcome = original(...call);
      before = taken.slice();
      return outcome;
    };
    return { exports: { run } };
  }
  // Only called with `new`, which gives what the function returns.
  WebAssembly.Instance = watched as unknown as typeof Instance;
  return watch;
}

/** Waits until words are others than before; false if they stay. */
function changes(words: Int32Array, before: Int32Array): boolean {
  const end = performance.now() + PATIENCE;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < end) {
    if (before.some((value, i) => Atomics.load(words, i) !== value)) return true;
    Atomics.wait(clock, 0, 0, 1);
  }
  return false;
}
