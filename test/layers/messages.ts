/** The text of what `run` throws, with the lines of tests as `L:C`. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message.replace(/(test\.ts):\d+:\d+/g, "$1:L:C");
  }
  throw new Error("nothing was thrown");
}
