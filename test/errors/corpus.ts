import { broadcasting } from "./corpus/broadcasting.ts";
import { contractions } from "./corpus/contractions.ts";
import { movement } from "./corpus/movement.ts";
import { images, losses, training } from "./corpus/networks.ts";
import { dtypes, graphs, sessions, tf1 } from "./corpus/sessions.ts";
import type { Corpus } from "./entry.ts";

/** All broken programs, by subject. */
export const corpora: Readonly<Record<string, Corpus>> = {
  broadcasting,
  contractions,
  movement,
  images,
  losses,
  training,
  dtypes,
  graphs,
  sessions,
  tf1,
};
