interface Host {
  readonly process?: { readonly pid: number };
}

let opened = 0;

/**
 * A name that no other event file has, as TensorBoard looks for it: `events.out.tfevents.<seconds>.<host>.<process>.<count>.v2`.
 * @param seconds since 1970
 */
export const eventFileName = (seconds: number, host: string): string =>
  `events.out.tfevents.${Math.floor(seconds)}.${host}.${(globalThis as Host).process?.pid ?? 0}.${opened++}.v2`;
