/** Does what is expected to fail, and prints the error in the place of a crash. */
export function attempt(title: string, act: () => unknown): void {
  console.log(`── ${title}`);
  try {
    act();
    console.log("no error");
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
  }
}
