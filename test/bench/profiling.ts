/** What profiles have in common: fastest times, and columns of text. */

/** Fastest time of a call in ms, of as many as fit. */
export function fastest(run: () => void, ms: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let now = performance.now(), end = now + ms; now < end; ) {
    const start = now;
    run();
    now = performance.now();
    best = Math.min(best, now - start);
  }
  return best;
}

/** Fastest time of each in ms, one after another, over as many passes as fit; without the time of looking at the clock. */
export function timeInTurns(runs: readonly (() => void)[], ms: number): readonly number[] {
  const clock = fastest(() => {}, 20);
  const best = runs.map(() => Number.POSITIVE_INFINITY);
  for (const end = performance.now() + ms; performance.now() < end; ) {
    for (let i = 0; i < runs.length; i++) {
      const start = performance.now();
      runs[i]!();
      best[i] = Math.min(best[i]!, performance.now() - start - clock);
    }
  }
  return best;
}

/** Lines of equal columns: those named as words to the left, the rest to the right. */
export function columns(lines: readonly (readonly string[])[], words: readonly number[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const cell = (text: string, column: number): string =>
    words.includes(column) ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  return lines.map((line) => line.map(cell).join("  ").trimEnd()).join("\n");
}
